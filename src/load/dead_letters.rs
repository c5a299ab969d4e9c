//! What failed for good, kept until somebody looks at it.
//!
//! The id of a letter is a function of the failure: what it was, what is wrong with it, and what was at hand. In a run, of
//! the run as well: each tells what it could not read. To a target it is no matter which run, or none, made the change:
//! the same document that is refused for the same reason, by the log, a snapshot or a rebuild, is one letter.
//!
//! The same failure once more finds its letter:
//!
//! - one that is open is passed over, as a replay of what was kept already is;
//! - one that went through since opens again: what it was tried with does not hold any more;
//! - one that was dropped stays dropped: somebody has seen this very document and this very reason. A word of either that is
//!   another makes another letter, which is open.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

use super::staging::Staging;
use super::{At, Bind, Purpose, Store, StoreError, Transaction, binds, retrying};
use crate::record::{PipelineId, RunId, Stage};

/// Namespace of the ids of dead letters.
const NAMESPACE: Uuid = Uuid::from_u128(0x5d1e_90c7_4f2a_5b83_b6f4_71c0_9e3d_28a6);

/// What happened to a dead letter since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeadLetterState {
    /// Nobody has looked at it, or it failed again.
    Open,
    /// It went through after all.
    Redriven,
    /// Somebody decided that it is not worth it.
    Discarded,
}

impl DeadLetterState {
    /// The name in columns.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Redriven => "redriven",
            Self::Discarded => "discarded",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Open, Self::Redriven, Self::Discarded]
            .into_iter()
            .find(|state| state.as_str() == name)
    }
}

/// Something that failed for good, about to be kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewDeadLetter {
    /// The run it happened in.
    pub run_id: Option<RunId>,
    /// Where it failed.
    pub stage: Stage,
    /// Its pipeline; none means that of the run.
    pub pipeline: Option<PipelineId>,
    /// The target that refused it, in the stage `publish`.
    pub target: Option<String>,
    /// The page or entry.
    pub url: String,
    /// What is wrong, in words.
    pub reason: String,
    /// What was at hand.
    pub payload: Option<Value>,
    /// When.
    pub at: Timestamp,
}

/// Something that failed for good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// A function of the failure itself, so that a replay does not keep it twice.
    pub id: Uuid,
    /// The run it happened in.
    pub run_id: Option<RunId>,
    /// Where it failed.
    pub stage: Stage,
    /// Its pipeline.
    pub pipeline: Option<PipelineId>,
    /// The target that refused it, in the stage `publish`.
    pub target: Option<String>,
    /// The page or entry.
    pub url: String,
    /// What is wrong, in words.
    pub reason: String,
    /// What was at hand.
    pub payload: Option<Value>,
    /// When.
    pub at: Timestamp,
    /// What happened to it since.
    pub state: DeadLetterState,
    /// How often it was tried again.
    pub retries: i64,
    /// When it was tried last.
    pub retried_at: Option<Timestamp>,
    /// What came of that.
    pub result: Option<String>,
}

/// Which dead letters; none asks for all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DeadLetterFilter {
    /// Of this run.
    pub run_id: Option<RunId>,
    /// Of this stage.
    pub stage: Option<Stage>,
    /// Of this pipeline.
    pub pipeline: Option<PipelineId>,
    /// Of this target.
    pub target: Option<String>,
    /// In this state.
    pub state: Option<DeadLetterState>,
    /// Whose reason has this in it, in letters of either case.
    pub reason: Option<String>,
}

impl DeadLetterFilter {
    fn binds(&self) -> [Bind; 6] {
        let pattern = self.reason.as_deref().map(|reason| {
            let mut pattern = String::from("%");
            for c in reason.to_lowercase().chars() {
                if matches!(c, '%' | '_' | '\\') {
                    pattern.push('\\');
                }
                pattern.push(c);
            }
            pattern + "%"
        });
        binds![
            self.run_id,
            self.stage,
            self.pipeline.as_ref(),
            self.target.as_deref(),
            self.state.map(DeadLetterState::as_str),
            pattern
        ]
    }
}

