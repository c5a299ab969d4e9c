//! What follows the change log: targets, each with a cursor of its own.
//!
//! A [`Target`] takes batches of changes, each joined with the row that the store holds now, and answers item by item.
//! [`publish`] reads the log after the target's cursor, sends, and moves the cursor once the target has acknowledged.
//! So a crash anywhere replays a little and loses nothing, and a target must bear to be told the same thing twice and,
//! by a publisher that was paused for long, an older thing after a newer one.
//!
//! A record that a target refuses for good is a [`Refused`]: it becomes a dead letter and publishing goes on. A target
//! that cannot take anything now is a [`SendError`]: the cursor stays, and a later call goes on from there.

mod again;
mod backoff;
pub mod elasticsearch;
mod error;
mod follow;
mod portion;
mod publisher;
mod stop;
mod timed;

use async_trait::async_trait;

use crate::record::{Change, RecordId, StoredRecord};

pub use again::{Resender, Resent};
pub use error::{PublishError, SendError};
pub use follow::follow;
pub use publisher::{PublishEnd, PublishReport, Tally, lag, publish, publish_counting, start_over};
pub use timed::Timed;

pub(crate) use stop::until_stopped;

/// Something that follows the change log.
#[async_trait]
pub trait Target: Send + Sync {
    /// The name of its cursor, its lock and its dead letters; another place has another name.
    fn name(&self) -> &str;

    /// Whether [`Target::send`] could succeed: makes the same kind of call, and changes nothing.
    async fn check(&self) -> Result<(), SendError>;

    /// Lets go of what is past the age that it keeps. Before anything is sent, and by one publisher at a time.
    async fn expire(&self) -> Result<(), SendError> {
        Ok(())
    }

    /// Sends changes, in the order of the log, each with its record as it is now; none where it was deleted.
    ///
    /// Twice is once, and a change never wins over a newer one. After an error some of the batch may have arrived.
    async fn send(&self, batch: &[(Change, Option<StoredRecord>)])
    -> Result<SendReport, SendError>;
}

/// What a target made of a batch. Several changes of one record count once; runs are counted where a target shows them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SendReport {
    /// Records that were written or deleted.
    pub sent: u64,
    /// Records of which the target already has a newer revision.
    pub superseded: u64,
    /// Records that are past the age that the target keeps, so that they were not sent.
    pub expired: u64,
    /// Records that it will never take.
    pub refused: Vec<Refused>,
}

/// A record that a target will never take as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// The record.
    pub record_id: RecordId,
    /// What the target says.
    pub reason: String,
    /// What was sent; none for a deletion.
    pub payload: Option<serde_json::Value>,
}
