use std::future::Future;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use sqlx::error::DatabaseError;
use uuid::Uuid;

use crate::record::RunId;

/// Attempts at a transaction that another one got in the way of. Each waits about twice as long as the one before, so
/// six of them cover some three seconds.
const ATTEMPTS: u32 = 6;

/// How long a server that went away is waited for: it restarts, or its standby takes over, within that.
const PATIENCE: Duration = Duration::from_mins(1);

/// Longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Why the store could not do what it was asked to. No variant holds the store's password: a place is a URL without it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL names no store that trendy has.
    #[error(
        "`{scheme}` is no store (known: `sqlite://PATH`, a bare path, `postgres://USER@HOST/DATABASE`); set `DATABASE_URL`"
    )]
    UnknownScheme {
        /// What stands before the colon.
        scheme: String,
    },
    /// The URL can't be read. It may hold a password, so it is not repeated.
    #[error(
        "the Postgres URL can't be read: {reason}; write `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with special \
         characters in the password percent-encoded"
    )]
    InvalidUrl {
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing answers there, or it refuses us.
    #[error("cannot open the store at `{place}`; {remedy}")]
    Unreachable {
        /// The store, without its password.
        place: String,
        /// What to look at.
        remedy: &'static str,
        /// What the driver says.
        source: sqlx::Error,
    },
    /// A newer trendy has been here.
    #[error(
        "the store at `{place}` is newer than this program (its schema is version {found}, the program knows {known}); \
         install a newer trendy"
    )]
    Newer {
        /// The store, without its password.
        place: String,
        /// Version of its schema.
        found: i64,
        /// Newest version that this program has.
        known: i64,
    },
    /// Its schema could not be brought up to date.
    #[error(
        "cannot migrate the store at `{place}`; restore a backup, or point `DATABASE_URL` at an empty database"
    )]
    Migration {
        /// The store, without its password.
        place: String,
        /// What the driver says.
        source: sqlx::migrate::MigrateError,
    },
    /// A statement failed.
    #[error("the store at `{place}` failed at `{statement}`")]
    Statement {
        /// The store, without its password.
        place: String,
        /// How the statement begins.
        statement: String,
        /// What the driver says.
        source: sqlx::Error,
    },
    /// It lies where nothing can be written, which is to be even where it is only read.
    #[error(
        "the store at `{place}` or its folder cannot be written, as locks and a write-ahead log are also where it is only \
         read; let it be written, or copy it elsewhere, with its `-wal` if there is one, and name the copy by `--database`"
    )]
    ReadOnly {
        /// The store.
        place: String,
        /// What the system says of an attempt.
        source: std::io::Error,
    },
    /// There is no room to write. What was acknowledged is kept.
    #[error(
        "no room is left for the store at `{place}`; make some on its disk, then run again: what was loaded is kept, and \
         the next run goes on"
    )]
    Full {
        /// The store, without its password.
        place: String,
        /// What the driver says.
        source: sqlx::Error,
    },
    /// Another process writes, and did not come to an end in time.
    #[error(
        "the store at `{place}` is locked by another process; wait until it has ended, or raise `lock_timeout`"
    )]
    Busy {
        /// The store, without its password.
        place: String,
        /// What the driver says.
        source: sqlx::Error,
    },
    /// The server broke a statement off.
    #[error(
        "the store at `{place}` broke off `{statement}`; see what keeps the server busy, or raise `statement_timeout`"
    )]
    BrokenOff {
        /// The store, without its password.
        place: String,
        /// How the statement begins.
        statement: String,
        /// What the driver says.
        source: sqlx::Error,
    },
    /// A row holds a name that this program does not know.
    #[error(
        "the store holds `{value}` as {column}, which this program does not know; install a newer trendy"
    )]
    UnknownName {
        /// Table and column.
        column: &'static str,
        /// What stands there.
        value: String,
    },
    /// The run was never begun, or has finished.
    #[error("run {run} is not open; begin a run before loading into it")]
    RunNotOpen {
        /// Its number.
        run: RunId,
    },
    /// The lock that the write was to be made under was lost with the connection that held it, and another process has it.
    #[error(
        "the lock `{name}` of the store at `{place}` was lost with its connection, and another process has taken it; \
         nothing more was written: let that process go on"
    )]
    LockLost {
        /// The lock.
        name: String,
        /// The store, without its password.
        place: String,
    },
    /// The lock file can't be opened or locked.
    #[error("cannot lock `{}`; is its folder writable?", path.display())]
    LockFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

impl StoreError {
    /// The error of a statement that begins like this.
    pub(super) fn of_statement(place: &str, statement: &str, source: sqlx::Error) -> Self {
        let (place, statement) = (place.to_owned(), statement.to_owned());
        match source.as_database_error().map(code) {
            Some(code) if code.is_full() => Self::Full { place, source },
            Some(code) if code.is_locked() => Self::Busy { place, source },
            // Query canceled.
            Some(Code::Postgres(code)) if code == "57014" => Self::BrokenOff {
                place,
                statement,
                source,
            },
            _ => Self::Statement {
                place,
                statement,
                source,
            },
        }
    }

