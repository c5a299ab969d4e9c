//! What a pipeline file expects of its records.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::record::Field;

/// What must hold of the records. One that fails is rejected, with the rule, the field and its value; its entry stays
/// present.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct QualityFile {
    /// Fields that every record has.
    #[serde(default)]
    pub(super) required: Vec<String>,
    /// Fields whose value no two records of a run share. The one that is read later is rejected.
    #[serde(default)]
    pub(super) unique: Vec<String>,
    /// Least share of the records, 0 to 1, that have a field. A run of the whole list that stays below is `broken`, and
    /// closes nothing.
    #[serde(default)]
    pub(super) fill: BTreeMap<String, f64>,
    /// Earliest that a date can be: a day, or a time before the page was fetched such as `-2y`.
    #[serde(default)]
    pub(super) not_before: BTreeMap<String, String>,
    /// What least years of experience can be.
    pub(super) experience_min: Option<RangeFile>,
    /// What most years of experience can be.
    pub(super) experience_max: Option<RangeFile>,
    /// What the least pay can be, in whole currency units.
    pub(super) salary_min: Option<RangeFile>,
    /// What the most pay can be, in whole currency units.
    pub(super) salary_max: Option<RangeFile>,
}

/// What a number can be.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RangeFile {
    /// The least. Default: no bound.
    pub(super) min: Option<f64>,
    /// The most. Default: no bound.
    pub(super) max: Option<f64>,
}

/// What must hold of the records of a pipeline.
#[derive(Debug, Clone, Default)]
pub struct Quality {
    /// Fields that every record has.
    pub required: Vec<Field>,
    /// Fields whose value no two records of a run share.
    pub unique: Vec<Field>,
    /// What numbers can be, least and most; at least one of them is given.
    pub ranges: Vec<(Field, Option<f64>, Option<f64>)>,
    /// Earliest that dates can be.
    pub not_before: Vec<(Field, Earliest)>,
    /// Least share of the records that have a field.
    pub fill: Vec<(Field, f64)>,
}

/// The earliest that a date can be.
#[derive(Debug, Clone, Copy)]
pub enum Earliest {
    /// The beginning of a day in the source's zone.
    Day(Date),
    /// So long before the page was fetched; the span is negative.
    Before(Span),
}

impl Earliest {
    /// Reads a day such as `2000-01-01`, or a time back such as `-2y`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Ok(day) = text.parse() {
            return Some(Self::Day(day));
        }
        let span: Span = text.parse().ok()?;
        span.is_negative().then_some(Self::Before(span))
    }

    /// The instant that it is, for a page fetched then.
    pub fn instant(self, fetched_at: Timestamp, zone: &TimeZone) -> Timestamp {
        match self {
            // A day that cannot be placed lies at an end of the calendar, before which nothing is.
            Self::Day(day) => day
                .to_zoned(zone.clone())
                .map_or(Timestamp::MIN, |day| day.timestamp()),
            Self::Before(span) => fetched_at
                .to_zoned(zone.clone())
                .saturating_add(span)
                .timestamp(),
        }
    }
}

impl fmt::Display for Earliest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => write!(formatter, "{day}"),
            Self::Before(span) => write!(formatter, "{span:#}"),
        }
    }
}
