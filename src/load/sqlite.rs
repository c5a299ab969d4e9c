//! What SQLite does its own way: one connection that writes and a few that read, file locks, and staging by rows
//! of many values.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqlx::Connection as _;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, SqliteConnection, Transaction};

use super::sql::bound;
use super::staging::Staging;
use super::{Bind, StoreError};

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// Readers at a time: the dashboards' queries beside a publisher.
const READERS: u32 = 3;

/// Pages that the writer keeps in memory: 4 MiB, in kibibytes, of the 64 that a run may take.
const CACHE: &str = "-4096";

/// How long what only looks at a file waits for those who write to it.
const BUSY: Duration = Duration::from_secs(10);

/// How long until a file that could not be switched to a write-ahead log is tried again.
const SWITCH_AGAIN: Duration = Duration::from_millis(50);

/// The temporary tables of [`Staging`], empty. A transaction that stages rounds says which a row is of. They have no index on ids, so that the
/// planner, which knows no sizes, walks them and looks up records, never the other way.
const STAGING: &str = "
CREATE TEMP TABLE IF NOT EXISTS staged_seen (ord INTEGER, id BLOB, content_hash BLOB, terms TEXT, seen_at TEXT,
    pipeline TEXT, url TEXT);
CREATE TEMP TABLE IF NOT EXISTS staged_changed (ord INTEGER, id BLOB, kind TEXT, scope TEXT, pipeline TEXT,
    url TEXT, seen_at TEXT, dated_at TEXT, content_hash BLOB, revision INTEGER, op TEXT, terms TEXT, document TEXT,
    diff TEXT);
CREATE TEMP TABLE IF NOT EXISTS staged_terms (record_id BLOB, term TEXT, type TEXT);
CREATE TEMP TABLE IF NOT EXISTS staged_letters (id BLOB, run_id INTEGER, stage TEXT, pipeline TEXT, target TEXT,
    url TEXT, reason TEXT, payload TEXT, at TEXT);
CREATE TEMP TABLE IF NOT EXISTS staged_pages (url TEXT, basis BLOB, address TEXT, etag TEXT, last_modified TEXT,
    content TEXT);
CREATE TEMP TABLE IF NOT EXISTS staged_visits (record_id BLOB, basis BLOB, read_at TEXT);
CREATE TEMP TABLE IF NOT EXISTS staged_likenesses (round INTEGER, record_id BLOB, scope TEXT, key INTEGER, place INTEGER,
    likeness BLOB);
CREATE TEMP TABLE IF NOT EXISTS staged_kin (round INTEGER, id BLOB);
CREATE TEMP TABLE IF NOT EXISTS staged_links (ord INTEGER PRIMARY KEY, record_id BLOB, same_as BLOB, diff TEXT);
DELETE FROM temp.staged_seen;
DELETE FROM temp.staged_changed;
DELETE FROM temp.staged_terms;
DELETE FROM temp.staged_letters;
DELETE FROM temp.staged_pages;
DELETE FROM temp.staged_visits;
DELETE FROM temp.staged_likenesses;
DELETE FROM temp.staged_kin;
DELETE FROM temp.staged_links;
";

pub(super) struct Opened {
    pub(super) writer: SqlitePool,
    pub(super) readers: SqlitePool,
    /// Held as long as the store is open.
    pub(super) in_use: File,
}

