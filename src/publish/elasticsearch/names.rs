use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::record::Kind;

/// Years that a reading can be valid in. A date outside of them is a mistake, and must not open an index a month.
const YEARS: std::ops::RangeInclusive<i16> = 1900..=2100;

/// How aliases and indices are called.
///
/// | written through | read through | index |
/// |---|---|---|
/// | `trendy-job` | `trendy-job` | `trendy-job-000001` |
/// | `trendy-post` | `trendy-post` | `trendy-post-000001` |
/// | `trendy-weather-2026.11` | `trendy-weather` | `trendy-weather-2026.11-000001` |
///
/// A month of weather is an alias as well: `require_alias` then holds for every write, so that none can create an index
/// by itself, and a month can be rebuilt behind its alias as jobs can.
#[derive(Debug, Clone)]
pub(super) struct Names {
    prefix: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    /// The alias that a kind is read through.
    pub(super) fn alias(&self, kind: Kind) -> String {
        format!("{}-{kind}", self.prefix)
    }

    /// The alias that a month of weather is written through.
    pub(super) fn month(&self, month: Month) -> String {
        format!("{}-{month}", self.alias(Kind::Weather))
    }

    /// Whether an alias is one that a month of weather is written through.
    pub(super) fn is_month(&self, alias: &str) -> bool {
        alias
            .strip_prefix(&self.alias(Kind::Weather))
            .and_then(|rest| rest.strip_prefix('-'))
            .is_some_and(|month| {
                month.len() == 7 && month.chars().all(|c| c.is_ascii_digit() || c == '.')
            })
    }

    /// The first index behind an alias; a rebuild counts on.
    pub(super) fn first_index(alias: &str) -> String {
        format!("{alias}-000001")
    }
}

/// A month in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Month {
    year: i16,
    month: i8,
}

impl Month {
    /// The month of an instant; none where no reading can be valid.
    pub(super) fn of(at: Timestamp) -> Option<Self> {
        let date = at.to_zoned(TimeZone::UTC).date();
        YEARS.contains(&date.year()).then_some(Self {
            year: date.year(),
            month: date.month(),
        })
    }
}

impl fmt::Display for Month {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}.{:02}", self.year, self.month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn month_is_that_of_utc() {
        let month = |at: &str| Month::of(at.parse().unwrap()).map(|month| month.to_string());
        assert_eq!(month("2026-11-30T23:59:59Z").as_deref(), Some("2026.11"));
        assert_eq!(
            month("2026-12-01T08:59:59+09:00").as_deref(),
            Some("2026.11")
        );
        assert_eq!(month("9999-01-01T00:00:00Z"), None);
    }

    #[test]
    fn only_aliases_of_months_are_months() {
        let names = Names::new("t-1");
        assert!(names.is_month("t-1-weather-2026.11"));
        for alias in [
            "t-1-weather",
            "t-1-weather-2026.11-000001",
            "t-1-job",
            "weather-2026.11",
        ] {
            assert!(!names.is_month(alias), "{alias}");
        }
    }
}
