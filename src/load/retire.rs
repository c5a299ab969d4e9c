use jiff::Timestamp;

use super::batch::add_counts;
use super::known::forget_staged;
use super::likeness;
use super::part::{numbered, sighting_row};
use super::same_as;
use super::sql::IdRow;
use super::staging::Staging;
use super::visited;
use super::{Purpose, Store, StoreError, Transaction, binds, retrying};
use crate::record::{Counts, Kind, RecordId, RunId};

impl Store {
    /// The ids of what a snapshot of this scope held, in the order of ids.
    pub async fn active_ids(&self, kind: Kind, scope: &str) -> Result<Vec<RecordId>, StoreError> {
        let rows: Vec<IdRow> = self
            .rows(
                "SELECT id FROM records WHERE kind = $1 AND scope = $2 AND active ORDER BY id",
                binds![kind, scope],
            )
            .await?;
        Ok(rows.into_iter().map(RecordId::from).collect())
    }

    /// Closes what a whole snapshot no longer holds. What is closed already, or was never loaded, is passed over; gives
    /// the number of those closed now.
    pub async fn close(
        &self,
        run: RunId,
        ids: &[RecordId],
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        retrying(|| async move {
            let mut transaction = self.begin(Purpose::Log).await?;
            stage_ids(&mut transaction, ids, at).await?;
            let closed = transaction
                .execute(
                    "INSERT INTO changes (run_id, kind, record_id, revision, op, at)
                     SELECT $1, r.kind, r.id, r.revision + 1, 'closed', $2
                       FROM records AS r JOIN staged_seen AS s ON s.id = r.id WHERE r.active ORDER BY r.id",
                    binds![run, at],
                )
                .await?;
            transaction
                .write(
                    "UPDATE records SET active = false, closed_at = $1, revision = revision + 1
                      WHERE active AND id IN (SELECT id FROM staged_seen)",
                    binds![at],
                )
                .await?;
            visited::forget_staged(&mut transaction).await?;
            add_counts(&mut transaction, run, Counts { closed, ..Counts::default() }).await?;
            transaction.commit().await?;
            Ok(closed)
        })
        .await
    }

    /// Removes records, such as forecasts past their age, and keeps a tombstone of each, so that its revision goes on
    /// should it come back. Gives the number removed.
    pub async fn delete(&self, ids: &[RecordId], at: Timestamp) -> Result<u64, StoreError> {
        retrying(|| async move {
            let mut transaction = self.begin(Purpose::Log).await?;
            stage_ids(&mut transaction, ids, at).await?;
            let deleted = transaction
                .execute(
                    "INSERT INTO tombstones (record_id, kind, revision, deleted_at)
                     SELECT r.id, r.kind, r.revision + 1, s.seen_at
                       FROM records AS r JOIN staged_seen AS s ON s.id = r.id",
                    binds![],
                )
                .await?;
            transaction
                .execute(
                    "INSERT INTO changes (run_id, kind, record_id, revision, op, at)
                     SELECT NULL, r.kind, r.id, r.revision + 1, 'deleted', s.seen_at
                       FROM records AS r JOIN staged_seen AS s ON s.id = r.id ORDER BY r.id",
                    binds![],
                )
                .await?;
            let linked = same_as::due_to_deletion(&mut transaction).await?;
            likeness::forget_staged(&mut transaction).await?;
            forget_staged(&mut transaction).await?;
            visited::forget_staged(&mut transaction).await?;
            for statement in [
                "DELETE FROM record_terms
                  WHERE number IN (SELECT r.number FROM staged_seen AS s JOIN records AS r ON r.id = s.id)",
                "DELETE FROM likenesses
                  WHERE number IN (SELECT r.number FROM staged_seen AS s JOIN records AS r ON r.id = s.id)",
                "DELETE FROM seen
                  WHERE number IN (SELECT r.number FROM staged_seen AS s JOIN records AS r ON r.id = s.id)",
                "DELETE FROM forecasts
                  WHERE number IN (SELECT r.number FROM staged_seen AS s JOIN records AS r ON r.id = s.id)",
                "DELETE FROM records WHERE id IN (SELECT id FROM staged_seen)",
            ] {
                transaction.execute(statement, binds![]).await?;
            }
            same_as::relink(&mut transaction, None, at, linked).await?;
            transaction.commit().await?;
            Ok(deleted)
        })
        .await
    }
}

async fn stage_ids(
    transaction: &mut Transaction<'_>,
    ids: &[RecordId],
    at: Timestamp,
) -> Result<(), StoreError> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let rows = numbered(ids.into_iter().map(|id| sighting_row(id, at)));
    transaction.stage(Staging::Seen, rows).await
}
