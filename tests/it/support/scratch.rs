//! A store of a test's own, gone when the test ends, however it ends.

use std::future::Future;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;
use trendy::load::Store;
use url::Url;
use uuid::Uuid;

/// Where the store of one test is. Clones name the same place.
#[derive(Clone)]
pub(crate) struct Scratch {
    pub(crate) url: String,
}

impl Scratch {
    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.url).await.unwrap()
    }
}

/// Runs a test on a SQLite file of its own.
pub(crate) async fn on_sqlite<F: Future<Output = ()> + Send + 'static>(
    test: impl FnOnce(Scratch) -> F,
) {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite://{}", folder.path().join("trendy.db").display());
    test(Scratch { url }).await;
}

/// Runs a test in a schema of its own of the server that `TRENDY_TEST_DATABASE_URL` names.
pub(crate) async fn on_postgres<F: Future<Output = ()> + Send + 'static>(
    test: impl FnOnce(Scratch) -> F,
) {
    let server = postgres_url();
    let schema = format!("trendy_test_{}", Uuid::new_v4().simple());
    let mut admin = PgConnection::connect(&server).await.unwrap();
    let create = format!("CREATE SCHEMA {schema}");
    sqlx::raw_sql(AssertSqlSafe(create))
        .execute(&mut admin)
        .await
        .unwrap();

    let mut url = Url::parse(&server).unwrap();
    url.query_pairs_mut()
        .append_pair("options", &format!("-c search_path={schema}"));
    // In a task of its own, so that a failed test drops its schema too.
    let result = tokio::spawn(test(Scratch { url: url.into() })).await;

    let drop = format!("SET client_min_messages = warning; DROP SCHEMA {schema} CASCADE");
    sqlx::raw_sql(AssertSqlSafe(drop))
        .execute(&mut admin)
        .await
        .unwrap();
    if let Err(failed) = result {
        std::panic::resume_unwind(failed.into_panic());
    }
}

pub(crate) fn postgres_url() -> String {
    std::env::var("TRENDY_TEST_DATABASE_URL")
        .expect("start the servers with dev/up, then: . target/dev-services/env")
}

/// A test of each function here, on SQLite and on Postgres.
macro_rules! on_both {
    ($($test:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                $crate::support::scratch::on_sqlite(super::$test).await;
            })*
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                $crate::support::scratch::on_postgres(super::$test).await;
            })*
        }
    };
}
pub(crate) use on_both;
