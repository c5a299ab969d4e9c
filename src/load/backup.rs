//! Backups of a store, and what makes a store out of one again.
//!
//! A SQLite store is backed up by `VACUUM INTO`: a consistent copy in one file, while a run writes. It is restored through
//! a copy beside the store, which is checked, brought up to date and given a new epoch before it takes the store's place;
//! the store that was there is kept aside. No process may have the store open meanwhile: it would go on writing into the
//! file that was put aside. A Postgres store is backed up and restored by the server's own tools, which know about roles,
//! versions and large tables; trendy tells the command, and renews the epoch afterwards ([`Store::renew`]).
//!
//! The epoch is never one that was there before, whatever backup is taken: an index that was fed by a later state of the
//! store holds revisions that the store will give again to something else, and must not pass for its copy.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sqlx::SqlitePool;
use uuid::Uuid;

use super::status::{identity_of, newest};
use super::unwritable::explained;
use super::{Location, Pool, Store, StoreError, StoreIdentity, binds, postgres, sqlite};

/// First bytes of every SQLite file.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Why a backup was not made, or a store not restored. The store is as it was.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is nothing to back up.
    #[error("there is no store at `{}`", path.display())]
    NoStore {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A backup is never written over.
    #[error("`{}` exists, and a backup overwrites nothing; name another file", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The store is kept by a server that has tools of its own.
    #[error("the store at `{place}` is kept by Postgres, whose own tools do this")]
    Server {
        /// The store, without its password.
        place: String,
        /// The commands that do it, one a line.
        commands: String,
    },
    /// The file is no backup of a store.
    #[error("`{}` is no backup of a store: {reason}", path.display())]
    NotAStore {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Another process works with the store.
    #[error("the store at `{place}` is in use ({holders}); end what uses it, then try again")]
    InUse {
        /// The store, without its password.
        place: String,
        /// Locks that are held, such as `pipeline:programmers`.
        holders: String,
    },
    /// There is no room for what is written. Nothing is left of it.
    #[error("no room is left for `{}`; make some on its disk, or name another place", path.display())]
    Full {
        /// The backup, or the store that is restored.
        path: PathBuf,
        /// What the driver says.
        source: sqlx::Error,
    },
    /// A store could not be copied, on account of either side.
    #[error("cannot copy the store at `{}` to `{}`", from.display(), to.display())]
    Copy {
        /// What was read.
        from: PathBuf,
        /// What was to be written.
        to: PathBuf,
        /// What the driver says.
        source: sqlx::Error,
    },
    /// A file could not be read or written.
    #[error("cannot {what} `{}`", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A store failed, or the file needs a newer trendy.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A store that was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What it is now.
    pub identity: StoreIdentity,
    /// Where the store that was there before is kept; none where there was none.
    pub aside: Option<PathBuf>,
}

impl Store {
    /// Writes a consistent copy of the store at a URL into a new file; a run may write meanwhile. Gives its size.
    pub async fn back_up(url: &str, to: &Path) -> Result<u64, BackupError> {
        let path = match Location::parse(url)? {
            Location::File(path) => path,
            Location::Server(url) => return Err(dump_command(url, to).await?),
        };
        if !path.exists() {
            return Err(BackupError::NoStore { path });
        }
        // Reserved at once, so that two backups never meet in one file; a file system without links has no better way.
        let reserved = OpenOptions::new().write(true).create_new(true).open(to);
        reserved.map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => BackupError::Exists {
                path: to.to_owned(),
            },
            _ => failed("create", to)(source),
        })?;
        let result = write_copy(&path, to).await;
        if result.is_err() {
            // The reservation; what went wrong is told, not that it stays.
            std::fs::remove_file(to).ok();
        }
        result
    }

    /// Puts a backup in the place of the store at a URL, under a new epoch.
    pub async fn restore(url: &str, from: &Path, at: Timestamp) -> Result<Restored, BackupError> {
        let path = match Location::parse(url)? {
            Location::File(path) => path,
            Location::Server(url) => return Err(restore_command(url, from).await?),
        };
        check_header(from)?;
        let in_use = |holders: Vec<String>| BackupError::InUse {
            place: path.display().to_string(),
            holders: if holders.is_empty() {
                "another process has it open".to_owned()
            } else {
                holders.join(", ")
            },
        };
        let Some(_alone) = sqlite::seize(&path).await? else {
            return Err(in_use(sqlite::held_locks(&path)?));
        };
        let copy = beside(&path, "restoring");
        let result = restore_alone(&path, from, &copy, at).await;
        if result.is_err() {
            std::fs::remove_file(&copy).ok();
        }
        match result {
            Err(BackupError::InUse { .. }) => Err(in_use(Vec::new())),
            result => result.map_err(|error| without_room(&path, error)),
        }
    }

    /// Renews the epoch of a store whose data another tool has put back, so that targets notice. Gives the new identity,
    /// which this very `Store` does not know of: open it anew.
    pub async fn renew(&self, at: Timestamp) -> Result<StoreIdentity, BackupError> {
        let mut held = Vec::new();
        for name in self.lock_names().await? {
            match self.lock(&name).await? {
                Some(lock) => lock.release().await,
                None => held.push(name),
            }
        }
        if !held.is_empty() {
            return Err(BackupError::InUse {
                place: self.place().to_owned(),
                holders: held.join(", "),
            });
        }
        let StoreIdentity { store_id, epoch } = self.identity();
        let epoch = next_epoch([epoch], at);
        self.note("UPDATE store SET epoch = $1", binds![epoch])
            .await?;
        Ok(StoreIdentity { store_id, epoch })
    }

    /// The locks that a process which works with the store may hold.
    async fn lock_names(&self) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT 'pipeline:' || pipeline FROM runs WHERE finished_at IS NULL
                   UNION SELECT 'target:' || target FROM cursors";
        let rows: Vec<(String,)> = self.rows(sql, binds![]).await?;
        Ok(rows.into_iter().map(|(name,)| name).collect())
    }
}

