//! One SQL text for both servers: values to bind, rows to read, and a transaction over either database.
//!
//! Both understand `$1`, `->>`, `ON CONFLICT`, `RETURNING` and `UPDATE … FROM`; what they do not share (opening, locks,
//! staging many rows at once) is in [`super::sqlite`] and [`super::postgres`]. A [`Bind`] is where every value passes
//! on its way in, so it is also where U+0000, which Postgres takes in no text, is left out.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use sqlx::postgres::{PgRow, Postgres};
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{AssertSqlSafe, FromRow, PgPool, SqlSafeStr, SqlitePool};
use uuid::Uuid;

use super::staging::Staging;
use super::{StoreError, postgres, sqlite, time};
use crate::record::{ContentHash, Kind, Op, Outcome, PipelineId, RecordId, RunId, Stage, Subject};

/// Connections to the one or the other server.
#[derive(Debug, Clone)]
pub enum Pool {
    /// A file.
    Sqlite(SqlitePool),
    /// A server.
    Postgres(PgPool),
}

/// A row that can be read from either server; `#[derive(sqlx::FromRow)]` gives it. Instants are read as [`super::At`].
pub trait StoreRow:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> StoreRow for T where
    T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

/// A value for a placeholder or a staged column. Nulls keep their type, as Postgres asks for it.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Bind {
    Bool(Option<bool>),
    Int(Option<i64>),
    Real(Option<f64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Id(Option<Uuid>),
    Time(Option<Timestamp>),
    Json(Option<Value>),
    /// JSON as its text, without U+0000, for a staged column alone.
    JsonText(Option<String>),
}

macro_rules! bind_from {
    ($($source:ty => $variant:ident, $convert:expr;)*) => {
        $(
            impl From<$source> for Bind {
                fn from(value: $source) -> Self {
                    Self::$variant(Some($convert(value)))
                }
            }

            impl From<Option<$source>> for Bind {
                fn from(value: Option<$source>) -> Self {
                    Self::$variant(value.map($convert))
                }
            }
        )*
    };
}

bind_from! {
    bool => Bool, std::convert::identity;
    i64 => Int, std::convert::identity;
    f64 => Real, std::convert::identity;
    String => Text, without_nul;
    &str => Text, |text: &str| without_nul(text.to_owned());
    &PipelineId => Text, |id: &PipelineId| without_nul(id.as_str().to_owned());
    Kind => Text, |kind: Kind| kind.as_str().to_owned();
    Subject => Text, |subject: Subject| subject.as_str().to_owned();
    Op => Text, |op: Op| op.as_str().to_owned();
    Outcome => Text, |outcome: Outcome| outcome.as_str().to_owned();
    Stage => Text, |stage: Stage| stage.as_str().to_owned();
    ContentHash => Bytes, |hash: ContentHash| hash.0.to_vec();
    Uuid => Id, std::convert::identity;
    RecordId => Id, |id: RecordId| id.0;
    RunId => Int, |run: RunId| run.0;
    Timestamp => Time, time::to_store;
    Value => Json, json_without_nul;
}

/// Counters of a run are far below 2⁶³; the cast saturates rather than wraps.
impl From<u64> for Bind {
    fn from(value: u64) -> Self {
        Self::Int(Some(i64::try_from(value).unwrap_or(i64::MAX)))
    }
}

fn without_nul(mut text: String) -> String {
    if text.contains('\0') {
        text.retain(|c| c != '\0');
    }
    text
}

/// The same JSON as the stores keep it.
pub(super) fn json_without_nul(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_nul(text)),
        Value::Array(values) => values.into_iter().map(json_without_nul).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (without_nul(name), json_without_nul(value)))
            .collect(),
        other => other,
    }
}

/// The text of the same JSON as the stores keep it.
pub(super) fn json_text(value: &impl Serialize) -> String {
    const VALID: &str = "records are made of texts, numbers, times, lists and maps with text keys";
    let text = serde_json::to_string(value).expect(VALID);
    // Or a backslash before such a text, which the slow way keeps.
    if text.contains("\\u0000") {
        let value = serde_json::to_value(value).expect(VALID);
        return json_without_nul(value).to_string();
    }
    text
}

/// Values for the placeholders `$1`, `$2`, … of a statement.
macro_rules! binds {
    ($($value:expr),* $(,)?) => { [$($crate::load::Bind::from($value)),*] };
}
pub(crate) use binds;

/// The same query with its values, for either server.
macro_rules! bound {
    ($query:expr, $binds:expr) => {{
        let mut query = $query;
        for bind in $binds {
            query = match bind {
                Bind::Bool(value) => query.bind(value),
                Bind::Int(value) => query.bind(value),
                Bind::Real(value) => query.bind(value),
                Bind::Text(value) | Bind::JsonText(value) => query.bind(value),
                Bind::Bytes(value) => query.bind(value),
                Bind::Id(value) => query.bind(value),
                Bind::Time(value) => query.bind(value.map(super::At)),
                Bind::Json(value) => query.bind(value),
            };
        }
        query
    }};
}
pub(super) use bound;

/// What a transaction is for: whether it can give numbers in the change log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It writes to the change log: the order of such transactions is the order of their commits.
    Log,
    /// It writes elsewhere.
    Note,
}

/// An open transaction on either server. Dropped, it is rolled back.
pub(super) struct Transaction<'a> {
    place: &'a str,
    inner: Inner,
}

