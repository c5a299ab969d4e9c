//! Locks that end under a holder that lives: what it writes under one stops where another holder has taken it.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use trendy::load::{Lock, Pool, Store, StoreError};
use trendy::publish::{PublishEnd, SendError, SendReport, Target, publish};
use trendy::record::{Change, Outcome, StoredRecord};

use crate::support::records::{batch, job, job_id, minute, pipeline};
use crate::support::scratch::{Scratch, on_both};

const RUN: &str = "pipeline:programmers";
const TARGET: &str = "target:copy";

on_both! {
    a_run_whose_lock_another_has_taken_writes_nothing
    a_lock_that_was_lost_and_not_taken_costs_nothing
    a_cursor_is_moved_by_the_holder_of_its_lease_alone
    a_publisher_whose_lease_another_has_taken_leaves_it_the_cursor
}

/// Ends what holds a lock, but not its holder: the session, or the file's name.
pub(crate) async fn cut(store: &Store, scratch: &Scratch, name: &str) {
    match store.pool() {
        Pool::Postgres(pool) => {
            let sql = "SELECT pg_terminate_backend(pid) FROM pg_locks
                        WHERE locktype = 'advisory' AND objsubid = 1 AND ((classid::bigint << 32) | objid::bigint)
                              = hashtextextended('trendy:' || current_schema() || ':' || $1, 0)";
            let ended: Vec<bool> = sqlx::query_scalar(sql)
                .bind(name)
                .fetch_all(pool)
                .await
                .unwrap();
            assert_eq!(ended, [true], "{name}");
        }
        Pool::Sqlite(_) => {
            let path = scratch.url.strip_prefix("sqlite://").unwrap();
            let file = format!("{path}.locks/{}.lock", name.replace(':', "+3a+"));
            std::fs::remove_file(file).unwrap();
        }
    }
}

/// Takes a lock; a server frees that of a session a moment after its end.
async fn take(store: &Store, name: &str) -> Lock {
    let taken = async {
        loop {
            if let Some(lock) = store.lock(name).await.unwrap() {
                return lock;
            }
            tokio::task::yield_now().await;
        }
    };
    let deadline = Duration::from_secs(10);
    tokio::time::timeout(deadline, taken).await.unwrap()
}

fn is_lost<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::LockLost { .. }))
}

async fn a_run_whose_lock_another_has_taken_writes_nothing(scratch: Scratch) {
    let store = scratch.open().await;
    let lock = take(&store, RUN).await;
    let first = store.under(&lock);
    let run = first.begin_run(&pipeline(), minute(0)).await.unwrap().id;
    first.load(run, &batch(0, vec![job(1)])).await.unwrap();

    let other = scratch.open().await;
    cut(&other, &scratch, RUN).await;
    let taken = take(&other, RUN).await;
    let second = other.under(&taken);
    let resumed = second.begin_run(&pipeline(), minute(1)).await.unwrap();
    assert_eq!((resumed.id, resumed.resumed), (run, true));

    assert!(is_lost(&first.load(run, &batch(2, vec![job(2)])).await));
    assert!(is_lost(&first.close(run, &[job_id(1)], minute(2)).await));
    assert!(is_lost(&first.interrupt_run(run, minute(2)).await));
    let finished = first.finish_run(run, Outcome::Failed, None, minute(2));
    assert!(is_lost(&finished.await));
    assert!(is_lost(&first.begin_run(&pipeline(), minute(2)).await));
    assert!(is_lost(&first.hold_lock().await));
    assert_eq!(store.head().await.unwrap(), 1);

    second.load(run, &batch(3, vec![job(3)])).await.unwrap();
    let ended = second.finish_run(run, Outcome::Ok, None, minute(3));
    let row = ended.await.unwrap();
    assert_eq!((row.outcome, row.counts.added), (Some(Outcome::Ok), 2));
    drop((lock, taken));
}

async fn a_lock_that_was_lost_and_not_taken_costs_nothing(scratch: Scratch) {
    let store = scratch.open().await;
    let lock = take(&store, RUN).await;
    let first = store.under(&lock);
    let run = first.begin_run(&pipeline(), minute(0)).await.unwrap().id;
    cut(&store, &scratch, RUN).await;
    first.load(run, &batch(1, vec![job(1)])).await.unwrap();
    let ended = first.finish_run(run, Outcome::Ok, None, minute(2));
    assert_eq!(ended.await.unwrap().counts.added, 1);
    lock.release().await;
}

async fn a_cursor_is_moved_by_the_holder_of_its_lease_alone(scratch: Scratch) {
    let store = scratch.open().await;
    let lock = take(&store, TARGET).await;
    let first = store.under(&lock);
    first.move_cursor("copy", 3, minute(0)).await.unwrap();
    cut(&store, &scratch, TARGET).await;
    let taken = take(&store, TARGET).await;
    let second = store.under(&taken);
    second.move_cursor("copy", -1, minute(1)).await.unwrap();

    assert!(is_lost(&first.move_cursor("copy", 9, minute(2)).await));
    assert_eq!(store.cursor("copy").await.unwrap().unwrap().seq, -1);
}

/// A target whose lease is lost to another publisher while it takes a batch.
struct Slow {
    store: Store,
    scratch: Scratch,
    taken: Mutex<Option<Lock>>,
}

#[async_trait]
impl Target for Slow {
    fn name(&self) -> &'static str {
        "copy"
    }

    async fn check(&self) -> Result<(), SendError> {
        Ok(())
    }

    async fn send(&self, _: &[(Change, Option<StoredRecord>)]) -> Result<SendReport, SendError> {
        cut(&self.store, &self.scratch, TARGET).await;
        let lock = take(&self.store, TARGET).await;
        let cursor = self.store.under(&lock);
        cursor.move_cursor("copy", -1, minute(1)).await.unwrap();
        *self.taken.lock().unwrap() = Some(lock);
        Ok(SendReport::default())
    }
}

async fn a_publisher_whose_lease_another_has_taken_leaves_it_the_cursor(scratch: Scratch) {
    let store = scratch.open().await;
    let run = store.begin_run(&pipeline(), minute(0)).await.unwrap().id;
    store.load(run, &batch(0, vec![job(1)])).await.unwrap();
    let target = Slow {
        store: scratch.open().await,
        scratch: scratch.clone(),
        taken: Mutex::new(None),
    };
    let report = publish(&store, &target, Duration::from_secs(30));
    let report = report.await.unwrap();
    assert_eq!(report.end, PublishEnd::Elsewhere);
    assert_eq!(store.cursor("copy").await.unwrap().unwrap().seq, -1);
}
