//! Whether an index holds what the store holds: every id, at its revision.
//!
//! Both sides are read in the order of ids and merged, so memory is the same at any length. That reading is long and
//! changes go on, so what differs in it is only a suspect. A suspect is judged by asking again, in this order: the
//! store; then, once the publisher has passed the head that the log has by now, the index; then the store once more. What
//! changed in between can only be explained by its changes, and is no difference. Where no publisher is at work nobody
//! is waited for, and what was not sent yet is a difference as any other; [`Comparison::lag`] tells of it.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::comparison::{Comparison, Difference, Fault, KindCounts, fault, record_id};
use super::document::{Document, Place};
use super::listing::{Listed, Listing, look_up};
use super::mend::mend;
use super::names::Month;
use super::{ElasticsearchTarget, PublishError};
use crate::load::{Known, Store, StoreError};
use crate::publish::publisher::{lag, position};
use crate::publish::{SendError, Target};
use crate::record::{Kind, RecordId};

/// Ids that the store is asked for at a time.
const PAGE: u32 = 5000;

/// Suspects that are judged together; also what a repair sends at a time.
const SUSPECTS: usize = 500;

/// How long a publisher may stand still before it is taken for none: longer than one waits between two looks at the log.
const STANDSTILL: Duration = Duration::from_secs(3);

/// Compares, and tells each difference as it is found. Changes nothing.
pub async fn verify(
    store: &Store,
    target: &ElasticsearchTarget,
    found: impl FnMut(Difference) + Send,
) -> Result<Comparison, PublishError> {
    compare(store, target, Purpose::Tell, found).await
}

/// Compares, and mends each difference after it was told: what is missing or stale is sent as publishing would, refusals
/// included; what is surplus is deleted; what is newer is deleted and sent anew. Whether all is well then, another
/// [`verify`] tells.
pub async fn repair(
    store: &Store,
    target: &ElasticsearchTarget,
    found: impl FnMut(Difference) + Send,
) -> Result<Comparison, PublishError> {
    compare(store, target, Purpose::Mend, found).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Tell,
    Mend,
}

async fn compare(
    store: &Store,
    target: &ElasticsearchTarget,
    purpose: Purpose,
    found: impl FnMut(Difference) + Send,
) -> Result<Comparison, PublishError> {
    let mut verifier = Verifier {
        store,
        target,
        purpose,
        found,
        is_alone: false,
    };
    verifier.run().await.map_err(|failure| {
        let target = target.name().to_owned();
        match failure {
            Failure::Store(source) => PublishError::Store { target, source },
            Failure::Index(source) => PublishError::Target { target, source },
        }
    })
}

pub(super) enum Failure {
    Store(StoreError),
    Index(SendError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        Self::Index(error)
    }
}

struct Verifier<'a, F> {
    store: &'a Store,
    target: &'a ElasticsearchTarget,
    purpose: Purpose,
    found: F,
    /// No publisher goes on with the target, so none is waited for.
    is_alone: bool,
}