pub(super) async fn open(path: &Path, lock_timeout: Duration) -> Result<Opened, StoreError> {
    let place = path.display().to_string();
    let unreachable = |source| unreachable(path, source);
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .busy_timeout(lock_timeout)
        .journal_mode(SqliteJournalMode::Wal)
        // NORMAL outlives a killed process, but a power cut would take back commits whose changes a target has already
        // acknowledged, and their numbers and revisions would be given anew. One sync a batch is affordable, also on an
        // SD card: a crawl waits seconds between pages.
        .synchronous(SqliteSynchronous::Full)
        // Staging tables are small, and a full disk for temporary files would be hard to tell from a full store.
        .pragma("temp_store", "memory")
        // Ids are random, so a batch touches pages all over: they stay in memory until it is written, once.
        .pragma("cache_size", CACHE)
        // As many pages as the log's size below: a page that many batches touch is copied into the file once.
        .pragma("wal_autocheckpoint", "4096")
        // Keeps the log file small after a large load.
        .pragma("journal_size_limit", "16777216");
    // Two processes that open a new file would both switch it to WAL, which fails at once instead of waiting, and both
    // create its tables.
    let opening = lock_file(path, OPEN, Wait::Block).await;
    let opening = opening.and_then(|opening| opening.ok_or_else(|| lost(path, OPEN)));
    let _opening = opening.map_err(|error| match error {
        StoreError::LockFile { source, .. } => unreachable(sqlx::Error::Io(source)),
        other => other,
    })?;
    let in_use = lock_file(path, IN_USE, Wait::Share).await?;
    let in_use = in_use.ok_or_else(|| lost(path, IN_USE))?;
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        // SQLite ends a transaction by itself where its disk is full, which sqlx does not notice.
        .before_acquire(|connection, _| {
            Box::pin(async move { Ok(!connection.is_in_transaction()) })
        });
    let writer = connect(writer, &options, path, lock_timeout).await?;
    super::migrate(&MIGRATIONS, &writer, &place).await?;
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .min_connections(0)
        .connect_lazy_with(
            options
                .pragma("query_only", "on")
                .pragma("cache_size", "-2000"),
        );
    Ok(Opened {
        writer,
        readers,
        in_use,
    })
}

/// Connects, and waits for those who keep the file locked: a copy that is no write-ahead log's yet is made one, which
/// fails at once where another program has begun to write, whatever the busy time-out says.
async fn connect(
    pool: SqlitePoolOptions,
    options: &SqliteConnectOptions,
    path: &Path,
    patience: Duration,
) -> Result<SqlitePool, StoreError> {
    let started = Instant::now();
    loop {
        let connected = pool.clone().connect_with(options.clone()).await;
        match connected.map_err(|source| unreachable(path, source)) {
            Err(StoreError::Busy { .. }) if started.elapsed() < patience => {
                tokio::time::sleep(SWITCH_AGAIN).await;
            }
            connected => return connected,
        }
    }
}

/// What a file is, whatever it is called: its device and its number there.
pub(super) type Inode = (u64, u64);

/// The file that has this name; none where none has.
pub(super) fn inode(path: &Path) -> Result<Option<Inode>, StoreError> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(Some((metadata.dev(), metadata.ino()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreachable(path, sqlx::Error::Io(error))),
    }
}

fn unreachable(path: &Path, source: sqlx::Error) -> StoreError {
    StoreError::of_opening(
        path.display().to_string(),
        "does its folder exist, is it writable, and is the file a SQLite database?",
        source,
    )
}

/// A database as it is, for statements that change nothing.
pub(super) async fn look(path: &Path, patience: Duration) -> Result<SqlitePool, StoreError> {
    single(path, |options| {
        options.busy_timeout(patience).pragma("query_only", "on")
    })
    .await
}

/// A database that may lie where nothing can be written.
pub(super) async fn read_only(path: &Path) -> Result<SqlitePool, StoreError> {
    single(path, |options| options.read_only(true)).await
}

/// A database as it is: no journal mode is set, and no schema is brought up to date.
pub(super) async fn plain(path: &Path) -> Result<SqlitePool, StoreError> {
    single(path, |options| options).await
}

async fn single(
    path: &Path,
    with: impl FnOnce(SqliteConnectOptions) -> SqliteConnectOptions,
) -> Result<SqlitePool, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY);
    SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(with(options))
        .await
        .map_err(|source| unreachable(path, source))
}

/// Bytes of a database and of what stands beside it.
pub(super) fn bytes(path: &Path) -> i64 {
    let sizes = ["", "-wal", "-shm"].into_iter().filter_map(|ending| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        Some(std::fs::metadata(name).ok()?.len())
    });
    i64::try_from(sizes.sum::<u64>()).unwrap_or(i64::MAX)
}

