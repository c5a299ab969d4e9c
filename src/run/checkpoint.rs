//! What a run that goes on had already loaded: it is not read again.
//!
//! Of a list all ids are in memory, as the list's own are. Files may name more than memory holds, so of those the store is
//! asked piece by piece, and only until a piece has none: what comes after it was not loaded before, as files are read in
//! their order. A few lines around there are loaded twice, which is once.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Locked;
use crate::config::{Fetch, Pipeline};
use crate::load::{Store, StoreError};
use crate::record::{RecordId, RunId};

/// The records that a run has from before this process.
pub(super) enum Checkpoint<'a> {
    /// These.
    Known(HashSet<RecordId>),
    /// Those of the store, as far as the files were read.
    Asked {
        store: &'a Store,
        run: RunId,
        /// Whether the files are read beyond.
        is_passed: AtomicBool,
    },
}

impl<'a> Checkpoint<'a> {
    /// That of a run that begins.
    pub(super) fn none() -> Self {
        Self::Known(HashSet::new())
    }

    /// That of an open run.
    pub(super) async fn of(pipeline: &Pipeline, open: &'a Locked) -> Result<Self, StoreError> {
        let (store, run) = (&open.store, open.run.id);
        if !open.run.resumed {
            return Ok(Self::none());
        }
        if pipeline.source.fetch == Fetch::File {
            return Ok(Self::Asked {
                store,
                run,
                is_passed: AtomicBool::new(false),
            });
        }
        Ok(Self::Known(store.checkpoint(run).await?))
    }

    /// Ids that it has: those among these at least.
    pub(super) async fn among(
        &self,
        ids: &[RecordId],
    ) -> Result<Cow<'_, HashSet<RecordId>>, StoreError> {
        match self {
            Self::Known(known) => Ok(Cow::Borrowed(known)),
            Self::Asked {
                store,
                run,
                is_passed,
            } => {
                let mut loaded = HashSet::new();
                if !ids.is_empty() && !is_passed.load(Ordering::Relaxed) {
                    loaded = store.checkpoint_among(*run, ids).await?;
                    is_passed.store(loaded.is_empty(), Ordering::Relaxed);
                }
                Ok(Cow::Owned(loaded))
            }
        }
    }
}
