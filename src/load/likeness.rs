//! What records are compared by, and where those meet that may be the same.
//!
//! Both are written in the transaction of the record's fields, and only where a [`Likeness`] is another than before: most
//! records of most runs are unchanged. A record that was stored before there were likenesses, or under another recipe of
//! them, gets its own when it is next seen.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::FromRow;
use uuid::Uuid;

use super::staging::Staging;
use super::{Bind, StoreError, Transaction, binds};
use crate::record::{Likeness, RecordId, keys_in};

/// Most records that a key holds: the first that came. Postings that a company lists by the hundred under one title, in
/// one place and with one text cannot be told apart, so no more of them are looked at; those that come later are still
/// compared with the first.
const MEETING: i64 = 32;

/// The round in which keys are staged that a record no longer has, or has for another scope.
const GONE: i64 = -1;

/// A record that is compared by something else than before.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) id: RecordId,
    /// The owner of its list: of its own list's records none is the same.
    pub(super) scope: String,
    /// Whether it was another's before, by which it is found.
    pub(super) moved: bool,
    pub(super) first_seen_at: Timestamp,
    /// Whether the record is new to the store: nothing links to it, and it links to nothing.
    pub(super) fresh: bool,
    /// As it was stored.
    pub(super) before: Option<Vec<u8>>,
    /// None where it cannot be compared.
    pub(super) now: Option<Likeness>,
    /// Which [part](super::same_as::divide) of the batch it is decided in.
    pub(super) part: i64,
}

/// Notes the likenesses of records, and stages their keys for [`relink`](super::same_as::relink), those of each part as a
/// round.
pub(super) async fn note(
    transaction: &mut Transaction<'_>,
    looks: &[Look],
) -> Result<(), StoreError> {
    transaction.stage(Staging::Likenesses, rows(looks)).await?;
    if looks.iter().any(|look| look.before.is_some()) {
        forget_keys(transaction).await?;
    }
    transaction
        .write(
            "INSERT INTO likenesses (number, recipe, likeness)
             SELECT r.number, $1, s.likeness FROM staged_likenesses AS s JOIN records AS r ON r.id = s.record_id
              WHERE s.likeness IS NOT NULL
             ON CONFLICT (number) DO UPDATE SET recipe = excluded.recipe, likeness = excluded.likeness",
            binds![Likeness::RECIPE],
        )
        .await?;
    transaction
        .write(
            "INSERT INTO likeness_keys (key, record_id, scope)
             SELECT s.key, s.record_id, s.scope FROM staged_likenesses AS s
              WHERE s.place + (SELECT COUNT(*) FROM likeness_keys AS k WHERE k.key = s.key) < $1
             ON CONFLICT DO NOTHING",
            binds![MEETING],
        )
        .await?;
    Ok(())
}

/// The rows of [`Staging::Likenesses`]: keys that are gone, and what the records have now, of which the new keys have
/// their place among the new ones of their key.
fn rows(looks: &[Look]) -> Vec<Vec<Bind>> {
    let mut places: HashMap<i64, i64> = HashMap::new();
    let mut rows = Vec::new();
    for look in looks {
        let before = look.before.as_deref().map(keys_in).unwrap_or_default();
        let now = look.now.as_ref().map(Likeness::keys).unwrap_or_default();
        let gone = before.iter().filter(|key| look.moved || !now.contains(key));
        rows.extend(gone.map(|key| key_row(GONE, look.id, &look.scope, *key, None)));
        for key in now {
            let place = (look.moved || !before.contains(&key)).then(|| {
                let next = places.entry(key).or_default();
                *next += 1;
                *next - 1
            });
            rows.push(key_row(look.part, look.id, &look.scope, key, place));
        }
        let none = Bind::Int(None);
        rows.push(vec![
            look.part.into(),
            look.id.into(),
            Bind::Text(None),
            none.clone(),
            none,
            Bind::Bytes(Some(stored(look.now.as_ref()))),
        ]);
    }
    rows
}

/// A likeness as it is stored; of what cannot be compared no bytes.
pub(super) fn stored(likeness: Option<&Likeness>) -> Vec<u8> {
    likeness.map(Likeness::to_bytes).unwrap_or_default()
}

pub(super) fn key_row(
    round: i64,
    id: RecordId,
    scope: &str,
    key: i64,
    place: Option<i64>,
) -> Vec<Bind> {
    vec![
        round.into(),
        id.into(),
        scope.into(),
        key.into(),
        Bind::Int(place),
        Bind::Bytes(None),
    ]
}

async fn forget_keys(transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
    transaction
        .execute(
            "DELETE FROM likeness_keys
              WHERE (key, record_id) IN (SELECT key, record_id FROM staged_likenesses WHERE round = $1)",
            binds![GONE],
        )
        .await?;
    Ok(())
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    scope: String,
    likeness: Vec<u8>,
}

/// Forgets where the staged records meet others, as they are to be deleted.
pub(super) async fn forget_staged(transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
    let rows: Vec<Row> = transaction
        .rows(
            "SELECT s.id, r.scope, l.likeness
               FROM staged_seen AS s JOIN records AS r ON r.id = s.id JOIN likenesses AS l ON l.number = r.number",
            binds![],
        )
        .await?;
    if rows.is_empty() {
        return Ok(());
    }
    let gone = rows.iter().flat_map(|row| {
        let keys = keys_in(&row.likeness).into_iter();
        keys.map(|key| key_row(GONE, RecordId(row.id), &row.scope, key, None))
    });
    let gone = gone.collect();
    transaction.stage(Staging::Likenesses, gone).await?;
    forget_keys(transaction).await
}
