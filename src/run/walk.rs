//! The walk of a list: each page fetched and read, each entry noted once and sent on.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use url::Url;

use super::paging::{Gave, Pager};
use super::since::{Age, Cutoff};
use super::snapshot::WalkEnd;
use super::transform::{Page as PageWork, blocking};
use super::{RunOptions, Services, loader::Load, requests};
use crate::cause::with_causes;
use crate::collect::{FetchError, Fetcher};
use crate::config::{Paging, Pipeline};
use crate::extract::kma::Retry;
use crate::extract::{self, ExtractError, Listing, Next};
use crate::normalize::{self, place::Station};
use crate::record::{Item, Outcome, RecordId, Rejection, Request, Stage};
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
    cutoff: Option<Cutoff>,
    /// Whether the list is that of an archive, which says nothing of what is gone today.
    is_replay: bool,
    loaded: &'a HashSet<RecordId>,
}

/// A page of the list, read.
struct ReadList {
    listing: Listing,
    fetched_at: Timestamp,
}

/// The entries of a walk so far.
#[derive(Default)]
struct Tally {
    /// All that the list names.
    listed: HashSet<RecordId>,
    /// How many of them are for this run: not older than it goes back.
    wanted: usize,
    /// Entries that the list names but that cannot be told apart.
    nameless: usize,
}

/// What a page of the list added.
struct Taken {
    /// Entries that no page before it named.
    fresh: usize,
    /// Whether those of them that have a date are all older than the run goes back.
    is_old: bool,
}

/// Where a walk sends what it finds.
struct Outlets {
    entries: mpsc::Sender<Item>,
    pages: mpsc::Sender<PageWork>,
    loads: mpsc::Sender<Load>,
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
            cutoff: options
                .since
                .map(|since| Cutoff::of(since, pipeline, Timestamp::now())),
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
        };
        let mut tally = Tally::default();
        let end = if self.pipeline.source.stations.is_empty() {
            self.pages(&mut tally, &outlets).await
        } else {
            self.stations(&mut tally, &outlets).await
        };
        let is_whole = self.pipeline.list.format.is_whole() && self.cutoff.is_none();
        Walked {
            holds_snapshot: is_whole && !self.is_replay && end != WalkEnd::Limited,
            end,
            listed: tally.listed,
            nameless: tally.nameless,
        }
    }

    async fn pages(&self, tally: &mut Tally, outlets: &Outlets) -> WalkEnd {
        let first = match requests::list_address(self.pipeline) {
            Ok(first) => first,
            Err(error) => return WalkEnd::Failed(Outcome::Failed, error.to_string()),
        };
        let (mut pager, mut url) = Pager::start(&self.pipeline.source.pages, first);
        loop {
            let request = requests::list_page(self.pipeline, pager.number(), url);
            let mut page = match self.read(&request, outlets).await {
                Ok(page) => page,
                Err(ending) => return ending.after(pager.number()),
            };
            let found = page.listing.items.len() + page.listing.rejections.len();
            let next = self.onward(std::mem::take(&mut page.listing.next));
            let taken = match self.take(page, tally, outlets).await {
                ControlFlow::Continue(taken) => taken,
                ControlFlow::Break(end) => return end,
            };
            if taken.is_old && self.is_newest_first() {
                return WalkEnd::Limited;
            }
            let fresh = taken.fresh;
            match pager.next(Gave { found, fresh, next }) {
                ControlFlow::Continue(next) => url = next,
                // An empty list is for the snapshot to judge; what holds none is judged here.
                ControlFlow::Break(WalkEnd::Complete)
                    if tally.listed.is_empty() && !self.pipeline.list.format.is_whole() =>
                {
                    let reason = format!("{} holds no entry", request.url);
                    return WalkEnd::Failed(Outcome::Empty, reason);
                }
                ControlFlow::Break(end) => return end,
            }
        }
    }

    /// Where the list goes on, without the sitemaps that did not change since this run goes back to.
    fn onward(&self, next: Next) -> Next {
        match (next, &self.cutoff) {
            (Next::Sitemaps(mut sitemaps), Some(cutoff)) => {
                sitemaps.retain(|sitemap| {
                    let changed = sitemap.lastmod.as_deref();
                    changed.is_none_or(|text| cutoff.age_of(text) != Age::Old)
                });
                Next::Sitemaps(sitemaps)
            }
            (next, _) => next,
        }
    }

    /// Whether what follows an old page is older still. The files of a sitemap index come in any order.
    fn is_newest_first(&self) -> bool {
        !matches!(self.pipeline.source.pages.paging, Paging::Sitemaps)
    }

    async fn stations(&self, tally: &mut Tally, outlets: &Outlets) -> WalkEnd {
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
                Ok(page) => {
                    answered = true;
                    if let ControlFlow::Break(end) = self.take(page, tally, outlets).await {
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
        blocking(move || extract::listing(&pipeline, &page))
            .await
            .map(|listing| ReadList {
                listing,
                fetched_at,
            })
            .map_err(Ending::Unreadable)
    }

    /// Notes each new entry of a page and sends it on, unless it is too old; breaks off when the walk ends with it.
    async fn take(
        &self,
        page: ReadList,
        tally: &mut Tally,
        outlets: &Outlets,
    ) -> ControlFlow<WalkEnd, Taken> {
        let ReadList {
            listing,
            fetched_at,
        } = page;
        tally.nameless += listing.rejections.len();
        for rejection in listing.rejections {
            let means = Outcome::Broken;
            let rejected = Load::Rejected {
                rejection,
                means,
                present: None,
            };
            send(&outlets.loads, rejected).await;
        }
        let before = tally.listed.len();
        let (mut old, mut new) = (0, 0);
        for item in listing.items {
            if *self.services.stop.borrow() {
                return ControlFlow::Break(WalkEnd::Interrupted);
            }
            let id = normalize::identity(self.pipeline, &item);
            if !tally.listed.insert(id) {
                continue;
            }
            let age = self.cutoff.as_ref().map(|cutoff| cutoff.age(&item));
            match age {
                Some(Age::Old) => {
                    old += 1;
                    continue;
                }
                Some(Age::New) => new += 1,
                Some(Age::Unknown) | None => {}
            }
            tally.wanted += 1;
            self.progress.entry();
            if self.loaded.contains(&id) {
                // It was read before the run died.
            } else if self.pipeline.detail.is_some() {
                send(&outlets.entries, item).await;
            } else {
                send(&outlets.pages, PageWork::Entry(item, fetched_at)).await;
            }
            if tally.wanted >= self.limit {
                return ControlFlow::Break(WalkEnd::Limited);
            }
        }
        ControlFlow::Continue(Taken {
            fresh: tally.listed.len() - before,
            is_old: old > 0 && new == 0,
        })
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

/// Waits until the process is asked to stop; for ever when nobody can ask.
pub(super) async fn stopped(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Sends to the next stage. It is gone only when the store failed, which ends the run with that error.
pub(super) async fn send<T>(sender: &mpsc::Sender<T>, value: T) {
    drop(sender.send(value).await);
}
