//! How fast a store loads: `cargo bench --bench load -- STORE [JOBS]`, the store being a new one, by its URL. The numbers
//! depend on the machine; `bench/load` sets them beside a bare COPY.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement ends at what fails, and prints what it found"
)]

#[expect(dead_code, reason = "builders that tests need, and this does not")]
#[path = "../tests/it/support/records.rs"]
mod records;

use std::time::{Duration, Instant};

use trendy::load::Store;
use trendy::record::{Outcome, Record, RunId};

use records::{batch, job_with, minute, pipeline, weather};

/// As many as a run puts into a transaction.
const BATCH: u32 = 1_000;

#[tokio::main]
async fn main() {
    // Cargo says `--bench` besides.
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench");
    let Some(url) = arguments.next() else {
        println!("usage: cargo bench --bench load -- STORE [JOBS]");
        return;
    };
    let jobs = arguments
        .next()
        .map_or(20_000, |jobs| jobs.parse().unwrap());
    tell(&url, "jobs, new", jobs, job(1)).await;
    tell(&url, "jobs, unchanged", jobs, job(1)).await;
    tell(&url, "jobs, updated", jobs.min(20_000), job(2)).await;
    tell(&url, "readings, new", 14_000, weather).await;
    tell(&url, "readings, unchanged", 14_000, weather).await;
}

/// A job whose document is 1 kB, with two terms.
fn job(revision: u32) -> impl Fn(u32) -> Record {
    let text = "We write Kotlin, Go and Python for a million people. ".repeat(11);
    move |number| {
        job_with(number, |job| {
            job.description = Some(format!("{text}{number} {revision}"));
        })
    }
}

async fn tell(url: &str, name: &str, count: u32, record: impl Fn(u32) -> Record) {
    let store = Store::open(url).await.unwrap();
    let run = store.begin_run(&pipeline(), minute(0)).await.unwrap().id;
    let tenth = (count / 10).max(1);
    let (mut total, mut first, mut last) = (Duration::ZERO, None, Duration::ZERO);
    for start in (0..count).step_by(tenth as usize) {
        last = load(&store, run, start..(start + tenth).min(count), &record).await;
        first = first.or(Some(last));
        total += last;
    }
    let rate = |count: u32, took: Duration| f64::from(count) / took.as_secs_f64();
    println!(
        "{name}: {count} records in {total:.2?}, {:.0} a second; first tenth {:.0}, last {:.0}",
        rate(count, total),
        rate(tenth, first.unwrap_or(last)),
        rate(tenth, last)
    );
    // The next one is another run, and has seen nothing.
    store
        .finish_run(run, Outcome::Ok, None, minute(2))
        .await
        .unwrap();
    store.shutdown().await;
}

/// The time that the store took, without that of making records.
async fn load(
    store: &Store,
    run: RunId,
    numbers: std::ops::Range<u32>,
    record: &impl Fn(u32) -> Record,
) -> Duration {
    let mut took = Duration::ZERO;
    for start in numbers.clone().step_by(BATCH as usize) {
        let end = (start + BATCH).min(numbers.end);
        let batch = batch(1, (start..end).map(record).collect());
        let started = Instant::now();
        store.load(run, &batch).await.unwrap();
        took += started.elapsed();
    }
    took
}
