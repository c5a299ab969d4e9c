use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::load::{Store, StoreError, binds};
use crate::record::Kind;

/// How many records of a kind there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindTotal {
    /// The kind.
    pub kind: Kind,
    /// All that were ever seen and not deleted, each once, however many boards or sites show it.
    pub records: i64,
    /// Those that a source still shows, as far as it has been asked.
    pub active: i64,
}

#[derive(FromRow)]
struct CountRow {
    kind: String,
    records: i64,
}

/// Counts the records of every kind, also of those without any.
pub async fn totals(store: &Store) -> Result<Vec<KindTotal>, StoreError> {
    // Each statement is the count of an index: a sum over `active` would read every row. Those with a link are few.
    let all: Vec<CountRow> = store
        .rows(
            "SELECT kind, count(*) AS records FROM records GROUP BY kind",
            binds![],
        )
        .await?;
    let active: Vec<CountRow> = store
        .rows(
            "SELECT kind, count(*) AS records FROM records WHERE active GROUP BY kind",
            binds![],
        )
        .await?;
    let linked: Vec<CountRow> = store
        .rows(
            "SELECT kind, count(*) AS records FROM records WHERE same_as IS NOT NULL GROUP BY kind",
            binds![],
        )
        .await?;
    // Of those that are the same and open, the first one counts.
    let active_again: Vec<CountRow> = store
        .rows(
            "SELECT l.kind, count(*) AS records FROM records AS l
              WHERE l.same_as IS NOT NULL AND l.active AND EXISTS (
                        SELECT 1 FROM records AS o
                         WHERE (o.id = l.same_as OR (o.same_as = l.same_as AND o.id < l.id)) AND o.active)
              GROUP BY l.kind",
            binds![],
        )
        .await?;
    let total = |kind: Kind| KindTotal {
        kind,
        records: of_kind(&all, kind) - of_kind(&linked, kind),
        active: of_kind(&active, kind) - of_kind(&active_again, kind),
    };
    Ok(Kind::ALL.into_iter().map(total).collect())
}

fn of_kind(rows: &[CountRow], kind: Kind) -> i64 {
    rows.iter()
        .find(|row| row.kind == kind.as_str())
        .map_or(0, |row| row.records)
}
