//! `--since`: how far back a run goes.
//!
//! An entry's age is what the list says of it: when it was posted or published, else when the list says that it changed
//! (a sitemap's `lastmod`). An entry without a date, or with one that cannot be read, is not old.

use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::config::Pipeline;
use crate::normalize::date::{self, DateContext, DayMonthOrder};
use crate::record::{Field, Item, Kind, Values};

/// How far back a run goes.
#[derive(Debug, Clone, Copy)]
pub enum Since {
    /// From an instant.
    Instant(Timestamp),
    /// From the beginning of a day in the source's zone.
    Day(Date),
    /// From so long ago; whole days count from the beginning of theirs, since most lists date by the day.
    Ago(Span),
}

/// A text that does not say since when.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{0}` is neither a date such as `2026-11-01` nor a duration such as `7d`")]
pub struct NotSince(String);

impl FromStr for Since {
    type Err = NotSince;

    fn from_str(text: &str) -> Result<Self, NotSince> {
        if let Ok(instant) = text.parse() {
            return Ok(Self::Instant(instant));
        }
        if let Ok(day) = text.parse() {
            return Ok(Self::Day(day));
        }
        match text.parse::<Span>() {
            Ok(span) if span.is_positive() => Ok(Self::Ago(span)),
            Ok(_) | Err(_) => Err(NotSince(text.to_owned())),
        }
    }
}

impl Since {
    fn instant(self, now: Timestamp, zone: &TimeZone) -> Timestamp {
        match self {
            Self::Instant(instant) => instant,
            // A day that cannot be placed lies at an end of the calendar: everything is newer, or nothing is.
            Self::Day(day) => day
                .to_zoned(zone.clone())
                .map_or(Timestamp::MIN, |day| day.timestamp()),
            Self::Ago(span) => {
                let then = now.to_zoned(zone.clone()).saturating_sub(span);
                let is_days = span.get_hours() == 0
                    && span.get_minutes() == 0
                    && span.get_seconds() == 0
                    && span.get_milliseconds() == 0
                    && span.get_microseconds() == 0
                    && span.get_nanoseconds() == 0;
                let begins = then.start_of_day().ok().filter(|_| is_days);
                begins.unwrap_or(then).timestamp()
            }
        }
    }
}

/// Tells old entries of one pipeline from new ones.
#[derive(Debug, Clone)]
pub(super) struct Cutoff {
    at: Timestamp,
    field: Field,
    dates: DateContext,
}

/// Age of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    Old,
    New,
    /// Its list gives no date that can be read.
    Unknown,
}

impl Cutoff {
    pub(super) fn of(since: Since, pipeline: &Pipeline, now: Timestamp) -> Self {
        let zone = pipeline.source.timezone.clone();
        Self {
            at: since.instant(now, &zone),
            field: match pipeline.kind {
                Kind::Job => Field::PostedAt,
                Kind::Post | Kind::Weather => Field::PublishedAt,
            },
            dates: DateContext {
                zone,
                now,
                order: DayMonthOrder::default(),
            },
        }
    }

    pub(super) fn age(&self, item: &Item) -> Age {
        let own = match &item.values {
            Values::Fields(fields) => fields.get(&self.field).and_then(|texts| texts.first()),
            Values::Weather(_) => None,
        };
        match own.or(item.entry.modified.as_ref()) {
            Some(text) => self.age_of(text),
            None => Age::Unknown,
        }
    }

    /// Age of something that is dated so.
    pub(super) fn age_of(&self, text: &str) -> Age {
        match date::parse(text, &self.dates) {
            Ok(instant) if instant < self.at => Age::Old,
            Ok(_) => Age::New,
            Err(_) => Age::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> String {
        let zone = TimeZone::get("Asia/Seoul").unwrap();
        let now = "2026-11-21T03:30:00Z".parse().unwrap();
        text.parse::<Since>()
            .unwrap()
            .instant(now, &zone)
            .to_string()
    }

    #[test]
    fn a_day_begins_in_the_source_s_zone_and_hours_count_from_now() {
        assert_eq!(from("2026-11-01"), "2026-10-31T15:00:00Z");
        assert_eq!(from("7d"), "2026-11-13T15:00:00Z");
        assert_eq!(from("36h"), "2026-11-19T15:30:00Z");
        assert_eq!(from("2026-11-01T08:00:00Z"), "2026-11-01T08:00:00Z");
    }

    #[test]
    fn what_is_neither_a_date_nor_a_duration_is_refused() {
        for wrong in ["", "soon", "2026-13-01", "-7d", "0d", "7"] {
            assert!(wrong.parse::<Since>().is_err(), "{wrong}");
        }
    }
}