    /// The error of an attempt to open a store.
    pub(super) fn of_opening(place: String, remedy: &'static str, source: sqlx::Error) -> Self {
        match Self::of_statement(&place, "", source) {
            Self::Statement { source, .. } | Self::BrokenOff { source, .. } => Self::Unreachable {
                place,
                remedy,
                source,
            },
            known => known,
        }
    }

    /// Whether the URL names no store that could be opened: a matter of configuration.
    pub const fn is_about_the_url(&self) -> bool {
        matches!(self, Self::UnknownScheme { .. } | Self::InvalidUrl { .. })
    }

    /// Whether the same call can succeed later, with nothing mended by hand.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Busy { .. } | Self::BrokenOff { .. } => true,
            Self::Unreachable { source, .. } => {
                is_connection(source)
                    && !matches!(source, sqlx::Error::Io(error) if is_about_a_path(error))
            }
            Self::Statement { source, .. } => is_contention(source) || is_connection(source),
            _ => false,
        }
    }

    /// Whether another transaction stood in the way: run again at once, it likely succeeds.
    fn is_contention(&self) -> bool {
        matches!(self, Self::Statement { source, .. } if is_contention(source))
    }

    /// Whether the server went away, of which an open store has seen more than now.
    fn is_lost(&self) -> bool {
        matches!(self, Self::Statement { source, .. } | Self::Unreachable { source, .. } if is_connection(source))
    }

    /// Whether the server refused a value, so that the same batch without it would be taken.
    pub(super) fn is_about_data(&self) -> bool {
        let Self::Statement { source, .. } = self else {
            return false;
        };
        match source.as_database_error() {
            Some(error) => match code(error) {
                // Data exception, integrity violation, program limit (a key too long for an index).
                Code::Postgres(code) => ["22", "23", "54"]
                    .iter()
                    .any(|class| code.starts_with(class)),
                // SQLITE_TOOBIG, SQLITE_CONSTRAINT, SQLITE_MISMATCH
                Code::Sqlite(code) => matches!(code & 0xff, 18..=20),
            },
            None => matches!(source, sqlx::Error::Encode(_)),
        }
    }
}

enum Code {
    Postgres(String),
    /// Result code; the primary one in the lower eight bits.
    Sqlite(i32),
}

impl Code {
    fn is_full(&self) -> bool {
        match self {
            // Disk full.
            Self::Postgres(code) => code == "53100",
            // SQLITE_FULL, and SQLITE_IOERR_SHMSIZE: no room for the index of the write-ahead log.
            Self::Sqlite(code) => matches!(code, 13 | 4874),
        }
    }

    fn is_locked(&self) -> bool {
        match self {
            // Lock not available.
            Self::Postgres(code) => code == "55P03",
            // SQLITE_BUSY, which came after the wait that it was given.
            Self::Sqlite(code) => code & 0xff == 5,
        }
    }
}

fn code(error: &dyn DatabaseError) -> Code {
    let code = error.code().unwrap_or_default();
    if error
        .try_downcast_ref::<sqlx::sqlite::SqliteError>()
        .is_some()
    {
        Code::Sqlite(code.parse().unwrap_or_default())
    } else {
        Code::Postgres(code.into_owned())
    }
}

fn is_contention(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| match code(error) {
            // Serialization failure, deadlock.
            Code::Postgres(code) => matches!(code.as_str(), "40001" | "40P01"),
            // SQLITE_LOCKED
            Code::Sqlite(code) => code & 0xff == 6,
        })
}

fn is_connection(error: &sqlx::Error) -> bool {
    match error {
        // The socket of a server that restarts is gone for a while.
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => match code(error.as_ref()) {
            // Connection exceptions, too many connections, idle for too long in a transaction (a machine that slept),
            // shutting down or starting up.
            Code::Postgres(code) => {
                code.starts_with("08")
                    || ["53300", "25P03"].contains(&code.as_ref())
                    || code.starts_with("57P0")
            }
            Code::Sqlite(_) => false,
        },
        _ => false,
    }
}

fn is_about_a_path(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::PermissionDenied
    )
}

/// Runs a transaction again while others stand in its way, or its server is away. That is safe where a commit went through
/// whose answer was lost, as what is written twice is written once. The only loop that retries in this module.
pub(super) async fn retrying<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let started = Instant::now();
    let mut round = 0;
    loop {
        round += 1;
        let error = match attempt().await {
            Err(error) if error.is_contention() && round < ATTEMPTS => error,
            Err(error) if error.is_lost() && started.elapsed() < PATIENCE => error,
            result => return result,
        };
        if round == 1 && error.is_lost() {
            let patience = PATIENCE.as_secs();
            tracing::warn!(%error, "lost the store; trying again for {patience} s");
        } else {
            tracing::debug!(round, %error, "trying again");
        }
        // Jitter, or two that collided collide again.
        let jitter = Uuid::new_v4().as_fields().0 % 50;
        let wait = LONGEST_WAIT.min(Duration::from_millis(50 << round.min(10)));
        tokio::time::sleep(wait + Duration::from_millis(jitter.into())).await;
    }
}
