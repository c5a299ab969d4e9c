//! What Postgres does its own way: the advisory lock that makes the order of numbers the order of commits, locks that
//! end with a session, and staging by arrays.

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, Postgres};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Transaction};
use url::Url;

use super::lock::{Fence, TAKE};
use super::sql::Purpose;
use super::sqlite::hex;
use super::staging::Staging;
use super::{At, Bind, Pool, StoreError, StoreOptions};

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// A run, its publisher and the dashboards' queries; a server's default is 100 for everyone.
const CONNECTIONS: u32 = 5;

/// A server that accepts and then says nothing must not hang a cron job.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The lock that each transaction takes before it writes to the change log, and keeps until its commit: without it a
/// number can become visible after a larger one, and a reader that has passed the larger never sees it. The schema is
/// part of its name, as databases may hold several stores.
///
/// What such a transaction stages is looked up in the store row by row: the planner knows no sizes of temporary tables, and
/// for a thousand ids it read all of a store of 60,000 records, several times a batch.
const LOG: &str = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;
    SELECT pg_advisory_xact_lock(hashtextextended('trendy:changes:' || current_schema(), 0))";

/// The temporary tables of [`Staging`]; a commit empties them.
const STAGING: &str = "
CREATE TEMP TABLE IF NOT EXISTS staged_seen (ord BIGINT, id UUID, content_hash BYTEA, terms JSONB, seen_at TIMESTAMPTZ,
    pipeline TEXT, url TEXT) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS staged_changed (ord BIGINT, id UUID, kind TEXT, scope TEXT, pipeline TEXT,
    url TEXT, seen_at TIMESTAMPTZ, dated_at TIMESTAMPTZ, content_hash BYTEA, revision BIGINT, op TEXT, terms JSONB,
    document JSONB, diff JSONB) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS staged_terms (record_id UUID, term TEXT, type TEXT) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS staged_letters (id UUID, run_id BIGINT, stage TEXT, pipeline TEXT, target TEXT,
    url TEXT, reason TEXT, payload JSONB, at TIMESTAMPTZ) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS staged_pages (url TEXT, basis BYTEA, address TEXT, etag TEXT, last_modified TEXT,
    content JSONB) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS staged_visits (record_id UUID, basis BYTEA, read_at TIMESTAMPTZ) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS staged_likenesses (round BIGINT, record_id UUID, scope TEXT, key BIGINT, place BIGINT,
    likeness BYTEA) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS staged_kin (round BIGINT, id UUID) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS staged_links (ord BIGINT PRIMARY KEY, record_id UUID, same_as UUID, diff JSONB)
    ON COMMIT DELETE ROWS;
";

pub(super) struct Opened {
    pub(super) pool: PgPool,
    pub(super) options: PgConnectOptions,
    pub(super) place: String,
}

pub(super) async fn open(url: &str, limits: &StoreOptions) -> Result<Opened, StoreError> {
    let Opened {
        pool,
        options,
        place,
    } = reach(url).await?;
    // A migration takes as long as it takes.
    super::migrate(&MIGRATIONS, &pool, &place).await?;
    pool.close().await;
    let options = within(limits, options);
    Ok(Opened {
        pool: pool_of(options.clone()),
        options,
        place,
    })
}

/// A store as it is, that is waited for no longer than this.
pub(super) async fn look(url: &str, limits: &StoreOptions) -> Result<(Pool, String), StoreError> {
    let reached = reach(url).await?;
    reached.pool.close().await;
    let pool = pool_of(within(limits, reached.options));
    Ok((Pool::Postgres(pool), reached.place))
}

fn within(limits: &StoreOptions, options: PgConnectOptions) -> PgConnectOptions {
    let milliseconds = |duration: Duration| duration.as_millis().to_string();
    let statement = milliseconds(limits.statement_timeout);
    options.options([
        ("statement_timeout", statement.as_str()),
        // A process that is stopped or cut off in a transaction must not keep the lock of the log.
        ("idle_in_transaction_session_timeout", &statement),
        // Zero would be no limit, where SQLite does not wait at all.
        (
            "lock_timeout",
            &milliseconds(limits.lock_timeout.max(Duration::from_millis(1))),
        ),
    ])
}

