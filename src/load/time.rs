use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgValueRef, Postgres};
use sqlx::sqlite::{Sqlite, SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef};
use sqlx::{Decode, Encode, Type};

/// An instant in a column: `timestamptz` in Postgres, RFC 3339 text in UTC with six decimals in SQLite.
///
/// The text has one width, so its order is the order of time; that of `jiff-sqlx` drops trailing zeros, and
/// `…:00.5Z` then stands before `…:00Z`. Both servers keep microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct At(pub Timestamp);

impl At {
    /// The text that SQLite holds, and that Postgres reads.
    pub fn to_text(self) -> String {
        format!("{:.6}", to_store(self.0))
    }
}

impl From<At> for Timestamp {
    fn from(at: At) -> Self {
        at.0
    }
}

/// The instant as a store gives it back: whole microseconds.
pub(super) fn to_store(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

impl Type<Sqlite> for At {
    fn type_info() -> SqliteTypeInfo {
        <str as Type<Sqlite>>::type_info()
    }

    fn compatible(info: &SqliteTypeInfo) -> bool {
        <str as Type<Sqlite>>::compatible(info)
    }
}

impl Encode<'_, Sqlite> for At {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Sqlite>::encode(self.to_text(), buffer)
    }
}

impl<'r> Decode<'r, Sqlite> for At {
    fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self(<&str as Decode<Sqlite>>::decode(value)?.parse()?))
    }
}

impl Type<Postgres> for At {
    fn type_info() -> PgTypeInfo {
        <jiff_sqlx::Timestamp as Type<Postgres>>::type_info()
    }
}

impl Encode<'_, Postgres> for At {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Postgres>::encode(to_store(self.0).to_sqlx(), buffer)
    }
}

impl<'r> Decode<'r, Postgres> for At {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        let at = <jiff_sqlx::Timestamp as Decode<Postgres>>::decode(value)?;
        Ok(Self(at.to_jiff()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_texts_is_order_of_time() {
        let texts: Vec<String> = [
            "2026-03-01T00:00:00Z",
            "2026-03-01T00:00:00.5Z",
            "2026-03-01T00:00:01Z",
        ]
        .iter()
        .map(|text| At(text.parse().unwrap()).to_text())
        .collect();
        assert!(texts.is_sorted(), "{texts:?}");
        assert_eq!(texts[0], "2026-03-01T00:00:00.000000Z");
    }
}
