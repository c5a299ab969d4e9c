use std::fmt;

use serde::{Deserialize, Serialize};

/// How a run ended. Only [`Outcome::Ok`] closes records; every other one says why, alarms, and exits with 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The whole list was walked.
    Ok,
    /// The list held no entry.
    Empty,
    /// A part of the list was walked, or it shrank beyond belief.
    Partial,
    /// The site refused us: 401, 403, 429, robots.txt or a captcha.
    Blocked,
    /// The page no longer looks as the pipeline file says.
    Broken,
    /// Anything else: no connection, a server error, the store.
    Failed,
}

impl Outcome {
    /// The name in columns, documents and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Empty => "empty",
            Self::Partial => "partial",
            Self::Blocked => "blocked",
            Self::Broken => "broken",
            Self::Failed => "failed",
        }
    }

    /// The outcome of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Ok,
            Self::Empty,
            Self::Partial,
            Self::Blocked,
            Self::Broken,
            Self::Failed,
        ]
        .into_iter()
        .find(|outcome| outcome.as_str() == name)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What a run did, counted. The names are those of the summary, the columns and the documents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Pages fetched.
    pub pages: u64,
    /// Records loaded, changed or not.
    pub records: u64,
    /// Records seen for the first time.
    pub added: u64,
    /// Records whose content changed.
    pub updated: u64,
    /// Records closed.
    pub closed: u64,
    /// Records that had been closed and came back.
    pub reopened: u64,
    /// Records loaded without a change.
    pub unchanged: u64,
    /// Items that could not become a record, and detail pages that failed.
    pub rejected: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.pages += other.pages;
        self.records += other.records;
        self.added += other.added;
        self.updated += other.updated;
        self.closed += other.closed;
        self.reopened += other.reopened;
        self.unchanged += other.unchanged;
        self.rejected += other.rejected;
    }
}
