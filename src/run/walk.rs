//! The walk of a list, and the fetching of what stands behind its entries.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Mutex, mpsc, watch};
use url::Url;

use super::snapshot::WalkEnd;
use super::transform::{Page as PageWork, blocking};
use super::{RunOptions, Services, loader::Load, requests};
use crate::cause::with_causes;
use crate::collect::{FetchError, Fetcher};
use crate::config::{ListFormat, Paging, Pipeline};
use crate::extract::kma::Retry;
use crate::extract::{self, ExtractError, Listing};
use crate::normalize::{self, place::Station};
use crate::record::{Item, Outcome, RecordId, Rejection, Request, Role, Stage};
use crate::telemetry::Progress;

/// How many issues back a station is asked for when the newest is not out after all.
const ISSUES_BACK: u32 = 1;
/// Pauses before a service that stumbled is asked again: 1, 2 and 4 seconds, then the next station has its turn.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(4);

/// What a walk found.
pub(super) struct Walked {
    /// How it ended.
    pub(super) end: WalkEnd,
    /// The id of every entry that the list names.
    pub(super) listed: HashSet<RecordId>,
    /// Entries that the list names but that cannot be told apart: any known record may be among them.
    pub(super) nameless: usize,
    /// Whether an entry that is absent is gone: true for lists, not for feeds, weather, a replay or a limited run.
    pub(super) holds_snapshot: bool,
}

/// A walk of one pipeline's list.
pub(super) struct Walk<'a> {
    pipeline: &'a Arc<Pipeline>,
    fetcher: &'a dyn Fetcher,
    services: &'a Services,
    progress: &'a Progress,
    limit: usize,
    /// Whether the list is that of an archive, which says nothing of what is gone today.
    is_replay: bool,
    loaded: &'a HashSet<RecordId>,
}

/// A page of the list, read.
struct ReadList {
    listing: Listing,
    fetched_at: Timestamp,
}