impl NewDeadLetter {
    fn id(&self) -> Uuid {
        let run = self.run_id.filter(|_| self.target.is_none());
        let run = run.map(|run| run.to_string()).unwrap_or_default();
        let payload = self
            .payload
            .as_ref()
            .map(Value::to_string)
            .unwrap_or_default();
        let parts = [
            &run,
            self.stage.as_str(),
            self.target.as_deref().unwrap_or_default(),
            &self.url,
            &self.reason,
            &payload,
        ];
        Uuid::new_v5(&NAMESPACE, parts.join("\u{1f}").as_bytes())
    }
}

impl Store {
    /// Keeps dead letters, and opens again those that had gone through. Gives the number of new ones.
    pub async fn add_dead_letters(&self, letters: &[NewDeadLetter]) -> Result<u64, StoreError> {
        retrying(|| async move {
            let mut transaction = self.begin(Purpose::Note).await?;
            let added = insert_letters(&mut transaction, letters).await?;
            transaction.commit().await?;
            Ok(added)
        })
        .await
    }

    /// Notes what became of a dead letter; false where there is none of this id.
    pub async fn set_dead_letter_state(
        &self,
        id: Uuid,
        state: DeadLetterState,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE dead_letters SET state = $2 WHERE id = $1";
        Ok(self.note(sql, binds![id, state.as_str()]).await? > 0)
    }

    /// Notes that a file was read again, whole and by this run of its pipeline: what earlier runs could not read of it is in
    /// order now, or the run has a letter of its own about it. Gives the number of letters that this settles.
    pub async fn settle_letters_of_file(
        &self,
        run: RunId,
        file: &str,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        let result = format!("run {run} read the file again, without it");
        self.note(
            "UPDATE dead_letters SET state = 'redriven', result = $3, retried_at = $4
              WHERE state = 'open' AND run_id < $1 AND pipeline = (SELECT pipeline FROM runs WHERE id = $1)
                AND target IS NULL AND (url = $2 OR substr(url, 1, length($2) + 1) = $2 || '#')",
            binds![run, file, result, at],
        )
        .await
    }

    /// Notes that a dead letter was tried again, and what came of it. The same attempt is counted once.
    pub async fn note_retry(
        &self,
        id: Uuid,
        state: DeadLetterState,
        result: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        // A commit whose answer was lost is made twice.
        let sql = "UPDATE dead_letters SET state = $2, result = $3, retried_at = $4, retries = retries + 1
                    WHERE id = $1 AND (retried_at IS NULL OR retried_at <> $4)";
        self.note(sql, binds![id, state.as_str(), result, at])
            .await
            .map(drop)
    }

    /// The dead letter of this id.
    pub async fn dead_letter(&self, id: Uuid) -> Result<Option<DeadLetter>, StoreError> {
        let sql = "SELECT * FROM dead_letters WHERE id = $1";
        let rows: Vec<Row> = self.rows(sql, binds![id]).await?;
        rows.into_iter()
            .next()
            .map(DeadLetter::try_from)
            .transpose()
    }

