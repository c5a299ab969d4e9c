//! The domain: what trendy keeps, and how the same thing seen twice is known to be the same.
//!
//! A [`Record`] is what the stages make of one posting, post or weather reading. Its [`RecordId`] is a function of the
//! natural key, so any machine gives the same thing the same id; its [`ContentHash`] is a function of the normalized
//! meaning, so a changed banner is no change. A [`Change`] is one real change of one record, numbered by the store.
//!
//! This module knows no stage: it does no I/O and reads no clock.

mod change;
mod fill;
mod flow;
mod host;
mod identity;
mod job;
mod likeness;
mod outcome;
mod post;
mod term;
mod weather;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use change::{Change, Op, StoredRecord, Subject, UnknownSubject};
pub use fill::Fill;
pub use flow::{
    Entry, Fetched, Field, Item, LINES, Next, Page, Rejection, Request, Role, SitemapFile, Stage,
    Validators, Values,
};
pub use host::HostMemory;
pub use identity::{ContentHash, InvalidContentHash, PipelineId, RecordId, RunId};
pub use job::{Job, Salary, SalaryUnit};
pub use likeness::{Likeness, keys_in};
pub use outcome::{Counts, Outcome};
pub use post::Post;
pub use term::{Term, TermType};
pub use weather::{Reading, Weather, WeatherKind};

/// What a record is about.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A job listing.
    Job,
    /// An article of a tech blog or news site.
    Post,
    /// What one station observed or was forecast for one instant.
    Weather,
}

impl Kind {
    /// Every kind, in the order of tables and summaries.
    pub const ALL: [Self; 3] = [Self::Job, Self::Post, Self::Weather];

    /// The name in files, columns and index names.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Post => "post",
            Self::Weather => "weather",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// One normalized posting, post or reading, ready to be loaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Version 5 UUID of kind and natural key.
    pub id: RecordId,
    /// The pipeline that saw it.
    pub pipeline: PipelineId,
    /// Canonical URL of the thing itself, at the pipeline's own base address.
    pub url: String,
    /// Hash of `body` without what is not counted, see [`ContentHash`].
    pub content_hash: ContentHash,
    /// Fields whose change alone is no update: what the pipeline ignores, and dates that were told from the instant of
    /// the visit (`3 days ago`), which move though nothing has changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uncounted: Vec<Field>,
    /// Technologies named in it, sorted by name, each once.
    pub terms: Vec<Term>,
    /// The fields of its kind.
    pub body: Body,
    /// When its page was fetched.
    pub seen_at: Timestamp,
}

impl Record {
    /// What the record is about.
    pub const fn kind(&self) -> Kind {
        self.body.kind()
    }
}

/// The fields of a record by its kind. In documents the fields stand without a wrapper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Body {
    /// A job listing.
    Job(Box<Job>),
    /// A post.
    Post(Box<Post>),
    /// A weather reading.
    Weather(Weather),
}

impl Body {
    /// What the fields are about.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Job(_) => Kind::Job,
            Self::Post(_) => Kind::Post,
            Self::Weather(_) => Kind::Weather,
        }
    }

    /// The same without these fields: as if the source did not tell them.
    #[must_use]
    pub fn without(mut self, fields: &[Field]) -> Self {
        for field in fields {
            match &mut self {
                Self::Job(job) => job.forget(*field),
                Self::Post(post) => post.forget(*field),
                Self::Weather(_) => {}
            }
        }
        self
    }

    /// When its source says that it came to be, where it says so.
    pub fn dated_at(&self) -> Option<Timestamp> {
        match self {
            Self::Job(job) => job.posted_at,
            Self::Post(post) => post.published_at,
            Self::Weather(weather) => Some(weather.valid_at),
        }
    }

    /// Gives it another [date](Self::dated_at).
    pub fn date(&mut self, at: Timestamp) {
        match self {
            Self::Job(job) => job.posted_at = Some(at),
            Self::Post(post) => post.published_at = Some(at),
            Self::Weather(weather) => weather.valid_at = at,
        }
    }

    /// Bytes of its long texts: what a batch of records is bounded by.
    pub fn text_bytes(&self) -> usize {
        let texts: [Option<&String>; 2] = match self {
            Self::Job(job) => [job.description.as_ref(), None],
            Self::Post(post) => [post.text.as_ref(), post.summary.as_ref()],
            Self::Weather(_) => [None, None],
        };
        texts.into_iter().flatten().map(String::len).sum()
    }

    /// The owner of the list that a record stands in: the board of a job, the source of a post, the station of a
    /// reading. A snapshot closes only what its own scope holds.
    pub fn scope(&self) -> &str {
        match self {
            Self::Job(job) => &job.board,
            Self::Post(post) => &post.source,
            Self::Weather(weather) => &weather.station,
        }
    }
}
