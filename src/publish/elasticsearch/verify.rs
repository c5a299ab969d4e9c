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
use serde::Serialize;
use tokio::time::Instant;

use super::bulk::{Action, Delivery};
use super::document::{Document, Place};
use super::listing::{Listed, Listing, look_up, refresh};
use super::mapping::GC_DELETES;
use super::{ElasticsearchTarget, PublishError};
use crate::load::{Known, Store, StoreError};
use crate::publish::backoff::Backoff;
use crate::publish::publisher::{keep_refused, lag, position};
use crate::publish::{SendError, SendReport, Target};
use crate::record::{Change, Kind, RecordId, StoredRecord};

/// Ids that the store is asked for at a time.
const PAGE: u32 = 5000;

/// Suspects that are judged together; also what a repair sends at a time.
const SUSPECTS: usize = 500;

/// Attempts at sending to an index that is to forget its deletions; some three seconds together.
const FORGETTING: u32 = 5;

/// How long a publisher may stand still before it is taken for none: longer than one waits between two looks at the log.
const STANDSTILL: Duration = Duration::from_secs(3);

/// What is wrong with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The store has the record, the index does not.
    Missing,
    /// The index has an older revision.
    Stale,
    /// The index has a document that stands for no record: it was deleted, or trendy never wrote it.
    Surplus,
    /// The index has a newer revision than the store: it was written past trendy, or the store is an older copy.
    Newer,
}

/// One document that is not as its record is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The kind of the record.
    pub kind: Kind,
    /// The id of the record; of a document that trendy never wrote, its `_id`.
    pub id: String,
    /// What is wrong.
    pub fault: Fault,
    /// The revision in the store, or that of the deletion.
    pub store_revision: Option<i64>,
    /// The revision in the index.
    pub index_revision: Option<i64>,
    /// The index that the document was found in.
    pub index: Option<String>,
}

/// What was compared of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct KindCounts {
    /// The kind.
    pub kind: Kind,
    /// Records read from the store.
    pub records: u64,
    /// Documents read from the index.
    pub documents: u64,
    /// How many are [`Fault::Missing`].
    pub missing: u64,
    /// How many are [`Fault::Stale`].
    pub stale: u64,
    /// How many are [`Fault::Surplus`].
    pub surplus: u64,
    /// How many are [`Fault::Newer`].
    pub newer: u64,
}

/// A store beside its index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The counts of each kind.
    pub kinds: Vec<KindCounts>,
    /// How far the index is behind the change log at the end, in numbers of the log; with gaps, so an upper bound.
    pub lag: i64,
}

impl Comparison {
    /// Whether the index holds what the store holds.
    pub fn is_equal(&self) -> bool {
        self.kinds.iter().all(|counts| counts.differences() == 0)
    }

    /// Documents that are not as their records are.
    pub fn differences(&self) -> u64 {
        self.kinds.iter().map(KindCounts::differences).sum()
    }
}

impl KindCounts {
    const fn of(kind: Kind) -> Self {
        Self {
            kind,
            records: 0,
            documents: 0,
            missing: 0,
            stale: 0,
            surplus: 0,
            newer: 0,
        }
    }

    const fn differences(&self) -> u64 {
        self.missing + self.stale + self.surplus + self.newer
    }

    const fn note(&mut self, fault: Fault) {
        match fault {
            Fault::Missing => self.missing += 1,
            Fault::Stale => self.stale += 1,
            Fault::Surplus => self.surplus += 1,
            Fault::Newer => self.newer += 1,
        }
    }
}

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

