use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

use super::sqlite::hex;
use super::{At, Store, StoreError, StoreIdentity, binds};
use crate::record::{
    Change, ContentHash, Kind, Op, PipelineId, RecordId, RunId, StoredRecord, Subject,
};

/// How far a target has read the change log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The target.
    pub target: String,
    /// Last change that it has acknowledged.
    pub seq: i64,
    /// The store that this number belongs to; another one than [`Store::identity`] means a restore in between.
    pub store: StoreIdentity,
    /// When it last moved.
    pub moved_at: Timestamp,
}

impl Store {
    /// Number of the last change; 0 before the first.
    pub async fn head(&self) -> Result<i64, StoreError> {
        let rows: Vec<SeqRow> = self
            .rows(
                "SELECT COALESCE((SELECT MAX(seq) FROM changes), pruned_seq) AS seq FROM store",
                binds![],
            )
            .await?;
        Ok(rows.first().map_or(0, |row| row.seq))
    }

    /// The changes after this number, in their order, each with its record as it is now. The record may be newer than
    /// the change: a target that has sent it sees the later change and finds the same revision. None where the record
    /// was deleted, and for the end of a run, whose row [`Store::run`] gives.
    pub async fn changes_after(
        &self,
        seq: i64,
        limit: u32,
    ) -> Result<Vec<(Change, Option<StoredRecord>)>, StoreError> {
        let rows: Vec<FollowedRow> = self
            .rows(
                "SELECT c.seq, c.run_id, c.kind AS subject, c.record_id, c.revision AS change_revision, c.op, c.at, c.diff,
                        r.id, r.kind, r.pipeline, r.url, r.first_seen_at, r.content_hash, r.revision, r.active, r.closed_at,
                        r.same_as, CAST(r.terms AS TEXT) AS terms, CAST(r.document AS TEXT) AS fields
                   FROM changes AS c LEFT JOIN records AS r ON r.id = c.record_id
                  WHERE c.seq > $1 ORDER BY c.seq LIMIT $2",
                binds![seq, i64::from(limit)],
            )
            .await?;
        let followed = |row: FollowedRow| {
            let record = row
                .record
                .into_row()
                .map(StoredRecord::try_from)
                .transpose()?;
            Ok((row.change.try_into()?, record))
        };
        rows.into_iter().map(followed).collect()
    }

    /// The changes that a run made, in their order.
    pub async fn changes_of(&self, run: RunId) -> Result<Vec<Change>, StoreError> {
        let rows: Vec<ChangeRow> = self
            .rows(
                "SELECT seq, run_id, kind AS subject, record_id, revision AS change_revision, op, at, diff
                   FROM changes WHERE run_id = $1 ORDER BY seq",
                binds![run],
            )
            .await?;
        rows.into_iter().map(Change::try_from).collect()
    }

    /// The next records of a kind in the order of ids: a snapshot, piece by piece. Note [`Store::head`] before the first
    /// piece and follow the log from there; what changes in between is then seen twice rather than never.
    pub async fn records_after(
        &self,
        kind: Kind,
        after: Option<RecordId>,
        limit: u32,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        // No version 5 UUID is zero, so zero is before the first.
        let after = after.map_or(Uuid::nil(), |id| id.0);
        let rows: Vec<RecordRow> = self
            .rows(
                "SELECT id, kind, pipeline, url, first_seen_at, content_hash, revision, active, closed_at, same_as,
                        CAST(terms AS TEXT) AS terms, CAST(document AS TEXT) AS fields
                   FROM records WHERE kind = $1 AND id > $2 ORDER BY id LIMIT $3",
                binds![kind, after, i64::from(limit)],
            )
            .await?;
        rows.into_iter().map(StoredRecord::try_from).collect()
    }

    /// A record as it is now, or its deletion, as a change that nobody made: what a target is sent besides the log. None
    /// where the store never had it.
    pub async fn latest_change(
        &self,
        id: RecordId,
        at: Timestamp,
    ) -> Result<Option<(Change, Option<StoredRecord>)>, StoreError> {
        let seq = self.head().await?;
        let change = |kind, revision, op| Change {
            seq,
            run_id: None,
            kind: Subject::Record(kind),
            record_id: id,
            revision,
            op,
            at,
            diff: None,
        };
        let rows: Vec<RecordRow> = self
            .rows(
                "SELECT id, kind, pipeline, url, first_seen_at, content_hash, revision, active, closed_at, same_as,
                        CAST(terms AS TEXT) AS terms, CAST(document AS TEXT) AS fields
                   FROM records WHERE id = $1",
                binds![id],
            )
            .await?;
        if let Some(row) = rows.into_iter().next() {
            let record = StoredRecord::try_from(row)?;
            let change = change(record.kind, record.revision, Op::Derived);
            return Ok(Some((change, Some(record))));
        }
        let sql = "SELECT kind, revision FROM tombstones WHERE record_id = $1";
        let rows: Vec<(String, i64)> = self.rows(sql, binds![id]).await?;
        let Some((kind, revision)) = rows.into_iter().next() else {
            return Ok(None);
        };
        let kind = Kind::from_name(&kind).ok_or(StoreError::UnknownName {
            column: "tombstones.kind",
            value: kind,
        })?;
        Ok(Some((change(kind, revision, Op::Deleted), None)))
    }