/// A number that no epoch had: restoring the same backup twice, or after the store itself was lost, must not give the
/// same one again, so it is at least the time in seconds.
fn next_epoch(before: impl IntoIterator<Item = i64>, at: Timestamp) -> i64 {
    let last = before.into_iter().max().unwrap_or(0);
    at.as_second().max(last.saturating_add(1))
}

async fn write_copy(store: &Path, to: &Path) -> Result<u64, BackupError> {
    let partial = beside(to, "partial");
    // Not read-only: such a connection, the last to go, leaves the write-ahead log behind.
    let copied = copy(sqlite::plain(store).await?, store, &partial, to).await;
    let written = copied.and_then(|()| {
        sync(&partial)?;
        std::fs::rename(&partial, to).map_err(failed("write", to))?;
        sync_folder(to)?;
        Ok(std::fs::metadata(to).map_err(failed("read", to))?.len())
    });
    if written.is_err() {
        std::fs::remove_file(&partial).ok();
    }
    written.map_err(|error| without_room(to, error))
}

/// Writes what a database holds now into a new file, its write-ahead log included, which is to become another.
async fn copy(
    pool: SqlitePool,
    database: &Path,
    file: &Path,
    to: &Path,
) -> Result<(), BackupError> {
    let copied = sqlx::query("VACUUM INTO $1")
        .bind(file.display().to_string())
        .execute(&pool)
        .await;
    pool.close().await;
    let place = database.display().to_string();
    copied.map(drop).map_err(|source| {
        match explained(
            database,
            StoreError::of_statement(&place, "VACUUM INTO", source),
        ) {
            StoreError::Statement { source, .. } => BackupError::Copy {
                from: database.to_owned(),
                to: to.to_owned(),
                source,
            },
            error => error.into(),
        }
    })
}

/// What lacks room is the file that is written, whichever store SQLite was reading.
fn without_room(path: &Path, error: BackupError) -> BackupError {
    match error {
        BackupError::Store(StoreError::Full { source, .. }) => BackupError::Full {
            path: path.to_owned(),
            source,
        },
        error => error,
    }
}

