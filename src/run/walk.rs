//! The walk of a list: each page fetched and read, each entry noted once and sent on.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use super::checkpoint::Checkpoint;
use super::paging::{Gave, Pager};
use super::reading::{Keeping, PIECE_ENTRIES, Part, Reading};
use super::since::{Age, Cutoff};
use super::snapshot::WalkEnd;
use super::transform::{HAND_OVER, ListPage, Page as PageWork};
use super::visits::{Visit, Visits};
use super::{RunOptions, loader::Load, requests};
use crate::cause::with_causes;
use crate::collect::FetchError;
use crate::config::{Fetch, Paging, Pipeline};
use crate::extract::ExtractError;
use crate::extract::kma::Retry;
use crate::load::{Content, Named};
use crate::normalize::{self, Dictionaries};
use crate::record::{Item, Next, Outcome, Page, RecordId, Request};
use crate::telemetry::Progress;

/// What a walk found.
pub(super) struct Walked {
    /// How it ended.
    pub(super) end: WalkEnd,
    /// The id of every entry that the list names. Sorted, as a hash table holds them one and a half times while it grows.
    pub(super) listed: BTreeSet<RecordId>,
    /// Entries that the list names but that cannot be told apart: any known record may be among them.
    pub(super) nameless: usize,
    /// Whether an entry that is absent is gone: true for lists, not for feeds, weather, a replay or a limited run.
    pub(super) holds_snapshot: bool,
    /// The files that were read; none of standard input, which is another one each time.
    pub(super) files: BTreeSet<String>,
    /// Selector of a button that was to bring more, and that no page of the list had: nobody knows whether this is its
    /// end.
    pub(super) unseen: Option<String>,
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
    loaded: &'a Checkpoint<'a>,
}

/// A page of the list.
pub(super) struct ListedPage {
    source: Source,
    /// Whether the source has more than the page shows.
    is_cut: bool,
    /// A button that was to bring more, and that the page never had.
    unseen: Option<String>,
    /// The file that it is a piece of.
    file: Option<String>,
    at: ListPage,
}

/// Where the entries of a page come from.
enum Source {
    /// The page is being read, and kept if every entry of it goes on to the store.
    Read(Reading, Option<Keeping>),
    /// It has not changed, and is known from before.
    Known(Content),
}

/// The entries of a walk so far.
#[derive(Default)]
pub(super) struct Tally {
    /// All that the list names.
    listed: BTreeSet<RecordId>,
    /// How many of them are for this run: not older than it goes back.
    wanted: usize,
    /// Entries that the list names but that cannot be told apart.
    nameless: usize,
    /// Entries that were told apart, each as often as a page was the first to name it.
    named: usize,
    /// A button that was to bring more, and that no page so far had.
    unseen: Option<String>,
    files: BTreeSet<String>,
}

/// What a page of the list gave.
#[derive(Default)]
pub(super) struct Taken {
    /// Entries on it, also those that cannot be told apart.
    found: usize,
    /// Entries that no page before it named.
    fresh: usize,
    /// Those of them that are older than the run goes back, and those that are not.
    old: usize,
    new: usize,
    /// Entries that were sent on to become records.
    sent: usize,
    /// Where it says that the list goes on.
    next: Next,
}

impl Taken {
    /// Whether those of its fresh entries that have a date are all older than the run goes back.
    const fn is_old(&self) -> bool {
        self.old > 0 && self.new == 0
    }
}

