//! Until when a listing takes applications, as job boards write it.

use jiff::civil::Time;
use jiff::{Timestamp, ToSpan};

use super::resolve::Lean;
use super::{DateContext, DateError, Fault, Moment, Precision, plain, read};

/// Until when a listing takes applications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// Until it is filled, or always: `상시채용`, `채용시 마감`, `until filled`.
    Open,
    /// Until this instant; a deadline that names a day only is that day's last second.
    Until(Timestamp),
    /// No longer, without saying since when: `마감`, `closed`.
    Closed,
}

/// From this year on a date says "never": boards write 2099-12-31, 2999-12-31, and 9999-12-31, which is past the last
/// instant that a timestamp holds.
const NEVER_YEAR: i16 = 2099;

/// Words for a deadline that is none.
#[rustfmt::skip]
const OPEN: &[&str] = &[
    "상시", "수시", "채용시", "충원시", "충원될", "채용될", "채용완료", "무기한", "제한없", "기한없", "마감일없", "미정", "별도",
    "모집중", "접수중", "진행중", "untilfilled", "open", "rolling", "ongoing", "always", "nodeadline", "asap",
    "continuous", "indefinite", "none",
];

/// Words for one that has passed.
const CLOSED: &[&str] = &[
    "마감", "종료", "만료", "완료", "closed", "expired", "ended", "filled",
];

/// Words that take those for a passed one back: closing soon is open, until when is not said.
const SOON: &[&str] = &["임박", "예정", "soon"];

/// Words that stand beside the day of a deadline.
#[rustfmt::skip]
const LABELS: &[&str] = &[
    "마감일자", "마감일시", "마감일", "마감", "까지", "접수기간", "접수", "모집기간", "모집", "지원기간", "지원", "서류", "기간", "기한",
    "종료일", "종료", "예정", "채용", "applications", "application", "deadline", "closing", "closes", "closed", "close",
    "expires", "expiry", "ends", "until", "before", "apply", "due", "through", "valid", "by",
];

/// What says that a number is of the days that are left, and what must be said besides: three days before what?
const LEFT: &[(&str, &str)] = &[
    ("일남", ""),
    ("일전", "마감"),
    ("일후", "마감"),
    ("일뒤", "마감"),
    ("daysleft", ""),
    ("dayleft", ""),
    ("daysremaining", ""),
    ("dayremaining", ""),
    ("daystogo", ""),
    ("daytogo", ""),
];

/// What a deadline says in its own way, and how a date says it: a day's midnight is the one that ends it.
#[rustfmt::skip]
const TURNS: &[(&str, &str)] = &[
    ("자정", "24:00"), ("midnight", "24:00"), ("남음", "후"), ("남았습니다", "후"), ("남았어요", "후"), ("left", "later"),
    ("remaining", "later"), ("to go", "later"),
];

/// Until when the text says applications are taken.
pub fn deadline(text: &str, context: &DateContext) -> Result<Deadline, DateError> {
    let plain = plain(text)?.to_lowercase();
    let compact: String = plain.chars().filter(|c| !c.is_whitespace()).collect();
    let has = |words: &[&str]| words.iter().any(|word| compact.contains(word));
    if let Some(days) = days_left(&compact) {
        return end_of_day_after(days, context).map_err(|fault| fault.of(&plain));
    }
    if ["9999-", "9999.", "9999/", "9999년", "99991231"]
        .iter()
        .any(|never| plain.contains(never))
    {
        return Ok(Deadline::Open);
    }
    // Of a range the end counts.
    let end = plain.rsplit(['~', '∼']).next().unwrap_or(&plain);
    let end = end.rsplit("부터").next().unwrap_or(end);
    match read(&without_labels(&turned(end)), context, Lean::Future) {
        Ok(moment) => end_of(moment, context).map_err(|fault| fault.of(&plain)),
        Err(_) if has(OPEN) => Ok(Deadline::Open),
        Err(_) if has(CLOSED) && !has(SOON) => Ok(Deadline::Closed),
        Err(fault) => Err(fault.of(&plain)),
    }
}

