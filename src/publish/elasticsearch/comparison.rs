//! What can differ between a store and its index.

use serde::Serialize;

use super::listing::Listed;
use crate::load::Known;
use crate::record::{Kind, RecordId};

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
    /// Records that are past the age that the index keeps: not read, and their documents neither.
    pub expired: u64,
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
    pub(super) const fn of(kind: Kind) -> Self {
        Self {
            kind,
            records: 0,
            documents: 0,
            expired: 0,
            missing: 0,
            stale: 0,
            surplus: 0,
            newer: 0,
        }
    }

    const fn differences(&self) -> u64 {
        self.missing + self.stale + self.surplus + self.newer
    }

    pub(super) const fn note(&mut self, fault: Fault) {
        match fault {
            Fault::Missing => self.missing += 1,
            Fault::Stale => self.stale += 1,
            Fault::Surplus => self.surplus += 1,
            Fault::Newer => self.newer += 1,
        }
    }
}

impl Difference {
    pub(super) fn of(
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

/// What the index did wrong, if anything: it held this after all that the store knew before had reached it.
pub(super) fn fault(
    before: Option<Known>,
    document: Option<i64>,
    after: Option<Known>,
) -> Option<Fault> {
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
pub(super) fn record_id(id: &str) -> Option<RecordId> {
    let record = RecordId(id.parse().ok()?);
    (record.to_string() == id).then_some(record)
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
