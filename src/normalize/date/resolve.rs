//! Parts of a date to an instant: which number is which, what year was meant, in what zone.

use jiff::Timestamp;
use jiff::civil::{Date, ISOWeekDate, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};

use super::forms::{Clock, Day};
use super::lexer::Number;
use super::scan::Parts;
use super::words::Meridiem;
use super::{DateContext, DayMonthOrder, Fault, MIN_YEAR, Moment, Precision};

/// Where a date without a year lies, seen from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lean {
    /// It has happened: up to a month ahead is believed, as for an event that is announced.
    Past,
    /// It is a deadline: up to a month past is believed, as for one that was missed.
    Future,
}

/// Days that a date without a year may lie on the wrong side of now.
const WRONG_SIDE_DAYS: i64 = 31;

/// Days ahead of now from which a reading of a date with a two-digit year is not believed.
const FAR_AHEAD_DAYS: i64 = 400;

impl Parts {
    pub(super) fn resolve(self, context: &DateContext, lean: Lean) -> Result<Moment, Fault> {
        let zone = match (self.offset, &self.zone) {
            (Some(offset), _) => TimeZone::fixed(offset),
            (None, Some(zone)) => zone.clone(),
            (None, None) => context.zone.clone(),
        };
        let today = context.now.to_zoned(zone.clone()).date();
        let date = self.date(today, context.order, lean)?;
        let (time, days) = match self.clock {
            Some(clock) => clock.resolve(self.meridiem)?,
            None => (Time::midnight(), 0),
        };
        let date = date.checked_add(days.days())?;
        if date.year() < MIN_YEAR {
            return Err(Fault::Impossible);
        }
        let instant: Timestamp = date
            .to_datetime(time)
            .to_zoned(zone)
            .map(|zoned: Zoned| zoned.timestamp())?;
        Ok(Moment {
            instant,
            precision: self.precision(),
        })
    }

    fn precision(&self) -> Precision {
        let has_year = |numbers: &[Number]| numbers.iter().any(|number| number.len == 4);
        match (self.clock, self.day) {
            (Some(_), _) => Precision::Instant,
            (None, Some(Day::Named { month: None, .. })) => Precision::Year,
            (None, Some(Day::Named { day: None, .. })) => Precision::Month,
            (None, Some(Day::Pair(numbers))) if has_year(&numbers) => Precision::Month,
            (None, None) if self.numbers.len() == 1 && has_year(&self.numbers) => Precision::Month,
            _ => Precision::Day,
        }
    }

    fn date(&self, today: Date, order: DayMonthOrder, lean: Lean) -> Result<Date, Fault> {
        let numbers = self.numbers.as_slice();
        let Some(day) = self.day else {
            return match (self.month, numbers) {
                (Some(month), numbers) => by_name(month, numbers, today, lean),
                (None, [first, second, third]) if third.len == 4 || first.len == 4 => {
                    triple([*first, *second, *third], ' ', today, order, self.weekday)
                }
                _ => Err(Fault::NotADate),
            };
        };
        if self.month.is_some() || !numbers.is_empty() {
            return Err(Fault::NotADate);
        }
        match day {
            Day::Named {
                year: Some(year),
                month,
                day,
            } => exact(
                with_century(year),
                month.unwrap_or(FIRST),
                day.unwrap_or(FIRST),
            ),
            Day::Named {
                year: None,
                month: Some(month),
                day: Some(day),
            } => without_year(month.part(), day.part(), today, lean),
            Day::Named { .. } => Err(Fault::NotADate),
            Day::Triple(numbers, symbol) => triple(numbers, symbol, today, order, self.weekday),
            Day::Pair(numbers) => pair(numbers, today, order, lean),
            Day::Week(year, week, weekday) => {
                let weekday = Weekday::from_monday_one_offset(weekday)?;
                Ok(ISOWeekDate::new(year_of(year)?, week.part(), weekday)?.date())
            }
            Day::Ordinal(year, day) => ordinal(year_of(year)?, day),
            Day::FromToday(days) => Ok(today.checked_add(i64::from(days).days())?),
        }
    }
}

impl Clock {
    /// The time of the day, and 1 where it is the midnight that ends it.
    fn resolve(self, meridiem: Option<Meridiem>) -> Result<(Time, i64), Fault> {
        let hour = match (meridiem, self.hour) {
            (Some(Meridiem::Am), 12) => 0,
            (Some(Meridiem::Am), 13..) => return Err(Fault::Impossible),
            (Some(Meridiem::Pm), 0..12) | (Some(Meridiem::Night), 6..=12) => self.hour + 12,
            (_, hour) => hour,
        };
        // A leap second is kept as the second before it, as POSIX clocks do.
        let second = if self.second == 60 { 59 } else { self.second };
        if hour == 24 {
            let is_midnight = self.minute == 0 && second == 0 && self.nanosecond == 0;
            return if is_midnight {
                Ok((Time::midnight(), 1))
            } else {
                Err(Fault::Impossible)
            };
        }
        Ok((Time::new(hour, self.minute, second, self.nanosecond)?, 0))
    }
}

const FIRST: Number = Number { value: 1, len: 1 };

