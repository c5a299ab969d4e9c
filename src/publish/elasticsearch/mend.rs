//! Makes an index hold again what the store holds.

use jiff::Timestamp;

use super::ElasticsearchTarget;
use super::bulk::Delivery;
use super::comparison::{Difference, Fault, record_id};
use super::listing::refresh;
use super::mapping::GC_DELETES;
use super::verify::Failure;
use crate::load::Store;
use crate::publish::backoff::Backoff;
use crate::publish::publisher::keep_refused;
use crate::publish::{SendError, SendReport, Target};
use crate::record::{Change, Kind, StoredRecord};

/// Attempts at sending to an index that is to forget its deletions; some three seconds together.
const FORGETTING: u32 = 5;

/// Sends what is missing or stale and deletes what is surplus. A document that is newer is deleted and sent again, which
/// takes an index that forgets its deletions; so does one that somebody deleted past trendy.
pub(super) async fn mend(
    store: &Store,
    target: &ElasticsearchTarget,
    differences: &[Difference],
) -> Result<(), Failure> {
    let mut batch = Vec::new();
    let mut strays = target.bulk.requests();
    let mut must_forget = false;
    for difference in differences {
        if let (Fault::Surplus | Fault::Newer, Some(index), Some(revision)) = (
            difference.fault,
            &difference.index,
            difference.index_revision,
        ) {
            let revision = revision.max(difference.store_revision.unwrap_or_default());
            strays.drop_stray(index, &difference.id, revision);
        }
        if let (Fault::Missing | Fault::Stale | Fault::Newer, Some(id)) =
            (difference.fault, record_id(&difference.id))
        {
            must_forget |= difference.fault == Fault::Newer;
            batch.extend(store.latest_change(id, Timestamp::now()).await?);
        }
    }
    let mut delivery = Delivery::default();
    target.bulk.deliver(strays, &mut delivery).await?;
    let mut report = target.send(&batch).await?;
    if let (Some(first), true) = (differences.first(), must_forget || report.superseded > 0) {
        report = send_to_forgetful(target, first.kind, &batch).await?;
    }
    keep_refused(store, target.name(), &batch, report.refused).await?;
    Ok(())
}

/// Sends to indices that have forgotten their deletions, however new those were.
async fn send_to_forgetful(
    target: &ElasticsearchTarget,
    kind: Kind,
    batch: &[(Change, Option<StoredRecord>)],
) -> Result<SendReport, Failure> {
    let alias = target.indices.names.alias(kind);
    target.indices.set_gc_deletes(&alias, "0s").await?;
    let sent = async {
        let mut backoff = Backoff::between(FORGETTING);
        loop {
            // Deletions are forgotten at a refresh, once the server's coarse clock has moved on.
            refresh(&target.client, &alias).await?;
            let report = target.send(batch).await?;
            match backoff.next(None) {
                Some(wait) if report.superseded > 0 => tokio::time::sleep(wait).await,
                _ => return Ok(report),
            }
        }
    };
    let sent: Result<SendReport, SendError> = sent.await;
    target.indices.set_gc_deletes(&alias, GC_DELETES).await?;
    Ok(sent?)
}
