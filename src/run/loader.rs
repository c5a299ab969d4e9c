//! The end of the stages: batches of records, each written in one transaction.
//!
//! A page behind an entry that was fetched and is not in the store is in flight: a run that is killed fetches it again,
//! and nothing else. These are at most the pages that the workers of `details` hold, one each (`concurrency`); those that
//! wait in the two channels behind them, [`CHANNEL_ROOM`](super::CHANNEL_ROOM) each; those that are being read, one a
//! thread, and one more; and one batch. A batch is kept small for that reason, and young: its age counts from the first
//! thing that came into it, so a page of a site that is asked once a second is in the store a moment after it was read.

use std::borrow::Cow;
use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;
use url::Url;

use super::expectations::Expectations;
use super::visits::Kept;
use crate::config::Pipeline;
use crate::load::{Batch, KnownPage, LoadReport, Store, StoreError, Visited};
use crate::record::{Counts, Outcome, Record, RecordId, Rejection, RunId};
use crate::telemetry::Progress;

/// Most rows of a batch: a few MiB of records. Ids are random, so each transaction touches pages all over the store's
/// indices, and twice as many rows a transaction are written far faster than one after the other.
const BATCH_ROWS: usize = 1_000;
/// Most text of a batch: a record may hold a page of 2 MiB, and a batch is in memory twice while it is staged.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Most rows of a batch where each cost a request: a crash fetches them again.
const BATCH_PAGES: usize = 32;
/// Longest that anything waits for its batch. At most ten transactions a second are no burden to a Pi's card.
const BATCH_AGE: Duration = Duration::from_millis(100);

/// The names of the fields that were found on a page or in an entry.
pub(super) type Found = Vec<Cow<'static, str>>;

/// What the stages before send.
pub(super) enum Load {
    /// A page was read: what was known of it holds no longer.
    Read(Url),
    /// A page or an entry was looked through: a record or a rejection follows.
    Found(Found),
    /// A page is as it was.
    NotModified,
    /// Records of a page that is as it was.
    Unchanged(Vec<RecordId>),
    /// A page of the list, by its number, to be known once everything that came before is loaded.
    Listed(u32, Box<KnownPage>),
    /// The page behind an entry was as it was, and need not be asked for again before long.
    Visited(Visited),
    /// A record, and what is kept of the page of its own.
    Record(Box<Record>, Kept),
    /// Something that did not become one.
    Rejected {
        /// Why.
        rejection: Rejection,
        /// How the run ends if nothing becomes a record.
        means: Outcome,
        /// The entry of the list that it is: still present, though its content could not be read.
        present: Option<RecordId>,
        /// The page of the list that says everything of it: as long as it holds something like that, it is read anew.
        list_page: Option<u32>,
    },
}

impl Load {
    /// Something that the list names, but that cannot be told apart.
    pub(super) fn nameless(rejection: Rejection) -> Self {
        Self::Rejected {
            rejection,
            means: Outcome::Broken,
            present: None,
            list_page: None,
        }
    }
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
    /// The fill rates that the pipeline expects and the records do not reach.
    pub(super) shortfall: Option<String>,
    /// How many pages the site refused to give, and the first refusal.
    pub(super) refused: (u64, Option<String>),
}