enum Failure {
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
        let mut listing = Listing::of(&target.client, &alias).await?;
        let compared = self.merge(kind, &mut listing).await;
        listing.close().await;
        compared
    }

    async fn merge(
        &mut self,
        kind: Kind,
        listing: &mut Listing<'_>,
    ) -> Result<KindCounts, Failure> {
        let mut counts = KindCounts::of(kind);
        let mut suspects: Vec<String> = Vec::new();
        let mut records = Records::of(self.store, kind);
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
            Purpose::Mend => self.mend(&differences).await,
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
        let place = latest
            .and_then(|(_, record)| Document::of(&record?).ok())
            .map(|document| document.place);
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

    /// Sends what is missing or stale and deletes what is surplus. A document that is newer is deleted and sent again, which
    /// takes an index that forgets its deletions; so does one that somebody deleted past trendy.
    async fn mend(&self, differences: &[Difference]) -> Result<(), Failure> {
        let (store, target) = (self.store, self.target);
        let mut batch = Vec::new();
        let mut strays = Vec::new();
        let mut must_forget = false;
        for difference in differences {
            if let (Fault::Surplus | Fault::Newer, Some(index), Some(revision)) = (
                difference.fault,
                &difference.index,
                difference.index_revision,
            ) {
                let revision = revision.max(difference.store_revision.unwrap_or_default());
                strays.push(Action::drop_stray(index, &difference.id, revision));
            }
            if let (Fault::Missing | Fault::Stale | Fault::Newer, Some(id)) =
                (difference.fault, record_id(&difference.id))
            {
                must_forget |= difference.fault == Fault::Newer;
                batch.extend(store.latest_change(id, Timestamp::now()).await?);
            }
        }
        let mut delivery = Delivery::default();
        target.bulk.deliver(strays, &mut delivery).await?;
        let mut report = target.send(&batch).await?;
        if let (Some(first), true) = (differences.first(), must_forget || report.superseded > 0) {
            report = self.send_to_forgetful(first.kind, &batch).await?;
        }
        keep_refused(store, target.name(), &batch, report.refused).await?;
        Ok(())
    }

    /// Sends to indices that have forgotten their deletions, however new those were.
    async fn send_to_forgetful(
        &self,
        kind: Kind,
        batch: &[(Change, Option<StoredRecord>)],
    ) -> Result<SendReport, Failure> {
        let (target, alias) = (self.target, self.target.indices.names.alias(kind));
        target.indices.set_gc_deletes(&alias, "0s").await?;
        let sent = async {
            let mut backoff = Backoff::between(FORGETTING);
            loop {
                // Deletions are forgotten at a refresh, once the server's coarse clock has moved on.
                refresh(&target.client, &alias).await?;
                let report = target.send(batch).await?;
                match backoff.next(None) {
                    Some(wait) if report.superseded > 0 => tokio::time::sleep(wait).await,
                    _ => return Ok(report),
                }
            }
        };
        let sent: Result<SendReport, SendError> = sent.await;
        target.indices.set_gc_deletes(&alias, GC_DELETES).await?;
        Ok(sent?)
    }
}

/// What the index did wrong, if anything: it held this after all that the store knew before had reached it.
fn fault(before: Option<Known>, document: Option<i64>, after: Option<Known>) -> Option<Fault> {
    match (before, document, after) {
        (Some(Known::At(_)), None, Some(Known::At(_))) => Some(Fault::Missing),
        (Some(Known::At(least)), Some(found), Some(Known::At(_))) if found < least => {
            Some(Fault::Stale)
        }
        (_, Some(found), Some(Known::At(most))) if found > most => Some(Fault::Newer),
        (None | Some(Known::Deleted(_)), Some(_), None | Some(Known::Deleted(_))) => {
            Some(Fault::Surplus)
        }
        _ => None,
    }
}

/// The id of a record, in the one form that trendy writes.
fn record_id(id: &str) -> Option<RecordId> {
    let record = RecordId(id.parse().ok()?);
    (record.to_string() == id).then_some(record)
}

impl Difference {
    fn of(
        kind: Kind,
        fault: Fault,
        id: &str,
        store_revision: Option<i64>,
        document: Option<&Listed>,
    ) -> Self {
        Self {
            kind,
            id: id.to_owned(),
            fault,
            store_revision,
            index_revision: document.map(|document| document.revision),
            index: document.map(|document| document.index.clone()),
        }
    }
}

/// The ids of a kind in their order, each with its revision; read page by page.
struct Records<'a> {
    store: &'a Store,
    kind: Kind,
    page: VecDeque<(String, i64)>,
    after: Option<RecordId>,
    is_over: bool,
}

impl<'a> Records<'a> {
    const fn of(store: &'a Store, kind: Kind) -> Self {
        Self {
            store,
            kind,
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
            .revisions_after(self.kind, self.after, PAGE)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_meanwhile_is_no_difference() {
        use Known::{At, Deleted};
        for (before, document, after) in [
            (None, Some(1), Some(At(1))),
            (None, None, Some(At(1))),
            (Some(At(1)), None, Some(Deleted(2))),
            (Some(At(1)), Some(1), Some(At(3))),
            (Some(At(1)), Some(2), Some(At(3))),
            (Some(At(1)), Some(1), Some(Deleted(2))),
            (Some(Deleted(2)), Some(3), Some(At(3))),
        ] {
            assert_eq!(
                fault(before, document, after),
                None,
                "{before:?} {document:?} {after:?}"
            );
        }
    }

    #[test]
    fn what_no_change_explains_is_a_difference() {
        use Known::{At, Deleted};
        for (before, document, after, expected) in [
            (Some(At(1)), None, Some(At(1)), Fault::Missing),
            (Some(At(1)), None, Some(At(2)), Fault::Missing),
            (Some(At(2)), Some(1), Some(At(3)), Fault::Stale),
            (Some(At(2)), Some(4), Some(At(3)), Fault::Newer),
            (None, Some(1), None, Fault::Surplus),
            (Some(Deleted(2)), Some(1), Some(Deleted(2)), Fault::Surplus),
        ] {
            assert_eq!(fault(before, document, after), Some(expected));
        }
    }
}
