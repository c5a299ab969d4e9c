//! Ids and revisions without their documents: what a copy of the store is compared by.

use std::collections::HashMap;
use std::fmt::Write;

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, FromRow};
use uuid::Uuid;

use super::{Bind, Store, StoreError, binds};
use crate::record::{Kind, RecordId};

/// Ids asked for in one statement. It always has this many placeholders, so that it is prepared once.
const IDS: usize = 500;

/// What the store knows of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// A record, at this revision.
    At(i64),
    /// It was deleted, and this was the revision of its deletion.
    Deleted(i64),
}

impl Known {
    /// The revision of the record, or of its deletion.
    pub const fn revision(self) -> i64 {
        match self {
            Self::At(revision) | Self::Deleted(revision) => revision,
        }
    }
}

impl Store {
    /// The next ids of a kind in their order, each with its revision: [`Store::records_after`] without the documents, and
    /// without what is dated before an instant.
    pub async fn revisions_after(
        &self,
        kind: Kind,
        since: Option<Timestamp>,
        after: Option<RecordId>,
        limit: u32,
    ) -> Result<Vec<(RecordId, i64)>, StoreError> {
        // No version 5 UUID is zero, so zero is before the first.
        let after = after.map_or(Uuid::nil(), |id| id.0);
        let rows: Vec<(Uuid, i64)> = self
            .rows(
                "SELECT id, revision FROM records
                  WHERE kind = $1 AND id > $2 AND ($3 IS NULL OR dated_at >= $3) ORDER BY id LIMIT $4",
                binds![kind, after, since, i64::from(limit)],
            )
            .await?;
        Ok(rows
            .into_iter()
            .map(|(id, revision)| (RecordId(id), revision))
            .collect())
    }

    /// Records of a kind that are dated before an instant.
    pub async fn count_dated_before(&self, kind: Kind, at: Timestamp) -> Result<u64, StoreError> {
        let rows: Vec<(i64,)> = self
            .rows(
                "SELECT count(*) FROM records WHERE kind = $1 AND dated_at < $2",
                binds![kind, at],
            )
            .await?;
        Ok(rows.first().map_or(0, |(count,)| count.unsigned_abs()))
    }

    /// What the store knows of these ids, as of now; those that it never had are left out.
    pub async fn revisions_of(
        &self,
        ids: &[RecordId],
    ) -> Result<HashMap<RecordId, Known>, StoreError> {
        let mut known = HashMap::with_capacity(ids.len());
        for ids in ids.chunks(IDS) {
            let rows: Vec<KnownRow> = self
                .rows(AssertSqlSafe(select_known()), padded(ids))
                .await?;
            for row in rows {
                let id = RecordId(row.id);
                if row.deleted {
                    known.entry(id).or_insert(Known::Deleted(row.revision));
                } else {
                    known.insert(id, Known::At(row.revision));
                }
            }
        }
        Ok(known)
    }
}

#[derive(FromRow)]
struct KnownRow {
    id: Uuid,
    revision: i64,
    deleted: bool,
}

fn select_known() -> String {
    let mut list = String::from("$1");
    for place in 2..=IDS {
        // Writing to a string cannot fail.
        write!(list, ",${place}").ok();
    }
    format!(
        "SELECT id, revision, false AS deleted FROM records WHERE id IN ({list})
         UNION ALL
         SELECT record_id AS id, revision, true AS deleted FROM tombstones WHERE record_id IN ({list})"
    )
}

/// No record has the id zero.
fn padded(ids: &[RecordId]) -> impl Iterator<Item = Bind> + Send {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    ids.into_iter()
        .chain(std::iter::repeat(Uuid::nil()))
        .take(IDS)
        .map(Bind::from)
}
