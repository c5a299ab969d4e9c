//! Amounts of time before or after now: `3 days ago`, `in 2 hours`, `1시간 30분 전`, `just now`.
//!
//! They are subtracted by the calendar of the context's zone (a day is a day, also when the clocks change).

use jiff::{Span, Timestamp};

use super::lexer::Token;
use super::words::{self, Unit};
use super::{DateContext, Fault};

/// Which way an amount counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Back,
    Ahead,
}

/// The instant, or none where the text is no amount of time.
pub(super) fn read(tokens: &[Token], context: &DateContext) -> Option<Result<Timestamp, Fault>> {
    let words: Vec<&Token> = tokens.iter().filter(|token| !is_empty(token)).collect();
    if is_now(&words) {
        return Some(Ok(context.now));
    }
    let (amounts, way) = split(&words)?;
    let mut span = Span::new();
    let mut rest = amounts;
    while !rest.is_empty() {
        let (count, unit, after) = amount(rest)?;
        span = match add(span, count, unit) {
            Ok(span) => span,
            Err(error) => return Some(Err(error.into())),
        };
        rest = after;
    }
    let now = context.now.to_zoned(context.zone.clone());
    let moved = match way {
        Way::Back => now.checked_sub(span),
        Way::Ahead => now.checked_add(span),
    };
    Some(moved.map(|then| then.timestamp()).map_err(Fault::from))
}

/// What may stand around and between amounts.
fn is_empty(token: &Token) -> bool {
    match token {
        Token::Blank | Token::Symbol(',' | '.' | '+' | '~' | ':' | '(' | ')') => true,
        Token::Word { text, .. } => {
            words::is_filler(text)
                || matches!(
                    text.as_str(),
                    "about" | "over" | "almost" | "nearly" | "around" | "약"
                )
        }
        _ => false,
    }
}

fn text(token: &Token) -> &str {
    match token {
        Token::Word { text, .. } => text,
        _ => "",
    }
}

fn is_now(words: &[&Token]) -> bool {
    let texts: Vec<&str> = words.iter().map(|token| text(token)).collect();
    matches!(
        texts.as_slice(),
        ["now" | "just" | "지금" | "방금" | "막" | "刚刚"]
            | ["just" | "right", "now"]
            | ["방금" | "지금" | "막", "막" | "방금" | "전"]
            | ["a", "moment", "ago"]
            | ["moments" | "seconds", "ago"]
            | ["a", "few", "seconds", "ago"]
            | ["less", "than", "a", "minute", "ago"]
            | ["몇", "초", "전"]
    )
}

/// The amounts of a text, and which way its other words turn them.
fn split<'a, 'b>(words: &'a [&'b Token]) -> Option<(&'a [&'b Token], Way)> {
    let (first, last) = (text(words.first()?), text(words.last()?));
    let (head, tail) = (&words[1..], &words[..words.len() - 1]);
    match (first, last) {
        (_, "ago" | "earlier" | "전" | "이전" | "前") => Some((tail, Way::Back)),
        (_, "later" | "hence" | "후" | "뒤" | "後" | "后") => Some((tail, Way::Ahead)),
        (_, "now") if tail.last().is_some_and(|token| text(token) == "from") => {
            Some((&tail[..tail.len() - 1], Way::Ahead))
        }
        ("in", _) => Some((head, Way::Ahead)),
        _ => None,
    }
    .filter(|(amounts, _)| !amounts.is_empty())
}

/// The amount that words start with, and the words after it.
fn amount<'a, 'b>(words: &'a [&'b Token]) -> Option<(u64, Unit, &'a [&'b Token])> {
    if let Some((count, unit)) = words::amount(text(words.first()?)) {
        return Some((count, unit, &words[1..]));
    }
    if let ["half", "a" | "an", unit] =
        [0, 1, 2].map(|at| words.get(at).map_or("", |token| text(token)))
    {
        return match words::unit(unit)? {
            Unit::Minute => Some((30, Unit::Second, &words[3..])),
            Unit::Hour => Some((30, Unit::Minute, &words[3..])),
            _ => None,
        };
    }
    let count = match words.first()? {
        Token::Number(number) => number.value,
        token => words::count(text(token))?,
    };
    let unit = words::unit(text(words.get(1)?))?;
    Some((count, unit, &words[2..]))
}

fn add(span: Span, count: u64, unit: Unit) -> Result<Span, jiff::Error> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    match unit {
        Unit::Second => span.try_seconds(span.get_seconds().saturating_add(count)),
        Unit::Minute => span.try_minutes(span.get_minutes().saturating_add(count)),
        Unit::Hour => span.try_hours(i64::from(span.get_hours()).saturating_add(count)),
        Unit::Day => span.try_days(i64::from(span.get_days()).saturating_add(count)),
        Unit::Week => span.try_weeks(i64::from(span.get_weeks()).saturating_add(count)),
        Unit::Month => span.try_months(i64::from(span.get_months()).saturating_add(count)),
        Unit::Year => span.try_years(i64::from(span.get_years()).saturating_add(count)),
    }
}
