use std::future::Future;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use sqlx::error::DatabaseError;
use uuid::Uuid;

use crate::record::RunId;

/// Attempts at a transaction that another one got in the way of. Each waits about twice as long as the one before, so
/// six of them cover some three seconds.
const ATTEMPTS: u32 = 6;

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
    /// Whether the same call can succeed later, with nothing mended by hand.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { source, .. } | Self::Statement { source, .. } => {
                is_contention(source) || is_connection(source)
            }
            _ => false,
        }
    }

    /// Whether another transaction stood in the way: run again at once, it likely succeeds.
    pub(super) fn is_contention(&self) -> bool {
        matches!(self, Self::Statement { source, .. } if is_contention(source))
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
                Code::Sqlite(code) => matches!(code, 18..=20),
            },
            None => matches!(source, sqlx::Error::Encode(_)),
        }
    }
}

enum Code {
    Postgres(String),
    /// Primary result code, without the extension in the upper bits.
    Sqlite(i32),
}

fn code(error: &dyn DatabaseError) -> Code {
    let code = error.code().unwrap_or_default();
    if error
        .try_downcast_ref::<sqlx::sqlite::SqliteError>()
        .is_some()
    {
        Code::Sqlite(code.parse::<i32>().map_or(0, |code| code & 0xff))
    } else {
        Code::Postgres(code.into_owned())
    }
}

fn is_contention(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| match code(error) {
            // Serialization failure, deadlock, lock not available.
            Code::Postgres(code) => matches!(code.as_str(), "40001" | "40P01" | "55P03"),
            // SQLITE_BUSY, SQLITE_LOCKED
            Code::Sqlite(code) => matches!(code, 5 | 6),
        })
}

fn is_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => !matches!(
            error.kind(),
            ErrorKind::NotFound | ErrorKind::PermissionDenied
        ),
        sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => match code(error.as_ref()) {
            // Connection exceptions, too many connections, shutting down or starting up.
            Code::Postgres(code) => {
                code.starts_with("08") || code == "53300" || code.starts_with("57P0")
            }
            Code::Sqlite(_) => false,
        },
        _ => false,
    }
}

/// Runs a transaction again while others stand in its way. The only loop that retries in this module.
pub(super) async fn retrying<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    for round in 1..ATTEMPTS {
        match attempt().await {
            Err(error) if error.is_contention() => {
                tracing::debug!(round, %error, "another transaction was in the way");
                // Jitter, or two that collided collide again.
                let jitter = Uuid::new_v4().as_fields().0 % 50;
                let wait = Duration::from_millis(u64::from((50 << round) + jitter));
                tokio::time::sleep(wait).await;
            }
            result => return result,
        }
    }
    attempt().await
}
