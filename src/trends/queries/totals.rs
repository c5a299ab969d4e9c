use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::load::{Store, StoreError, binds};
use crate::record::Kind;

/// How many records of a kind there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindTotal {
    /// The kind.
    pub kind: Kind,
    /// All that were ever seen and not deleted.
    pub records: i64,
    /// Those that their source still shows, as far as it has been asked.
    pub active: i64,
}

#[derive(FromRow)]
struct CountRow {
    records: i64,
    active: i64,
}

/// Counts the records of every kind, also of those without any.
pub async fn totals(store: &Store) -> Result<Vec<KindTotal>, StoreError> {
    let mut totals = Vec::with_capacity(Kind::ALL.len());
    for kind in Kind::ALL {
        // Two counts of indices; a sum over `active` would read every row.
        let rows: Vec<CountRow> = store
            .rows(
                "SELECT (SELECT count(*) FROM records WHERE kind = $1) AS records,
                        (SELECT count(*) FROM records WHERE kind = $1 AND active) AS active",
                binds![kind],
            )
            .await?;
        totals.extend(rows.into_iter().map(|row| KindTotal {
            kind,
            records: row.records,
            active: row.active,
        }));
    }
    Ok(totals)
}
