//! The stages of a run, joined: from a walk to a sink.

use tokio::sync::mpsc;

use super::details::details;
use super::loader::{self, Sink, SinkError, Sunk};
use super::snapshot::WalkEnd;
use super::transform::transform;
use super::walk::{Walk, Walked};
use crate::record::Outcome;
use crate::telemetry::Progress;

/// Room of each channel. Small: a page or record that waits may be 2 MiB, and a crash fetches it again.
pub(super) const CHANNEL_ROOM: usize = 4;

/// Walks a list, and puts into the sink what becomes of its entries.
///
/// A sink that fails ends it at once: the stages before it are dropped where they stand.
pub(super) async fn join(
    walk: &Walk<'_>,
    sink: Sink<'_>,
    progress: &Progress,
) -> Result<(Walked, Sunk), SinkError> {
    let (entries_in, entries) = mpsc::channel(CHANNEL_ROOM);
    let (pages_in, pages) = mpsc::channel(CHANNEL_ROOM);
    let (loads_in, loads) = mpsc::channel(CHANNEL_ROOM);
    let (pipeline, visits) = (walk.pipeline, walk.visits);
    let stages = async {
        let walked = walk.list(entries_in, pages_in.clone(), loads_in.clone());
        let stop = walk.world.stop.clone();
        let details = details(pipeline, visits, stop, entries, pages_in, loads_in.clone());
        let transform = transform(pipeline, walk.world.dictionaries, pages, loads_in);
        let (mut walked, left, ()) = tokio::join!(walked, details, transform);
        if left {
            walked.end = WalkEnd::Interrupted;
        } else if let Some(reason) = visits.refused()
            && walked.end != WalkEnd::Interrupted
        {
            walked.end = WalkEnd::Failed(Outcome::Blocked, reason);
        }
        Ok(walked)
    };
    tokio::try_join!(stages, loader::load(pipeline, sink, loads, progress))
}