/// Where a walk sends what it finds.
pub(super) struct Outlets {
    entries: mpsc::Sender<Item>,
    pages: mpsc::Sender<Vec<PageWork>>,
    pub(super) loads: mpsc::Sender<Load>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        pipeline: &'a Arc<Pipeline>,
        visits: &'a Visits<'a>,
        world: World<'a>,
        options: &RunOptions,
        progress: &'a Progress,
        loaded: &'a Checkpoint<'a>,
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
        pages: mpsc::Sender<Vec<PageWork>>,
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
            unseen: tally.unseen,
            files: tally.files,
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
            let mut page = match self.ask(request, pager.number(), outlets).await {
                Ok(page) => page,
                Err(ending) => return ending.after(pager.number()),
            };
            let is_cut = page.is_cut;
            tally.files.extend(page.file.take());
            let unseen = page.unseen.take();
            tally.unseen = match pager.number() {
                1 => unseen,
                _ => tally.unseen.take().and(unseen),
            };
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
            if taken.is_old() && self.is_newest_first() {
                return WalkEnd::Limited;
            }
            let gave = Gave {
                found: taken.found,
                fresh: taken.fresh,
                next: self.onward(taken.next),
            };
            match pager.next(gave) {
                ControlFlow::Continue(next) => url = next,
                // An empty list is for the snapshot to judge; what holds none is judged here.
                ControlFlow::Break(WalkEnd::Complete)
                    if tally.named == 0 && !self.is_whole() && !self.is_unreadable(tally) =>
                {
                    let source = if self.reads_standard_input() {
                        "standard input"
                    } else {
                        url.as_str()
                    };
                    return WalkEnd::Failed(Outcome::Empty, format!("{source} holds no entry"));
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

    fn file_of(&self, page: &Page) -> Option<String> {
        if !self.reads_files() || self.reads_standard_input() {
            return None;
        }
        let mut file = page.url.clone();
        file.set_fragment(None);
        Some(file.into())
    }

    fn reads_standard_input(&self) -> bool {
        self.reads_files() && self.pipeline.source.url == "-"
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

    /// Fetches one page of the list and begins to read it, or remembers it where it has not changed.
    pub(super) async fn ask(
        &self,
        request: Request,
        number: u32,
        outlets: &Outlets,
    ) -> Result<ListedPage, Ending> {
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
                return Ok(ListedPage {
                    source: Source::Known(content),
                    is_cut: false,
                    unseen: None,
                    file: None,
                    at: ListPage { number, fetched_at },
                });
            }
        };
        send(&outlets.loads, Load::Read(page.request.url.clone())).await;
        let keeping = Keeping::of(&page, self.pipeline, self.visits);
        let reading = Reading::begin(Arc::clone(self.pipeline), Arc::clone(&page))
            .await
            .map_err(Ending::Unreadable)?;
        Ok(ListedPage {
            source: Source::Read(reading, keeping),
            is_cut: page.is_cut,
            unseen: page.unseen.clone(),
            file: self.file_of(&page),
            at: ListPage {
                number,
                fetched_at: page.fetched_at,
            },
        })
    }

    /// Notes each new entry of a page and sends it on, unless it is too old; breaks off when the walk ends with it.
    pub(super) async fn take(
        &self,
        page: ListedPage,
        tally: &mut Tally,
        outlets: &Outlets,
    ) -> ControlFlow<WalkEnd, Taken> {
        let (mut reading, mut keeping) = match page.source {
            Source::Read(reading, keeping) => (reading, keeping),
            Source::Known(content) => return self.remember(content, page.at, tally, outlets).await,
        };
        let mut taken = Taken::default();
        loop {
            match reading.next().await {
                Part::Piece(piece) => {
                    let ids = self.identities(&piece.items);
                    let loaded = self.loaded_of(&ids).await?;
                    keeping = keeping.and_then(|keeping| keeping.piece(&piece, &ids));
                    tally.nameless += piece.rejections.len();
                    taken.found += piece.rejections.len();
                    for rejection in piece.rejections {
                        send(&outlets.loads, Load::nameless(rejection)).await;
                    }
                    let entries = ids.into_iter().zip(piece.items);
                    self.take_entries(entries, &loaded, page.at, tally, &mut taken, outlets)
                        .await?;
                }
                Part::End(Ok(next)) => {
                    taken.next = next;
                    break;
                }
                Part::End(Err(error)) => {
                    let ending = Ending::Unreadable(error);
                    return ControlFlow::Break(ending.after(page.at.number));
                }
            }
        }
        // Entries with pages of their own are in what is kept; others must have become records.
        let is_whole = taken.sent == taken.found;
        if let Some(keeping) = keeping
            && (is_whole || self.pipeline.detail.is_some())
            && let Some(known) = keeping.end(&taken.next)
        {
            send(&outlets.loads, Load::Listed(page.at.number, known)).await;
        }
        ControlFlow::Continue(taken)
    }

    /// The same for a page that has not changed, as it was when it was read last.
    async fn remember(
        &self,
        content: Content,
        at: ListPage,
        tally: &mut Tally,
        outlets: &Outlets,
    ) -> ControlFlow<WalkEnd, Taken> {
        let mut taken = match content.named {
            Named::Entries(items) => {
                let mut taken = Taken::default();
                let ids = self.identities(&items);
                let loaded = self.loaded_of(&ids).await?;
                let entries = ids.into_iter().zip(items);
                self.take_entries(entries, &loaded, at, tally, &mut taken, outlets)
                    .await?;
                taken
            }
            Named::Records(ids) => self.take_records(ids, tally, outlets).await?,
        };
        taken.next = content.next;
        ControlFlow::Continue(taken)
    }

    fn identities(&self, items: &[Item]) -> Vec<RecordId> {
        let items = items.iter();
        items
            .map(|item| normalize::identity(self.pipeline, item))
            .collect()
    }

    /// Ids that need not be read, those among these at least. The walk ends where the store cannot tell; the loader says
    /// more.
    async fn loaded_of(
        &self,
        ids: &[RecordId],
    ) -> ControlFlow<WalkEnd, Cow<'_, HashSet<RecordId>>> {
        match self.loaded.among(ids).await {
            Ok(loaded) => ControlFlow::Continue(loaded),
            Err(error) => ControlFlow::Break(WalkEnd::Failed(Outcome::Failed, with_causes(&error))),
        }
    }

