//! The walk of a list: each page fetched and read, each entry noted once and sent on.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use super::paging::{Gave, Pager};
use super::since::{Age, Cutoff};
use super::snapshot::WalkEnd;
use super::transform::{ListPage, Page as PageWork, blocking};
use super::visits::{Visit, Visits};
use super::{RunOptions, loader::Load, requests};
use crate::cause::with_causes;
use crate::collect::FetchError;
use crate::config::{Fetch, Paging, Pipeline};
use crate::extract::kma::Retry;
use crate::extract::{self, ExtractError, Listing};
use crate::load::{Content, KnownPage, Named};
use crate::normalize::{self, Dictionaries};
use crate::record::{Item, Next, Outcome, Page, RecordId, Rejection, Request};
use crate::telemetry::Progress;

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

/// What a walk knows of the process that it is part of.
pub(super) struct World<'a> {
    pub(super) dictionaries: &'a Arc<Dictionaries>,
    /// Becomes true when the process is asked to stop.
    pub(super) stop: watch::Receiver<bool>,
    /// When the walk begins: what `--since 7d` and the newest issue of a station count from.
    pub(super) now: Timestamp,
}

/// A walk of one pipeline's list.
pub(super) struct Walk<'a> {
    pub(super) pipeline: &'a Arc<Pipeline>,
    pub(super) visits: &'a Visits<'a>,
    pub(super) world: World<'a>,
    progress: &'a Progress,
    limit: usize,
    cutoff: Option<Cutoff>,
    /// Whether the list is that of an archive, which says nothing of what is gone today.
    is_replay: bool,
    loaded: &'a HashSet<RecordId>,
}

/// A page of the list, read now or known from before.
pub(super) struct ReadPage {
    content: Content,
    rejections: Vec<Rejection>,
    /// What is kept of the page, if every entry of it goes on to the store.
    known: Option<Box<KnownPage>>,
    /// Whether the source has more than the page shows.
    is_cut: bool,
    at: ListPage,
}

/// The entries of a walk so far.
#[derive(Default)]
pub(super) struct Tally {
    /// All that the list names.
    listed: HashSet<RecordId>,
    /// How many of them are for this run: not older than it goes back.
    wanted: usize,
    /// Entries that the list names but that cannot be told apart.
    nameless: usize,
    /// Entries that were told apart, each as often as a page was the first to name it.
    named: usize,
}

/// What a page of the list added.
#[derive(Default)]
pub(super) struct Taken {
    /// Entries that no page before it named.
    fresh: usize,
    /// Whether those of them that have a date are all older than the run goes back.
    is_old: bool,
    /// Whether each of its entries was sent on to become a record.
    is_whole: bool,
}

