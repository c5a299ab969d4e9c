//! What the store lets go of: changes that every target has had for long, forecasts whose time is long past, and the
//! memory of what was deleted.
//!
//! It goes in pieces, each a short transaction of its own, so that a run beside it hardly waits and a process that is
//! killed leaves nothing half done. Invariants:
//!
//! - The log is cut at its beginning only, and the transaction that cuts notes up to where (`store.pruned_seq`). A reader
//!   whose number is smaller has missed something: [`Store::follows_on`] tells it, and it takes a snapshot.
//! - It is never cut past an active cursor: one of this store that has not fallen off and moved not long ago. A target that
//!   stays away for longer holds nothing.
//! - A forecast goes as any record does: a `deleted` change in the log, and a tombstone with its revision.
//! - A tombstone outlives the change that tells of it by as long again, for targets that take a snapshot because they
//!   missed that change.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

use super::sql::IdRow;
use super::{Bind, Purpose, Store, StoreError, binds, retrying};
use crate::record::{Kind, RecordId};

/// Changes, or tombstones, that one transaction removes: some milliseconds on a Pi's card.
const PIECE: i64 = 1_000;

/// Forecasts that one transaction removes; each costs its terms, a tombstone and a change besides.
const FORECASTS: i64 = 250;

/// How long what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Changes, from when they were made; none for ever. Tombstones stay for twice as long.
    pub log: Option<SignedDuration>,
    /// Forecasts, from the instant that they are for; none for ever.
    pub forecasts: Option<SignedDuration>,
    /// How long a target that is behind and acknowledges nothing still holds the log.
    pub targets: SignedDuration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            log: Some(SignedDuration::from_hours(90 * 24)),
            forecasts: Some(SignedDuration::from_hours(90 * 24)),
            targets: SignedDuration::from_hours(30 * 24),
        }
    }
}

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Changes of the log.
    pub changes: u64,
    /// Forecasts.
    pub forecasts: u64,
    /// Tombstones.
    pub tombstones: u64,
}

impl Pruned {
    /// Whether there was nothing left to remove.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

impl std::ops::AddAssign for Pruned {
    fn add_assign(&mut self, other: Self) {
        self.changes += other.changes;
        self.forecasts += other.forecasts;
        self.tombstones += other.tombstones;
    }
}

/// A deletion that is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tombstone {
    /// What was deleted.
    pub record_id: RecordId,
    /// What it was.
    pub kind: Kind,
    /// The revision that its deletion was.
    pub revision: i64,
}

#[derive(FromRow)]
struct SeqRow {
    seq: Option<i64>,
}

#[derive(FromRow)]
struct TombstoneRow {
    record_id: Uuid,
    kind: String,
    revision: i64,
}

impl Store {
    /// Removes one piece of everything that is past its age. Nothing is left once a call removes nothing.
    pub async fn prune(&self, retention: &Retention, now: Timestamp) -> Result<Pruned, StoreError> {
        let mut pruned = Pruned::default();
        if let Some(keep) = retention.forecasts {
            pruned.forecasts = self.prune_forecasts(before(now, keep), now).await?;
        }
        if let Some(keep) = retention.log {
            let silent = before(now, retention.targets);
            pruned.changes = self.prune_log(before(now, keep), silent).await?;
            pruned.tombstones = self
                .prune_tombstones(before(before(now, keep), keep))
                .await?;
        }
        Ok(pruned)
    }

    /// Whether the log still holds every change after this number, or did when it was read before this was asked.
    pub async fn follows_on(&self, seq: i64) -> Result<bool, StoreError> {
        let rows: Vec<SeqRow> = self
            .rows("SELECT pruned_seq AS seq FROM store", binds![])
            .await?;
        Ok(rows.first().and_then(|row| row.seq) <= Some(seq))
    }