    /// How far this target has read; none before it first moved.
    pub async fn cursor(&self, target: &str) -> Result<Option<Cursor>, StoreError> {
        let rows: Vec<CursorRow> = self
            .rows(
                "SELECT target, seq, store_id, epoch, moved_at FROM cursors WHERE target = $1",
                binds![target],
            )
            .await?;
        Ok(rows.into_iter().next().map(Cursor::from))
    }

    /// Notes that this target has acknowledged everything up to this number.
    pub async fn move_cursor(
        &self,
        target: &str,
        seq: i64,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.note(
            "INSERT INTO cursors (target, seq, store_id, epoch, moved_at)
             SELECT $1, $2, store_id, epoch, $3 FROM store WHERE true
             ON CONFLICT (target) DO UPDATE
                SET seq = excluded.seq, store_id = excluded.store_id, epoch = excluded.epoch, moved_at = excluded.moved_at",
            binds![target, seq, at],
        )
        .await
        .map(drop)
    }
}

#[derive(FromRow)]
struct SeqRow {
    seq: i64,
}

#[derive(FromRow)]
pub(super) struct CursorRow {
    target: String,
    seq: i64,
    store_id: Uuid,
    epoch: i64,
    moved_at: At,
}

impl From<CursorRow> for Cursor {
    fn from(row: CursorRow) -> Self {
        let store = StoreIdentity {
            store_id: row.store_id,
            epoch: row.epoch,
        };
        Self {
            target: row.target,
            seq: row.seq,
            store,
            moved_at: row.moved_at.0,
        }
    }
}

#[derive(FromRow)]
pub(super) struct ChangeRow {
    seq: i64,
    run_id: Option<i64>,
    subject: String,
    record_id: Uuid,
    change_revision: i64,
    op: String,
    at: At,
    diff: Option<Json<Value>>,
}

impl TryFrom<ChangeRow> for Change {
    type Error = StoreError;

    fn try_from(row: ChangeRow) -> Result<Self, StoreError> {
        let unknown = |column, value| StoreError::UnknownName { column, value };
        let kind = Subject::try_from(row.subject.clone())
            .map_err(|_| unknown("changes.kind", row.subject))?;
        let op = op_from_name(&row.op).ok_or_else(|| unknown("changes.op", row.op))?;
        Ok(Self {
            seq: row.seq,
            run_id: row.run_id.map(RunId),
            kind,
            record_id: RecordId(row.record_id),
            revision: row.change_revision,
            op,
            at: row.at.0,
            diff: row.diff.map(|json| json.0),
        })
    }
}

fn op_from_name(name: &str) -> Option<Op> {
    [
        Op::Added,
        Op::Updated,
        Op::Closed,
        Op::Reopened,
        Op::Derived,
        Op::Deleted,
    ]
    .into_iter()
    .find(|op| op.as_str() == name)
}

/// A change beside its record, which may be gone.
#[derive(FromRow)]
struct FollowedRow {
    #[sqlx(flatten)]
    change: ChangeRow,
    #[sqlx(flatten)]
    record: JoinedRow,
}

#[derive(FromRow)]
struct JoinedRow {
    id: Option<Uuid>,
    kind: Option<String>,
    pipeline: Option<String>,
    url: Option<String>,
    first_seen_at: Option<At>,
    content_hash: Option<Vec<u8>>,
    revision: Option<i64>,
    active: Option<bool>,
    closed_at: Option<At>,
    same_as: Option<Uuid>,
    terms: Option<String>,
    fields: Option<String>,
}

impl JoinedRow {
    fn into_row(self) -> Option<RecordRow> {
        Some(RecordRow {
            id: self.id?,
            kind: self.kind?,
            pipeline: self.pipeline?,
            url: self.url?,
            first_seen_at: self.first_seen_at?,
            content_hash: self.content_hash?,
            revision: self.revision?,
            active: self.active?,
            closed_at: self.closed_at,
            same_as: self.same_as,
            terms: self.terms?,
            fields: self.fields?,
        })
    }
}

#[derive(FromRow)]
struct RecordRow {
    id: Uuid,
    kind: String,
    pipeline: String,
    url: String,
    first_seen_at: At,
    content_hash: Vec<u8>,
    revision: i64,
    active: bool,
    closed_at: Option<At>,
    same_as: Option<Uuid>,
    terms: String,
    fields: String,
}

impl TryFrom<RecordRow> for StoredRecord {
    type Error = StoreError;

    fn try_from(row: RecordRow) -> Result<Self, StoreError> {
        let unknown = |column, value| StoreError::UnknownName { column, value };
        let content_hash = <[u8; 32]>::try_from(row.content_hash)
            .map_err(|bytes| unknown("records.content_hash", hex(&bytes)))?;
        Ok(Self {
            id: RecordId(row.id),
            kind: Kind::from_name(&row.kind).ok_or_else(|| unknown("records.kind", row.kind))?,
            pipeline: PipelineId(row.pipeline),
            url: row.url,
            first_seen_at: row.first_seen_at.0,
            content_hash: ContentHash(content_hash),
            revision: row.revision,
            active: row.active,
            closed_at: row.closed_at.map(|at| at.0),
            same_as: row.same_as.map(RecordId),
            terms: row.terms,
            fields: row.fields,
        })
    }
}