/// A transaction that has the file's write lock from its first statement: one that starts reading and then writes fails
/// at once when another has written in between, whatever the busy time-out says.
pub(super) async fn begin(pool: &SqlitePool) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::raw_sql(STAGING).execute(&mut *transaction).await?;
    Ok(transaction)
}

/// Each cell is bound as it is. As one JSON text for `json_each` a description was written into a document, the document
/// into a row and the row into a batch, each time escaped anew, and then taken apart as often.
pub(super) async fn stage(
    connection: &mut SqliteConnection,
    staging: Staging,
    rows: Vec<Vec<Bind>>,
) -> Result<(), sqlx::Error> {
    let mut rows = rows.into_iter();
    while let Some(first) = rows.as_slice().first() {
        // Powers of two are few different statements, so that each is prepared once.
        let count = ROWS_AT_ONCE.min(1 << rows.len().ilog2());
        let sql = AssertSqlSafe(insert(staging, count, first.len()));
        let cells = rows.by_ref().take(count).flatten();
        bound!(sqlx::query::<Sqlite>(sql), cells)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// The statement that undoes the whole transaction where it fails. To undo it alone SQLite would keep a copy of each page
/// that it changes, in memory: 16 MiB for a batch of a large store. It does so all the same where a function is called,
/// also by an index: those of `records` call none.
pub(super) fn all_or_nothing(sql: &str) -> String {
    let sql = sql.trim_start();
    match sql.split_once(' ') {
        Some((verb @ ("INSERT" | "UPDATE"), rest)) => format!("{verb} OR ROLLBACK {rest}"),
        _ => sql.to_owned(),
    }
}

/// Most rows of a statement: an errand to the connection's thread each, and far fewer values than SQLite's 32,766.
const ROWS_AT_ONCE: usize = 64;

fn insert(staging: Staging, rows: usize, columns: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(", "));
    let table = staging.table();
    format!(
        "INSERT INTO temp.{table} VALUES {}",
        vec![row; rows].join(", ")
    )
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string can't fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// What to do while another process has the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// Wait for it, and hold it together with others who do.
    Share,
    /// Give up.
    Never,
    /// Wait for it.
    Block,
}

/// Takes the lock of this name, or none when another process has it. The system frees it when the process ends, however
/// it ends; the file stays, as removing it would let two processes lock two files of one name.
pub(super) async fn lock(database: &Path, name: &str) -> Result<Option<File>, StoreError> {
    lock_file(database, name, Wait::Never).await
}

async fn lock_file(database: &Path, name: &str, wait: Wait) -> Result<Option<File>, StoreError> {
    let path = lock_path(database, name);
    let failed = |source| StoreError::LockFile {
        path: lock_path(database, name),
        source,
    };
    let locked = tokio::task::spawn_blocking(move || {
        if let Some(folder) = path.parent() {
            match std::fs::create_dir(folder) {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(error);
                }
                _ => {}
            }
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)?;
        match wait {
            Wait::Block => file.lock()?,
            Wait::Share => file.lock_shared()?,
            Wait::Never => match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            },
        }
        Ok(Some(file))
    });
    locked
        .await
        .map_err(std::io::Error::other)
        .and_then(|result| result)
        .map_err(failed)
}

/// Held by whoever opens the file, until it is open.
const OPEN: &str = "open";

/// Shared by whoever has the file open.
const IN_USE: &str = "in-use";

/// A wait that ended without the lock, which the system does not do.
fn lost(database: &Path, name: &str) -> StoreError {
    StoreError::LockFile {
        path: lock_path(database, name),
        source: std::io::ErrorKind::WouldBlock.into(),
    }
}

/// Holds the database alone, or none where another process has it open. Whoever opens it meanwhile waits.
pub(super) async fn seize(database: &Path) -> Result<Option<[File; 2]>, StoreError> {
    let opening = lock_file(database, OPEN, Wait::Block).await?;
    let in_use = lock_file(database, IN_USE, Wait::Never).await?;
    Ok(opening
        .zip(in_use)
        .map(|(opening, in_use)| [opening, in_use]))
}