    /// The next deletions that are remembered, in the order of ids: with [`Store::records_after`], all that a target
    /// which missed a part of the log has to be told.
    pub async fn tombstones_after(
        &self,
        after: Option<RecordId>,
        limit: u32,
    ) -> Result<Vec<Tombstone>, StoreError> {
        let after = after.map_or(Uuid::nil(), |id| id.0);
        let rows: Vec<TombstoneRow> = self
            .rows(
                "SELECT record_id, kind, revision FROM tombstones WHERE record_id > $1 ORDER BY record_id LIMIT $2",
                binds![after, i64::from(limit)],
            )
            .await?;
        rows.into_iter().map(Tombstone::try_from).collect()
    }

    async fn prune_forecasts(&self, before: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        let rows: Vec<IdRow> = self
            .rows(
                "SELECT r.id FROM forecasts AS f JOIN records AS r ON r.number = f.number
                  WHERE f.dated_at < $1 ORDER BY f.dated_at LIMIT $2",
                binds![before, FORECASTS],
            )
            .await?;
        if rows.is_empty() {
            return Ok(0);
        }
        let ids: Vec<RecordId> = rows.into_iter().map(RecordId::from).collect();
        self.delete(&ids, now).await
    }

    /// Cuts changes made before an instant, in so far as no cursor that has moved since another one still needs them. Of
    /// clocks that differ the order of numbers counts: what stands behind a younger change stays.
    async fn prune_log(&self, before: Timestamp, silent: Timestamp) -> Result<u64, StoreError> {
        retrying(|| async move {
            let mut transaction = self.begin(Purpose::Note).await?;
            let cut = transaction
                .rows::<SeqRow>(
                    "SELECT COALESCE(MIN(CASE WHEN at >= $1 THEN seq - 1 END), MAX(seq)) AS seq
                       FROM (SELECT seq, at FROM changes
                              WHERE seq <= COALESCE(
                                    (SELECT MIN(c.seq) FROM cursors AS c
                                       JOIN store AS s ON c.store_id = s.store_id AND c.epoch = s.epoch
                                      WHERE c.seq >= s.pruned_seq AND c.moved_at >= $2),
                                    (SELECT MAX(seq) FROM changes))
                              ORDER BY seq LIMIT $3) AS oldest",
                    binds![before, silent, PIECE],
                )
                .await?;
            let Some(cut) = cut.into_iter().next().and_then(|row| row.seq) else {
                return Ok(0);
            };
            let removed = transaction
                .execute("DELETE FROM changes WHERE seq <= $1", binds![cut])
                .await?;
            if removed > 0 {
                transaction
                    .execute(
                        "UPDATE store SET pruned_seq = $1 WHERE pruned_seq < $1",
                        binds![cut],
                    )
                    .await?;
                transaction.commit().await?;
            }
            Ok(removed)
        })
        .await
    }

    async fn prune_tombstones(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.note(
            "DELETE FROM tombstones WHERE record_id IN (
                SELECT record_id FROM tombstones WHERE deleted_at < $1 ORDER BY deleted_at LIMIT $2)",
            [Bind::from(before), Bind::from(PIECE)],
        )
        .await
    }
}

/// As far back as an age reaches, or to the beginning of time.
fn before(now: Timestamp, age: SignedDuration) -> Timestamp {
    // Servers keep no year before 4713 BC, and nothing here is older than this.
    now.checked_sub(age)
        .map_or(Timestamp::UNIX_EPOCH, |at| at.max(Timestamp::UNIX_EPOCH))
}

impl TryFrom<TombstoneRow> for Tombstone {
    type Error = StoreError;

    fn try_from(row: TombstoneRow) -> Result<Self, StoreError> {
        let kind = Kind::from_name(&row.kind).ok_or(StoreError::UnknownName {
            column: "tombstones.kind",
            value: row.kind,
        })?;
        Ok(Self {
            record_id: RecordId(row.record_id),
            kind,
            revision: row.revision,
        })
    }
}
