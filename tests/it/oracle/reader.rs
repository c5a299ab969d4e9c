//! A connection of its own to the one store or the other, and what each of them tells of a process from outside.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, FromRow, PgConnection, SqliteConnection};
use trendy::load::StoreRow;

/// The locks that a process holds: they tell what it does.
#[derive(Debug, Clone, Copy, Default, FromRow)]
pub(super) struct Locks {
    /// That of the pipeline.
    pub(super) runs: bool,
    /// That of the change log, for a transaction that writes to it.
    pub(super) loads: bool,
    /// The lease of the target.
    pub(super) publishes: bool,
}

/// A process to be looked at.
pub(super) struct Process {
    pub(super) pid: u32,
    /// An instant of the server before it was started.
    pub(super) since: String,
}

pub(super) enum Reader {
    Postgres(PgConnection),
    Sqlite {
        path: PathBuf,
        /// Open only while the program has the file open as well, so that what a killed process left is its own to mend.
        connection: Option<SqliteConnection>,
    },
}

/// The keys of the program's locks are hashes of names that hold its schema.
const LOCKS: &str = "
WITH held AS (
    SELECT (l.classid::bigint << 32) | l.objid::bigint AS key
      FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
     WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted AND a.backend_start >= $1::timestamptz),
keys AS (
    SELECT hashtextextended('trendy:' || current_schema() || ':pipeline:board', 0) AS pipeline,
           hashtextextended('trendy:changes:' || current_schema(), 0) AS log,
           hashtextextended('trendy:' || current_schema() || ':target:' || $2, 0) AS target)
SELECT EXISTS (SELECT FROM held WHERE key = pipeline) AS runs,
       EXISTS (SELECT FROM held WHERE key = log) AS loads,
       EXISTS (SELECT FROM held WHERE key = target) AS publishes
  FROM keys";

/// Where a file of shared memory is locked while a transaction writes (`WAL_WRITE_LOCK` of SQLite's file format).
const WRITE_LOCK: &str = "120";

impl Reader {
    pub(super) async fn of(url: &str) -> Self {
        match url.strip_prefix("sqlite://") {
            Some(path) => Self::Sqlite {
                path: path.into(),
                connection: None,
            },
            None => Self::Postgres(PgConnection::connect(url).await.unwrap()),
        }
    }

    /// The rows of a query that both servers understand.
    pub(super) async fn rows<T: StoreRow>(&mut self, sql: &'static str, bind: &str) -> Vec<T> {
        match self {
            Self::Postgres(connection) => {
                let query = sqlx::query_as(sql).bind(bind);
                query.fetch_all(connection).await.unwrap()
            }
            Self::Sqlite { path, connection } => {
                if connection.is_none() {
                    let options = SqliteConnectOptions::new().filename(path).read_only(true);
                    *connection = Some(options.connect().await.unwrap());
                }
                let query = sqlx::query_as(sql).bind(bind);
                query.fetch_all(connection.as_mut().unwrap()).await.unwrap()
            }
        }
    }

    /// The server's time, where there is a server.
    pub(super) async fn now(&mut self) -> String {
        let Self::Postgres(connection) = self else {
            return String::new();
        };
        let now = sqlx::query_scalar("SELECT clock_timestamp()::text");
        now.fetch_one(connection).await.unwrap()
    }

    pub(super) async fn locks(&mut self, process: &Process, target: &str) -> Locks {
        match self {
            Self::Postgres(connection) => {
                let locks = sqlx::query_as(LOCKS).bind(&process.since).bind(target);
                locks.fetch_one(connection).await.unwrap()
            }
            Self::Sqlite { path, .. } => locks_of(process.pid, path, target),
        }
    }

    /// Waits until what a killed process had under way is done or undone.
    pub(super) async fn settle(&mut self) {
        if let Self::Postgres(connection) = self {
            let wait = "SELECT pg_advisory_xact_lock(hashtextextended('trendy:changes:' || current_schema(), 0))";
            sqlx::raw_sql(wait).execute(connection).await.unwrap();
        }
    }

    pub(super) async fn leave(&mut self) {
        if let Self::Sqlite { connection, .. } = self
            && let Some(connection) = connection.take()
        {
            connection.close().await.unwrap();
        }
    }
}

/// The locks of files, as the system lists them.
fn locks_of(pid: u32, database: &Path, target: &str) -> Locks {
    let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", database.display()));
    let inode = |path: &Path| {
        path.metadata()
            .ok()
            .map(|metadata| metadata.ino().to_string())
    };
    let target = target.replace('/', "+2f+");
    let pipeline = inode(&beside(".locks/pipeline+3a+board.lock"));
    let target = inode(&beside(&format!(".locks/target+3a+{target}.lock")));
    let memory = inode(&beside("-shm"));

    let mut locks = Locks::default();
    let pid = pid.to_string();
    for line in std::fs::read_to_string("/proc/locks").unwrap().lines() {
        // 1: FLOCK ADVISORY WRITE 1234 fe:00:5678 0 EOF
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, _, _, "WRITE", owner, file, start, _] = fields[..] else {
            continue;
        };
        if owner != pid {
            continue;
        }
        let file = file.rsplit(':').next().map(ToOwned::to_owned);
        locks.runs |= file == pipeline;
        locks.publishes |= file == target;
        locks.loads |= file == memory && start == WRITE_LOCK;
    }
    locks
}