/// Where a walk sends what it finds.
struct Outlets {
    entries: mpsc::Sender<Item>,
    pages: mpsc::Sender<PageWork>,
    loads: mpsc::Sender<Load>,
    nameless: AtomicUsize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        pipeline: &'a Arc<Pipeline>,
        fetcher: &'a dyn Fetcher,
        services: &'a Services,
        options: &RunOptions,
        progress: &'a Progress,
        loaded: &'a HashSet<RecordId>,
    ) -> Self {
        Self {
            pipeline,
            fetcher,
            services,
            progress,
            limit: options.limit.unwrap_or(usize::MAX),
            is_replay: options.replay.is_some(),
            loaded,
        }
    }

    /// Walks the list to its end, or to where it cannot go on.
    pub(super) async fn list(
        &self,
        entries: mpsc::Sender<Item>,
        pages: mpsc::Sender<PageWork>,
        loads: mpsc::Sender<Load>,
    ) -> Walked {
        let outlets = Outlets {
            entries,
            pages,
            loads,
            nameless: AtomicUsize::new(0),
        };
        let mut listed = HashSet::new();
        let end = if self.pipeline.source.stations.is_empty() {
            self.pages(&mut listed, &outlets).await
        } else {
            self.stations(&mut listed, &outlets).await
        };
        let is_list = matches!(self.pipeline.list.format, ListFormat::Items(_));
        Walked {
            holds_snapshot: is_list && self.limit == usize::MAX && !self.is_replay,
            end,
            listed,
            nameless: outlets.nameless.into_inner(),
        }
    }

    async fn pages(&self, listed: &mut HashSet<RecordId>, outlets: &Outlets) -> WalkEnd {
        let pages = &self.pipeline.source.pages;
        let mut visited = HashSet::new();
        let mut next: Option<Url> = None;
        for number in 1..=pages.max {
            let request = match requests::list_page(self.pipeline, number, next.take()) {
                Ok(request) => request,
                Err(error) => return WalkEnd::Failed(Outcome::Failed, error.to_string()),
            };
            // A last page that links to itself, or a circle, is the end of the list.
            if !visited.insert(request.url.clone()) {
                return WalkEnd::Complete;
            }
            let ReadList {
                listing,
                fetched_at,
            } = match self.read(&request, outlets).await {
                Ok(list) => list,
                Err(ending) => return ending.after(number),
            };
            let found = listing.items.len();
            // A page that another one leads to has entries; without any it is a broken page, not the end of the list.
            if found == 0 && number > 1 && matches!(pages.paging, Paging::NextLink(_)) {
                let reason = format!("page {number} of the list holds no entry");
                return WalkEnd::Failed(Outcome::Partial, reason);
            }
            let before = listed.len();
            next = listing.next;
            if let Some(end) = self.take(listing.items, fetched_at, listed, outlets).await {
                return end;
            }
            let more = match &pages.paging {
                Paging::None => false,
                Paging::NextLink(_) => next.is_some(),
                // Beyond the last page sites send an empty one, or the last one again.
                Paging::PageParam { .. } => found > 0 && listed.len() > before,
            };
            if !more {
                return if listed.is_empty()
                    && !matches!(self.pipeline.list.format, ListFormat::Items(_))
                {
                    WalkEnd::Failed(Outcome::Empty, format!("{} holds no entry", request.url))
                } else {
                    WalkEnd::Complete
                };
            }
        }
        WalkEnd::MaxPages(pages.max)
    }

    async fn stations(&self, listed: &mut HashSet<RecordId>, outlets: &Outlets) -> WalkEnd {
        let now = Timestamp::now();
        let mut last_failure = None;
        let mut answered = false;
        for station in self
            .services
            .dictionaries
            .stations
            .chosen(&self.pipeline.source.stations)
        {
            let (url, list) = match self.station(station, now, outlets).await {
                Ok(answer) => answer,
                Err(error) => return WalkEnd::Failed(Outcome::Failed, error.to_string()),
            };
            match list {
                Ok(ReadList {
                    listing,
                    fetched_at,
                }) => {
                    answered = true;
                    if let Some(end) = self.take(listing.items, fetched_at, listed, outlets).await {
                        return end;
                    }
                }
                // What is wrong with the key or the quota is wrong for every station.
                Err(ending @ Ending::Stopped) => return ending.after(1),
                Err(ending)
                    if matches!(
                        ending.refusal(),
                        Some(Retry::WhenQuotaRenews | Retry::Never)
                    ) =>
                {
                    return ending.after(1);
                }
                Err(ending) => {
                    let (outcome, reason) = ending.fact();
                    let rejection = Rejection {
                        stage: Stage::Collect,
                        url: url.into(),
                        reason: reason.clone(),
                        payload: None,
                    };
                    send(
                        &outlets.loads,
                        Load::Rejected {
                            rejection,
                            means: outcome,
                            present: None,
                        },
                    )
                    .await;
                    last_failure = Some(WalkEnd::Failed(outcome, reason));
                }
            }
        }
        last_failure
            .filter(|_| !answered)
            .unwrap_or(WalkEnd::Complete)
    }

    /// Asks for a station's newest issue, or the one before it where the newest is not out after all.
    async fn station(
        &self,
        station: &Station,
        now: Timestamp,
        outlets: &Outlets,
    ) -> Result<(Url, Result<ReadList, Ending>), requests::BadAddress> {
        let mut back = 0;
        let mut pause = FIRST_PAUSE;
        loop {
            let request = requests::station(self.pipeline, station, now, back)?;
            let result = self.read(&request, outlets).await;
            match result.as_ref().err().and_then(Ending::refusal) {
                Some(Retry::OneSlotBack) if back < ISSUES_BACK => back += 1,
                Some(Retry::WithBackoff) if pause <= LAST_PAUSE => {
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = stopped(self.services.stop.clone()) => {}
                    }
                    pause *= 2;
                }
                _ => return Ok((request.url, result)),
            }
        }
    }

    /// Fetches and reads one page of the list.
    async fn read(&self, request: &Request, outlets: &Outlets) -> Result<ReadList, Ending> {
        let page = tokio::select! {
            page = self.fetcher.fetch(request) => page.map_err(Ending::Fetch)?,
            () = stopped(self.services.stop.clone()) => return Err(Ending::Stopped),
        };
        self.progress.page();
        send(&outlets.loads, Load::Fetched).await;
        let fetched_at = page.fetched_at;
        let pipeline = Arc::clone(self.pipeline);
        let mut listing = blocking(move || extract::listing(&pipeline, &page))
            .await
            .map_err(Ending::Unreadable)?;
        outlets
            .nameless
            .fetch_add(listing.rejections.len(), Ordering::Relaxed);
        for rejection in std::mem::take(&mut listing.rejections) {
            send(
                &outlets.loads,
                Load::Rejected {
                    rejection,
                    means: Outcome::Broken,
                    present: None,
                },
            )
            .await;
        }
        Ok(ReadList {
            listing,
            fetched_at,
        })
    }

    /// Notes each new entry and sends it on; some when the walk ends with it.
    async fn take(
        &self,
        items: Vec<Item>,
        fetched_at: Timestamp,
        listed: &mut HashSet<RecordId>,
        outlets: &Outlets,
    ) -> Option<WalkEnd> {
        for item in items {
            if *self.services.stop.borrow() {
                return Some(WalkEnd::Interrupted);
            }
            let id = normalize::identity(self.pipeline, &item);
            if !listed.insert(id) {
                continue;
            }
            self.progress.entry();
            if self.loaded.contains(&id) {
                // It was read before the run died.
            } else if self.pipeline.detail.is_some() {
                send(&outlets.entries, item).await;
            } else {
                send(&outlets.pages, PageWork::Entry(item, fetched_at)).await;
            }
            if listed.len() >= self.limit {
                return Some(WalkEnd::Limited);
            }
        }
        None
    }
}

