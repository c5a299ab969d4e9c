//! A date as its source writes it, to an instant.
//!
//! A text is cut into tokens ([`lexer`]); what they can mean stands in tables ([`words`]). An amount of time before or
//! after now ([`relative`]) is read whole. Everything else is [`scan`]ned for a date, a clock time and a zone in any
//! order, as RFC 3339, RFC 5322, asctime and people write them. Every token must be accounted for: a text that holds
//! a word or number without a known part in a date is an error, never a guess and never today.
//!
//! A date without a clock time is midnight; without a zone it is in the context's zone, where a time that a change of
//! clocks skips or repeats follows the "compatible" rule (forward over a gap, the earlier of two). A date without a
//! year takes the nearest one. An ISO week or a month alone is its first day.
//!
//! Nothing here reads a clock: now comes with the context.

mod deadline;
mod forms;
mod lexer;
mod relative;
mod resolve;
mod scan;
mod words;

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use deadline::{Deadline, deadline};
use lexer::Token;
use resolve::Lean;

/// Longest text that is read as a date. The longest real form, a JavaScript date with its zone spelled out, has 70.
pub const MAX_CHARS: usize = 128;

/// Earliest year of a date. What lies before is a program's word for "none": Go's zero time is in year 1, OLE's in 1899.
const MIN_YEAR: i16 = 1900;

/// What a date is read against.
#[derive(Debug, Clone)]
pub struct DateContext {
    /// Zone of a date that names none.
    pub zone: TimeZone,
    /// The instant that `3 days ago` counts from: when the page was fetched.
    pub now: Timestamp,
    /// How `03/04/2024` is meant.
    pub order: DayMonthOrder,
}

/// Order of day and month where only digits stand. A number above 12 is a day in either order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DayMonthOrder {
    /// `03/04/2024` is March 4: how Korean and American sites write.
    #[default]
    MonthFirst,
    /// `03/04/2024` is April 3.
    DayFirst,
}

/// A text that is no date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DateError {
    /// No text.
    #[error("a date was expected, the text is empty")]
    Empty,
    /// Longer than [`MAX_CHARS`].
    #[error(
        "a date was expected, the text has more than {MAX_CHARS} characters; narrow the selector"
    )]
    TooLong,
    /// It holds something that has no part in a date, or lacks a day.
    #[error("`{0}` is no date that is understood")]
    NotADate(String),
    /// It has the form of a date, of a day or time that does not exist or lies outside of what is kept.
    #[error("`{0}` is a day or time that does not exist")]
    Impossible(String),
}

/// The instant that a text names.
pub fn parse(text: &str, context: &DateContext) -> Result<Timestamp, DateError> {
    let plain = plain(text)?;
    read(&plain, context, Lean::Past)
        .map(|moment| moment.instant)
        .map_err(|fault| fault.of(&plain))
}

/// What a text was read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment {
    instant: Timestamp,
    precision: Precision,
}

/// How long the time lasts that a text names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Precision {
    Instant,
    Day,
    Month,
    Year,
}

/// Why a text is no date, before the text is put into the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    NotADate,
    Impossible,
}

impl Fault {
    fn of(self, text: &str) -> DateError {
        match self {
            Self::NotADate => DateError::NotADate(text.to_owned()),
            Self::Impossible => DateError::Impossible(text.to_owned()),
        }
    }
}

impl From<jiff::Error> for Fault {
    fn from(_: jiff::Error) -> Self {
        Self::Impossible
    }
}

/// A text of bearable length in compatibility form, with one kind of blank, hyphen and apostrophe.
fn plain(text: &str) -> Result<String, DateError> {
    let text = text.trim();
    if text.chars().nth(MAX_CHARS).is_some() {
        return Err(DateError::TooLong);
    }
    let plain = lexer::plain(text);
    if plain.is_empty() {
        return Err(DateError::Empty);
    }
    Ok(plain)
}

fn read(plain: &str, context: &DateContext, lean: Lean) -> Result<Moment, Fault> {
    if let Some(instant) = epoch(plain) {
        return Ok(Moment {
            instant: instant?,
            precision: Precision::Instant,
        });
    }
    let tokens: Vec<Token> = lexer::tokens(plain);
    if let Some(instant) = relative::read(&tokens, context) {
        return Ok(Moment {
            instant: instant?,
            precision: Precision::Instant,
        });
    }
    scan::scan(&tokens)?.resolve(context, lean)
}

/// Seconds, milliseconds or microseconds since 1970, told apart by the number of digits; `/Date(…)/` is how .NET puts
/// milliseconds into JSON.
fn epoch(plain: &str) -> Option<Result<Timestamp, Fault>> {
    let dot_net = plain
        .strip_prefix("/Date(")
        .and_then(|rest| rest.strip_suffix(")/"))
        .map(|inside| inside.split(['+', '-']).next().unwrap_or_default());
    let (whole, fraction) = match plain.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        _ => (dot_net.unwrap_or(plain), ""),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.starts_with('0') {
        return None;
    }
    let number: i64 = whole.parse().ok()?;
    let instant = match (whole.len(), fraction.len(), dot_net) {
        (_, 0, Some(_)) | (13, 0, None) => Timestamp::from_millisecond(number),
        (10, 0, None) => Timestamp::from_second(number),
        (16, 0, None) => Timestamp::from_microsecond(number),
        (10, 1..=9, None) => {
            let nanoseconds = format!("{fraction:0<9}").parse().ok()?;
            Timestamp::new(number, nanoseconds)
        }
        _ => return None,
    };
    Some(instant.map_err(Fault::from))
}

#[cfg(test)]
mod tests;
