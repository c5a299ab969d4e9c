use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ContentHash, Kind, PipelineId, RecordId, RunId};

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
    pub diff: Option<Value>,
}

/// A record as the store holds it.
///
/// What is its kind's own, and its terms, are JSON texts as the store keeps them: a target that shows them all passes the
/// text on, and a tree of it is made only where somebody asks for [`StoredRecord::document`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredRecord {
    /// Identity.
    pub id: RecordId,
    /// Kind.
    pub kind: Kind,
    /// The pipeline that last brought it.
    pub pipeline: PipelineId,
    /// Its address.
    pub url: String,
    /// When it was first seen.
    pub first_seen_at: Timestamp,
    /// Hash of its normalized meaning.
    pub content_hash: ContentHash,
    /// 1, then +1 at each real change.
    pub revision: i64,
    /// Whether its source still shows it.
    pub active: bool,
    /// When its source no longer did.
    pub closed_at: Option<Timestamp>,
    /// For a job or post, the oldest record of the same one.
    pub same_as: Option<RecordId>,
    /// Its technologies: a JSON list of [`Term`](super::Term)s.
    pub terms: String,
    /// The fields of its kind: a JSON object. None has the name of one of those above.
    pub fields: String,
}

impl StoredRecord {
    /// All of it as one JSON object: the fields of its kind, and beside them what every record has. A text that is no JSON
    /// stands as the text that it is.
    pub fn document(&self) -> Value {
        let parsed = |text: &String| serde_json::from_str(text).unwrap_or_else(|_| json!(text));
        let mut document = parsed(&self.fields);
        let Value::Object(fields) = &mut document else {
            return document;
        };
        let beside = [
            ("id", json!(self.id)),
            ("kind", json!(self.kind)),
            ("pipeline", json!(self.pipeline)),
            ("url", json!(self.url)),
            ("first_seen_at", json!(self.first_seen_at)),
            ("content_hash", json!(self.content_hash)),
            ("revision", json!(self.revision)),
            ("active", json!(self.active)),
            ("closed_at", json!(self.closed_at)),
            ("terms", parsed(&self.terms)),
        ];
        fields.extend(beside.map(|(name, value)| (name.to_owned(), value)));
        if self.kind != Kind::Weather {
            fields.insert("same_as".to_owned(), json!(self.same_as));
        }
        document
    }
}
