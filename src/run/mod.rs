//! The engine: joins the stages of one pipeline's run, and knows nothing that a stage knows.
//!
//! A run is a walk and three stages behind it, joined by bounded channels, so that a slow store slows the crawl and
//! memory stays flat however long the list is:
//!
//! ```text
//! walk ──entries──► details ──pages──► transform ──records──► loader ──► store
//! ```
//!
//! The [walk](walk) goes from [page to page](paging), reads each [in pieces](reading) and notes every entry's id: presence
//! comes from the list alone. Details fetches the page behind each entry, transform extracts and normalizes on blocking threads, the
//! loader writes batches, each in one transaction. When the walk has reached the end of the list and everything behind it
//! is loaded, the [snapshot](snapshot) says what is closed. A run that died goes on under its own number: what it had
//! loaded is not fetched again, its list is walked anew. A page that has not changed since it was [visited](visits) last
//! is neither sent nor read again: what it named is seen.

mod alarm;
mod checkpoint;
mod details;
mod expectations;
mod history;
mod landings;
mod loader;
mod paging;
mod publish;
mod reading;
mod refusals;
mod rehearsal;
mod requests;
mod resend;
mod retention;
mod retry;
mod since;
mod snapshot;
mod stages;
mod stations;
mod summary;
mod transform;
mod visits;
mod walk;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, mpsc, watch};

pub use publish::{Ended, PublishSummary, TargetError, elasticsearch, publish_all};
pub use rehearsal::{Rehearsed, rehearse};
pub use requests::{BadAddress, first_request};
pub use resend::Away;
pub use retention::{PRUNE_LIMIT, prune, retention};
pub use retry::{Retried, retry};
pub use since::{NotSince, Since};
pub use summary::{RunError, RunSummary};

use checkpoint::Checkpoint;
use summary::elapsed_seconds;

use crate::collect::{ArchiveFetcher, Collector, Fetcher};
use crate::config::Pipeline;
use crate::load::{Lock, OpenRun, Store, StoreError};
use crate::normalize::Dictionaries;
use crate::record::{Counts, Outcome, Record, RecordId, RunId};
use crate::telemetry::Progress;

/// Longest that a run which died is gone on with. What it had loaded is not fetched again, so an older one would leave
/// records as they were then.
const RESUME_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// Longest that what a host asked for is known to this process alone.
const HOSTS_AGE: Duration = Duration::from_secs(1);

/// What every run of a process shares.
pub struct Services {
    /// The record of truth.
    pub store: Store,
    /// Fetchers, and what they owe to hosts.
    pub collector: Collector,
    /// Terms, companies, stations.
    pub dictionaries: Arc<Dictionaries>,
    /// Becomes true when the process is asked to stop.
    pub stop: watch::Receiver<bool>,
}

/// How a run differs from a usual one.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Most entries to take from the list; such a run closes nothing.
    pub limit: Option<usize>,
    /// How far back to go: older entries are left alone; such a run closes nothing.
    pub since: Option<Since>,
    /// Believe a list that is empty or shrank, and pages that lack what they used to have.
    pub accept: bool,
    /// Where records go instead of the store; such a run writes nothing.
    pub dry_run: Option<mpsc::Sender<Record>>,
    /// The archive, a folder or a file, that answers instead of the network; such a run closes nothing.
    pub replay: Option<PathBuf>,
}

