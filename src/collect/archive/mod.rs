//! The raw archive: what sites answered, in WARC 1.1 files that any web archive tool reads, and runs from them.
//!
//! A run writes files of its own pipeline, `trendy-PIPELINE-TIME-NUMBER.warc.gz`: a `warcinfo` record, then a `response`
//! and its `request` for each exchange, redirects, refusals and `robots.txt` included. Every record is a gzip member by
//! itself. A file that is being written ends in `.open` and is locked; one that a crash left so is cut after its last
//! whole record and closed by the next run.
//!
//! Invariants. No secret and no twin gets in: addresses are the real ones, with `${NAME}` for a secret, in headers and
//! bodies too. A body is archived decoded, so `Content-Encoding` and `Transfer-Encoding` are left out and
//! `Content-Length` is that of the decoded bytes; a body that nobody read (of a redirect, of an error) is marked as
//! truncated, and an answer that broke off or was too large is left out. The archive serves the run and never fails it: the first error is told and ends the archiving of that run.
//!
//! A [replay](ArchiveFetcher) answers with the newest response to an address. A station is found by its id, for its
//! address holds the hour of the run.

mod fetcher;
mod folder;
mod reader;
mod record;
mod writer;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::record::{PipelineId, Role};

pub use fetcher::ArchiveFetcher;
pub(super) use record::Capture;
pub(super) use writer::{Origin, Recorder};

/// Size from which the next exchange begins a new file: 128 MiB, small enough to copy from a Pi, large enough to keep a
/// month in few files.
const ROTATE_AT: u64 = 128 * 1024 * 1024;

/// What a record was fetched for: `list 2`, `detail`, `station 108`. Absent from `robots.txt` and from the second hop of
/// a redirect on.
const ROLE: &str = "WARC-Trendy-Role";

/// Address that a browser ended up on, where it is another than the one it was sent to.
const LANDED: &str = "WARC-Trendy-Landed";

/// Where and how long raw answers are kept.
#[derive(Debug, Clone)]
pub struct ArchiveSettings {
    /// Folder of the files; made when the first is written.
    pub folder: PathBuf,
    /// Age from which files are removed. Default: none is.
    pub keep: Option<Duration>,
    /// Size from which a new file is begun. Default: 128 MiB.
    pub rotate_at: u64,
}

impl ArchiveSettings {
    /// An archive that keeps everything.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            keep: None,
            rotate_at: ROTATE_AT,
        }
    }
}

/// Why nothing can be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The archive is not there, or cannot be read.
    #[error("cannot read archive `{}`", .path.display())]
    Unreadable {
        /// Folder or file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is of other pipelines.
    #[error("archive `{}` holds no answer for pipeline `{pipeline}`", .path.display())]
    NothingOf {
        /// Folder or file.
        path: PathBuf,
        /// The pipeline.
        pipeline: PipelineId,
    },
}

/// A role as the header [`ROLE`] has it.
pub(super) fn role_text(role: &Role) -> String {
    match role {
        Role::List { number } => format!("list {number}"),
        Role::Detail { .. } => "detail".to_owned(),
        Role::Station { station } => format!("station {station}"),
    }
}