/// Writes everything that comes, until all senders are gone.
pub(super) async fn load(
    pipeline: &Pipeline,
    sink: Sink<'_>,
    mut loads: mpsc::Receiver<Load>,
    progress: &Progress,
) -> Result<Sunk, SinkError> {
    let mut expectations = Expectations::new(&pipeline.quality);
    let most_rows = match pipeline.detail {
        Some(_) => BATCH_PAGES,
        None => BATCH_ROWS,
    };
    let mut done = Sunk::default();
    let mut batch = Batch::default();
    let mut bytes = 0;
    let mut lists = Lists::default();
    // When the batch is written at the latest; none while it is empty.
    let mut due: Option<Instant> = None;
    loop {
        let next = match due {
            Some(due) => tokio::time::timeout_at(due, loads.recv()).await,
            None => Ok(loads.recv().await),
        };
        let ended = matches!(next, Ok(None));
        let overdue = next.is_err();
        due = due.or_else(|| Some(Instant::now() + BATCH_AGE));
        match next {
            Ok(Some(Load::Read(url))) => {
                batch.pages += 1;
                batch.read.push(url);
            }
            Ok(Some(Load::Found(found))) => batch.fill.count(&found),
            Ok(Some(Load::NotModified)) => batch.pages += 1,
            Ok(Some(Load::Unchanged(ids))) => {
                done.counts.records += ids.len() as u64;
                progress.records(ids.len());
                expectations.admit_unchanged(ids.len());
                batch.seen.extend(ids);
            }
            Ok(Some(Load::Listed(number, known))) => lists.known.push((number, *known)),
            Ok(Some(Load::Visited(visited))) => batch.visited.push(visited),
            Ok(Some(Load::Record(record, kept))) => match expectations.admit(&record) {
                Ok(()) => {
                    bytes += record.body.text_bytes();
                    batch.records.push(*record);
                    batch.known.extend(kept.known.map(|known| *known));
                    batch.visited.extend(kept.visited);
                }
                Err(rejection) => {
                    batch.seen.push(record.id);
                    batch.rejections.push(rejection);
                    // Its page of the list, whichever that is, is to be read anew.
                    lists.refused = true;
                }
            },
            Ok(Some(Load::Rejected {
                rejection,
                means,
                present,
                list_page,
            })) => {
                let reason = format!("{}: {}", rejection.url, rejection.reason);
                if means == Outcome::Blocked {
                    done.refused.0 += 1;
                    done.refused.1.get_or_insert_with(|| reason.clone());
                }
                done.first_failure.get_or_insert((means, reason));
                batch.seen.extend(present);
                lists.unsound.extend(list_page);
                batch.rejections.push(rejection);
            }
            Ok(None) | Err(_) => {}
        }
        if ended {
            batch.known.append(&mut lists.sound());
        }
        let rows = batch.records.len() + batch.seen.len() + batch.rejections.len();
        if ended || overdue || rows >= most_rows || bytes >= BATCH_BYTES {
            bytes = 0;
            let full = std::mem::take(&mut batch);
            let (counts, refused) = write(&sink, full, progress).await?;
            done.counts += counts;
            lists.refused |= refused > 0;
            due = None;
        }
        if ended {
            done.shortfall = expectations.shortfall();
            return Ok(done);
        }
    }
}

/// The pages of the list, whose records come one by one: they are known when the run has loaded everything.
#[derive(Default)]
struct Lists {
    known: Vec<(u32, KnownPage)>,
    /// Those with an entry that did not become a record.
    unsound: HashSet<u32>,
    /// Whether the store refused a record, of whatever page.
    refused: bool,
}

impl Lists {
    fn sound(&mut self) -> Vec<KnownPage> {
        let known = std::mem::take(&mut self.known).into_iter();
        known
            .filter(|(number, _)| !self.refused && !self.unsound.contains(number))
            .map(|(_, page)| page)
            .collect()
    }
}

/// Writes a batch, and gives what it amounts to and how many of its records the store refused.
async fn write(
    sink: &Sink<'_>,
    mut batch: Batch,
    progress: &Progress,
) -> Result<(Counts, u64), SinkError> {
    let mut counts = Counts {
        pages: batch.pages,
        records: batch.records.len() as u64,
        rejected: batch.rejections.len() as u64,
        ..Counts::default()
    };
    let mut refused_records = 0;
    progress.records(batch.records.len());
    match sink {
        Sink::Store(store, run) => {
            batch.at = Timestamp::now();
            let LoadReport {
                added,
                updated,
                reopened,
                unchanged,
                refused,
                ..
            } = store.load(*run, &batch).await?;
            refused_records = refused;
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
    Ok((counts, refused_records))
}