/// Runs one pipeline from its list to the store.
pub async fn run(
    pipeline: &Arc<Pipeline>,
    services: &Services,
    options: &RunOptions,
    progress: &Progress,
) -> Result<RunSummary, RunError> {
    let started = Instant::now();
    let fetcher = fetcher(pipeline, services, options).await?;
    let open = match options.dry_run {
        Some(_) => None,
        None => Some(Locked::open(pipeline, &services.store).await?),
    };

    // An archive is asked nothing, and owes nobody anything.
    if options.replay.is_none() {
        let now = Timestamp::now();
        let hosts = services.store.hosts(now).await?;
        services.collector.restore_hosts(&hosts, now);
    }
    let loaded = match &open {
        Some(locked) => Checkpoint::of(pipeline, locked).await?,
        None => Checkpoint::none(),
    };
    let visits = visits::Visits::new(
        pipeline,
        fetcher.as_ref(),
        open.as_ref().map(|_| &services.store),
        &services.dictionaries,
        options,
    )
    .await?;
    let world = walk::World {
        dictionaries: &services.dictionaries,
        stop: services.stop.clone(),
        now: Timestamp::now(),
    };
    let walk = walk::Walk::new(pipeline, &visits, world, options, progress, &loaded);
    let sink = match (&options.dry_run, &open) {
        (Some(sender), _) => loader::Sink::Channel(sender.clone()),
        (None, Some(locked)) => loader::Sink::Store(&locked.store, locked.run.id),
        (None, None) => unreachable!("a run without a store is a dry run"),
    };
    let is_over = Notify::new();
    let stages = async {
        let ended = stages::join(&walk, sink, progress).await;
        is_over.notify_one();
        ended
    };
    let (ended, remembered) = if open.is_some() && options.replay.is_none() {
        tokio::join!(stages, remember_hosts(services, &is_over))
    } else {
        (stages.await, Ok(()))
    };
    let (walked, done) = ended.map_err(|error| match error {
        loader::SinkError::Store(source, loaded) => RunError::BrokenOff { loaded, source },
        loader::SinkError::Closed => RunError::Unread,
    })?;
    let broken_off = |error: RunError| error.after(done.counts);
    remembered.map_err(RunError::from).map_err(broken_off)?;
    let fresh = open
        .as_ref()
        .is_none_or(|locked| locked.run.counts.records == 0);

    let summary = |run_id, ending: Ending, counts| RunSummary {
        pipeline: pipeline.id.clone(),
        run_id,
        outcome: ending.outcome,
        reason: ending.reason,
        counts,
        seconds: elapsed_seconds(started.elapsed()),
    };
    let ending = Ending::of_walk(&walked.end, &done, fresh);
    let Some(locked) = open else {
        return Ok(summary(None, ending, done.counts));
    };
    let concluded = conclude(pipeline, &locked, options, &walked, ending).await;
    let (ending, counts) = concluded.map_err(broken_off)?;
    let counts = counts.unwrap_or(done.counts);
    Ok(summary(Some(locked.run.id), ending, counts))
}

/// Compares a run whose stages have ended with those before it, and notes its end. Gives what the whole run counts, those
/// that it was taken up from included; none where it goes on later.
async fn conclude(
    pipeline: &Pipeline,
    locked: &Locked,
    options: &RunOptions,
    walked: &walk::Walked,
    ending: Ending,
) -> Result<(Ending, Option<Counts>), RunError> {
    let (run, store) = (locked.run.id, &locked.store);
    let ending = compare(pipeline, store, options, run, walked, ending).await?;
    let ending = believe(pipeline, store, options, run, walked, ending).await?;
    let now = Timestamp::now();
    // A limited run that took up one that died leaves it for a whole run to end.
    let is_part = options.limit.is_some() && locked.run.resumed;
    let counts = if let (Some(outcome), false) = (ending.outcome, is_part) {
        let reason = ending.reason.as_deref();
        // However it ended: what is wrong with the files now has letters of this run.
        if walked.end == snapshot::WalkEnd::Complete {
            for file in &walked.files {
                store.settle_letters_of_file(run, file, now).await?;
            }
        }
        Some(store.finish_run(run, outcome, reason, now).await?.counts)
    } else {
        store.interrupt_run(run, now).await?;
        None
    };
    Ok((ending, counts))
}

/// Keeps what is learnt of hosts while a run goes on, for other processes and for the one after this, should it be killed.
async fn remember_hosts(services: &Services, is_over: &Notify) -> Result<(), StoreError> {
    loop {
        let ended = tokio::time::timeout(HOSTS_AGE, is_over.notified()).await;
        let now = Timestamp::now();
        let news = services.collector.take_host_news(now);
        services.store.remember_hosts(&news, now).await?;
        if ended.is_ok() {
            return Ok(());
        }
    }
}

/// What answers the run's requests: the source itself, or an archive of it.
async fn fetcher(
    pipeline: &Arc<Pipeline>,
    services: &Services,
    options: &RunOptions,
) -> Result<Arc<dyn Fetcher>, RunError> {
    let Some(archive) = options.replay.clone() else {
        return Ok(services.collector.fetcher(pipeline)?);
    };
    let id = pipeline.id.clone();
    let fetcher = transform::blocking(move || ArchiveFetcher::open(&archive, &id)).await?;
    Ok(Arc::new(fetcher))
}

/// An open run and the lock that keeps it alone.
struct Locked {
    run: OpenRun,
    /// The store under this lock: what is written for the run.
    store: Store,
    _lock: Lock,
}

impl Locked {
    async fn open(pipeline: &Pipeline, store: &Store) -> Result<Self, RunError> {
        // A process that stays would write where nobody looks any more.
        if !store.is_same().await? {
            return Err(RunError::StoreReplaced(store.place().to_owned()));
        }
        let name = format!("pipeline:{}", pipeline.id);
        let lock = store
            .lock(&name)
            .await?
            .ok_or_else(|| RunError::Locked(pipeline.id.clone()))?;
        let store = store.under(&lock);
        let now = Timestamp::now();
        if let Some(last) = store.runs(Some(pipeline.id.as_str()), 1).await?.pop()
            && last.outcome.is_none()
            && now.duration_since(last.started_at) > RESUME_WITHIN
        {
            let reason = "it died, and nothing took it up within a day";
            store
                .finish_run(last.id, Outcome::Failed, Some(reason), now)
                .await?;
        }
        let run = store.begin_run(&pipeline.id, now).await?;
        Ok(Self {
            run,
            store,
            _lock: lock,
        })
    }
}

