//! What a store says of itself: asked without bringing its schema up to date, so that an old or a newer store answers too.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use sqlx::AssertSqlSafe;
use sqlx::migrate::Migrator;
use uuid::Uuid;

use super::changes::CursorRow;
use super::{
    At, Cursor, IdentityRow, Location, Pool, Store, StoreError, StoreIdentity, StoreOptions, binds,
    postgres, sqlite, unwritable,
};

/// What a store holds, and which schema it has.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoreStatus {
    /// Where it is, without its password.
    pub place: String,
    /// Which store it is; none before it was first opened for work.
    pub identity: Option<StoreIdentity>,
    /// Version of its schema; 0 where there is none.
    pub schema: i64,
    /// Newest version that this program knows.
    pub known_schema: i64,
    /// What the next opening adds, as `4 alarms`.
    pub pending: Vec<String>,
    /// Rows by table.
    pub rows: BTreeMap<String, i64>,
    /// Number of the last change.
    pub head: i64,
    /// Number of the oldest change that is kept; none where the log is empty.
    pub oldest: Option<i64>,
    /// When that change was made.
    pub oldest_at: Option<Timestamp>,
    /// Number up to which the log was cut; a cursor before it takes everything anew.
    pub pruned: i64,
    /// How far each target has read.
    pub cursors: Vec<Cursor>,
    /// Bytes on disk, indices and write-ahead log included.
    pub bytes: i64,
}

impl StoreStatus {
    /// Whether a newer trendy has been at the store, so that this one refuses it.
    pub fn is_newer(&self) -> bool {
        self.schema > self.known_schema
    }
}

impl Store {
    /// The status of the store at a URL, as it is: nothing is created and nothing brought up to date. None where there is
    /// no such file. Whoever keeps a part of it locked is waited for as `options` say.
    pub async fn status(
        url: &str,
        options: &StoreOptions,
    ) -> Result<Option<StoreStatus>, StoreError> {
        match Location::parse(url)? {
            Location::File(path) if !path.exists() => Ok(None),
            Location::File(path) => {
                let place = path.display().to_string();
                let pool = Pool::Sqlite(sqlite::look(&path, options.lock_timeout).await?);
                let status = examine(&pool, place, &sqlite::MIGRATIONS).await;
                pool.close().await;
                let mut status = status.map_err(|error| unwritable::explained(&path, error))?;
                status.bytes = sqlite::bytes(&path);
                Ok(Some(status))
            }
            Location::Server(url) => {
                let (pool, place) = postgres::look(url, options).await?;
                let status = examine(&pool, place, &postgres::MIGRATIONS).await;
                pool.close().await;
                status.map(Some)
            }
        }
    }
}

async fn examine(
    pool: &Pool,
    place: String,
    migrations: &Migrator,
) -> Result<StoreStatus, StoreError> {
    let mut status = StoreStatus {
        identity: None,
        schema: 0,
        known_schema: newest(migrations),
        pending: Vec::new(),
        rows: BTreeMap::new(),
        head: 0,
        oldest: None,
        oldest_at: None,
        pruned: 0,
        cursors: Vec::new(),
        bytes: 0,
        place,
    };
    let place = status.place.clone();
    let there = tables(pool, &place).await?;
    let mut applied = BTreeSet::new();
    if there.contains("_sqlx_migrations") {
        let sql = "SELECT version FROM _sqlx_migrations ORDER BY version";
        let rows: Vec<(i64,)> = pool.rows(&place, sql, binds![]).await?;
        applied.extend(rows.into_iter().map(|(version,)| version));
    }
    status.schema = applied.last().copied().unwrap_or(0);
    let missing = migrations
        .iter()
        .filter(|migration| !applied.contains(&migration.version));
    status.pending = missing
        .map(|migration| format!("{} {}", migration.version, migration.description))
        .collect();
    for table in own_tables(migrations).filter(|table| there.contains(*table)) {
        // A name that one of our own migrations gives.
        let sql = AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        let rows: Vec<(i64,)> = pool.rows(&place, sql, binds![]).await?;
        status
            .rows
            .extend(rows.first().map(|(count,)| (table.to_owned(), *count)));
        if let Pool::Postgres(_) = pool {
            let sql = AssertSqlSafe(format!(
                "SELECT pg_total_relation_size('{table}'::regclass)"
            ));
            let rows: Vec<(i64,)> = pool.rows(&place, sql, binds![]).await?;
            status.bytes += rows.first().map_or(0, |(bytes,)| *bytes);
        }
    }
    if status.rows.contains_key("store") {
        let sql = "SELECT store_id, epoch FROM store";
        let rows: Vec<IdentityRow> = pool.rows(&place, sql, binds![]).await?;
        status.identity = rows.into_iter().next().map(StoreIdentity::from);
        let sql =
            "SELECT COALESCE((SELECT MAX(seq) FROM changes), pruned_seq), pruned_seq FROM store";
        let rows: Vec<(i64, i64)> = pool.rows(&place, sql, binds![]).await?;
        (status.head, status.pruned) = rows.into_iter().next().unwrap_or_default();
        let sql = "SELECT seq, at FROM changes ORDER BY seq LIMIT 1";
        let rows: Vec<(i64, At)> = pool.rows(&place, sql, binds![]).await?;
        (status.oldest, status.oldest_at) =
            rows.into_iter().next().map(|(seq, at)| (seq, at.0)).unzip();
        let sql = "SELECT target, seq, store_id, epoch, moved_at FROM cursors ORDER BY target";
        let rows: Vec<CursorRow> = pool.rows(&place, sql, binds![]).await?;
        status.cursors = rows.into_iter().map(Cursor::from).collect();
    }
    Ok(status)
}

/// Names of the tables in the store's schema, those of others among them.
async fn tables(pool: &Pool, place: &str) -> Result<BTreeSet<String>, StoreError> {
    let sql = match pool {
        Pool::Sqlite(_) => "SELECT name FROM sqlite_master WHERE type = 'table'",
        Pool::Postgres(_) => {
            "SELECT tablename::text FROM pg_catalog.pg_tables WHERE schemaname = current_schema()"
        }
    };
    let rows: Vec<(String,)> = pool.rows(place, sql, binds![]).await?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

/// The tables that migrations create.
fn own_tables(migrations: &Migrator) -> impl Iterator<Item = &str> {
    let lines = migrations
        .iter()
        .flat_map(|migration| migration.sql.as_str().lines());
    lines.filter_map(|line| line.strip_prefix("CREATE TABLE ")?.split([' ', '(']).next())
}

/// Newest version that these migrations lead to.
pub(super) fn newest(migrations: &Migrator) -> i64 {
    let versions = migrations.iter().map(|migration| migration.version);
    versions.max().unwrap_or(0)
}

/// Which store a file is, read from a file that may be none.
pub(super) async fn identity_of(
    pool: &Pool,
    place: &str,
) -> Result<Option<(Uuid, i64)>, StoreError> {
    if !tables(pool, place).await?.contains("store") {
        return Ok(None);
    }
    let rows: Vec<(Uuid, i64)> = pool
        .rows(place, "SELECT store_id, epoch FROM store", binds![])
        .await?;
    Ok(rows.into_iter().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_those_of_the_migrations_and_the_same_on_both_servers() {
        let sqlite: BTreeSet<&str> = own_tables(&sqlite::MIGRATIONS).collect();
        let postgres: BTreeSet<&str> = own_tables(&postgres::MIGRATIONS).collect();
        assert_eq!(sqlite, postgres);
        for table in ["records", "changes", "validators", "hosts"] {
            assert!(sqlite.contains(table), "{table}");
        }
    }
}