fn check_header(file: &Path) -> Result<(), BackupError> {
    let mut header = [0; MAGIC.len()];
    let read = File::open(file).and_then(|mut file| file.read_exact(&mut header));
    match read {
        Err(error) if error.kind() != ErrorKind::UnexpectedEof => Err(failed("read", file)(error)),
        Ok(()) if header == *MAGIC => Ok(()),
        _ => Err(BackupError::NotAStore {
            path: file.to_owned(),
            reason: "it is no SQLite file".to_owned(),
        }),
    }
}

/// The caller holds the store alone.
async fn restore_alone(
    store: &Path,
    from: &Path,
    copied: &Path,
    at: Timestamp,
) -> Result<Restored, BackupError> {
    let not_a_store = |reason: String| BackupError::NotAStore {
        path: from.to_owned(),
        reason,
    };
    let source = Pool::Sqlite(sqlite::read_only(from).await?);
    let place = from.display().to_string();
    let identity = identity_of(&source, &place).await;
    let version: Result<Vec<(Option<i64>,)>, StoreError> = source
        .rows(
            &place,
            "SELECT MAX(version) FROM _sqlx_migrations",
            binds![],
        )
        .await;
    source.close().await;
    let (store_id, epoch) = identity
        .map_err(|error| not_a_store(crate::cause::with_causes(&error)))?
        .ok_or_else(|| not_a_store("it has no table `store`".to_owned()))?;
    let found = version.ok().and_then(|rows| rows.first()?.0);
    let found = found.ok_or_else(|| not_a_store("its schema has no version".to_owned()))?;
    let known = newest(&sqlite::MIGRATIONS);
    if found > known {
        let newer = StoreError::Newer {
            place,
            found,
            known,
        };
        return Err(newer.into());
    }
    copy(sqlite::read_only(from).await?, from, copied, store).await?;
    let before = put_in_order(store).await?;
    let identity = StoreIdentity {
        store_id,
        epoch: next_epoch([epoch].into_iter().chain(before), at),
    };
    prepare(copied, from, identity.epoch).await?;
    let aside = swap(store, copied, at)?;
    Ok(Restored { identity, aside })
}

/// Checks a copy, brings its schema up to date, gives it its epoch, and a write-ahead log.
async fn prepare(copied: &Path, from: &Path, epoch: i64) -> Result<(), BackupError> {
    let pool = sqlite::plain(copied).await?;
    let prepared = prepare_in(&pool, from, epoch).await;
    pool.close().await;
    prepared?;
    sync(copied)
}

async fn prepare_in(pool: &SqlitePool, from: &Path, epoch: i64) -> Result<(), BackupError> {
    let place = from.display().to_string();
    let failed = |statement, source| StoreError::of_statement(&place, statement, source);
    let found: Vec<(String,)> = sqlx::query_as("PRAGMA quick_check(1)")
        .fetch_all(pool)
        .await
        .map_err(|source| failed("PRAGMA quick_check", source))?;
    if let Some((reason,)) = found.into_iter().find(|(line,)| line != "ok") {
        let path = from.to_owned();
        return Err(BackupError::NotAStore { path, reason });
    }
    super::migrate(&sqlite::MIGRATIONS, pool, &place).await?;
    sqlx::query("UPDATE store SET epoch = $1")
        .bind(epoch)
        .execute(pool)
        .await
        .map_err(|source| failed("UPDATE store", source))?;
    // Here where nobody else is: the first to open the store would have to wait until nobody writes.
    sqlx::query("PRAGMA journal_mode = WAL")
        .execute(pool)
        .await
        .map_err(|source| failed("PRAGMA journal_mode", source))?;
    Ok(())
}

