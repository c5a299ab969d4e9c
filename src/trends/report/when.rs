//! How the report writes instants, days and durations. English names of months, as the page is in English.

use jiff::civil::Date;
use jiff::{Timestamp, Zoned};
use serde::Serialize;

/// An instant for people and for machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct When {
    text: String,
    /// RFC 3339, for `<time datetime>`.
    datetime: String,
}

/// To the minute, in the zone of `now`; without the year where it is this one.
pub(super) fn instant(at: Timestamp, now: &Zoned) -> When {
    let local = at.to_zoned(now.time_zone().clone());
    let format = if local.year() == now.year() {
        "%-d %b, %H:%M"
    } else {
        "%-d %b %Y, %H:%M"
    };
    When {
        text: local.strftime(format).to_string(),
        datetime: at.to_string(),
    }
}

/// The day, in the zone of `now`; without the year where it is this one.
pub(super) fn day_of(at: Timestamp, now: &Zoned) -> When {
    let local = at.to_zoned(now.time_zone().clone());
    let format = if local.year() == now.year() {
        "%-d %b"
    } else {
        "%-d %b %Y"
    };
    When {
        text: local.strftime(format).to_string(),
        datetime: at.to_string(),
    }
}

/// `21 November 2026, 13:08 UTC`.
pub(super) fn whole(now: &Zoned) -> When {
    When {
        text: now.strftime("%-d %B %Y, %H:%M %Z").to_string(),
        datetime: now.timestamp().to_string(),
    }
}

/// `Nov 2026`.
pub(super) fn month(date: Date) -> String {
    date.strftime("%b %Y").to_string()
}

/// `21 Nov`.
pub(super) fn day(date: Date) -> String {
    date.strftime("%-d %b").to_string()
}

/// `09:00`, in the zone of `now`.
pub(super) fn clock(at: Timestamp, now: &Zoned) -> String {
    at.to_zoned(now.time_zone().clone())
        .strftime("%H:%M")
        .to_string()
}

/// In the largest unit that keeps two digits: `850 ms`, `12 s`, `3 min`, `2 h`.
pub(super) fn duration(milliseconds: i64) -> String {
    match milliseconds {
        ..1_000 => format!("{milliseconds} ms"),
        1_000..10_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        10_000..120_000 => format!("{} s", milliseconds / 1_000),
        120_000..7_200_000 => format!("{} min", milliseconds / 60_000),
        _ => format!("{} h", milliseconds / 3_600_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn year_is_told_where_it_is_another() {
        let now: Zoned = "2026-03-02T01:00:00+09:00[Asia/Seoul]".parse().unwrap();
        let text = |at: &str| instant(at.parse().unwrap(), &now).text;
        assert_eq!(text("2026-03-01T20:05:00Z"), "2 Mar, 05:05");
        assert_eq!(text("2025-12-31T14:59:00Z"), "31 Dec 2025, 23:59");
        assert_eq!(whole(&now).text, "2 March 2026, 01:00 KST");
    }

    #[test]
    fn durations_keep_to_one_unit() {
        let texts = [42, 1_250, 12_900, 200_000, 8_000_000].map(duration);
        assert_eq!(texts, ["42 ms", "1.2 s", "12 s", "3 min", "2 h"]);
    }
}
