//! When the page behind an entry was read last, so that it need not be asked for at each run.
//!
//! A visit is noted in the transaction that leaves the page's record in the store ([`Batch::visited`](super::Batch::visited)),
//! and forgotten in the one that closes or deletes it: what comes back is read anew.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use uuid::Uuid;

use super::part::Part;
use super::staging::Staging;
use super::{At, Bind, Store, StoreError, Transaction, binds};
use crate::record::{PipelineId, RecordId, RunId};

/// The last time that the page behind an entry was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visited {
    /// The record that it became.
    pub id: RecordId,
    /// Hash of all that it was read with.
    pub basis: [u8; 32],
    /// When its server sent it, or said that it had not changed.
    pub read_at: Timestamp,
}

#[derive(FromRow)]
struct Row {
    record_id: Uuid,
    basis: Vec<u8>,
    read_at: At,
}

impl Store {
    /// The visits that a pipeline remembers.
    pub async fn visited(&self, pipeline: &PipelineId) -> Result<Vec<Visited>, StoreError> {
        let rows: Vec<Row> = self
            .rows(
                "SELECT record_id, basis, read_at FROM visits WHERE pipeline = $1",
                binds![pipeline],
            )
            .await?;
        let visited = |row: Row| {
            // What is no hash is the basis of nothing: the page is due.
            let basis = row.basis.try_into().unwrap_or_default();
            Visited {
                id: RecordId(row.record_id),
                basis,
                read_at: row.read_at.0,
            }
        };
        Ok(rows.into_iter().map(visited).collect())
    }
}

impl Store {
    /// Forgets the visits of a run: each of their pages is due.
    pub async fn forget_visits(&self, run: RunId) -> Result<(), StoreError> {
        self.note(
            "DELETE FROM visits
              WHERE pipeline = (SELECT pipeline FROM runs WHERE id = $1)
                AND read_at >= (SELECT started_at FROM runs WHERE id = $1)",
            binds![run],
        )
        .await?;
        Ok(())
    }
}

/// Notes the visits of a part whose records are stored.
pub(super) async fn note(
    transaction: &mut Transaction<'_>,
    run: RunId,
    part: &Part<'_>,
) -> Result<(), StoreError> {
    if part.visited.is_empty() {
        return Ok(());
    }
    // Of an entry that was read twice the last reading counts.
    let mut ids = HashSet::new();
    let last = part.visited.iter().rev();
    let rows: Vec<Vec<Bind>> = last
        .filter(|visited| ids.insert(visited.id))
        .map(|visited| {
            let basis = Bind::Bytes(Some(visited.basis.to_vec()));
            vec![Bind::from(visited.id), basis, Bind::from(visited.read_at)]
        })
        .collect();
    transaction.stage(Staging::Visits, rows).await?;
    transaction
        .execute(
            "INSERT INTO visits (pipeline, record_id, basis, read_at)
             SELECT runs.pipeline, s.record_id, s.basis, s.read_at
               FROM staged_visits AS s
               JOIN records AS r ON r.id = s.record_id
               JOIN runs ON runs.id = $1
              WHERE r.active
             ON CONFLICT (pipeline, record_id) DO UPDATE SET basis = excluded.basis, read_at = excluded.read_at",
            binds![run],
        )
        .await?;
    Ok(())
}

/// Forgets the visits of the staged records, whichever pipeline made them.
pub(super) async fn forget_staged(transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
    transaction
        .execute(
            "DELETE FROM visits WHERE record_id IN (SELECT id FROM staged_seen)",
            binds![],
        )
        .await?;
    Ok(())
}
