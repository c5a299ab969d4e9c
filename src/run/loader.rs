//! The end of the stages: batches of records, each written in one transaction.
//!
//! A page behind an entry that was fetched and is not in the store is in flight: a run that is killed fetches it again,
//! and nothing else. These are at most the pages that the workers of `details` hold, one each (`concurrency`); those that
//! wait in the two channels behind them, [`CHANNEL_ROOM`](super::CHANNEL_ROOM) each; those that are being read, one a
//! thread, and one more; and one batch. A batch is kept small for that reason, and young: its age counts from the first
//! thing that came into it, so a page of a site that is asked once a second is in the store a moment after it was read.

use std::borrow::Cow;
use std::collections::HashSet;
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Fuse, FusedFuture};
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
    /// The store failed, after this was loaded.
    Store(StoreError, Counts),
    /// Whoever asked for a dry run has gone.
    Closed,
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
///
/// While a batch is written the next one is collected, so that what computes and what writes do not wait for one another.
/// Not where rows cost a request each: what a crash fetches again would be a batch more.
pub(super) async fn load(
    pipeline: &Pipeline,
    sink: Sink<'_>,
    mut loads: mpsc::Receiver<Load>,
    progress: &Progress,
) -> Result<Sunk, SinkError> {
    let collects_ahead = pipeline.detail.is_none();
    let mut collected = Collected::new(pipeline);
    let mut has_ended = false;
    let mut is_last = false;
    let mut writing = pin!(Fuse::terminated());
    loop {
        if writing.is_terminated() && (has_ended || collected.is_due()) {
            is_last = has_ended;
            let batch = collected.take(is_last, progress);
            writing.set(write(&sink, batch, collected.done.counts).fuse());
        }
        let is_idle = writing.is_terminated();
        let has_room = !has_ended && !collected.is_full() && (is_idle || collects_ahead);
        tokio::select! {
            biased;
            next = loads.recv(), if has_room => match next {
                Some(load) => collected.put(load, progress),
                None => has_ended = true,
            },
            written = &mut writing, if !is_idle => {
                collected.note(written?);
                if is_last {
                    return Ok(collected.end());
                }
            }
            () = tokio::time::sleep_until(collected.due()), if is_idle && !collected.is_empty() => {}
        }
    }
}

/// What is to be written with the next batch, and what became of those before.
struct Collected<'a> {
    batch: Batch,
    /// Text of its records.
    bytes: usize,
    most_rows: usize,
    /// When the first thing came into it; none while it is empty.
    since: Option<Instant>,
    lists: Lists,
    expectations: Expectations<'a>,
    done: Sunk,
}

impl<'a> Collected<'a> {
    fn new(pipeline: &'a Pipeline) -> Self {
        Self {
            batch: Batch::default(),
            bytes: 0,
            most_rows: match pipeline.detail {
                Some(_) => BATCH_PAGES,
                None => BATCH_ROWS,
            },
            since: None,
            lists: Lists::default(),
            expectations: Expectations::new(&pipeline.quality),
            done: Sunk::default(),
        }
    }

    fn put(&mut self, load: Load, progress: &Progress) {
        self.since.get_or_insert_with(Instant::now);
        let Self {
            batch,
            bytes,
            lists,
            expectations,
            done,
            ..
        } = self;
        match load {
            Load::Read(url) => {
                batch.pages += 1;
                batch.read.push(url);
            }
            Load::Found(found) => batch.fill.count(&found),
            Load::NotModified => batch.pages += 1,
            Load::Unchanged(ids) => {
                done.counts.records += ids.len() as u64;
                progress.records(ids.len());
                expectations.admit_unchanged(ids.len());
                batch.seen.extend(ids);
            }
            Load::Listed(number, known) => lists.known.push((number, *known)),
            Load::Visited(visited) => batch.visited.push(visited),
            Load::Record(record, kept) => match expectations.admit(&record) {
                Ok(()) => {
                    *bytes += record.body.text_bytes();
                    let place = kept.place.map(|place| (record.id, place));
                    batch.places.extend(place);
                    batch.records.push(*record);
                    batch.known.extend(kept.known.map(|known| *known));
                    batch.visited.extend(kept.visited);
                }
                Err(mut rejection) => {
                    rejection.url = kept.place.unwrap_or(rejection.url);
                    batch.seen.push(record.id);
                    batch.rejections.push(rejection);
                    // Its page of the list, whichever that is, is to be read anew.
                    lists.refused = true;
                }
            },
            Load::Rejected {
                rejection,
                means,
                present,
                list_page,
            } => {
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
        }
    }

    fn is_full(&self) -> bool {
        let Batch {
            records,
            seen,
            rejections,
            ..
        } = &self.batch;
        let rows = records.len() + seen.len() + rejections.len();
        rows >= self.most_rows || self.bytes >= BATCH_BYTES
    }

    /// When it is written at the latest.
    fn due(&self) -> Instant {
        self.since.unwrap_or_else(Instant::now) + BATCH_AGE
    }

    fn is_due(&self) -> bool {
        self.is_full() || !self.is_empty() && self.due() <= Instant::now()
    }

    const fn is_empty(&self) -> bool {
        self.since.is_none()
    }

    /// The batch; the last one has the pages of the list, which by then are known to be sound.
    fn take(&mut self, is_last: bool, progress: &Progress) -> Batch {
        let mut batch = std::mem::take(&mut self.batch);
        if is_last {
            batch.known.append(&mut self.lists.sound());
        }
        self.bytes = 0;
        self.since = None;
        progress.records(batch.records.len());
        batch
    }

    /// Notes what a batch amounts to, and how many of its records the store refused.
    fn note(&mut self, (counts, refused): (Counts, u64)) {
        self.done.counts += counts;
        self.lists.refused |= refused > 0;
    }

    fn end(self) -> Sunk {
        Sunk {
            shortfall: self.expectations.shortfall(),
            ..self.done
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

/// Writes a batch after what is loaded, and gives what it amounts to and how many of its records the store refused.
async fn write(
    sink: &Sink<'_>,
    mut batch: Batch,
    loaded: Counts,
) -> Result<(Counts, u64), SinkError> {
    let mut counts = Counts {
        pages: batch.pages,
        records: batch.records.len() as u64,
        rejected: batch.rejections.len() as u64,
        ..Counts::default()
    };
    let mut refused_records = 0;
    match sink {
        Sink::Store(store, run) => {
            batch.at = Timestamp::now();
            let report = store.load(*run, &batch).await;
            let LoadReport {
                added,
                updated,
                reopened,
                unchanged,
                refused,
                ..
            } = report.map_err(|error| SinkError::Store(error, loaded))?;
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