/// Names of the locks that others hold, such as `pipeline:programmers`.
pub(super) fn held_locks(database: &Path) -> Result<Vec<String>, StoreError> {
    let folder = lock_path(database, OPEN).with_file_name("");
    let failed = |source| StoreError::LockFile {
        path: folder.clone(),
        source,
    };
    let mut held = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .and_then(lock_name);
        let Some(name) = name.filter(|name| name.contains(':')) else {
            continue;
        };
        let file = OpenOptions::new().write(true).open(&path).map_err(failed)?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            held.push(name);
        }
    }
    held.sort();
    Ok(held)
}

/// The name that a lock's file stands for.
fn lock_name(stem: &str) -> Option<String> {
    let mut name = String::new();
    for (index, part) in stem.split('+').enumerate() {
        if index % 2 == 0 {
            name.push_str(part);
        } else {
            name.push(char::from_u32(u32::from_str_radix(part, 16).ok()?)?);
        }
    }
    Some(name)
}

/// A file in a folder beside the database. What is no letter, digit, `-` or `_` is written as its code point, so that two names never
/// share a file.
fn lock_path(database: &Path, name: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".locks/");
    for c in name.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') {
            path.push(c.to_string());
        } else {
            path.push(format!("+{:x}+", u32::from(c)));
        }
    }
    path.push(".lock");
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_locks_never_share_a_file() {
        let path = |name| lock_path(Path::new("/data/trendy.db"), name);
        assert_eq!(
            path("pipeline:a-b"),
            Path::new("/data/trendy.db.locks/pipeline+3a+a-b.lock")
        );
        assert_eq!(lock_name("pipeline+3a+a-b").unwrap(), "pipeline:a-b");
        assert_ne!(path("a/b"), path("a:b"));
        assert_ne!(path("../x"), path("x"));
    }

    #[tokio::test]
    async fn a_connection_whose_transaction_a_full_disk_ended_is_not_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trendy.db");
        let opened = open(&path, Duration::from_secs(10)).await.unwrap();
        // Of this connection alone, and as small as the file is by then.
        let brim = "CREATE TABLE filler (filling BLOB); PRAGMA max_page_count = 1";
        sqlx::raw_sql(brim).execute(&opened.writer).await.unwrap();
        let mut transaction = begin(&opened.writer).await.unwrap();
        let insert = "INSERT INTO filler VALUES (zeroblob(10000000))";
        let full = sqlx::raw_sql(insert).execute(&mut *transaction).await;
        let full = StoreError::of_statement("here", insert, full.unwrap_err());
        assert!(matches!(full, StoreError::Full { .. }), "{full:?}");
        drop(transaction);

        let mut transaction = begin(&opened.writer).await.unwrap();
        let made = sqlx::raw_sql(insert).execute(&mut *transaction).await;
        made.unwrap();
        transaction.commit().await.unwrap();
        let kept: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM filler")
            .fetch_one(&opened.readers)
            .await
            .unwrap();
        assert_eq!(kept, 1);
    }

    #[test]
    fn statement_that_writes_undoes_all_where_it_fails() {
        assert_eq!(
            all_or_nothing("\n  INSERT INTO t SELECT 1"),
            "INSERT OR ROLLBACK INTO t SELECT 1"
        );
        assert_eq!(
            all_or_nothing("UPDATE t SET a = 1"),
            "UPDATE OR ROLLBACK t SET a = 1"
        );
        assert_eq!(all_or_nothing("DELETE FROM t"), "DELETE FROM t");
    }

    #[test]
    fn every_staging_table_is_made_and_emptied() {
        for staging in Staging::ALL {
            assert!(STAGING.contains(&format!("EXISTS {} (", staging.table())));
            assert!(STAGING.contains(&format!("DELETE FROM temp.{};", staging.table())));
        }
    }
}