/// Compares a run that went well with the pipeline's own history: what is far from usual ends otherwise.
async fn compare(
    pipeline: &Pipeline,
    store: &Store,
    options: &RunOptions,
    run: RunId,
    walked: &walk::Walked,
    ending: Ending,
) -> Result<Ending, RunError> {
    if ending.outcome != Some(Outcome::Ok) {
        return Ok(ending);
    }
    let alarm = alarm::judge(pipeline, store, options, run, walked).await?;
    Ok(alarm.map_or(ending, |(outcome, reason)| Ending {
        outcome: Some(outcome),
        reason: Some(reason),
    }))
}

/// Closes what a whole list no longer names, unless the list cannot be believed: then the run ends otherwise.
async fn believe(
    pipeline: &Pipeline,
    store: &Store,
    options: &RunOptions,
    run: RunId,
    walked: &walk::Walked,
    ending: Ending,
) -> Result<Ending, RunError> {
    let whole = walked.end == snapshot::WalkEnd::Complete;
    if !whole || ending.outcome != Some(Outcome::Ok) || !walked.holds_snapshot {
        return Ok(ending);
    }
    if walked.nameless > 0 {
        let reason = format!(
            "{} entries of the list could not be told apart; nothing was closed",
            walked.nameless
        );
        return Ok(Ending {
            outcome: Some(Outcome::Partial),
            reason: Some(reason),
        });
    }
    let before: Vec<RecordId> = store.active_ids(pipeline.kind, &pipeline.scope).await?;
    match snapshot::judge(&walked.listed, &before, pipeline.snapshot, options.accept) {
        snapshot::Verdict::Close(ids) if is_in_doubt(walked, &ids, options) => {
            let selector = walked.unseen.as_deref().unwrap_or_default();
            let reason = format!(
                "{} known entries are gone from the list, which may go on behind the button `{selector}` that was never \
                 there; nothing was closed (if the list is that short: `--accept` once, or `optional = true` beside \
                 `load_more`)",
                ids.len()
            );
            Ok(Ending {
                outcome: Some(Outcome::Partial),
                reason: Some(reason),
            })
        }
        snapshot::Verdict::Close(ids) => {
            store.close(run, &ids, Timestamp::now()).await?;
            Ok(ending)
        }
        snapshot::Verdict::Refuse(outcome, reason) => Ok(Ending {
            outcome: Some(outcome),
            reason: Some(reason),
        }),
    }
}

/// Whether these are closed only because a list ended where it may not. A short list has no button, so what closes
/// nothing is fine.
fn is_in_doubt(walked: &walk::Walked, absent: &[RecordId], options: &RunOptions) -> bool {
    walked.unseen.is_some() && !walked.listed.is_empty() && !absent.is_empty() && !options.accept
}

/// How a run ended and why.
struct Ending {
    outcome: Option<Outcome>,
    reason: Option<String>,
}

impl Ending {
    /// What the walk and the stages behind it amount to, before the list is compared with the one before. A run in which
    /// nothing became a record is what its first failure means; `fresh` tells that none had before it was resumed.
    fn of_walk(end: &snapshot::WalkEnd, done: &loader::Sunk, fresh: bool) -> Self {
        use snapshot::WalkEnd;
        let with = |outcome, reason: String| Self {
            outcome: Some(outcome),
            reason: Some(reason),
        };
        match end {
            WalkEnd::Interrupted => Self {
                outcome: None,
                reason: Some("the next run goes on".to_owned()),
            },
            WalkEnd::Failed(outcome, reason) => with(*outcome, reason.clone()),
            WalkEnd::MaxPages(max) => with(
                Outcome::Partial,
                format!("the list goes on after {max} pages; raise `max` in `[source.pages]`"),
            ),
            WalkEnd::Complete | WalkEnd::Limited => {
                // A site that refuses as many pages as it gives wants to be left alone.
                if let (refused, Some(reason)) = &done.refused
                    && *refused >= done.counts.records
                {
                    return with(
                        Outcome::Blocked,
                        format!("{refused} pages were refused: {reason}"),
                    );
                }
                match &done.first_failure {
                    Some((outcome, reason)) if fresh && done.counts.records == 0 => {
                        with(*outcome, reason.clone())
                    }
                    _ => match &done.shortfall {
                        // A part of the list says nothing of its shares.
                        Some(reason) if *end == WalkEnd::Complete => {
                            with(Outcome::Broken, reason.clone())
                        }
                        _ => Self {
                            outcome: Some(Outcome::Ok),
                            reason: None,
                        },
                    },
                }
            }
        }
    }
}
