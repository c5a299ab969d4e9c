//! How fast a store loads, told rather than judged: the numbers depend on the machine. Run by hand:
//! `cargo test --release --test it store_speed -- --ignored --nocapture --test-threads 1`.

use std::time::Instant;

use trendy::record::{Kind, Record, RecordId};

use crate::support::records::{batch, job_with, minute, pipeline, weather};
use crate::support::scratch::{Scratch, on_postgres, on_sqlite};

/// A list page and its details make batches of tens; a forecast of one station makes one of hundreds.
const BATCH: usize = 500;

#[tokio::test]
#[ignore = "measures, and judges nothing"]
async fn sqlite() {
    on_sqlite(measure).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures, and judges nothing"]
async fn postgres() {
    on_postgres(measure).await;
}

async fn measure(scratch: Scratch) {
    let text = "We write Kotlin, Go and Python for a million people. ".repeat(60);
    let job = |revision: u32| {
        let text = &text;
        move |number| {
            job_with(number, |job| {
                job.description = Some(format!("{text}{number} {revision}"));
            })
        }
    };
    let readings: Vec<Record> = (0..14_000).map(weather).collect();
    for (name, records) in [
        ("jobs of 3 kB, new", (0..20_000).map(job(1)).collect()),
        ("jobs of 3 kB, unchanged", (0..20_000).map(job(1)).collect()),
        ("jobs of 3 kB, updated", (0..20_000).map(job(2)).collect()),
        // Without a company a job is compared with nothing: the difference is what links between boards cost.
        ("jobs of no company, new", listings("none")),
        ("jobs of no company, unchanged", listings("none")),
        ("jobs of all companies, new", listings("a")),
        ("jobs of all companies, unchanged", listings("a")),
        ("jobs of all companies on another board", listings("b")),
        ("readings, new", readings.clone()),
        ("readings, unchanged", readings),
    ] {
        tell(&scratch, name, records).await;
    }
}

/// Openings that differ in company, title and words, as a board lists them.
fn listings(board: &str) -> Vec<Record> {
    let listing = |number: u32| {
        let words: Vec<String> = (0..400)
            .map(|word| format!("word{}", (number * 7 + word * word) % 5_000))
            .collect();
        let record = job_with(100_000 + number, |job| {
            board.clone_into(&mut job.board);
            job.company = (board != "none").then(|| format!("Company {}", number / 10));
            job.title = format!("[Seoul] Engineer of things{} (Go)", number % 10);
            job.location = Some("서울 강남구".to_owned());
            job.description = Some(words.join(" "));
        });
        Record {
            id: RecordId::of(Kind::Job, &[board, &number.to_string()]),
            ..record
        }
    };
    (0..20_000).map(listing).collect()
}

#[expect(clippy::print_stderr, reason = "it is what the test is run for")]
async fn tell(scratch: &Scratch, name: &str, records: Vec<Record>) {
    let store = scratch.open().await;
    let run = store.begin_run(&pipeline(), minute(0)).await.unwrap().id;
    let started = Instant::now();
    for records in records.chunks(BATCH) {
        store.load(run, &batch(1, records.to_vec())).await.unwrap();
    }
    let took = started.elapsed();
    let rate = records.len() as u128 * 1_000 / took.as_millis().max(1);
    eprintln!(
        "{name}: {} records in {took:.2?}, {rate} a second",
        records.len()
    );
    store.shutdown().await;
}
