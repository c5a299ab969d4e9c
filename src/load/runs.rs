use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, FromRow};
use uuid::Uuid;

use super::sql::IdRow;
use super::{At, Bind, Purpose, Store, StoreError, Transaction, binds, one, retrying};
use crate::record::{Counts, Op, Outcome, PipelineId, RecordId, RunId, Subject};

/// A run to load into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRun {
    /// Its number.
    pub id: RunId,
    /// Whether it goes on with one that died or was interrupted.
    pub resumed: bool,
    /// What it has counted so far.
    pub counts: Counts,
}

/// A run as the store holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRow {
    /// Its number.
    pub id: RunId,
    /// Its pipeline.
    pub pipeline: PipelineId,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was told to leave; none once it goes on.
    pub interrupted_at: Option<Timestamp>,
    /// When it ended; none while it is open.
    pub finished_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Why it ended so, where that is worth a word.
    pub reason: Option<String>,
    /// From its beginning to its end, pauses included.
    pub duration_ms: Option<i64>,
    /// How often it was taken up again.
    pub resumed: i64,
    /// What it did.
    #[serde(flatten)]
    pub counts: Counts,
}

impl Store {
    /// Opens a run, or goes on with the unfinished one of this pipeline. The caller holds the pipeline's lock, so an
    /// unfinished run is one that died or was interrupted.
    pub async fn begin_run(
        &self,
        pipeline: &PipelineId,
        at: Timestamp,
    ) -> Result<OpenRun, StoreError> {
        retrying(|| async move {
            // Waits for the commit that a process which was killed may still have in flight.
            let mut transaction = self.begin(Purpose::Log).await?;
            let unfinished = transaction
                .rows::<Row>(
                    "UPDATE runs SET resumed = resumed + 1, interrupted_at = NULL
                      WHERE pipeline = $1 AND finished_at IS NULL RETURNING *",
                    binds![pipeline],
                )
                .await?;
            let resumed = !unfinished.is_empty();
            let rows = if resumed {
                unfinished
            } else {
                transaction
                    .rows(
                        "INSERT INTO runs (pipeline, started_at) VALUES ($1, $2) RETURNING *",
                        binds![pipeline, at],
                    )
                    .await?
            };
            let row = RunRow::try_from(one(rows, self.place())?)?;
            transaction.commit().await?;
            Ok(OpenRun {
                id: row.id,
                resumed,
                counts: row.counts,
            })
        })
        .await
    }

    /// What an open run has already loaded or seen.
    pub async fn checkpoint(&self, run: RunId) -> Result<HashSet<RecordId>, StoreError> {
        let sql = "SELECT r.id FROM seen AS s JOIN records AS r ON r.number = s.number WHERE s.run_id = $1";
        let rows: Vec<IdRow> = self.rows(sql, binds![run]).await?;
        Ok(rows.into_iter().map(RecordId::from).collect())
    }

    /// Which of these an open run has already loaded or seen; they are some hundred at most.
    pub async fn checkpoint_among(
        &self,
        run: RunId,
        ids: &[RecordId],
    ) -> Result<HashSet<RecordId>, StoreError> {
        let places: Vec<String> = (2..ids.len() + 2)
            .map(|place| format!("${place}"))
            .collect();
        let sql = format!(
            "SELECT r.id FROM records AS r JOIN seen AS s ON s.number = r.number
              WHERE s.run_id = $1 AND r.id IN ({})",
            places.join(", ")
        );
        let binds = binds![run]
            .into_iter()
            .chain(ids.iter().copied().map(Bind::from));
        // Placeholders alone were put together.
        let rows: Vec<IdRow> = self.rows(AssertSqlSafe(sql), binds).await?;
        Ok(rows.into_iter().map(RecordId::from).collect())
    }

