//! What the store has acknowledged outlives a process that is killed in the middle of loading.
//!
//! The process is this test binary itself, told by a variable to load instead of to judge.

use std::collections::HashSet;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use trendy::load::Store;
use trendy::record::{Kind, RecordId};

use crate::support::records::{BOARD, batch, job, job_id, minute, pipeline};
use crate::support::scratch::{Scratch, on_postgres, on_sqlite};

/// Names the store to load into, in the process that is going to be killed.
const VICTIM: &str = "TRENDY_TEST_CRASH_STORE";

/// Records a batch.
const BATCH: u32 = 20;

#[tokio::test]
async fn sqlite_keeps_what_it_acknowledged() {
    on_sqlite(kill_and_look).await;
}

#[tokio::test]
async fn postgres_keeps_what_it_acknowledged() {
    on_postgres(kill_and_look).await;
}

/// Loads until it is killed, and says each batch once the store has acknowledged it.
#[tokio::test]
#[ignore = "is run, and killed, by the tests beside it"]
async fn victim() {
    let Ok(url) = env::var(VICTIM) else { return };
    let store = Store::open(&url).await.unwrap();
    let run = store.begin_run(&pipeline(), minute(0)).await.unwrap().id;
    for number in 0.. {
        let first = number * BATCH;
        let records = (first..first + BATCH).map(job).collect();
        store.load(run, &batch(0, records)).await.unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "\nloaded {number}").unwrap();
        out.flush().unwrap();
    }
}

async fn kill_and_look(scratch: Scratch) {
    for acknowledged in [1, 4, 9] {
        let last = kill_after(&scratch.url, acknowledged);
        let store = scratch.open().await;
        let resumed = store.begin_run(&pipeline(), minute(1)).await.unwrap();

        let ids = store.active_ids(Kind::Job, BOARD).await.unwrap();
        let kept: HashSet<RecordId> = ids.iter().copied().collect();
        assert_eq!(ids.len(), kept.len());
        let expected: HashSet<RecordId> = (0..(last + 1) * BATCH).map(job_id).collect();
        assert!(
            kept.is_superset(&expected),
            "acknowledged up to batch {last}"
        );
        assert_eq!(kept.len() % BATCH as usize, 0, "half a batch");
        assert!(resumed.resumed);
        assert_eq!(store.checkpoint(resumed.id).await.unwrap(), kept);
        assert_eq!(resumed.counts.added, kept.len() as u64);
        let changes = store.changes_of(resumed.id).await.unwrap();
        assert_eq!(changes.len(), kept.len());
        store.shutdown().await;
    }
}

/// Gives the number of the last batch that was acknowledged before the end.
fn kill_after(url: &str, batches: usize) -> u32 {
    let mut victim = Command::new(env::current_exe().unwrap())
        .args(["--exact", "store_crash::victim", "--ignored", "--nocapture"])
        .env(VICTIM, url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(victim.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let number = |line: String| {
        line.strip_prefix("loaded ")
            .and_then(|number| number.parse().ok())
    };
    let mut loaded: Vec<u32> = said.by_ref().filter_map(number).take(batches).collect();
    victim.kill().unwrap();
    victim.wait().unwrap();
    loaded.extend(said.filter_map(number));
    *loaded.last().unwrap()
}
