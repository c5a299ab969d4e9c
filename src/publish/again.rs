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
    /// It is past the age that the target keeps, so that it was not sent.
    Expired,
    /// The store never had it, so there is nothing to send.
    Unknown,
}

/// Sends single records once more, as they are now, or their deletions, whatever the target's cursor says: revisions keep
/// an older one from winning, so that this needs no lease.
pub struct Resender<'a> {
    store: &'a Store,
    target: &'a dyn Target,
}

impl<'a> Resender<'a> {
    /// For a target that takes what this store sends: it is checked as a publisher checks it, since revisions of one store
    /// mean nothing to an index that another one feeds.
    pub async fn checked(store: &'a Store, target: &'a dyn Target) -> Result<Self, PublishError> {
        let checked = target.check().await;
        checked.map_err(|source| PublishError::Target {
            target: target.name().to_owned(),
            source,
        })?;
        Ok(Self { store, target })
    }

    /// Sends one record.
    pub async fn send(&self, id: RecordId) -> Result<Resent, PublishError> {
        let target = || self.target.name().to_owned();
        let latest = self.store.latest_change(id, Timestamp::now()).await;
        let latest = latest.map_err(|source| PublishError::Store {
            target: target(),
            source,
        })?;
        let Some(latest) = latest else {
            return Ok(Resent::Unknown);
        };
        let report = self.target.send(&[latest]).await;
        let mut report = report.map_err(|source| PublishError::Target {
            target: target(),
            source,
        })?;
        Ok(match report.refused.pop() {
            Some(refused) => Resent::Refused(refused.reason),
            None if report.expired > 0 => Resent::Expired,
            None => Resent::Accepted,
        })
    }
}