    /// Ends a run: what it has seen is no checkpoint any more, and its outcome is told through the change log. Of a run that
    /// has ended before, the first end counts.
    pub async fn finish_run(
        &self,
        run: RunId,
        outcome: Outcome,
        reason: Option<&str>,
        at: Timestamp,
    ) -> Result<RunRow, StoreError> {
        retrying(|| async move {
            let mut transaction = self.begin(Purpose::Log).await?;
            let mut row = select_run(&mut transaction, run).await?.ok_or(StoreError::RunNotOpen { run })?;
            if row.finished_at.is_some() {
                return Ok(row);
            }
            let took = at.as_millisecond().saturating_sub(row.started_at.as_millisecond());
            transaction
                .execute(
                    "UPDATE runs SET finished_at = $2, outcome = $3, reason = $4, duration_ms = $5, interrupted_at = NULL
                      WHERE id = $1",
                    binds![run, at, outcome, reason, took],
                )
                .await?;
            transaction
                .execute(
                    "INSERT INTO changes (run_id, kind, record_id, revision, op, at) VALUES ($1, $2, $3, 1, $4, $5)",
                    binds![run, Subject::Run, self.run_document(run), Op::Added, at],
                )
                .await?;
            if let Some(finished) = select_run(&mut transaction, run).await? {
                row = finished;
            }
            transaction.commit().await?;
            Ok(row)
        })
        .await
    }

    /// Notes that a run was told to leave. It stays open: the pipeline's next run goes on with it.
    pub async fn interrupt_run(&self, run: RunId, at: Timestamp) -> Result<(), StoreError> {
        let open = self
            .note(
                "UPDATE runs SET interrupted_at = $2 WHERE id = $1 AND finished_at IS NULL",
                binds![run, at],
            )
            .await?;
        if open == 0 {
            Err(StoreError::RunNotOpen { run })
        } else {
            Ok(())
        }
    }

    /// The last runs, newest first; of one pipeline or of all.
    pub async fn runs(
        &self,
        pipeline: Option<&str>,
        limit: u32,
    ) -> Result<Vec<RunRow>, StoreError> {
        let rows: Vec<Row> = self
            .rows(
                "SELECT * FROM runs WHERE $1 IS NULL OR pipeline = $1 ORDER BY id DESC LIMIT $2",
                binds![pipeline, i64::from(limit)],
            )
            .await?;
        rows.into_iter().map(RunRow::try_from).collect()
    }

    /// The run of this number.
    pub async fn run(&self, run: RunId) -> Result<Option<RunRow>, StoreError> {
        let rows: Vec<Row> = self
            .rows("SELECT * FROM runs WHERE id = $1", binds![run])
            .await?;
        rows.into_iter().next().map(RunRow::try_from).transpose()
    }

    /// The id of a run's document, as the change log names it: numbers of runs are a store's own, documents of several
    /// stores may meet in one index.
    pub fn run_document(&self, run: RunId) -> RecordId {
        let name = format!("run\u{1f}{run}");
        RecordId(Uuid::new_v5(&self.identity().store_id, name.as_bytes()))
    }
}

async fn select_run(
    transaction: &mut Transaction<'_>,
    run: RunId,
) -> Result<Option<RunRow>, StoreError> {
    let rows: Vec<Row> = transaction
        .rows("SELECT * FROM runs WHERE id = $1", binds![run])
        .await?;
    rows.into_iter().next().map(RunRow::try_from).transpose()
}

#[derive(FromRow)]
struct Row {
    id: i64,
    pipeline: String,
    started_at: At,
    interrupted_at: Option<At>,
    finished_at: Option<At>,
    outcome: Option<String>,
    reason: Option<String>,
    duration_ms: Option<i64>,
    resumed: i64,
    pages: i64,
    records: i64,
    added: i64,
    updated: i64,
    closed: i64,
    reopened: i64,
    unchanged: i64,
    rejected: i64,
}

impl TryFrom<Row> for RunRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let outcome = row
            .outcome
            .map(|name| {
                Outcome::from_name(&name).ok_or(StoreError::UnknownName {
                    column: "runs.outcome",
                    value: name,
                })
            })
            .transpose()?;
        Ok(Self {
            id: RunId(row.id),
            pipeline: PipelineId(row.pipeline),
            started_at: row.started_at.0,
            interrupted_at: row.interrupted_at.map(Timestamp::from),
            finished_at: row.finished_at.map(Timestamp::from),
            outcome,
            reason: row.reason,
            duration_ms: row.duration_ms,
            resumed: row.resumed,
            counts: Counts {
                pages: row.pages.unsigned_abs(),
                records: row.records.unsigned_abs(),
                added: row.added.unsigned_abs(),
                updated: row.updated.unsigned_abs(),
                closed: row.closed.unsigned_abs(),
                reopened: row.reopened.unsigned_abs(),
                unchanged: row.unchanged.unsigned_abs(),
                rejected: row.rejected.unsigned_abs(),
            },
        })
    }
}
