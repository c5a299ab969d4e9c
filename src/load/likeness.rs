//! What records are compared by, and where those meet that may be the same.
//!
//! Both are written in the transaction of the record's fields, and only where a [`Likeness`] is another than before: most
//! records of most runs are unchanged. A record that was stored before there were likenesses, or under another recipe of
//! them, gets its own when it is next seen.

use std::collections::HashMap;

use sqlx::FromRow;
use uuid::Uuid;

use super::staging::Staging;
use super::{Bind, StoreError, Transaction, binds};
use crate::record::{Likeness, RecordId, keys_in};

/// Most records that a key holds: the first that came. Postings that a company lists by the hundred under one title, in
/// one place and with one text cannot be told apart, so no more of them are looked at; those that come later are still
/// compared with the first.
const MEETING: i64 = 32;

/// The round in which keys are staged that a record no longer has.
const GONE: i64 = -1;

/// A record that is compared by something else than before.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) id: RecordId,
    /// Whether the record is new to the store: nothing links to it, and it links to nothing.
    pub(super) fresh: bool,
    /// As it was stored.
    pub(super) before: Option<Vec<u8>>,
    /// None where it cannot be compared.
    pub(super) now: Option<Likeness>,
}

/// Notes the likenesses of records, and stages their keys for [`relink`](super::same_as::relink).
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
            "INSERT INTO likeness_keys (key, record_id)
             SELECT s.key, s.record_id FROM staged_likenesses AS s
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
        for key in before.iter().filter(|key| !now.contains(key)) {
            rows.push(key_row(GONE, look.id, *key, None));
        }
        for key in now {
            let place = (!before.contains(&key)).then(|| {
                let next = places.entry(key).or_default();
                *next += 1;
                *next - 1
            });
            rows.push(key_row(0, look.id, key, place));
        }
        let none = Bind::Int(None);
        rows.push(vec![
            0_i64.into(),
            look.id.into(),
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

pub(super) fn key_row(round: i64, id: RecordId, key: i64, place: Option<i64>) -> Vec<Bind> {
    let place = Bind::Int(place);
    vec![
        round.into(),
        id.into(),
        key.into(),
        place,
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
    likeness: Vec<u8>,
}

/// Forgets where the staged records meet others, as they are to be deleted.
pub(super) async fn forget_staged(transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
    let rows: Vec<Row> = transaction
        .rows(
            "SELECT s.id, l.likeness
               FROM staged_seen AS s JOIN records AS r ON r.id = s.id JOIN likenesses AS l ON l.number = r.number",
            binds![],
        )
        .await?;
    if rows.is_empty() {
        return Ok(());
    }
    let gone = rows.iter().flat_map(|row| {
        let keys = keys_in(&row.likeness).into_iter();
        keys.map(|key| key_row(GONE, RecordId(row.id), key, None))
    });
    let gone = gone.collect();
    transaction.stage(Staging::Likenesses, gone).await?;
    forget_keys(transaction).await
}
