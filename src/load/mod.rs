//! The record of truth: a SQLite file, or a Postgres server when its URL says so. Everything else can be rebuilt from it.
//!
//! A [`Batch`] is loaded in one transaction: rows, terms, one [`crate::record::Change`] a real change, what the run has
//! seen, what it rejected, the pages that need not be read again, and its counts. The same batch twice is the same as once, so a caller that does not know
//! whether a commit went through loads again. Invariants that targets build on:
//!
//! - `seq` order is commit order: a reader of [`Store::changes_after`] that has passed a number never misses a smaller one.
//! - A record's `revision` grows by one at each change, also over its deletion (tombstones keep it).
//! - Only its absence from a whole snapshot closes a record ([`Store::close`]); nothing here decides that.
//! - An unfinished run is its own checkpoint: [`Store::begin_run`] goes on with it.
//!
//! SQL that both servers share stands in the module of its story; what differs is in `sqlite` and `postgres`.

mod backup;
mod batch;
mod changes;
mod dead_letters;
mod diff;
mod error;
mod history;
mod hosts;
mod known;
mod likeness;
mod lock;
mod merge;
mod news;
mod part;
mod plan;
mod postgres;
mod retention;
mod retire;
mod revisions;
mod runs;
mod same_as;
mod sql;
mod sqlite;
mod staging;
mod status;
mod time;
mod told;
mod unwritable;
mod verdict;
mod visited;

use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{FromRow, SqlSafeStr};
use uuid::Uuid;

pub use backup::{BackupError, Restored};
pub use batch::{Batch, LoadReport};
pub use changes::Cursor;
pub use dead_letters::{DeadLetter, DeadLetterFilter, DeadLetterState, NewDeadLetter};
pub use error::StoreError;
pub use known::{Content, KnownPage, Named};
pub use lock::{Hold, Lock};
pub use retention::{Pruned, Retention, Tombstone};
pub use revisions::Known;
pub use runs::{OpenRun, RunRow};
pub use sql::{Bind, Pool, StoreRow};
pub use status::StoreStatus;
pub use time::At;
pub use told::ToldChange;
pub use visited::Visited;

use error::retrying;
use lock::Fence;
pub(crate) use sql::binds;
use sql::{Purpose, Transaction};
use sqlite::Inode;

/// Which store this is. A target that has seen another one, or this one before a restore, must start over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StoreIdentity {
    /// Given when the store was created.
    pub store_id: Uuid,
    /// 1, then renewed by each restore.
    pub epoch: i64,
}

/// The store. Clones share its connections.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    /// The lock that writes are made under; none where anyone may write.
    fence: Option<Arc<Fence>>,
}

/// Options of a connection show their password, so this shows the place alone.
impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Store")
            .field("place", &self.place())
            .finish_non_exhaustive()
    }
}

struct Shared {
    /// Where it is, without its password.
    place: String,
    identity: StoreIdentity,
    /// For SQLite a single connection; for Postgres the same pool as `readers`.
    writer: Pool,
    readers: Pool,
    locks: Locks,
}

/// Where locks between processes live.
enum Locks {
    /// Beside this database file.
    Files {
        database: PathBuf,
        /// Which file that was when it was opened.
        inode: Option<Inode>,
        /// Held as long as the store is open, against a restore.
        _in_use: File,
    },
    /// In sessions of this server.
    Sessions(Box<PgConnectOptions>),
}

/// How long the store is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreOptions {
    /// Longest that a Postgres server works at one statement, migrations aside, and that a transaction of a process which
    /// does not go on keeps others waiting; zero for no limit.
    pub statement_timeout: Duration,
    /// Longest that a write waits for those of other processes.
    pub lock_timeout: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            statement_timeout: Duration::from_mins(5),
            lock_timeout: Duration::from_secs(10),
        }
    }
}