    /// The ids of all dead letters that a filter lets through, newest first: what each holds may be a whole page, so they
    /// are asked for one by one.
    pub async fn dead_letter_ids(
        &self,
        filter: &DeadLetterFilter,
    ) -> Result<Vec<Uuid>, StoreError> {
        let sql = "SELECT id FROM dead_letters
                  WHERE ($1 IS NULL OR run_id = $1) AND ($2 IS NULL OR stage = $2) AND ($3 IS NULL OR pipeline = $3)
                    AND ($4 IS NULL OR target = $4) AND ($5 IS NULL OR state = $5)
                    AND ($6 IS NULL OR LOWER(reason) LIKE $6 ESCAPE '\\')
                  ORDER BY at DESC, id";
        let rows: Vec<(Uuid,)> = self.rows(sql, filter.binds()).await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    /// The last dead letters, newest first.
    pub async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let rows: Vec<Row> = self
            .rows(
                "SELECT * FROM dead_letters
                  WHERE ($1 IS NULL OR run_id = $1) AND ($2 IS NULL OR stage = $2) AND ($3 IS NULL OR pipeline = $3)
                    AND ($4 IS NULL OR target = $4) AND ($5 IS NULL OR state = $5)
                    AND ($6 IS NULL OR LOWER(reason) LIKE $6 ESCAPE '\\')
                  ORDER BY at DESC, id LIMIT $7",
                filter.binds().into_iter().chain(binds![i64::from(limit)]),
            )
            .await?;
        rows.into_iter().map(DeadLetter::try_from).collect()
    }
}

/// What went through before it was refused is refused again. At the same instant it is a batch that is loaded again.
const REOPEN: &str = "
    UPDATE dead_letters
       SET state = 'open', run_id = l.run_id, at = l.at, result = 'it went through, and is refused again'
      FROM staged_letters AS l
     WHERE dead_letters.id = l.id AND dead_letters.state = 'redriven'
       AND (dead_letters.retried_at IS NULL OR dead_letters.retried_at < l.at)";

/// Keeps dead letters within a transaction and gives the number of new ones: what is opened again was counted before.
pub(super) async fn insert_letters(
    transaction: &mut Transaction<'_>,
    letters: &[NewDeadLetter],
) -> Result<u64, StoreError> {
    if letters.is_empty() {
        return Ok(0);
    }
    let row = |letter: &NewDeadLetter| {
        Vec::from(binds![
            letter.id(),
            letter.run_id,
            letter.stage,
            letter.pipeline.as_ref(),
            letter.target.as_deref(),
            letter.url.as_str(),
            letter.reason.as_str(),
            letter.payload.clone(),
            letter.at,
        ])
    };
    let rows: Vec<Vec<Bind>> = letters.iter().map(row).collect();
    transaction.stage(Staging::Letters, rows).await?;
    transaction.write(REOPEN, binds![]).await?;
    transaction
        .execute(
            "INSERT INTO dead_letters (id, run_id, stage, pipeline, target, url, reason, payload, at, state)
             SELECT l.id, l.run_id, l.stage, COALESCE(l.pipeline, runs.pipeline), l.target, l.url, l.reason, l.payload,
                    l.at, 'open'
               FROM staged_letters AS l LEFT JOIN runs ON runs.id = l.run_id WHERE true
             ON CONFLICT DO NOTHING",
            binds![],
        )
        .await
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    run_id: Option<i64>,
    stage: String,
    pipeline: Option<String>,
    target: Option<String>,
    url: String,
    reason: String,
    payload: Option<Json<Value>>,
    at: At,
    state: String,
    retries: i64,
    retried_at: Option<At>,
    result: Option<String>,
}

impl TryFrom<Row> for DeadLetter {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let unknown = |column, value| StoreError::UnknownName { column, value };
        Ok(Self {
            id: row.id,
            run_id: row.run_id.map(RunId),
            stage: stage_from_name(&row.stage)
                .ok_or_else(|| unknown("dead_letters.stage", row.stage))?,
            pipeline: row.pipeline.map(PipelineId),
            target: row.target,
            url: row.url,
            reason: row.reason,
            payload: row.payload.map(|json| json.0),
            at: row.at.0,
            state: DeadLetterState::from_name(&row.state)
                .ok_or_else(|| unknown("dead_letters.state", row.state))?,
            retries: row.retries,
            retried_at: row.retried_at.map(|at| at.0),
            result: row.result,
        })
    }
}

fn stage_from_name(name: &str) -> Option<Stage> {
    [
        Stage::Collect,
        Stage::Extract,
        Stage::Normalize,
        Stage::Load,
        Stage::Publish,
    ]
    .into_iter()
    .find(|stage| stage.as_str() == name)
}