/// Why a page of the list could not be had.
enum Ending {
    Stopped,
    Fetch(FetchError),
    Unreadable(ExtractError),
}

impl Ending {
    /// What the service that was asked wants of us, where it said so.
    fn refusal(&self) -> Option<Retry> {
        match self {
            Self::Unreadable(error) => error.refusal(),
            Self::Stopped | Self::Fetch(_) => None,
        }
    }

    fn fact(&self) -> (Outcome, String) {
        let outcome = match (self, self.refusal()) {
            (Self::Fetch(error), _) => error.outcome(),
            (_, Some(Retry::WhenQuotaRenews)) => Outcome::Blocked,
            (_, Some(Retry::OneSlotBack)) => Outcome::Empty,
            (_, Some(Retry::WithBackoff | Retry::Never)) | (Self::Stopped, None) => Outcome::Failed,
            (Self::Unreadable(_), None) => Outcome::Broken,
        };
        let reason = match self {
            Self::Stopped => "interrupted".to_owned(),
            Self::Fetch(error) => with_causes(error),
            Self::Unreadable(error) => with_causes(error),
        };
        (outcome, reason)
    }

    /// The end of a walk that failed at this page: a later page leaves a part of the list.
    fn after(self, number: u32) -> WalkEnd {
        if matches!(self, Self::Stopped) {
            return WalkEnd::Interrupted;
        }
        let (outcome, reason) = self.fact();
        if number == 1 || outcome == Outcome::Blocked {
            WalkEnd::Failed(outcome, reason)
        } else {
            WalkEnd::Failed(
                Outcome::Partial,
                format!("page {number} of the list: {reason}"),
            )
        }
    }
}

/// Fetches the page behind each entry, as many at once as the pipeline allows. True when entries were left because the
/// process was asked to stop.
pub(super) async fn details(
    pipeline: &Arc<Pipeline>,
    fetcher: &dyn Fetcher,
    stop: watch::Receiver<bool>,
    entries: mpsc::Receiver<Item>,
    pages: mpsc::Sender<PageWork>,
    loads: mpsc::Sender<Load>,
) -> bool {
    let entries = Mutex::new(entries);
    let left = AtomicBool::new(false);
    let workers = (0..pipeline.politeness.concurrency).map(|_| async {
        loop {
            let Some(item) = entries.lock().await.recv().await else {
                break;
            };
            if *stop.borrow() {
                left.store(true, Ordering::Relaxed);
                continue;
            }
            let id = normalize::identity(pipeline, &item);
            let request = Request {
                pipeline: pipeline.id.clone(),
                url: item.entry.url.clone(),
                role: Role::Detail {
                    entry: Box::new(item),
                },
            };
            let answer = tokio::select! {
                answer = fetcher.fetch(&request) => answer,
                () = stopped(stop.clone()) => {
                    left.store(true, Ordering::Relaxed);
                    continue;
                }
            };
            match answer {
                Ok(page) => {
                    send(&loads, Load::Fetched).await;
                    send(&pages, PageWork::Detail(page, id)).await;
                }
                Err(error) => send(&loads, failed_detail(id, &request, &error)).await,
            }
        }
    });
    futures_util::future::join_all(workers).await;
    left.into_inner()
}

fn failed_detail(id: RecordId, request: &Request, error: &FetchError) -> Load {
    let rejection = Rejection {
        stage: Stage::Collect,
        url: request.url.to_string(),
        reason: with_causes(error),
        payload: None,
    };
    Load::Rejected {
        rejection,
        means: error.outcome(),
        present: Some(id),
    }
}

/// Waits until the process is asked to stop; for ever when nobody can ask.
async fn stopped(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Sends to the next stage. It is gone only when the store failed, which ends the run with that error.
pub(super) async fn send<T>(sender: &mpsc::Sender<T>, value: T) {
    drop(sender.send(value).await);
}