/// Makes the store that is there one file, and gives its epoch; none where there is no store, or one that cannot be read:
/// it is to be replaced after all.
async fn put_in_order(store: &Path) -> Result<Option<i64>, BackupError> {
    if !store.exists() {
        return Ok(None);
    }
    let Ok(pool) = sqlite::plain(store).await else {
        return Ok(None);
    };
    // Succeeds only where no other connection is open, be it that of another program.
    let folded = sqlx::query("PRAGMA journal_mode = DELETE")
        .execute(&pool)
        .await;
    let place = store.display().to_string();
    let wrapped = Pool::Sqlite(pool);
    let identity = identity_of(&wrapped, &place).await.ok().flatten();
    wrapped.close().await;
    if let Err(source) = folded {
        let error = StoreError::of_statement(&place, "PRAGMA journal_mode", source);
        if matches!(error, StoreError::Busy { .. }) {
            let holders = String::new();
            return Err(BackupError::InUse { place, holders });
        }
    }
    Ok(identity.map(|(_, epoch)| epoch))
}

/// Puts the copy in the store's place. With links there is always one or the other at the store's name; file systems
/// without them have a moment with neither, after which both are still there under their names.
fn swap(store: &Path, copied: &Path, at: Timestamp) -> Result<Option<PathBuf>, BackupError> {
    let mut aside = None;
    if store.exists() {
        let stamp = at.strftime("%Y%m%dT%H%M%SZ");
        let mut kept = suffixed(store, &format!(".before-restore-{stamp}"));
        if kept.exists() {
            kept = beside(store, &format!("before-restore-{stamp}"));
        }
        std::fs::hard_link(store, &kept)
            .or_else(|_| std::fs::rename(store, &kept))
            .map_err(failed("keep aside", store))?;
        // Of a store that could not be read: a log of one file must never be taken for that of another.
        for ending in ["-wal", "-shm"] {
            let log = suffixed(store, ending);
            if log.exists() {
                std::fs::rename(&log, suffixed(&kept, ending)).map_err(failed("move", &log))?;
            }
        }
        aside = Some(kept);
    }
    std::fs::rename(copied, store).map_err(failed("replace", store))?;
    sync_folder(store)?;
    Ok(aside)
}

/// `pg_dump` knows the server that it comes with; a COPY of our own would know tables alone.
async fn dump_command(url: &str, to: &Path) -> Result<BackupError, StoreError> {
    let (place, schema) = postgres::schema(url).await?;
    let (file, url) = (quoted(&to.display().to_string()), quoted(&place));
    let schema = quoted(&schema);
    let commands = format!("pg_dump --format=custom --schema={schema} --file={file} {url}");
    Ok(BackupError::Server { place, commands })
}

async fn restore_command(url: &str, from: &Path) -> Result<BackupError, StoreError> {
    let (place, schema) = postgres::schema(url).await?;
    let (file, url) = (quoted(&from.display().to_string()), quoted(&place));
    let schema = quoted(&schema);
    let commands = format!(
        "pg_restore --clean --if-exists --single-transaction --no-owner --schema={schema} --dbname={url} {file}\n\
         trendy db restore --by-hand"
    );
    Ok(BackupError::Server { place, commands })
}

/// A word of a shell's command line.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-:@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::File { what, path, source }
}

fn sync(file: &Path) -> Result<(), BackupError> {
    let synced = OpenOptions::new()
        .read(true)
        .write(true)
        .open(file)
        .and_then(|file| file.sync_all());
    synced.map_err(failed("write", file))
}

fn sync_folder(file: &Path) -> Result<(), BackupError> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(failed("write", folder))
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A name of its own in the same folder, where a rename is one step.
fn beside(path: &Path, purpose: &str) -> PathBuf {
    suffixed(path, &format!(".{purpose}-{}", Uuid::new_v4().simple()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_never_comes_back() {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(next_epoch([1], at(1_800_000_000)), 1_800_000_000);
        assert_eq!(
            next_epoch([1, 1_800_000_000], at(1_800_000_000)),
            1_800_000_001
        );
        assert_eq!(next_epoch([7], at(0)), 8, "a clock that is wrong");
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_read_into_them() {
        assert_eq!(quoted("/data/a.dump"), "/data/a.dump");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }
}
