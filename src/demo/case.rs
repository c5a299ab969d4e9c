use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::difference::Expected;
use super::fetcher::SavedFetcher;
use super::saved::{ABOUT, EXPECTED, Files, Saved, SavedError, day_of};
use super::site::date_of;

/// A saved site of a pipeline and the records expected of it: a folder `fixtures/<pipeline>/<case>/`.
///
/// Beside the pages lie `expected.json`, the records, and `case.toml`, which says when the pages were saved: that is what
/// `3 days ago` counts from. A folder `day-<n>` is a day of the demo and stands on the days before it; its time is known.
#[derive(Debug, Clone)]
pub struct Case {
    pipeline: String,
    name: String,
    fixtures: PathBuf,
}

/// What a case says of itself.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    /// When its pages were saved.
    now: Timestamp,
}

/// A case that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// Its pages cannot be read.
    #[error(transparent)]
    Saved(#[from] SavedError),
    /// A file or folder of it cannot be read or written.
    #[error("cannot read or write `{}`", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// `expected.json` holds no records.
    #[error(
        "`{}` is no list of expected records: {reason}; `trendy test --update` writes it",
        path.display()
    )]
    NotExpected {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// `case.toml` does not say when the pages were saved.
    #[error(
        "`{}`: {reason}; it says when the pages were saved, such as `now = \"2026-11-19T09:00:00Z\"`",
        path.display()
    )]
    NotTimed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl Case {
    /// Every folder of a pipeline below `fixtures`, by name, whether records are expected of it or not.
    pub fn all(fixtures: &Path, pipeline: &str) -> Result<Vec<Self>, CaseError> {
        let folder = fixtures.join(pipeline);
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let unreadable = |source| CaseError::File {
            path: folder.clone(),
            source,
        };
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            if entry.path().is_dir()
                && let Some(name) = entry.file_name().to_str()
            {
                names.push(name.to_owned());
            }
        }
        names.sort();
        let case = |name| Self {
            pipeline: pipeline.to_owned(),
            name,
            fixtures: fixtures.to_owned(),
        };
        Ok(names.into_iter().map(case).collect())
    }

    /// The name of its folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether records are expected of it: without, the folder is a saved site and no more.
    pub fn is_expecting(&self) -> bool {
        self.path(EXPECTED).is_file()
    }

    /// When its pages were saved; none where nothing says so.
    pub fn now(&self) -> Result<Option<Timestamp>, CaseError> {
        let path = self.path(ABOUT);
        if path.is_file() {
            let not_timed = |reason: String| CaseError::NotTimed {
                path: path.clone(),
                reason,
            };
            let about: About = toml_edit::de::from_str(&self.read(ABOUT)?)
                .map_err(|error| not_timed(error.message().to_owned()))?;
            return Ok(Some(about.now));
        }
        let day = day_of(&self.name).map(date_of);
        Ok(day.and_then(|day| Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())))
    }

    /// The error where nothing says when its pages were saved.
    pub fn not_timed(&self) -> CaseError {
        CaseError::NotTimed {
            path: self.path(ABOUT),
            reason: "there is no such file".to_owned(),
        }
    }

    /// Notes when its pages were saved.
    pub fn set_now(&self, now: Timestamp) -> Result<(), CaseError> {
        self.write(ABOUT, &format!("now = \"{now:.0}\"\n"))
    }

    /// What answers the requests of a run over it, as of `now`.
    pub fn fetcher(&self, now: Timestamp) -> Result<SavedFetcher, CaseError> {
        let files = Files::Disk(self.fixtures.clone());
        let saved = Saved::open_case(&files, &self.pipeline, &self.name)?;
        Ok(SavedFetcher::new(saved, now))
    }

    /// The records expected of it.
    pub fn expected(&self) -> Result<Vec<Expected>, CaseError> {
        serde_json::from_str(&self.read(EXPECTED)?).map_err(|error| CaseError::NotExpected {
            path: self.path(EXPECTED),
            reason: error.to_string(),
        })
    }

    /// Expects these records from now on; they are kept in the order of their addresses.
    ///
    /// # Panics
    /// Never: a record is an object with texts for keys.
    pub fn expect(&self, mut records: Vec<Expected>) -> Result<(), CaseError> {
        records.sort_by(|one, other| (&one.url, one.id).cmp(&(&other.url, other.id)));
        let mut text = serde_json::to_string_pretty(&records)
            .expect("records are objects with texts for keys");
        text.push('\n');
        self.write(EXPECTED, &text)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.fixtures
            .join(&self.pipeline)
            .join(&self.name)
            .join(file)
    }

    fn read(&self, file: &str) -> Result<String, CaseError> {
        let path = self.path(file);
        std::fs::read_to_string(&path).map_err(|source| CaseError::File { path, source })
    }

    fn write(&self, file: &str, text: &str) -> Result<(), CaseError> {
        let path = self.path(file);
        std::fs::write(&path, text).map_err(|source| CaseError::File { path, source })
    }
}
