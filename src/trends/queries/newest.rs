use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use sqlx::types::Json;

use crate::load::{At, Store, StoreError, binds};
use crate::record::{Kind, Term};

/// How far ahead of now a record may be dated: sources without a time zone are half a day off. Without a limit, a typo in
/// a year would stay on top for that year.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// A record as a list of news shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newest {
    /// Its title, cut after 300 characters.
    pub title: String,
    /// Who it is from: the company of a job, the source of a post.
    pub by: Option<String>,
    /// Its address, as the source gave it: not safe to link to before its scheme is checked.
    pub url: String,
    /// Tag of its language, where known.
    pub language: Option<String>,
    /// The instant it counts under.
    pub dated_at: Timestamp,
    /// Technologies that it names.
    pub terms: Vec<Term>,
}

#[derive(FromRow)]
struct Row {
    title: Option<String>,
    source: Option<String>,
    url: String,
    language: Option<String>,
    dated_at: At,
    terms: Json<Vec<Term>>,
}

/// The newest records of a kind that are still there, newest first; of those that are the same, one.
pub async fn newest(
    store: &Store,
    kind: Kind,
    now: Timestamp,
    limit: u16,
) -> Result<Vec<Newest>, StoreError> {
    let latest = now.saturating_add(AHEAD).unwrap_or(Timestamp::MAX);
    let rows: Vec<Row> = store
        .rows(
            "SELECT substr(document ->> 'title', 1, 300) AS title,
                    substr(coalesce(document ->> 'company', document ->> 'source'), 1, 120) AS source,
                    url, document ->> 'language' AS language, dated_at, terms
               FROM records AS r
              WHERE kind = $1 AND dated_at <= $2 AND active
                AND (same_as IS NULL OR NOT EXISTS (
                        SELECT 1 FROM records AS o
                         WHERE (o.id = r.same_as OR (o.same_as = r.same_as AND o.id < r.id)) AND o.active))
              ORDER BY dated_at DESC, id LIMIT $3",
            binds![kind, latest, i64::from(limit)],
        )
        .await?;
    let newest = |row: Row| Newest {
        title: row.title.unwrap_or_default(),
        by: row.source.filter(|source| !source.is_empty()),
        url: row.url,
        language: row.language,
        dated_at: row.dated_at.0,
        terms: row.terms.0,
    };
    Ok(rows.into_iter().map(newest).collect())
}
