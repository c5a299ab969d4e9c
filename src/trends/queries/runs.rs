use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::load::{At, Store, StoreError, binds};
use crate::record::Outcome;

/// The last run of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// The pipeline.
    pub pipeline: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; none while it is open, or died.
    pub finished_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Why it ended so.
    pub reason: Option<String>,
    /// From its beginning to its end.
    pub duration_ms: Option<i64>,
    /// Records it loaded, changed or not.
    pub records: i64,
    /// Of these, seen for the first time.
    pub added: i64,
    /// Of these, with another content.
    pub updated: i64,
    /// Records it closed.
    pub closed: i64,
    /// Items that could not become a record.
    pub rejected: i64,
}

#[derive(FromRow)]
struct Row {
    pipeline: String,
    started_at: At,
    finished_at: Option<At>,
    outcome: Option<String>,
    reason: Option<String>,
    duration_ms: Option<i64>,
    records: i64,
    added: i64,
    updated: i64,
    closed: i64,
    rejected: i64,
}

/// The last run of each pipeline: those that did not end well first, then the newest.
pub async fn last_runs(store: &Store, limit: u16) -> Result<Vec<LastRun>, StoreError> {
    let rows: Vec<Row> = store
        .rows(
            "SELECT pipeline, started_at, finished_at, outcome, substr(reason, 1, 300) AS reason, duration_ms,
                    records, added, updated, closed, rejected
               FROM runs
              WHERE id IN (SELECT max(id) FROM runs GROUP BY pipeline)
              ORDER BY CASE outcome WHEN 'ok' THEN 1 ELSE 0 END, id DESC LIMIT $1",
            binds![i64::from(limit)],
        )
        .await?;
    rows.into_iter().map(LastRun::try_from).collect()
}

impl TryFrom<Row> for LastRun {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let outcome = row.outcome.map(|name| {
            Outcome::from_name(&name).ok_or(StoreError::UnknownName {
                column: "runs.outcome",
                value: name,
            })
        });
        Ok(Self {
            pipeline: row.pipeline,
            started_at: row.started_at.0,
            finished_at: row.finished_at.map(Timestamp::from),
            outcome: outcome.transpose()?,
            reason: row.reason,
            duration_ms: row.duration_ms,
            records: row.records,
            added: row.added,
            updated: row.updated,
            closed: row.closed,
            rejected: row.rejected,
        })
    }
}
