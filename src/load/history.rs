//! What a run is compared with: what those before it read and found.

use sqlx::types::Json;
use sqlx::{AssertSqlSafe, FromRow};

use super::plan::to_json;
use super::{Bind, Store, StoreError, Transaction, binds};
use crate::record::{Fill, PipelineId, RunId};

/// The runs that a run is compared with: those of its pipeline that ended `ok`, from the newest one on whose difference
/// somebody accepted.
const COMPARED: &str = "pipeline = $1 AND outcome = 'ok' AND id >= COALESCE((
    SELECT MAX(id) FROM runs WHERE pipeline = $1 AND outcome = 'ok' AND accepted), 0)";

#[derive(FromRow)]
struct Filled {
    fill: Option<Json<Fill>>,
}

#[derive(FromRow)]
struct Counted {
    entries: i64,
}

impl Store {
    /// Notes how many entries an open run saw, where it saw all, and whether what differs is to be believed.
    pub async fn note_entries(
        &self,
        run: RunId,
        entries: Option<u64>,
        accepted: bool,
    ) -> Result<(), StoreError> {
        let entries = entries.map(|entries| i64::try_from(entries).unwrap_or(i64::MAX));
        self.note(
            "UPDATE runs SET entries = $2, accepted = $3 WHERE id = $1 AND finished_at IS NULL",
            [run.into(), Bind::Int(entries), accepted.into()],
        )
        .await?;
        Ok(())
    }

    /// Takes a run out of what others are compared with.
    pub async fn forget_fill(&self, run: RunId) -> Result<(), StoreError> {
        self.note("UPDATE runs SET fill = NULL WHERE id = $1", binds![run])
            .await?;
        Ok(())
    }

    /// What a run has read so far, in all processes that went on with it.
    pub async fn fill(&self, run: RunId) -> Result<Fill, StoreError> {
        let rows: Vec<Filled> = self
            .rows("SELECT fill FROM runs WHERE id = $1", binds![run])
            .await?;
        Ok(fills(rows).pop().unwrap_or_default())
    }

    /// What the last runs of a pipeline that ended well had read, newest first; those that read nothing are left out.
    pub async fn last_fills(
        &self,
        pipeline: &PipelineId,
        limit: u32,
    ) -> Result<Vec<Fill>, StoreError> {
        let rows = self
            .rows(
                AssertSqlSafe(format!(
                    "SELECT fill FROM runs WHERE {COMPARED} AND fill IS NOT NULL ORDER BY id DESC LIMIT $2"
                )),
                binds![pipeline, i64::from(limit)],
            )
            .await?;
        Ok(fills(rows))
    }

    /// What the runs of a pipeline that ended `broken` since the last one that ended well had read, newest first.
    pub async fn broken_fills(
        &self,
        pipeline: &PipelineId,
        limit: u32,
    ) -> Result<Vec<Fill>, StoreError> {
        let rows = self
            .rows(
                "SELECT fill FROM runs
                  WHERE pipeline = $1 AND outcome = 'broken' AND fill IS NOT NULL
                    AND id > COALESCE((SELECT MAX(id) FROM runs WHERE pipeline = $1 AND outcome = 'ok'), 0)
                  ORDER BY id DESC LIMIT $2",
                binds![pipeline, i64::from(limit)],
            )
            .await?;
        Ok(fills(rows))
    }

    /// How many entries the last runs of a pipeline that ended well and saw all of them saw, newest first.
    pub async fn last_entries(
        &self,
        pipeline: &PipelineId,
        limit: u32,
    ) -> Result<Vec<u64>, StoreError> {
        let rows: Vec<Counted> = self
            .rows(
                AssertSqlSafe(format!(
                    "SELECT entries FROM runs WHERE {COMPARED} AND entries IS NOT NULL ORDER BY id DESC LIMIT $2"
                )),
                binds![pipeline, i64::from(limit)],
            )
            .await?;
        Ok(rows.iter().map(|row| row.entries.unsigned_abs()).collect())
    }
}

fn fills(rows: Vec<Filled>) -> Vec<Fill> {
    let fills = rows.into_iter().filter_map(|row| row.fill);
    fills.map(|fill| fill.0).collect()
}

/// Adds to what a run has read. The transaction holds the lock of the log, so nobody adds at the same time.
pub(super) async fn add_fill(
    transaction: &mut Transaction<'_>,
    run: RunId,
    fill: &Fill,
) -> Result<(), StoreError> {
    let rows: Vec<Filled> = transaction
        .rows("SELECT fill FROM runs WHERE id = $1", binds![run])
        .await?;
    let mut sum = fills(rows).pop().unwrap_or_default();
    sum += fill;
    transaction
        .execute(
            "UPDATE runs SET fill = $2 WHERE id = $1",
            binds![run, to_json(&sum)],
        )
        .await?;
    Ok(())
}