/// Where a walk sends what it finds.
pub(super) struct Outlets {
    entries: mpsc::Sender<Item>,
    pages: mpsc::Sender<PageWork>,
    pub(super) loads: mpsc::Sender<Load>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        pipeline: &'a Arc<Pipeline>,
        visits: &'a Visits<'a>,
        world: World<'a>,
        options: &RunOptions,
        progress: &'a Progress,
        loaded: &'a HashSet<RecordId>,
    ) -> Self {
        Self {
            pipeline,
            visits,
            progress,
            limit: options.limit.unwrap_or(usize::MAX),
            cutoff: options
                .since
                .map(|since| Cutoff::of(since, pipeline, world.now)),
            world,
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
        let is_limited = self.limit < usize::MAX || self.cutoff.is_some() || self.is_replay;
        Walked {
            holds_snapshot: self.is_whole() && !is_limited,
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
        let (mut pager, mut url) = if self.reads_files() {
            Pager::of_files(first)
        } else {
            Pager::start(&self.pipeline.source.pages, first)
        };
        loop {
            let request = requests::list_page(self.pipeline, pager.number(), url.clone());
            let mut page = match self.read(request, pager.number(), outlets).await {
                Ok(page) => page,
                Err(ending) => return ending.after(pager.number()),
            };
            let is_cut = page.is_cut;
            let found = page.content.named.len() + page.rejections.len();
            let next = self.onward(std::mem::take(&mut page.content.next));
            let taken = match self.take(page, tally, outlets).await {
                ControlFlow::Continue(taken) => taken,
                ControlFlow::Break(end) => return end,
            };
            if is_cut {
                let reason = format!(
                    "page {} of the list holds more; raise `max` in `[source.pages]`",
                    pager.number()
                );
                return WalkEnd::Failed(Outcome::Partial, reason);
            }
            if taken.is_old && self.is_newest_first() {
                return WalkEnd::Limited;
            }
            let fresh = taken.fresh;
            match pager.next(Gave { found, fresh, next }) {
                ControlFlow::Continue(next) => url = next,
                // An empty list is for the snapshot to judge; what holds none is judged here.
                ControlFlow::Break(WalkEnd::Complete)
                    if tally.named == 0 && !self.is_whole() && !self.is_unreadable(tally) =>
                {
                    return WalkEnd::Failed(Outcome::Empty, format!("{url} holds no entry"));
                }
                ControlFlow::Break(end) => return end,
            }
        }
    }

    /// Whether the list names everything that there is. Files are what somebody put there.
    fn is_whole(&self) -> bool {
        self.pipeline.list.format.is_whole() && !self.reads_files()
    }

    fn reads_files(&self) -> bool {
        self.pipeline.source.fetch == Fetch::File
    }

    /// Whether the files have lines, though none that could be read.
    fn is_unreadable(&self, tally: &Tally) -> bool {
        self.reads_files() && tally.nameless > 0
    }

    /// Where the list goes on, without the sitemaps that did not change since this run goes back to.
    fn onward(&self, next: Next) -> Next {
        match (next, &self.cutoff) {
            (Next::Sitemaps(mut sitemaps), Some(cutoff)) => {
                sitemaps.retain(|sitemap| {
                    let changed = sitemap.modified.as_deref();
                    changed.is_none_or(|text| cutoff.age_of(text) != Age::Old)
                });
                Next::Sitemaps(sitemaps)
            }
            (next, _) => next,
        }
    }

    /// Whether what follows an old page is older still. The files of a sitemap index come in any order, as lines do.
    fn is_newest_first(&self) -> bool {
        !matches!(self.pipeline.source.pages.paging, Paging::Sitemaps) && !self.reads_files()
    }

    /// Fetches and reads one page of the list, or remembers it where it has not changed.
    pub(super) async fn read(
        &self,
        request: Request,
        number: u32,
        outlets: &Outlets,
    ) -> Result<ReadPage, Ending> {
        let visit = tokio::select! {
            visit = self.visits.ask(request) => visit.map_err(Ending::Fetch)?,
            () = stopped(self.world.stop.clone()) => return Err(Ending::Stopped),
        };
        self.progress.page();
        let page = match visit {
            Visit::Page(page) => Arc::new(*page),
            Visit::NotModified(content) => {
                send(&outlets.loads, Load::NotModified).await;
                let fetched_at = Timestamp::now();
                return Ok(ReadPage {
                    content,
                    rejections: Vec::new(),
                    known: None,
                    is_cut: false,
                    at: ListPage { number, fetched_at },
                });
            }
        };
        send(&outlets.loads, Load::Read(page.request.url.clone())).await;
        let (pipeline, read) = (Arc::clone(self.pipeline), Arc::clone(&page));
        let listing = blocking(move || extract::listing(&pipeline, &read))
            .await
            .map_err(Ending::Unreadable)?;
        Ok(ReadPage {
            known: self.keep(&page, &listing),
            content: Content {
                named: Named::Entries(listing.items),
                next: listing.next,
            },
            rejections: listing.rejections,
            is_cut: page.is_cut,
            at: ListPage {
                number,
                fetched_at: page.fetched_at,
            },
        })
    }

    /// What is kept of a page of the list. One without an entry, or with one that cannot be told apart, is read anew.
    fn keep(&self, page: &Page, listing: &Listing) -> Option<Box<KnownPage>> {
        if listing.items.is_empty() || !listing.rejections.is_empty() {
            return None;
        }
        self.visits.keep(page, || {
            let items = &listing.items;
            let named = if self.pipeline.detail.is_some() {
                Named::Entries(items.clone())
            } else {
                let ids = items
                    .iter()
                    .map(|item| normalize::identity(self.pipeline, item));
                Named::Records(ids.collect())
            };
            let next = listing.next.clone();
            Content { named, next }
        })
    }

    /// Notes each new entry of a page and sends it on, unless it is too old; breaks off when the walk ends with it.
    pub(super) async fn take(
        &self,
        page: ReadPage,
        tally: &mut Tally,
        outlets: &Outlets,
    ) -> ControlFlow<WalkEnd, Taken> {
        tally.nameless += page.rejections.len();
        for rejection in page.rejections {
            send(&outlets.loads, Load::nameless(rejection)).await;
        }
        let taken = match page.content.named {
            Named::Entries(items) => self.take_entries(items, page.at, tally, outlets).await?,
            Named::Records(ids) => self.take_records(ids, tally, outlets).await?,
        };
        // Entries with pages of their own are in what is kept; others must have become records.
        if let Some(known) = page.known
            && (taken.is_whole || self.pipeline.detail.is_some())
        {
            send(&outlets.loads, Load::Listed(page.at.number, known)).await;
        }
        ControlFlow::Continue(taken)
    }

    async fn take_entries(
        &self,
        items: Vec<Item>,
        at: ListPage,
        tally: &mut Tally,
        outlets: &Outlets,
    ) -> ControlFlow<WalkEnd, Taken> {
        let (before, found) = (tally.named, items.len());
        let (mut old, mut new, mut sent) = (0, 0, 0);
        for item in items {
            if *self.world.stop.borrow() {
                return ControlFlow::Break(WalkEnd::Interrupted);
            }
            if let Some(reason) = self.visits.refused() {
                return ControlFlow::Break(WalkEnd::Failed(Outcome::Blocked, reason));
            }
            let id = normalize::identity(self.pipeline, &item);
            // Files may name more than memory holds, and no snapshot asks which.
            if !self.reads_files() && !tally.listed.insert(id) {
                continue;
            }
            tally.named += 1;
            match self.cutoff.as_ref().map(|cutoff| cutoff.age(&item)) {
                Some(Age::Old) => {
                    old += 1;
                    continue;
                }
                Some(Age::New) => new += 1,
                Some(Age::Unknown) | None => {}
            }
            tally.wanted += 1;
            self.progress.entry();
            // What a run that died had loaded is not read again.
            if !self.loaded.contains(&id) {
                sent += 1;
                if self.pipeline.detail.is_some() {
                    send(&outlets.entries, item).await;
                } else {
                    send(&outlets.pages, PageWork::Entry(Box::new(item), at)).await;
                }
            }
            if tally.wanted >= self.limit {
                return ControlFlow::Break(WalkEnd::Limited);
            }
        }
        ControlFlow::Continue(Taken {
            fresh: tally.named - before,
            is_old: old > 0 && new == 0,
            is_whole: sent == found,
        })
    }

    /// The same for records of a page that has not changed: they are seen.
    async fn take_records(
        &self,
        ids: Vec<RecordId>,
        tally: &mut Tally,
        outlets: &Outlets,
    ) -> ControlFlow<WalkEnd, Taken> {
        let before = tally.listed.len();
        let mut unchanged = Vec::with_capacity(ids.len());
        for id in ids {
            if tally.wanted >= self.limit {
                break;
            }
            if !tally.listed.insert(id) {
                continue;
            }
            tally.named += 1;
            tally.wanted += 1;
            self.progress.entry();
            if !self.loaded.contains(&id) {
                unchanged.push(id);
            }
        }
        send(&outlets.loads, Load::Unchanged(unchanged)).await;
        if tally.wanted >= self.limit {
            return ControlFlow::Break(WalkEnd::Limited);
        }
        ControlFlow::Continue(Taken {
            fresh: tally.listed.len() - before,
            ..Taken::default()
        })
    }
}

/// Why a page of the list could not be had.
pub(super) enum Ending {
    Stopped,
    Fetch(FetchError),
    Unreadable(ExtractError),
}

impl Ending {
    /// What the service that was asked wants of us, where it said so.
    pub(super) fn refusal(&self) -> Option<Retry> {
        match self {
            Self::Unreadable(error) => error.refusal(),
            Self::Stopped | Self::Fetch(_) => None,
        }
    }

    pub(super) fn fact(&self) -> (Outcome, String) {
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
    pub(super) fn after(self, number: u32) -> WalkEnd {
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
