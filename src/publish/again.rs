use jiff::Timestamp;

use super::{PublishError, Target};
use crate::load::Store;
use crate::record::RecordId;

/// What became of a record that was sent once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resent {
    /// The target has it, or something newer.
    Accepted,
    /// The target refuses it again, and says why.
    Refused(String),
    /// The store never had it, so there is nothing to send.
    Unknown,
}

/// Sends one record as it is now, or its deletion, whatever the target's cursor says: revisions keep an older one from
/// winning, so that this needs no lease.
pub async fn send_again(
    store: &Store,
    target: &dyn Target,
    id: RecordId,
) -> Result<Resent, PublishError> {
    let latest = store.latest_change(id, Timestamp::now()).await;
    let latest = latest.map_err(|source| PublishError::Store {
        target: target.name().to_owned(),
        source,
    })?;
    let Some(latest) = latest else {
        return Ok(Resent::Unknown);
    };
    let report = target.send(&[latest]).await;
    let mut report = report.map_err(|source| PublishError::Target {
        target: target.name().to_owned(),
        source,
    })?;
    let refused = report.refused.pop();
    Ok(refused.map_or(Resent::Accepted, |refused| Resent::Refused(refused.reason)))
}
