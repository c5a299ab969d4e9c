use std::fmt::Write;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan, Zoned};
use serde::{Deserialize, Serialize};

use crate::load::Bind;

/// Length of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// From midnight to midnight.
    Day,
    /// From Monday to Sunday.
    Week,
    /// A month of the calendar.
    Month,
}

impl Step {
    fn first_day(self, date: Date) -> Date {
        match self {
            Self::Day => date,
            Self::Week => {
                let since = i64::from(date.weekday().since(Weekday::Monday));
                date.saturating_sub(since.days())
            }
            Self::Month => date.first_of_month(),
        }
    }

    fn times(self, count: i64) -> Span {
        match self {
            Self::Day => count.days(),
            Self::Week => count.weeks(),
            Self::Month => count.months(),
        }
    }
}

/// A span of time that things are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Its first day, in the time zone of the one who asks.
    pub date: Date,
    /// Its first instant.
    pub begins_at: Timestamp,
    /// The first instant after it.
    pub ends_at: Timestamp,
}

/// Adjoining spans of time, oldest first: what stands along the time axis of a chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buckets {
    step: Step,
    buckets: Vec<Bucket>,
}

impl Buckets {
    /// The last so many days, weeks or months, the one that holds `now` among them. Its time zone says when a day ends.
    pub fn back_from(now: &Zoned, step: Step, count: u16) -> Self {
        let newest = step.first_day(now.date());
        let start = |back: i64| newest.saturating_sub(step.times(back));
        let buckets = (0..i64::from(count))
            .rev()
            .filter_map(|back| {
                Some(Bucket {
                    date: start(back),
                    begins_at: midnight(start(back), now.time_zone())?,
                    ends_at: midnight(start(back - 1), now.time_zone())?,
                })
            })
            .collect();
        Self { step, buckets }
    }

    /// Their length.
    pub fn step(&self) -> Step {
        self.step
    }

    /// The buckets, oldest first.
    pub fn as_slice(&self) -> &[Bucket] {
        &self.buckets
    }

    /// The first instant of all.
    pub fn begin(&self) -> Option<Timestamp> {
        self.buckets.first().map(|bucket| bucket.begins_at)
    }

    /// The buckets as a table expression for `WITH`, `buckets (bucket, begins_at, ends_at)`. Their borders join `binds`,
    /// whose number the placeholders go on from.
    ///
    /// Borders instead of a date function in the statement: the servers have none in common, and only borders let the
    /// index on `dated_at` find a bucket's rows.
    pub(super) fn table(&self, binds: &mut Vec<Bind>) -> String {
        let mut sql = String::from("buckets (bucket, begins_at, ends_at) AS (VALUES ");
        for (index, bucket) in self.buckets.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            let (begin, end) = (binds.len() + 1, binds.len() + 2);
            // Writing to a string can't fail.
            let _ = write!(sql, "{separator}({index}, ${begin}, ${end})");
            binds.extend([Bind::from(bucket.begins_at), Bind::from(bucket.ends_at)]);
        }
        sql.push(')');
        sql
    }
}

/// None outside the years that time can be told in.
fn midnight(date: Date, zone: &TimeZone) -> Option<Timestamp> {
    Some(date.to_zoned(zone.clone()).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dates(now: &str, step: Step, count: u16) -> Vec<String> {
        let buckets = Buckets::back_from(&now.parse().unwrap(), step, count);
        let text = |bucket: &Bucket| bucket.date.to_string();
        buckets.as_slice().iter().map(text).collect()
    }

    #[test]
    fn newest_bucket_holds_now_and_all_adjoin() {
        let now: Zoned = "2026-03-31T23:59:00+09:00[Asia/Seoul]".parse().unwrap();
        for step in [Step::Day, Step::Week, Step::Month] {
            let buckets = Buckets::back_from(&now, step, 14);
            let all = buckets.as_slice();
            assert!(
                all.windows(2)
                    .all(|pair| pair[0].ends_at == pair[1].begins_at)
            );
            let newest = all.last().unwrap();
            assert!((newest.begins_at..newest.ends_at).contains(&now.timestamp()));
            assert_eq!(all.len(), 14);
        }
    }

    #[test]
    fn months_and_weeks_begin_on_their_first_day() {
        assert_eq!(
            dates("2026-03-31T12:00:00Z[UTC]", Step::Month, 3),
            ["2026-01-01", "2026-02-01", "2026-03-01"]
        );
        assert_eq!(
            dates("2026-03-01T12:00:00Z[UTC]", Step::Week, 2),
            ["2026-02-16", "2026-02-23"]
        );
    }

    #[test]
    fn day_ends_at_midnight_of_the_zone() {
        let now: Zoned = "2026-03-02T01:00:00+09:00[Asia/Seoul]".parse().unwrap();
        let today = Buckets::back_from(&now, Step::Day, 1);
        assert_eq!(today.begin(), Some("2026-03-01T15:00:00Z".parse().unwrap()));
    }

    #[test]
    fn clock_at_the_end_of_time_gives_fewer_buckets() {
        let now = Timestamp::MIN.to_zoned(TimeZone::UTC);
        assert!(Buckets::back_from(&now, Step::Month, 3).as_slice().len() < 3);
    }
}
