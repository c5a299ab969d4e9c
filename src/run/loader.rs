//! The end of the stages: batches of records, each written in one transaction.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::load::{Batch, LoadReport, Store, StoreError};
use crate::record::{Counts, Outcome, Record, RecordId, Rejection, RunId};
use crate::telemetry::Progress;

/// Most rows of a batch: a transaction of some milliseconds on a Pi's card, and a few MiB of records.
const BATCH_ROWS: usize = 500;
/// Most text of a batch: a record may hold a page of 2 MiB, and a batch is in memory twice while it is staged.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Longest that a row waits for its batch: a crash fetches again at most what came in since.
const BATCH_AGE: Duration = Duration::from_secs(2);

/// What the stages before send.
pub(super) enum Load {
    /// A page was fetched.
    Fetched,
    /// A record.
    Record(Box<Record>),
    /// Something that did not become one.
    Rejected {
        /// Why.
        rejection: Rejection,
        /// How the run ends if nothing becomes a record.
        means: Outcome,
        /// The entry of the list that it is: still present, though its content could not be read.
        present: Option<RecordId>,
    },
}

/// Where batches go.
pub(super) enum Sink<'a> {
    /// Into the store, for a run.
    Store(&'a Store, RunId),
    /// To whoever asked for a dry run.
    Channel(mpsc::Sender<Record>),
}

/// Why nothing more goes into a sink.
pub(super) enum SinkError {
    /// The store failed.
    Store(StoreError),
    /// Whoever asked for a dry run has gone.
    Closed,
}

impl From<StoreError> for SinkError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What went into the sink in this process.
#[derive(Default)]
pub(super) struct Sunk {
    /// What it amounts to.
    pub(super) counts: Counts,
    /// The first thing that failed, and the outcome that it means if nothing else came through.
    pub(super) first_failure: Option<(Outcome, String)>,
    /// How many pages the site refused to give, and the first refusal.
    pub(super) refused: (u64, Option<String>),
}

/// Writes everything that comes, until all senders are gone.
pub(super) async fn load(
    sink: Sink<'_>,
    mut loads: mpsc::Receiver<Load>,
    progress: &Progress,
) -> Result<Sunk, SinkError> {
    let mut done = Sunk::default();
    let mut batch = Batch::default();
    let mut bytes = 0;
    let mut due = Instant::now() + BATCH_AGE;
    loop {
        let next = tokio::time::timeout_at(due, loads.recv()).await;
        let ended = matches!(next, Ok(None));
        let overdue = next.is_err();
        match next {
            Ok(Some(Load::Fetched)) => batch.pages += 1,
            Ok(Some(Load::Record(record))) => {
                bytes += record.body.text_bytes();
                batch.records.push(*record);
            }
            Ok(Some(Load::Rejected {
                rejection,
                means,
                present,
            })) => {
                let reason = format!("{}: {}", rejection.url, rejection.reason);
                if means == Outcome::Blocked {
                    done.refused.0 += 1;
                    done.refused.1.get_or_insert_with(|| reason.clone());
                }
                done.first_failure.get_or_insert((means, reason));
                batch.seen.extend(present);
                batch.rejections.push(rejection);
            }
            Ok(None) | Err(_) => {}
        }
        let rows = batch.records.len() + batch.seen.len() + batch.rejections.len();
        if ended || overdue || rows >= BATCH_ROWS || bytes >= BATCH_BYTES {
            bytes = 0;
            let full = std::mem::take(&mut batch);
            done.counts += write(&sink, full, progress).await?;
            due = Instant::now() + BATCH_AGE;
        }
        if ended {
            return Ok(done);
        }
    }
}

async fn write(
    sink: &Sink<'_>,
    mut batch: Batch,
    progress: &Progress,
) -> Result<Counts, SinkError> {
    let mut counts = Counts {
        pages: batch.pages,
        records: batch.records.len() as u64,
        rejected: batch.rejections.len() as u64,
        ..Counts::default()
    };
    progress.records(batch.records.len());
    match sink {
        Sink::Store(store, run) => {
            batch.at = Timestamp::now();
            let LoadReport {
                added,
                updated,
                reopened,
                unchanged,
                ..
            } = store.load(*run, &batch).await?;
            counts += Counts {
                added,
                updated,
                reopened,
                unchanged,
                ..Counts::default()
            };
        }
        Sink::Channel(sender) => {
            for record in batch.records {
                sender.send(record).await.map_err(|_| SinkError::Closed)?;
            }
            for rejection in batch.rejections {
                tracing::warn!(url = rejection.url, reason = rejection.reason, "rejected");
            }
        }
    }
    Ok(counts)
}