/// The store's place, and the schema that it is in.
pub(super) async fn schema(url: &str) -> Result<(String, String), StoreError> {
    let Opened { pool, place, .. } = reach(url).await?;
    let sql = "SELECT COALESCE(current_schema()::text, 'public')";
    let pool = Pool::Postgres(pool);
    let rows: Vec<(String,)> = pool.rows(&place, sql, []).await?;
    pool.close().await;
    let schema = super::one(rows, &place)?.0;
    Ok((place, schema))
}

/// Opens the store as it is: its schema may be an old one, or none.
pub(super) async fn reach(url: &str) -> Result<Opened, StoreError> {
    let place = place(url)?;
    let options = PgConnectOptions::from_str(url)
        .map_err(|error| StoreError::InvalidUrl {
            reason: error.to_string(),
        })?
        .application_name("trendy")
        .options([
            // `IF NOT EXISTS` says so at each transaction.
            ("client_min_messages", "warning"),
            // Checkpoints and staging tables grow from nothing within a run: a plan made for an empty one and kept would
            // walk all of it for every row. Planning costs a fraction of a millisecond.
            ("plan_cache_mode", "force_custom_plan"),
            // A machine that lost its power must not keep its locks for the two hours of the system's default.
            ("tcp_keepalives_idle", "60"),
            ("tcp_keepalives_interval", "10"),
            ("tcp_keepalives_count", "3"),
        ]);
    // The pool waits for a server that refuses, then says only that it waited. One connection tells the cause at once;
    // losing it at its end loses nothing.
    connect(&options, &place).await?.close().await.ok();
    Ok(Opened {
        pool: pool_of(options.clone()),
        options,
        place,
    })
}

fn pool_of(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(CONNECT_TIMEOUT)
        .connect_lazy_with(options)
}

async fn connect(options: &PgConnectOptions, place: &str) -> Result<PgConnection, StoreError> {
    let remedy = "is the server running, and are host, port, user, password and database in `DATABASE_URL` right?";
    let unreachable = |source| StoreError::of_opening(place.to_owned(), remedy, source);
    match tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(options)).await {
        Ok(connection) => connection.map_err(unreachable),
        Err(_) => Err(unreachable(sqlx::Error::PoolTimedOut)),
    }
}

/// The URL without its password and options.
fn place(url: &str) -> Result<String, StoreError> {
    let mut url = Url::parse(url).map_err(|error| StoreError::InvalidUrl {
        reason: error.to_string(),
    })?;
    // It fails for URLs without a host, and those have no password.
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    Ok(url.into())
}

pub(super) async fn begin(
    pool: &PgPool,
    purpose: Purpose,
) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    if purpose == Purpose::Log {
        sqlx::raw_sql(LOG).execute(&mut *transaction).await?;
    }
    sqlx::raw_sql(STAGING).execute(&mut *transaction).await?;
    Ok(transaction)
}

/// The rows as one array a column. COPY would wait some 40 ms for an acknowledgement each time, as sqlx 0.9.0 leaves
/// Nagle's algorithm on over TCP (<https://github.com/transact-rs/sqlx/issues/4335>, mended after that release) and sends
/// its end by itself.
pub(super) async fn stage(
    connection: &mut PgConnection,
    staging: Staging,
    rows: Vec<Vec<Bind>>,
) -> Result<(), sqlx::Error> {
    let Some(first) = rows.first() else {
        return Ok(());
    };
    let mut query = sqlx::query(AssertSqlSafe(insert(staging, first)));
    let mut columns = vec![Vec::with_capacity(rows.len()); first.len()];
    for row in rows {
        for (column, cell) in columns.iter_mut().zip(row) {
            column.push(text(cell));
        }
    }
    for column in columns {
        query = query.bind(column);
    }
    query.execute(connection).await?;
    Ok(())
}