impl<F: FnMut(Difference) + Send> Verifier<'_, F> {
    async fn run(&mut self) -> Result<Comparison, Failure> {
        self.target.indices.verify().await?;
        let mut kinds = Vec::with_capacity(Kind::ALL.len());
        for kind in Kind::ALL {
            kinds.push(self.kind(kind).await?);
        }
        let lag = lag(self.store, self.target.name()).await?;
        Ok(Comparison { kinds, lag })
    }

    async fn kind(&mut self, kind: Kind) -> Result<KindCounts, Failure> {
        let target = self.target;
        let alias = target.indices.names.alias(kind);
        let (since, without) = match kind {
            Kind::Weather => (
                target.indices.first_month().map(Month::start),
                target.indices.past_months().await?,
            ),
            Kind::Job | Kind::Post => (None, Vec::new()),
        };
        let mut listing = Listing::of(&target.client, &alias, without).await?;
        let compared = self.merge(kind, since, &mut listing).await;
        listing.close().await;
        compared
    }

    async fn merge(
        &mut self,
        kind: Kind,
        since: Option<Timestamp>,
        listing: &mut Listing<'_>,
    ) -> Result<KindCounts, Failure> {
        let mut counts = KindCounts::of(kind);
        if let Some(since) = since {
            counts.expired = self.store.count_dated_before(kind, since).await?;
        }
        let mut suspects: Vec<String> = Vec::new();
        let mut records = Records::of(self.store, kind, since);
        let mut documents: VecDeque<Listed> = VecDeque::new();
        loop {
            if documents.is_empty() {
                documents.extend(listing.next().await?);
            }
            records.fill().await?;
            let suspect = match (records.first(), documents.front()) {
                (None, None) => break,
                (Some((id, revision)), Some(document)) if *id == document.id => {
                    let suspect = (*revision != document.revision).then(|| id.clone());
                    records.pass();
                    documents.pop_front();
                    counts.records += 1;
                    counts.documents += 1;
                    suspect
                }
                (Some((id, _)), document) if document.is_none_or(|next| *id < next.key) => {
                    let suspect = id.clone();
                    records.pass();
                    counts.records += 1;
                    Some(suspect)
                }
                // Also a document whose record went by already: one too many, in another month.
                (_, _) => {
                    counts.documents += 1;
                    documents.pop_front().map(|document| document.id)
                }
            };
            suspects.extend(suspect);
            if suspects.len() >= SUSPECTS {
                self.judge(std::mem::take(&mut suspects), &mut counts)
                    .await?;
            }
        }
        self.judge(suspects, &mut counts).await?;
        Ok(counts)
    }

    /// Asks again for what differed, see the module; what still does is told, counted and, if so wished, mended.
    async fn judge(
        &mut self,
        mut suspects: Vec<String>,
        counts: &mut KindCounts,
    ) -> Result<(), Failure> {
        suspects.sort_unstable();
        suspects.dedup();
        if suspects.is_empty() {
            return Ok(());
        }
        let (store, target, kind) = (self.store, self.target, counts.kind);
        let ids: Vec<RecordId> = suspects.iter().filter_map(|id| record_id(id)).collect();
        let before = store.revisions_of(&ids).await?;
        self.wait_for_publisher().await?;
        let mut documents: HashMap<String, Vec<Listed>> = HashMap::new();
        let names: Vec<&str> = suspects.iter().map(String::as_str).collect();
        for document in look_up(&target.client, &target.indices.names.alias(kind), &names).await? {
            documents
                .entry(document.id.clone())
                .or_default()
                .push(document);
        }
        let after = store.revisions_of(&ids).await?;

        let mut differences = Vec::new();
        for id in suspects {
            let record = record_id(&id);
            let known = |then: &HashMap<RecordId, Known>| then.get(&record?).copied();
            let mut documents = documents.remove(&id).unwrap_or_default();
            if let (Some(record), [_, _, ..]) = (record, documents.as_slice()) {
                for extra in self.out_of_place(record, &mut documents).await? {
                    let revision = known(&after).map(Known::revision);
                    differences.push(Difference::of(
                        kind,
                        Fault::Surplus,
                        &id,
                        revision,
                        Some(&extra),
                    ));
                }
            }
            let document = documents.first();
            let revision = document.map(|document| document.revision);
            if let Some(fault) = fault(known(&before), revision, known(&after)) {
                let revision = known(&after).map(Known::revision);
                differences.push(Difference::of(kind, fault, &id, revision, document));
            }
        }
        for difference in &differences {
            counts.note(difference.fault);
            (self.found)(difference.clone());
        }
        match self.purpose {
            Purpose::Tell => Ok(()),
            Purpose::Mend => mend(store, target, &differences).await,
        }
    }

    /// Waits until the target has what the log holds now, for as long as a publisher goes on with it.
    async fn wait_for_publisher(&mut self) -> Result<(), Failure> {
        let head = self.store.head().await?;
        let mut last = None;
        let mut since = Instant::now();
        while !self.is_alone {
            let position = position(self.store, self.target.name()).await?;
            if position.is_some_and(|position| position >= head) {
                return Ok(());
            }
            if position != last {
                (last, since) = (position, Instant::now());
            }
            self.is_alone = since.elapsed() > STANDSTILL;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Takes out of several documents of one record those that are not where it belongs.
    async fn out_of_place(
        &self,
        id: RecordId,
        documents: &mut Vec<Listed>,
    ) -> Result<Vec<Listed>, Failure> {
        let latest = self.store.latest_change(id, Timestamp::now()).await?;
        let place = latest.and_then(|(_, record)| Some(Document::of(&record?).ok()?.place));
        let Some(Place::Month(month)) = place else {
            return Ok(Vec::new());
        };
        let belongs = format!("{}-", self.target.indices.names.month(month));
        let (kept, extra) = std::mem::take(documents)
            .into_iter()
            .partition(|document| document.index.starts_with(&belongs));
        *documents = kept;
        Ok(extra)
    }
}

/// The ids of a kind in their order, each with its revision; read page by page.
struct Records<'a> {
    store: &'a Store,
    kind: Kind,
    since: Option<Timestamp>,
    page: VecDeque<(String, i64)>,
    after: Option<RecordId>,
    is_over: bool,
}

impl<'a> Records<'a> {
    const fn of(store: &'a Store, kind: Kind, since: Option<Timestamp>) -> Self {
        Self {
            store,
            kind,
            since,
            page: VecDeque::new(),
            after: None,
            is_over: false,
        }
    }

    async fn fill(&mut self) -> Result<(), StoreError> {
        if !self.page.is_empty() || self.is_over {
            return Ok(());
        }
        let page = self
            .store
            .revisions_after(self.kind, self.since, self.after, PAGE)
            .await?;
        self.after = page.last().map(|(id, _)| *id).or(self.after);
        self.is_over = page.len() < PAGE as usize;
        self.page = page
            .into_iter()
            .map(|(id, revision)| (id.to_string(), revision))
            .collect();
        Ok(())
    }

    fn first(&self) -> Option<&(String, i64)> {
        self.page.front()
    }

    fn pass(&mut self) {
        self.page.pop_front();
    }
}