/// The year that two digits mean, by RFC 5322: up to 49 it is in this century.
pub(super) fn with_century(year: Number) -> Number {
    match (year.len, year.value) {
        (2, value @ 0..50) => Number {
            value: value + 2000,
            len: 4,
        },
        (2, value) => Number {
            value: value + 1900,
            len: 4,
        },
        _ => year,
    }
}

fn year_of(year: Number) -> Result<i16, Fault> {
    i16::try_from(year.value).map_err(|_| Fault::Impossible)
}

fn exact(year: Number, month: Number, day: Number) -> Result<Date, Fault> {
    if year.len != 4 {
        return Err(Fault::NotADate);
    }
    Ok(Date::new(year_of(year)?, month.part(), day.part())?)
}

fn ordinal(year: i16, day: Number) -> Result<Date, Fault> {
    let first = Date::new(year, 1, 1)?;
    let day = i16::try_from(day.value).map_err(|_| Fault::Impossible)?;
    if !(1..=first.days_in_year()).contains(&day) {
        return Err(Fault::Impossible);
    }
    Ok(first.checked_add(i64::from(day - 1).days())?)
}

/// Month by name, day and year from the numbers around it.
fn by_name(month: i8, numbers: &[Number], today: Date, lean: Lean) -> Result<Date, Fault> {
    let month_number = Number {
        value: month.unsigned_abs().into(),
        len: 2,
    };
    match *numbers {
        [year] if year.len == 4 => exact(year, month_number, FIRST),
        [day] if day.len <= 2 => without_year(month, day.part(), today, lean),
        [year, day] | [day, year] if year.len == 4 && day.len <= 2 => {
            exact(year, month_number, day)
        }
        [year, day] if year.len == 2 && year.value > 31 && day.len <= 2 => {
            exact(with_century(year), month_number, day)
        }
        [day, year] if year.len == 2 && day.len <= 2 => {
            exact(with_century(year), month_number, day)
        }
        _ => Err(Fault::NotADate),
    }
}

/// The nearest year in which this day lies on the side of now that `lean` expects.
fn without_year(month: i8, day: i8, today: Date, lean: Lean) -> Result<Date, Fault> {
    let mut nearest: Option<(i64, Date)> = None;
    // Four years on either side hold a February 29.
    for year in today.year() - 4..=today.year() + 4 {
        let Ok(date) = Date::new(year, month, day) else {
            continue;
        };
        let ahead = days_between(today, date);
        let is_believed = match lean {
            Lean::Past => ahead <= WRONG_SIDE_DAYS,
            Lean::Future => ahead >= -WRONG_SIDE_DAYS,
        };
        if is_believed && nearest.is_none_or(|(distance, _)| ahead.abs() < distance) {
            nearest = Some((ahead.abs(), date));
        }
    }
    nearest.map(|(_, date)| date).ok_or(Fault::Impossible)
}

fn days_between(from: Date, to: Date) -> i64 {
    i64::from((to - from).get_days())
}

/// Three numbers: year first where it has four digits; else as the order says, unless only the other can be or the
/// weekday contradicts; two-digit numbers throughout may also be year, month, day.
fn triple(
    [first, second, third]: [Number; 3],
    symbol: char,
    today: Date,
    order: DayMonthOrder,
    weekday: Option<Weekday>,
) -> Result<Date, Fault> {
    if first.len == 4 {
        return exact(first, second, third);
    }
    // Dots are written where the day comes first.
    let order = if symbol == '.' {
        DayMonthOrder::DayFirst
    } else {
        order
    };
    let year = with_century(third);
    let (day_first, month_first) = (exact(year, second, first), exact(year, first, second));
    let (meant, other) = match order {
        DayMonthOrder::DayFirst => (day_first, month_first),
        DayMonthOrder::MonthFirst => (month_first, day_first),
    };
    let agrees = |date: &Result<Date, Fault>| {
        date.as_ref()
            .is_ok_and(|date| Some(date.weekday()) == weekday)
    };
    let year_last = if meant.is_err() || (agrees(&other) && !agrees(&meant)) {
        other
    } else {
        meant
    };
    if third.len == 4 {
        return year_last;
    }
    let year_first = exact(with_century(first), second, third);
    nearer(year_first, year_last, today)
}

/// The one of two readings that is nearer to now and not far ahead of it.
fn nearer(
    one: Result<Date, Fault>,
    other: Result<Date, Fault>,
    today: Date,
) -> Result<Date, Fault> {
    let (Ok(first), Ok(second)) = (one, other) else {
        return one.or(other);
    };
    let distance = |date| {
        let ahead = days_between(today, date);
        (ahead > FAR_AHEAD_DAYS, ahead.abs())
    };
    Ok(if distance(first) <= distance(second) {
        first
    } else {
        second
    })
}

/// Two numbers: year and month where one has four digits, else month and day.
fn pair(
    [first, second]: [Number; 2],
    today: Date,
    order: DayMonthOrder,
    lean: Lean,
) -> Result<Date, Fault> {
    if first.len == 4 {
        return exact(first, second, FIRST);
    }
    if second.len == 4 {
        return exact(second, first, FIRST);
    }
    let day_first = without_year(second.part(), first.part(), today, lean);
    let month_first = without_year(first.part(), second.part(), today, lean);
    match order {
        DayMonthOrder::DayFirst => day_first.or(month_first),
        DayMonthOrder::MonthFirst => month_first.or(day_first),
    }
}