impl Store {
    /// Opens the store at `sqlite://PATH`, `sqlite:PATH`, a bare path, or `postgres://…`, creates it where SQLite has no
    /// such file, and brings its schema up to date.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::open_with(url, &StoreOptions::default()).await
    }

    /// Opens a store that is waited for in another way.
    pub async fn open_with(url: &str, options: &StoreOptions) -> Result<Self, StoreError> {
        match Location::parse(url)? {
            Location::File(path) => {
                let opened = sqlite::open(&path, options.lock_timeout)
                    .await
                    .map_err(|error| unwritable::explained(&path, error))?;
                let (writer, readers) = (Pool::Sqlite(opened.writer), Pool::Sqlite(opened.readers));
                Self::identified(
                    path.display().to_string(),
                    writer,
                    readers,
                    Locks::Files {
                        inode: sqlite::inode(&path)?,
                        database: path,
                        _in_use: opened.in_use,
                    },
                )
                .await
            }
            Location::Server(url) => {
                let opened = postgres::open(url, options).await?;
                let pool = Pool::Postgres(opened.pool);
                let locks = Locks::Sessions(Box::new(opened.options));
                Self::identified(opened.place, pool.clone(), pool, locks).await
            }
        }
    }

    /// The file that a URL names, where there is none.
    pub fn missing(url: &str) -> Result<Option<PathBuf>, StoreError> {
        Ok(match Location::parse(url)? {
            Location::File(path) => Some(path).filter(|path| !path.exists()),
            Location::Server(_) => None,
        })
    }

    async fn identified(
        place: String,
        writer: Pool,
        readers: Pool,
        locks: Locks,
    ) -> Result<Self, StoreError> {
        const SELECT: &str = "SELECT store_id, epoch FROM store";
        let mut rows: Vec<IdentityRow> = writer.rows(&place, SELECT, binds![]).await?;
        if rows.is_empty() {
            let mut transaction = writer.begin(&place, Purpose::Note).await?;
            transaction
                .execute(
                    "INSERT INTO store (singleton, store_id, epoch) VALUES (1, $1, 1) ON CONFLICT DO NOTHING",
                    binds![Uuid::new_v4()],
                )
                .await?;
            rows = transaction.rows(SELECT, binds![]).await?;
            transaction.commit().await?;
        }
        let identity = one(rows, &place)?.into();
        Ok(Self {
            shared: Arc::new(Shared {
                place,
                identity,
                writer,
                readers,
                locks,
            }),
            fence: None,
        })
    }

    /// Which store this is.
    pub fn identity(&self) -> StoreIdentity {
        self.shared.identity
    }

    /// Whether the place still holds the store that was opened: a restore of a server's database renews its identity, and a
    /// file that was put in the place of another is not the one that is written to.
    pub async fn is_same(&self) -> Result<bool, StoreError> {
        if let Locks::Files {
            database, inode, ..
        } = &self.shared.locks
            && sqlite::inode(database)? != *inode
        {
            return Ok(false);
        }
        let rows: Vec<IdentityRow> = self
            .rows("SELECT store_id, epoch FROM store", binds![])
            .await?;
        let identity = StoreIdentity::from(one(rows, self.place())?);
        Ok(identity == self.identity())
    }

    /// Where it is, without its password.
    pub fn place(&self) -> &str {
        &self.shared.place
    }

    /// Connections for reading. Those of SQLite refuse to write.
    pub fn pool(&self) -> &Pool {
        &self.shared.readers
    }

    /// The rows of a query that both servers understand.
    pub async fn rows<T: StoreRow>(
        &self,
        sql: impl SqlSafeStr,
        binds: impl IntoIterator<Item = Bind> + Send,
    ) -> Result<Vec<T>, StoreError> {
        let sql = sql.into_sql_str();
        let binds: Vec<Bind> = binds.into_iter().collect();
        retrying(|| {
            let readers = &self.shared.readers;
            readers.rows(self.place(), sql.clone(), binds.clone())
        })
        .await
    }

    /// Ends every connection, and for SQLite folds the write-ahead log into the file.
    pub async fn shutdown(&self) {
        for pool in [&self.shared.readers, &self.shared.writer] {
            pool.close().await;
        }
    }

    async fn begin(&self, purpose: Purpose) -> Result<Transaction<'_>, StoreError> {
        let mut transaction = self.shared.writer.begin(self.place(), purpose).await?;
        if let Some(fence) = &self.fence {
            fence.check(&mut transaction).await?;
        }
        Ok(transaction)
    }

    /// One statement that writes outside of the change log.
    async fn note<const N: usize>(
        &self,
        sql: &'static str,
        binds: [Bind; N],
    ) -> Result<u64, StoreError> {
        let (store, binds) = (self, &binds);
        retrying(|| async move {
            let mut transaction = store.begin(Purpose::Note).await?;
            let written = transaction.execute(sql, binds.clone()).await?;
            transaction.commit().await?;
            Ok(written)
        })
        .await
    }
}

