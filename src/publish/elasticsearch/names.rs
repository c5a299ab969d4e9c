use std::fmt;

use jiff::Timestamp;
use jiff::civil::date;
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
///
/// An index that a rebuild fills stands behind the same aliases with `-filling` at their end, until they are swapped. So
/// nobody reads it, writes to it are held to an alias as well, and what a rebuild that was killed left behind is known.
/// An index that was swapped out has no alias.
#[derive(Debug, Clone)]
pub(super) struct Names {
    prefix: String,
    stage: Stage,
}

/// Whose aliases these are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Live,
    Filling,
}

const FILLING: &str = "-filling";

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            stage: Stage::Live,
        }
    }

    /// The names under which the successors of these indices are filled.
    pub(super) fn filling(&self) -> Self {
        Self {
            prefix: self.prefix.clone(),
            stage: Stage::Filling,
        }
    }

    pub(super) fn are_filling(&self) -> bool {
        self.stage == Stage::Filling
    }

    /// The alias that a kind is read through.
    pub(super) fn alias(&self, kind: Kind) -> String {
        format!("{}{}", self.base(kind), self.suffix())
    }

    /// The alias that a month of weather is written through.
    pub(super) fn month(&self, month: Month) -> String {
        format!("{}-{month}{}", self.base(Kind::Weather), self.suffix())
    }

    /// The month of weather that is written through an alias; none where it is another alias.
    pub(super) fn month_of(&self, alias: &str) -> Option<Month> {
        alias
            .strip_prefix(&self.base(Kind::Weather))
            .and_then(|rest| rest.strip_prefix('-'))
            .and_then(|rest| rest.strip_suffix(self.suffix()))
            .and_then(Month::parse)
    }

    /// Whether an alias is one that a month of weather is written through.
    pub(super) fn is_month(&self, alias: &str) -> bool {
        self.month_of(alias).is_some()
    }

    /// Whether an alias is one of these.
    pub(super) fn are_with(&self, alias: &str) -> bool {
        self.is_month(alias) || Kind::ALL.iter().any(|kind| self.alias(*kind) == alias)
    }

    /// The same alias in a live index.
    pub(super) fn live(alias: &str) -> &str {
        alias.strip_suffix(FILLING).unwrap_or(alias)
    }

    /// The index of this number behind an alias, live or filling; a rebuild counts on.
    pub(super) fn index(alias: &str, number: u32) -> String {
        format!("{}-{number:06}", Self::live(alias))
    }

    /// The live alias that an index of ours belongs to by its name, and its number; none for any other index.
    pub(super) fn parts<'a>(&self, index: &'a str) -> Option<(&'a str, u32)> {
        let (alias, digits) = index.rsplit_once('-')?;
        if digits.len() < 6 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let live = Self {
            prefix: self.prefix.clone(),
            stage: Stage::Live,
        };
        let single = [Kind::Job, Kind::Post].map(|kind| live.base(kind));
        let is_ours = single.iter().any(|own| own == alias) || live.is_month(alias);
        Some((alias, digits.parse().ok()?)).filter(|_| is_ours)
    }

    /// A pattern of every index of ours, and perhaps of others'.
    pub(super) fn pattern(&self) -> String {
        Kind::ALL
            .map(|kind| format!("{}-*", self.base(kind)))
            .join(",")
    }

    fn base(&self, kind: Kind) -> String {
        format!("{}-{kind}", self.prefix)
    }

    const fn suffix(&self) -> &'static str {
        match self.stage {
            Stage::Live => "",
            Stage::Filling => FILLING,
        }
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

    /// The instant that it begins at.
    pub(super) fn start(self) -> Timestamp {
        let start = date(self.year, self.month, 1).to_zoned(TimeZone::UTC);
        start.expect("UTC has no gaps").timestamp()
    }

    /// A month as it is written in names.
    fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('.')?;
        let (year, month) = (year.parse().ok()?, month.parse().ok()?);
        let is_month = YEARS.contains(&year) && (1..=12).contains(&month);
        Some(Self { year, month }).filter(|parsed| is_month && parsed.to_string() == text)
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
    fn month_begins_with_its_first_day() {
        let month = Month::of("2026-11-30T23:59:59Z".parse().unwrap()).unwrap();
        assert_eq!(month.start().to_string(), "2026-11-01T00:00:00Z");
    }

    #[test]
    fn only_aliases_of_months_are_months() {
        let names = Names::new("t-1");
        assert!(names.is_month("t-1-weather-2026.11"));
        for alias in [
            "t-1-weather",
            "t-1-weather-2026.11-000001",
            "t-1-weather-2026.13",
            "t-1-weather-2026.+1",
            "t-1-job",
            "weather-2026.11",
        ] {
            assert!(!names.is_month(alias), "{alias}");
        }
        assert!(names.filling().is_month("t-1-weather-2026.11-filling"));
        assert!(!names.filling().is_month("t-1-weather-2026.11"));
    }

    #[test]
    fn only_indices_of_the_prefix_have_parts() {
        let names = Names::new("t");
        assert_eq!(names.parts("t-job-000012"), Some(("t-job", 12)));
        assert_eq!(
            names.filling().parts("t-weather-2026.11-000001"),
            Some(("t-weather-2026.11", 1))
        );
        for index in [
            "t-job",
            "t-job-1",
            "t-job-x-job-000001",
            "t-weather-000001",
            "t2-job-000001",
        ] {
            assert_eq!(names.parts(index), None, "{index}");
        }
    }
}
