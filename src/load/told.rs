//! Changes as people are told of them: with a name and an address instead of an id.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::changes::ChangeRow;
use super::{Store, StoreError, binds};
use crate::record::{Change, RunId};

/// A change, and what its record is called now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToldChange {
    /// The change.
    #[serde(flatten)]
    pub change: Change,
    /// Title of the record; none where it has none, or was deleted.
    pub title: Option<String>,
    /// Address of the record; none where it was deleted.
    pub url: Option<String>,
}

#[derive(FromRow)]
struct Row {
    #[sqlx(flatten)]
    change: ChangeRow,
    title: Option<String>,
    url: Option<String>,
}

impl Store {
    /// The changes of records that a run made, in their order. Documents stay where they are, so a first run of a long
    /// list is told in little memory.
    pub async fn told_changes_of(&self, run: RunId) -> Result<Vec<ToldChange>, StoreError> {
        let rows: Vec<Row> = self
            .rows(
                "SELECT c.seq, c.run_id, c.kind AS subject, c.record_id, c.revision AS change_revision, c.op, c.at, c.diff,
                        r.document ->> 'title' AS title, r.url
                   FROM changes AS c LEFT JOIN records AS r ON r.id = c.record_id
                  WHERE c.run_id = $1 AND c.kind <> 'run' ORDER BY c.seq",
                binds![run],
            )
            .await?;
        let told = |row: Row| {
            Ok(ToldChange {
                change: row.change.try_into()?,
                title: row.title,
                url: row.url,
            })
        };
        rows.into_iter().map(told).collect()
    }
}
