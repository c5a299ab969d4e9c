//! What of a difference between two documents is news. Pure.
//!
//! A record names the fields that do not count: those that its pipeline ignores, and dates that were told from the instant
//! of the visit. They are no part of its hash, so a change in them alone is none at all. Here is what they mean where
//! something else has changed, or where the recipe of the hash has.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::verdict::Held;
use crate::record::{Body, ContentHash, Field, Record};

/// How far a date that was told in days at least may lie from the truth: `1 day ago` is told for up to two days, and some
/// sites count days from midnight.
const A_DAY: SignedDuration = SignedDuration::from_hours(24);

/// Whether a difference from the stored document, whose hash this was, is news.
pub(super) fn is_update(record: &Record, held_hash: &[u8], diff: &Value) -> bool {
    let counts = |name: &String| {
        let name = name.split('.').next().unwrap_or(name);
        !record.uncounted.iter().any(|field| field.fills(name))
    };
    let is_counted = diff
        .as_object()
        .is_some_and(|fields| fields.keys().any(counts));
    is_counted && record.content_hash.0 != held_hash && !is_dated_only(record, held_hash)
}

/// Whether the stored document told its date from now, and nothing but the date is told otherwise: sites write `6 days
/// ago` for a week, and the day itself thereafter.
fn is_dated_only(record: &Record, held_hash: &[u8]) -> bool {
    let uncounted = [&record.uncounted, Field::DATES].concat();
    ContentHash::of(&record.body, &uncounted).0 == held_hash
}

/// The fields as they are to be stored: a date that was told from now gives way to the stored one, unless they are too
/// far apart to mean the same. The first reading is the best: `2 hours ago` comes before `1 month ago`.
pub(super) fn settled<'a>(record: &'a Record, held: &Held) -> Cow<'a, Body> {
    let before = held
        .row
        .as_ref()
        .and_then(|row| row.other_document.as_ref());
    let Some(before) = before else {
        return Cow::Borrowed(&record.body);
    };
    let mut body = Cow::Borrowed(&record.body);
    for field in record
        .uncounted
        .iter()
        .filter(|field| Field::DATES.contains(field))
    {
        let stored = before[field.as_str()]
            .as_str()
            .and_then(|text| text.parse().ok());
        if let (Some(stored), Some(told)) = (stored, record.body.dated_at())
            && means_the_same(stored, told, record.seen_at)
        {
            body.to_mut().date(stored);
        }
    }
    body
}

/// Whether a date that was told from now can be this one. `N units ago` is off by less than a unit, so by less than the
/// age that it tells; and by a day, where sites count days.
fn means_the_same(stored: Timestamp, told: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(told).abs();
    told.duration_since(stored).abs() <= age.max(A_DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_told_from_now_means_one_within_its_unit() {
        let days = |days: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * days);
        let now = days(100);
        // Posted on day 97, which was read on that day and is told as `3 days ago`, `5 days ago`, `1 month ago`, …
        for told in [97, 96, 95, 70].map(days) {
            assert!(means_the_same(days(97), told, now), "{told}");
        }
        // … and a posting of day 60 that was renewed yesterday.
        assert!(!means_the_same(days(60), days(99), now));
    }
}
