use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Kind, RecordId, RunId};

/// What a change is about: a record, or the end of a run, which goes through the same log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum Subject {
    /// A record of this kind.
    Record(Kind),
    /// The outcome of a run.
    Run,
}

impl Subject {
    /// The name in columns and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Record(kind) => kind.as_str(),
            Self::Run => "run",
        }
    }
}

impl From<Subject> for &'static str {
    fn from(subject: Subject) -> Self {
        subject.as_str()
    }
}

/// A name that is no subject of a change.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not what a change can be about (known: `job`, `post`, `weather`, `run`)")]
pub struct UnknownSubject(String);

impl TryFrom<String> for Subject {
    type Error = UnknownSubject;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        if name == "run" {
            return Ok(Self::Run);
        }
        Kind::from_name(&name)
            .map(Self::Record)
            .ok_or(UnknownSubject(name))
    }
}

/// What happened to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// Seen for the first time.
    Added,
    /// Its content hash differs.
    Updated,
    /// Absent from a whole snapshot of its list.
    Closed,
    /// Closed, and seen again.
    Reopened,
    /// Changed in what targets show, not in what its source says: new terms, a new hash recipe, a link.
    Derived,
    /// Removed; a tombstone with its revision stays.
    Deleted,
}

impl Op {
    /// The name in columns and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Updated => "updated",
            Self::Closed => "closed",
            Self::Reopened => "reopened",
            Self::Derived => "derived",
            Self::Deleted => "deleted",
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// One row of the change log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Place in the log; the order of commits, with gaps.
    pub seq: i64,
    /// The run that saw it.
    pub run_id: Option<RunId>,
    /// Kind of the record, or `run`.
    pub kind: Subject,
    /// The record; for a run, the id of its document.
    pub record_id: RecordId,
    /// Its revision after the change.
    pub revision: i64,
    /// What happened.
    pub op: Op,
    /// When.
    pub at: Timestamp,
    /// Changed fields: name → `[before, after]`; none where every field is new.
    pub diff: Option<serde_json::Value>,
}

/// A record as the store holds it: the document that targets show, and its revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredRecord {
    /// Identity.
    pub id: RecordId,
    /// Kind.
    pub kind: Kind,
    /// 1, then +1 at each real change.
    pub revision: i64,
    /// Fields of the kind, and `id`, `kind`, `pipeline`, `url`, `first_seen_at`, `content_hash`, `revision`, `active`,
    /// `closed_at` and `terms` beside them; for a job or post also `same_as`, the oldest record of the same one.
    pub document: serde_json::Value,
}