enum Inner {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Pool {
    pub(super) async fn begin<'a>(
        &self,
        place: &'a str,
        purpose: Purpose,
    ) -> Result<Transaction<'a>, StoreError> {
        let inner = match self {
            Self::Sqlite(pool) => sqlite::begin(pool).await.map(Inner::Sqlite),
            Self::Postgres(pool) => postgres::begin(pool, purpose).await.map(Inner::Postgres),
        }
        .map_err(|source| failed(place, "BEGIN", source))?;
        Ok(Transaction { place, inner })
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }

    pub(super) async fn rows<T: StoreRow>(
        &self,
        place: &str,
        sql: impl SqlSafeStr,
        binds: impl IntoIterator<Item = Bind> + Send,
    ) -> Result<Vec<T>, StoreError> {
        let sql = sql.into_sql_str();
        let text = sql.clone();
        match self {
            Self::Sqlite(pool) => {
                bound!(sqlx::query_as::<Sqlite, T>(sql), binds)
                    .fetch_all(pool)
                    .await
            }
            Self::Postgres(pool) => {
                bound!(sqlx::query_as::<Postgres, T>(sql), binds)
                    .fetch_all(pool)
                    .await
            }
        }
        .map_err(|source| failed(place, text.as_str(), source))
    }
}

/// A row that names a record.
#[derive(FromRow)]
pub(super) struct IdRow {
    id: Uuid,
}

impl From<IdRow> for RecordId {
    fn from(row: IdRow) -> Self {
        Self(row.id)
    }
}

impl Transaction<'_> {
    /// The store, without its password.
    pub(super) fn place(&self) -> &str {
        self.place
    }

    /// Whether no other transaction writes until this one ends.
    pub(super) const fn is_alone(&self) -> bool {
        matches!(self.inner, Inner::Sqlite(_))
    }

    pub(super) async fn rows<T: StoreRow>(
        &mut self,
        sql: &'static str,
        binds: impl IntoIterator<Item = Bind> + Send,
    ) -> Result<Vec<T>, StoreError> {
        match &mut self.inner {
            Inner::Sqlite(inner) => {
                bound!(sqlx::query_as::<Sqlite, T>(sql), binds)
                    .fetch_all(&mut **inner)
                    .await
            }
            Inner::Postgres(inner) => {
                bound!(sqlx::query_as::<Postgres, T>(sql), binds)
                    .fetch_all(&mut **inner)
                    .await
            }
        }
        .map_err(|source| failed(self.place, sql, source))
    }

    /// Gives the number of rows written.
    pub(super) async fn execute(
        &mut self,
        sql: &'static str,
        binds: impl IntoIterator<Item = Bind> + Send,
    ) -> Result<u64, StoreError> {
        match &mut self.inner {
            Inner::Sqlite(inner) => bound!(sqlx::query::<Sqlite>(sql), binds)
                .execute(&mut **inner)
                .await
                .map(|done| done.rows_affected()),
            Inner::Postgres(inner) => bound!(sqlx::query::<Postgres>(sql), binds)
                .execute(&mut **inner)
                .await
                .map(|done| done.rows_affected()),
        }
        .map_err(|source| failed(self.place, sql, source))
    }

    /// The same for a statement that writes what is staged, or fails with the whole transaction.
    pub(super) async fn write(
        &mut self,
        sql: &'static str,
        binds: impl IntoIterator<Item = Bind> + Send,
    ) -> Result<u64, StoreError> {
        let Inner::Sqlite(inner) = &mut self.inner else {
            return self.execute(sql, binds).await;
        };
        let all_or_nothing = AssertSqlSafe(sqlite::all_or_nothing(sql));
        bound!(sqlx::query::<Sqlite>(all_or_nothing), binds)
            .execute(&mut **inner)
            .await
            .map(|done| done.rows_affected())
            .map_err(|source| failed(self.place, sql, source))
    }

    /// Puts many rows into a temporary table that lives as long as the transaction, in one go.
    pub(super) async fn stage(
        &mut self,
        staging: Staging,
        rows: Vec<Vec<Bind>>,
    ) -> Result<(), StoreError> {
        match &mut self.inner {
            Inner::Sqlite(inner) => sqlite::stage(inner, staging, rows).await,
            Inner::Postgres(inner) => postgres::stage(inner, staging, rows).await,
        }
        .map_err(|source| failed(self.place, staging.table(), source))
    }

    pub(super) async fn commit(self) -> Result<(), StoreError> {
        match self.inner {
            Inner::Sqlite(inner) => inner.commit().await,
            Inner::Postgres(inner) => inner.commit().await,
        }
        .map_err(|source| failed(self.place, "COMMIT", source))
    }
}

fn failed(place: &str, sql: &str, source: sqlx::Error) -> StoreError {
    let first = sql.trim_start().lines().next().unwrap_or_default();
    let statement = first.split(" (").next().unwrap_or(first).trim_end();
    StoreError::of_statement(place, statement, source)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nul_is_left_out_of_texts_and_of_names_and_values_in_json() {
        assert_eq!(Bind::from("a\0b"), Bind::Text(Some("ab".into())));
        assert_eq!(
            Bind::from(json!({"k\0": ["v\0", {"x": "\0"}], "n": 1})),
            Bind::Json(Some(json!({"k": ["v", {"x": ""}], "n": 1})))
        );
        assert_eq!(json_text(&["a\0b", "\\u0000"]), r#"["ab","\\u0000"]"#);
    }
}