    async fn take_entries(
        &self,
        entries: impl Iterator<Item = (RecordId, Item)>,
        loaded: &HashSet<RecordId>,
        at: ListPage,
        tally: &mut Tally,
        taken: &mut Taken,
        outlets: &Outlets,
    ) -> ControlFlow<WalkEnd> {
        let mut ready = Vec::new();
        let mut end = ControlFlow::Continue(());
        for (id, item) in entries {
            if *self.world.stop.borrow() {
                end = ControlFlow::Break(WalkEnd::Interrupted);
                break;
            }
            if let Some(reason) = self.visits.refused() {
                end = ControlFlow::Break(WalkEnd::Failed(Outcome::Blocked, reason));
                break;
            }
            taken.found += 1;
            // Files may name more than memory holds, and no snapshot asks which.
            if !self.reads_files() && !tally.listed.insert(id) {
                continue;
            }
            tally.named += 1;
            taken.fresh += 1;
            match self.cutoff.as_ref().map(|cutoff| cutoff.age(&item)) {
                Some(Age::Old) => {
                    taken.old += 1;
                    continue;
                }
                Some(Age::New) => taken.new += 1,
                Some(Age::Unknown) | None => {}
            }
            tally.wanted += 1;
            self.progress.entry();
            // What a run that died had loaded is not read again.
            if !loaded.contains(&id) {
                taken.sent += 1;
                if self.pipeline.detail.is_some() {
                    send(&outlets.entries, item).await;
                } else {
                    ready.push(PageWork::Entry(Box::new(item), at));
                }
            }
            if ready.len() >= HAND_OVER {
                send(&outlets.pages, std::mem::take(&mut ready)).await;
            }
            if tally.wanted >= self.limit {
                end = ControlFlow::Break(WalkEnd::Limited);
                break;
            }
        }
        if !ready.is_empty() {
            send(&outlets.pages, ready).await;
        }
        end
    }

    /// The same for records of a page that has not changed: they are seen.
    async fn take_records(
        &self,
        ids: Vec<RecordId>,
        tally: &mut Tally,
        outlets: &Outlets,
    ) -> ControlFlow<WalkEnd, Taken> {
        let loaded = self.loaded_of(&ids).await?;
        let mut taken = Taken {
            found: ids.len(),
            ..Taken::default()
        };
        let mut unchanged = Vec::with_capacity(ids.len());
        for id in ids {
            if tally.wanted >= self.limit {
                break;
            }
            if !tally.listed.insert(id) {
                continue;
            }
            tally.named += 1;
            taken.fresh += 1;
            tally.wanted += 1;
            self.progress.entry();
            if !loaded.contains(&id) {
                unchanged.push(id);
            }
        }
        // In pieces, as those of a page that was read: a batch holds what it is given at once.
        for ids in unchanged.chunks(PIECE_ENTRIES) {
            send(&outlets.loads, Load::Unchanged(ids.to_vec())).await;
        }
        if tally.wanted >= self.limit {
            return ControlFlow::Break(WalkEnd::Limited);
        }
        ControlFlow::Continue(taken)
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
