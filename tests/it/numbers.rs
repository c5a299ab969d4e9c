//! A store from before records had numbers is brought up to date with everything that it holds.

use std::collections::HashSet;

use sqlx::AssertSqlSafe;
use sqlx::migrate::Migrator;
use trendy::load::{At, Batch, LoadReport, Store};
use trendy::record::{Op, RecordId, RunId};
use uuid::Uuid;

use crate::support::records::{batch, job, job_id, job_with, minute, pipeline, post, weather};
use crate::support::scratch::{Scratch, on_postgres, on_sqlite};
use crate::support::trendy::root;

/// The last schema without numbers.
const BEFORE: i64 = 10;

/// From a store of the schema of now into one of that.
const COPY: &str = "
INSERT INTO store (singleton, store_id, epoch, pruned_seq) SELECT singleton, store_id, epoch, pruned_seq FROM {new}.store;
INSERT INTO runs (pipeline, started_at, records, added, pages, loaded_at)
SELECT pipeline, started_at, records, added, pages, loaded_at FROM {new}.runs ORDER BY id;
INSERT INTO records (id, kind, scope, pipeline, first_seen_at, last_seen_at, dated_at, content_hash, revision, active,
                     closed_at, url, terms, document, same_as)
SELECT r.id, r.kind, r.scope, r.pipeline, r.first_seen_at, s.at, r.dated_at, r.content_hash, r.revision, r.active,
       r.closed_at, r.url, r.terms, r.document, r.same_as
  FROM {new}.records AS r JOIN {new}.seen AS s ON s.number = r.number ORDER BY r.id;
INSERT INTO sightings (run_id, record_id)
SELECT s.run_id, r.id FROM {new}.seen AS s JOIN {new}.records AS r ON r.number = s.number;
INSERT INTO record_terms (record_id, term, type, kind, dated_at)
SELECT r.id, t.term, t.type, t.kind, t.dated_at
  FROM {new}.record_terms AS t JOIN {new}.records AS r ON r.number = t.number;
INSERT INTO likenesses (record_id, recipe, likeness)
SELECT r.id, l.recipe, l.likeness FROM {new}.likenesses AS l JOIN {new}.records AS r ON r.number = l.number;
INSERT INTO likeness_keys (key, record_id) SELECT key, record_id FROM {new}.likeness_keys;
INSERT INTO changes (run_id, kind, record_id, revision, op, at, diff)
SELECT run_id, kind, record_id, revision, op, at, diff FROM {new}.changes ORDER BY seq;
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_store_from_before_numbers_keeps_everything() {
    on_sqlite(async |old: Scratch| {
        on_sqlite(async move |new: Scratch| {
            let filled = fill(&new).await;
            // One connection, which knows the other file.
            let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
            let pool = pool
                .connect(&format!("{}?mode=rwc", old.url))
                .await
                .unwrap();
            migrations("sqlite")
                .await
                .run_to(BEFORE, &pool)
                .await
                .unwrap();
            let attach = format!(
                "ATTACH '{}' AS new;",
                new.url.strip_prefix("sqlite://").unwrap()
            );
            let sql = AssertSqlSafe(attach + &copy_from("new"));
            sqlx::raw_sql(sql).execute(&pool).await.unwrap();
            pool.close().await;
            holds_the_same(&old, &new, filled).await;
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_store_from_before_numbers_keeps_everything() {
    on_postgres(async |old: Scratch| {
        on_postgres(async move |new: Scratch| {
            let filled = fill(&new).await;
            let pool = sqlx::PgPool::connect(&old.url).await.unwrap();
            migrations("postgres")
                .await
                .run_to(BEFORE, &pool)
                .await
                .unwrap();
            let schema = new.url.rsplit_once("search_path%3D").unwrap().1;
            let sql = AssertSqlSafe(copy_from(schema));
            sqlx::raw_sql(sql).execute(&pool).await.unwrap();
            pool.close().await;
            holds_the_same(&old, &new, filled).await;
        })
        .await;
    })
    .await;
}

async fn migrations(server: &str) -> Migrator {
    let folder = root().join("migrations").join(server);
    Migrator::new(folder).await.unwrap()
}

fn copy_from(new: &str) -> String {
    COPY.replace("{new}", new)
}

/// Records of every kind, and a run that is still open.
async fn fill(scratch: &Scratch) -> (RunId, Batch) {
    let store = scratch.open().await;
    let run = store.begin_run(&pipeline(), minute(0)).await.unwrap().id;
    let text = "We write Kotlin and Go for a million people who wait for a parcel. You have run Postgres in \
        production for some years, know where it hurts, and like to explain what you decide and why.".to_owned();
    let described = job_with(7, |job| job.description = Some(text));
    let batch = batch(1, vec![job(1), job(2), post(1), weather(1), described]);
    store.load(run, &batch).await.unwrap();
    store.close(run, &[job_id(2)], minute(2)).await.unwrap();
    store.shutdown().await;
    (run, batch)
}

async fn holds_the_same(old: &Scratch, new: &Scratch, (run, batch): (RunId, Batch)) {
    let (old, new) = (old.open().await, new.open().await);
    for sql in [
        "SELECT url, last_seen_at, title FROM jobs ORDER BY url",
        "SELECT url, last_seen_at, title FROM posts ORDER BY url",
        "SELECT url, last_seen_at, station FROM weather ORDER BY url",
        "SELECT r.url, t.dated_at, t.term FROM record_terms AS t JOIN records AS r ON r.number = t.number
          ORDER BY r.url, t.term",
    ] {
        assert_eq!(rows(&old, sql).await, rows(&new, sql).await, "{sql}");
        assert!(!rows(&new, sql).await.is_empty(), "{sql}");
    }
    let likenesses = "SELECT r.id, l.likeness FROM likenesses AS l JOIN records AS r ON r.number = l.number ORDER BY r.id";
    let kept: Vec<(Uuid, Vec<u8>)> = old.rows(likenesses, []).await.unwrap();
    assert_eq!(kept, new.rows(likenesses, []).await.unwrap());
    assert!(!kept.is_empty());

    let keys = "SELECT key, scope, record_id FROM likeness_keys ORDER BY key, record_id";
    let kept: Vec<(i64, String, Uuid)> = old.rows(keys, []).await.unwrap();
    assert_eq!(kept, new.rows(keys, []).await.unwrap());
    assert!(!kept.is_empty());

    let resumed = old.begin_run(&pipeline(), minute(3)).await.unwrap();
    assert_eq!((resumed.id, resumed.resumed), (run, true));
    let ids: HashSet<RecordId> = batch.records.iter().map(|record| record.id).collect();
    assert_eq!(old.checkpoint(run).await.unwrap(), ids);
    let expected = LoadReport {
        reopened: 1,
        unchanged: 4,
        ..LoadReport::default()
    };
    assert_eq!(old.load(run, &batch).await.unwrap(), expected);
    let ops = old.changes_of(run).await.unwrap().into_iter();
    let ops: Vec<Op> = ops.map(|change| change.op).collect();
    assert_eq!(ops.last(), Some(&Op::Reopened));

    // Numbers go on where they were.
    let more = Batch {
        records: vec![job(9)],
        ..batch
    };
    assert_eq!(old.load(run, &more).await.unwrap().added, 1);
}

async fn rows(store: &Store, sql: &'static str) -> Vec<(String, At, String)> {
    store.rows(sql, []).await.unwrap()
}