#[derive(FromRow)]
struct IdentityRow {
    store_id: Uuid,
    epoch: i64,
}

impl From<IdentityRow> for StoreIdentity {
    fn from(row: IdentityRow) -> Self {
        Self {
            store_id: row.store_id,
            epoch: row.epoch,
        }
    }
}

/// The one row of a query that has one.
fn one<T>(rows: Vec<T>, place: &str) -> Result<T, StoreError> {
    rows.into_iter()
        .next()
        .ok_or_else(|| StoreError::Statement {
            place: place.to_owned(),
            statement: "SELECT".to_owned(),
            source: sqlx::Error::RowNotFound,
        })
}

#[derive(Debug, PartialEq)]
enum Location<'a> {
    File(PathBuf),
    Server(&'a str),
}

impl<'a> Location<'a> {
    fn parse(url: &'a str) -> Result<Self, StoreError> {
        // Such as the line break at the end of a secret's file.
        let url = url.trim();
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Server(url));
        }
        if let Some(path) = url
            .strip_prefix("sqlite://")
            .or_else(|| url.strip_prefix("sqlite:"))
        {
            // Other tools' URLs end in `?mode=rwc`; trendy always reads, writes and creates.
            let path = path.split('?').next().unwrap_or(path);
            return Self::file(path);
        }
        match url.split_once("://") {
            Some((scheme, _)) => Err(StoreError::UnknownScheme {
                scheme: scheme.to_owned(),
            }),
            None => Self::file(url),
        }
    }

    /// A store in memory would lose acknowledged records, and each connection would have its own.
    fn file(path: &str) -> Result<Self, StoreError> {
        match path {
            "" | ":memory:" => Err(StoreError::UnknownScheme {
                scheme: format!("sqlite:{path}"),
            }),
            path => Ok(Self::File(PathBuf::from(path))),
        }
    }
}

/// Runs the migrations that the store has not seen.
async fn migrate<DB>(
    migrator: &Migrator,
    pool: &sqlx::Pool<DB>,
    place: &str,
) -> Result<(), StoreError>
where
    DB: sqlx::Database,
    DB::Connection: sqlx::migrate::Migrate,
{
    let known = status::newest(migrator);
    migrator.run(pool).await.map_err(|source| match source {
        MigrateError::Execute(source) => StoreError::of_statement(place, "migration", source),
        MigrateError::VersionMissing(found) if found > known => StoreError::Newer {
            place: place.to_owned(),
            found,
            known,
        },
        source => StoreError::Migration {
            place: place.to_owned(),
            source,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_without_a_server_is_a_file() {
        for url in [
            "sqlite://data/t.db",
            "sqlite:data/t.db",
            "data/t.db",
            "sqlite:data/t.db?mode=rwc",
            "data/t.db\n",
        ] {
            assert_eq!(
                Location::parse(url).unwrap(),
                Location::File("data/t.db".into()),
                "{url}"
            );
        }
        assert!(matches!(
            Location::parse("postgresql://h/d"),
            Ok(Location::Server(_))
        ));
    }

    #[test]
    fn names_the_stores_it_knows_and_repeats_no_password() {
        for url in ["mysql://me:secret@h/d", "sqlite::memory:", ""] {
            let error = Location::parse(url).unwrap_err().to_string();
            assert!(error.contains("known: `sqlite://PATH`"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
