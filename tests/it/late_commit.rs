//! A transaction that has its numbers of the change log, and commits after one with larger numbers: a reader that has
//! passed those would never see it. Postgres alone can do that; SQLite has one writer.
//!
//! The same steps are taken twice: by writers that take the log's lock, and by the same writers on a server whose lock
//! does nothing. The second time a change is skipped, so the first time shows something.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::task::JoinHandle;
use trendy::load::Store;
use trendy::record::PipelineId;
use url::Url;

use crate::support::records::{batch, job, minute};
use crate::support::scratch::{Scratch, on_postgres};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn change_that_commits_late_is_not_skipped() {
    on_postgres(|scratch| async move {
        let Seen { followed, all } = follow_a_late_commit(&scratch, &scratch.url).await;
        assert_eq!(all.len(), 6);
        assert_eq!(followed, all);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_lock_a_change_that_commits_late_is_skipped() {
    on_postgres(|scratch| async move {
        let naive = without_the_lock(&scratch).await;
        let Seen { followed, all } = follow_a_late_commit(&scratch, &naive).await;
        assert_eq!(all.len(), 6);
        assert_eq!(followed, all[3..]);
    })
    .await;
}

/// The store, seen by sessions that find a function of the lock's name before the server's own.
async fn without_the_lock(scratch: &Scratch) -> String {
    let mut url = Url::parse(&scratch.url).unwrap();
    let options = url.query_pairs().find(|(key, _)| key == "options");
    let options = options.map(|(_, value)| value.into_owned()).unwrap();
    let (_, schema) = options.split_once('=').unwrap();
    let mut connection = PgConnection::connect(&scratch.url).await.unwrap();
    let function = format!(
        "CREATE FUNCTION {schema}.pg_advisory_xact_lock(bigint) RETURNS void LANGUAGE sql AS ''"
    );
    sqlx::raw_sql(AssertSqlSafe(function))
        .execute(&mut connection)
        .await
        .unwrap();
    url.query_pairs_mut()
        .clear()
        .append_pair("options", &format!("{options},pg_catalog"));
    url.into()
}

/// Numbers of the log.
struct Seen {
    /// By a reader that asked in between.
    followed: Vec<i64>,
    /// In the end.
    all: Vec<i64>,
}

async fn follow_a_late_commit(scratch: &Scratch, writers: &str) -> Seen {
    let store = scratch.open().await;
    let late = Writer::new(writers, "late").await;
    let quick = Writer::new(writers, "quick").await;
    let mut holder = PgConnection::connect(&scratch.url).await.unwrap();
    let hold = format!(
        "BEGIN; SELECT 1 FROM runs WHERE id = {} FOR UPDATE",
        late.run
    );
    sqlx::raw_sql(AssertSqlSafe(hold))
        .execute(&mut holder)
        .await
        .unwrap();
    let holder_pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(&mut holder)
        .await
        .unwrap();

    // It writes its changes, then waits for the row of its run.
    let late = late.load(1..4);
    let mut watcher = PgConnection::connect(&scratch.url).await.unwrap();
    let late_pid = waiting_for(&mut watcher, holder_pid, &late).await.unwrap();
    let quick = quick.load(11..14);
    waiting_for(&mut watcher, late_pid, &quick).await;

    let mut followed = Vec::new();
    follow(&store, &mut followed).await;
    holder.close().await.unwrap();
    late.await.unwrap();
    quick.await.unwrap();
    follow(&store, &mut followed).await;
    let all = store.changes_after(0, 100).await.unwrap();
    let all = all.iter().map(|(change, _)| change.seq).collect();
    Seen { followed, all }
}

struct Writer {
    store: Store,
    run: trendy::record::RunId,
}

impl Writer {
    async fn new(url: &str, pipeline: &str) -> Self {
        let store = Store::open(url).await.unwrap();
        let pipeline = PipelineId(pipeline.to_owned());
        let run = store.begin_run(&pipeline, minute(0)).await.unwrap().id;
        Self { store, run }
    }

    fn load(self, jobs: std::ops::Range<u32>) -> JoinHandle<()> {
        tokio::spawn(async move {
            let batch = batch(0, jobs.map(job).collect());
            self.store.load(self.run, &batch).await.unwrap();
        })
    }
}

/// Reads on from the last number until there is no more.
async fn follow(store: &Store, followed: &mut Vec<i64>) {
    loop {
        let last = followed.last().copied().unwrap_or(0);
        let changes = store.changes_after(last, 2).await.unwrap();
        if changes.is_empty() {
            return;
        }
        followed.extend(changes.iter().map(|(change, _)| change.seq));
    }
}

/// The session that waits for a lock of this one, as soon as there is one; none once the task has ended instead.
async fn waiting_for(
    watcher: &mut PgConnection,
    holder: i32,
    task: &JoinHandle<()>,
) -> Option<i32> {
    let sql = "SELECT pid FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))";
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(20) {
        let is_over = task.is_finished();
        let query = sqlx::query_scalar(sql).bind(holder);
        let waits = query.fetch_optional(&mut *watcher).await.unwrap();
        if waits.is_some() || is_over {
            return waits;
        }
    }
    panic!("nobody waits for {holder}, and nothing ended");
}