fn turned(text: &str) -> String {
    let mut turned = text.to_owned();
    for (said, meant) in TURNS {
        turned = turned.replace(said, meant);
    }
    // `마감 3시간 전`: three hours before the end, which is ahead.
    match turned.trim_end().strip_suffix('전') {
        Some(amount) if turned.contains("마감") => format!("{amount}후"),
        _ => turned,
    }
}

fn without_labels(text: &str) -> String {
    let mut text = text.to_owned();
    for label in LABELS {
        text = replace_word(&text, label);
    }
    let trimmed = text.trim_matches(|c: char| {
        c.is_whitespace() || matches!(c, ':' | ',' | '(' | ')' | '[' | ']' | '-')
    });
    trimmed.to_owned()
}

/// Replaces a label by a blank; a Latin one only where it is a whole word.
fn replace_word(text: &str, label: &str) -> String {
    if !label.is_ascii() {
        return text.replace(label, " ");
    }
    let words: Vec<&str> = text
        .split(' ')
        .filter(|word| word.trim_matches([':', ',']) != label)
        .collect();
    words.join(" ")
}

/// Days from today in `d-7`, `d+3`, `d-day`, `3일 남음`, `마감 3일 전`, `5 days left`, `closes in 5 days`.
fn days_left(compact: &str) -> Option<i64> {
    let number_at = |sign: &str| last_number(&compact[..compact.find(sign)?]);
    let left = || {
        let mut left = LEFT.iter();
        left.find_map(|(sign, of)| number_at(sign).filter(|_| compact.contains(of)))
    };
    let ahead = || number_at("day").filter(|(before, _)| before.ends_with("in"));
    from_the_day(compact).or_else(|| left().or_else(ahead).map(|(_, days)| days))
}

/// `d-7`, `d-day`, and `d+3` once it has passed.
fn from_the_day(compact: &str) -> Option<i64> {
    let mut signs = compact.match_indices(['-', '+']);
    let (at, sign) = signs.find(|(at, _)| {
        let before = compact[..*at].strip_suffix('d');
        before.is_some_and(|before| !before.ends_with(|c: char| c.is_ascii_alphanumeric()))
    })?;
    let rest = &compact[at + 1..];
    if rest.starts_with("day") {
        return Some(0);
    }
    let digits = rest.find(|c: char| !c.is_ascii_digit());
    let days = days(&rest[..digits.unwrap_or(rest.len())])?;
    Some(if sign == "+" { -days } else { days })
}

/// The number that a text ends in, and what is before it.
fn last_number(text: &str) -> Option<(&str, i64)> {
    let before = text.trim_end_matches(|c: char| c.is_ascii_digit());
    Some((before, days(&text[before.len()..])?))
}

fn days(digits: &str) -> Option<i64> {
    let days = digits.parse::<i64>().ok();
    days.filter(|days| (0..10_000).contains(days))
}

fn end_of_day_after(days: i64, context: &DateContext) -> Result<Deadline, Fault> {
    let today = context.now.to_zoned(context.zone.clone()).date();
    let midnight = today
        .checked_add(days.days())?
        .to_zoned(context.zone.clone())?;
    let moment = Moment {
        instant: midnight.timestamp(),
        precision: Precision::Day,
    };
    end_of(moment, context)
}

fn end_of(moment: Moment, context: &DateContext) -> Result<Deadline, Fault> {
    let first = moment.instant.to_zoned(context.zone.clone()).date();
    if first.year() >= NEVER_YEAR {
        return Ok(Deadline::Open);
    }
    let last = match moment.precision {
        Precision::Instant => return Ok(Deadline::Until(moment.instant)),
        Precision::Day => first,
        Precision::Month => first.last_of_month(),
        Precision::Year => first.last_of_year(),
    };
    let last_second = last
        .to_datetime(Time::constant(23, 59, 59, 0))
        .to_zoned(context.zone.clone())?;
    Ok(Deadline::Until(last_second.timestamp()))
}