/// Texts are read by the server as it reads those of a COPY.
fn insert(staging: Staging, row: &[Bind]) -> String {
    let (mut reads, mut names, mut arrays) = (Vec::new(), Vec::new(), Vec::new());
    for (number, cell) in (1..).zip(row) {
        reads.push(format!("c{number}::{}", type_of(cell)));
        names.push(format!("c{number}"));
        arrays.push(format!("${number}::text[]"));
    }
    format!(
        "INSERT INTO pg_temp.{} SELECT {} FROM unnest({}) AS rows ({})",
        staging.table(),
        reads.join(", "),
        arrays.join(", "),
        names.join(", ")
    )
}

const fn type_of(cell: &Bind) -> &'static str {
    match cell {
        Bind::Bool(_) => "boolean",
        Bind::Int(_) => "bigint",
        Bind::Real(_) => "double precision",
        Bind::Text(_) => "text",
        Bind::Bytes(_) => "bytea",
        Bind::Id(_) => "uuid",
        Bind::Time(_) => "timestamptz",
        Bind::Json(_) | Bind::JsonText(_) => "jsonb",
    }
}

fn text(cell: Bind) -> Option<String> {
    match cell {
        Bind::Bool(value) => value.map(|value| value.to_string()),
        Bind::Int(value) => value.map(|value| value.to_string()),
        Bind::Real(value) => value.map(|value| value.to_string()),
        Bind::Text(value) | Bind::JsonText(value) => value,
        Bind::Bytes(value) => value.map(|bytes| format!("\\x{}", hex(&bytes))),
        Bind::Id(value) => value.map(|value| value.to_string()),
        Bind::Time(value) => value.map(|value| At(value).to_text()),
        Bind::Json(value) => value.map(|value| value.to_string()),
    }
}

/// Takes the lock of this name on a connection of its own, or none when another session has it. The server frees it when
/// the connection ends, however it ends.
pub(super) async fn lock(
    options: &PgConnectOptions,
    place: &str,
    fence: &Fence,
) -> Result<Option<PgConnection>, StoreError> {
    let mut connection = connect(options, place).await?;
    let statement = "SELECT pg_try_advisory_lock(hashtextextended('trendy:' || current_schema() || ':' || $1, 0))";
    let locked: bool = sqlx::query_scalar(statement)
        .bind(&fence.name)
        .fetch_one(&mut connection)
        .await
        .map_err(|source| StoreError::of_statement(place, "SELECT pg_try_advisory_lock", source))?;
    if !locked {
        return Ok(None);
    }
    // In the session that has the lock: it never takes a token from whoever got the lock after it.
    sqlx::query(TAKE)
        .bind(&fence.name)
        .bind(fence.token)
        .execute(&mut connection)
        .await
        .map_err(|source| StoreError::of_statement(place, "INSERT INTO leases", source))?;
    Ok(Some(connection))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_shows_neither_password_nor_options() {
        let url = "postgres://crawler:s%40cret@db.example:5433/trendy?options=-c%20search_path=x&password=s2";
        assert_eq!(
            place(url).unwrap(),
            "postgres://crawler@db.example:5433/trendy"
        );
    }

    #[test]
    fn rows_are_read_by_the_types_of_their_cells() {
        let row = [
            Bind::from(1_i64),
            Bind::Bytes(None),
            Bind::JsonText(Some("{}".into())),
        ];
        assert_eq!(
            insert(Staging::Seen, &row),
            "INSERT INTO pg_temp.staged_seen SELECT c1::bigint, c2::bytea, c3::jsonb \
             FROM unnest($1::text[], $2::text[], $3::text[]) AS rows (c1, c2, c3)"
        );
        assert_eq!(text(Bind::Bytes(Some(vec![0, 255]))).unwrap(), "\\x00ff");
    }

    #[test]
    fn every_staging_table_is_created() {
        for staging in Staging::ALL {
            assert!(STAGING.contains(&format!("EXISTS {} (", staging.table())));
        }
    }
}
