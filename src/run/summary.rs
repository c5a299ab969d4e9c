//! How a run ended, and why one did not start or come to its end.

use std::time::Duration;

use serde::Serialize;

use crate::cause::with_causes;
use crate::collect::{ArchiveError, SetupError};
use crate::config::Pipeline;
use crate::load::StoreError;
use crate::publish::PublishError;
use crate::record::{Counts, Outcome, PipelineId, RunId};

/// How a run ended: one row of the summary.
#[derive(Debug, Clone, Serialize)]
pub struct RunSummary {
    /// The pipeline.
    pub pipeline: PipelineId,
    /// Number of the run; none in a dry run, and where the store failed.
    pub run_id: Option<RunId>,
    /// How it ended; none when it was interrupted and will go on.
    pub outcome: Option<Outcome>,
    /// Why, where it is not `ok`.
    pub reason: Option<String>,
    /// What it did.
    #[serde(flatten)]
    pub counts: Counts,
    /// How long it took.
    pub seconds: f64,
}

/// Why a run did not start, or could not be written down.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Another process runs the pipeline.
    #[error("pipeline `{0}` is being run by another process; wait for it, or end it")]
    Locked(PipelineId),
    /// The store was restored, or its file replaced, since it was opened.
    #[error("the store `{0}` is not the one that was opened; start trendy again")]
    StoreReplaced(String),
    /// Nobody reads what a dry run prints any more.
    #[error("whoever read the records has gone")]
    Unread,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store failed in mid run. What was loaded is kept, and the next run goes on.
    #[error("{source}")]
    BrokenOff {
        /// What was loaded by then.
        loaded: Counts,
        /// What the store says.
        source: StoreError,
    },
    /// There is nothing to fetch with.
    #[error(transparent)]
    Fetcher(#[from] SetupError),
    /// There is nothing to replay.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A target holds what is not of this store, or does not let us.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl RunSummary {
    /// Of a run that failed for this reason, after so long.
    pub fn of_failure(pipeline: &Pipeline, error: &RunError, after: Duration) -> Self {
        let counts = match error {
            RunError::BrokenOff { loaded, .. } => *loaded,
            _ => Counts::default(),
        };
        Self {
            pipeline: pipeline.id.clone(),
            run_id: None,
            outcome: Some(Outcome::Failed),
            reason: Some(with_causes(error)),
            counts,
            seconds: elapsed_seconds(after),
        }
    }
}

impl RunError {
    /// The same of a run that had loaded this.
    pub(super) fn after(self, loaded: Counts) -> Self {
        match self {
            Self::Store(source) => Self::BrokenOff { loaded, source },
            other => other,
        }
    }
}

pub(super) fn elapsed_seconds(elapsed: Duration) -> f64 {
    (elapsed.as_secs_f64() * 100.0).round() / 100.0
}
