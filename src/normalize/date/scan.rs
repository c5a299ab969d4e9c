//! Finds the parts of a date in its tokens: day, clock time, zone, weekday, in any order.
//!
//! Parts that show themselves (`2024-03-01`, `3월 1일`, `09:00`, `KST`) are taken where they stand. Bare numbers around
//! the name of a month are collected; which is the day and which the year is settled at the end, in `resolve`.

use jiff::civil::Weekday;
use jiff::tz::{Offset, TimeZone};

use super::Fault;
use super::forms::{Clock, Day};
use super::lexer::{Number, Token};
use super::words::{self, Meridiem};

/// The parts found.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) day: Option<Day>,
    pub(super) clock: Option<Clock>,
    pub(super) meridiem: Option<Meridiem>,
    pub(super) offset: Option<Offset>,
    pub(super) zone: Option<TimeZone>,
    pub(super) weekday: Option<Weekday>,
    /// Month given by name.
    pub(super) month: Option<i8>,
    /// Bare numbers, in order.
    pub(super) numbers: Vec<Number>,
}

/// Accounts for every token.
pub(super) fn scan(tokens: &[Token]) -> Result<Parts, Fault> {
    let is_month =
        |token: &Token| matches!(token, Token::Word { text, .. } if words::month(text).is_some());
    let mut scanner = Scanner {
        tokens,
        at: 0,
        month_is_named: tokens.iter().any(is_month),
        parts: Parts::default(),
    };
    while let Some(token) = scanner.token(0) {
        match token {
            Token::Blank => scanner.at += 1,
            Token::Number(_) => scanner.number()?,
            Token::Word { .. } => scanner.word()?,
            Token::Symbol(symbol) => scanner.symbol(*symbol)?,
        }
    }
    Ok(scanner.parts)
}

pub(super) struct Scanner<'a> {
    tokens: &'a [Token],
    at: usize,
    month_is_named: bool,
    parts: Parts,
}

impl<'a> Scanner<'a> {
    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(super) fn token(&self, ahead: usize) -> Option<&'a Token> {
        self.tokens.get(self.at + ahead)
    }

    pub(super) fn number_at(&self, ahead: usize) -> Option<Number> {
        match self.token(ahead) {
            Some(Token::Number(number)) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn word_at(&self, ahead: usize) -> Option<&'a str> {
        match self.token(ahead) {
            Some(Token::Word { text, .. }) => Some(text),
            _ => None,
        }
    }

    pub(super) fn is_symbol(&self, ahead: usize, symbol: char) -> bool {
        self.token(ahead) == Some(&Token::Symbol(symbol))
    }

    /// The place after blanks.
    pub(super) fn past_blank(&self, ahead: usize) -> usize {
        ahead + usize::from(self.token(ahead) == Some(&Token::Blank))
    }

    /// Whether some part of a day was found, so that a clock time or zone may follow.
    fn has_day(&self) -> bool {
        self.parts.day.is_some() || self.parts.month.is_some() || !self.parts.numbers.is_empty()
    }

    fn set_clock(&mut self, clock: Clock, len: usize) -> Result<(), Fault> {
        self.at += len;
        match self.parts.clock.replace(clock) {
            Some(_) => Err(Fault::NotADate),
            None => Ok(()),
        }
    }

    fn set_day(&mut self, day: Day, len: usize) -> Result<(), Fault> {
        self.at += len;
        match self.parts.day.replace(day) {
            Some(_) => Err(Fault::NotADate),
            None => Ok(()),
        }
    }

    fn number(&mut self) -> Result<(), Fault> {
        if let Some(len) = self.reading_time() {
            self.at += len;
            return Ok(());
        }
        if let Some((clock, len)) = self.clock().or_else(|| self.clock_with_signs()) {
            return self.set_clock(clock, len);
        }
        if let Some((day, len)) = self.day_with_signs() {
            return self.set_day(day, len);
        }
        if self.parts.day.is_none() && !self.month_is_named {
            if let Some((day, len)) = self
                .triple()
                .or_else(|| self.week())
                .or_else(|| self.pair())
            {
                return self.set_day(day, len);
            }
            if let Some((day, clock)) = self.compact_day() {
                if let Some(clock) = clock {
                    self.set_clock(clock, 0)?;
                }
                return self.set_day(day, 1);
            }
        }
        if let (None, Some(Day::Triple(..)), Some((clock, len))) =
            (self.parts.clock, self.parts.day, self.compact_clock())
        {
            return self.set_clock(clock, len);
        }
        self.parts.numbers.extend(self.number_at(0));
        self.at += 1;
        Ok(())
    }

    fn word(&mut self) -> Result<(), Fault> {
        let Some(Token::Word { text, upper }) = self.token(0) else {
            return Err(Fault::NotADate);
        };
        if text == "t" && self.has_day() && self.number_at(1).is_some() {
            self.at += 1;
            return self.after_t();
        }
        if let Some((meridiem, len)) = self.meridiem(0) {
            self.parts.meridiem = Some(meridiem);
            self.at += len;
            return Ok(());
        }
        if let Some(len) = self.place() {
            self.at += len;
            return Ok(());
        }
        let has_clock = self.parts.clock.is_some();
        if words::is_filler(text) && !(has_clock && text == "at") {
            self.at += 1;
            return Ok(());
        }
        if let Some(month) = words::month(text) {
            // `mar.` is March, and French for Tuesday; where another month stands too it is the day.
            let is_free = self.parts.month.is_none_or(|before| before == 3);
            if !is_free && text != "mar" {
                return Err(Fault::NotADate);
            }
            if is_free {
                self.parts.month = Some(month);
            }
        } else if let Some(days) = words::days_from_today(text) {
            return self.set_day(Day::FromToday(days), 1);
        } else if let Some(hour) = match text.as_str() {
            "noon" | "정오" => Some(12),
            "midnight" | "자정" => Some(0),
            _ => None,
        } {
            return self.set_clock(
                Clock {
                    hour,
                    minute: 0,
                    second: 0,
                    nanosecond: 0,
                },
                1,
            );
        } else if let Some(weekday) = words::weekday(text) {
            self.parts.weekday = Some(weekday);
        } else if let (true, Some(zone)) = (self.has_day(), self.zone_name(text, *upper)) {
            return self.zone(zone, text);
        } else {
            return Err(Fault::NotADate);
        }
        self.at += 1;
        Ok(())
    }

    fn after_t(&mut self) -> Result<(), Fault> {
        let hour = self
            .number_at(0)
            .filter(|hour| hour.len <= 2 && !self.is_symbol(1, ':'));
        let found = match hour {
            Some(hour) if self.word_at(1).is_none_or(|word| word == "z") => {
                Some((Clock::at(hour, None, None), 1))
            }
            _ => self
                .compact_clock()
                .or_else(|| self.clock())
                .or_else(|| self.clock_with_signs()),
        };
        let (clock, len) = found.ok_or(Fault::NotADate)?;
        self.set_clock(clock, len)
    }

    /// What an abbreviation says of the zone. By RFC 5322, one that is not known counts as UTC, and so do the letters
    /// of the military zones, whose signs RFC 822 got wrong.
    fn zone_name(&self, text: &str, upper: bool) -> Option<TimeZone> {
        let has_form = upper && text.is_ascii() && matches!(text.len(), 1 | 3..=5);
        let unknown = || (has_form && self.parts.clock.is_some()).then_some(TimeZone::UTC);
        words::zone(text).or_else(unknown)
    }

    /// A zone by its abbreviation, and the offset from it in `GMT+9`.
    fn zone(&mut self, zone: TimeZone, text: &str) -> Result<(), Fault> {
        self.at += 1;
        let is_utc = matches!(text, "utc" | "gmt" | "ut");
        let is_signed = self.is_symbol(0, '+') || self.is_symbol(0, '-');
        if is_utc && is_signed && self.number_at(1).is_some() {
            return self.offset();
        }
        self.parts.zone.get_or_insert(zone);
        Ok(())
    }

    /// `Asia/Seoul`, `Etc/GMT-9`: a zone by its name in the database; answers how many tokens it takes.
    fn place(&mut self) -> Option<usize> {
        if !self.is_symbol(1, '/') || self.word_at(2).is_none() || !self.has_day() {
            return None;
        }
        let mut name = String::new();
        let mut len = 0;
        while let Some(token) = self.token(len) {
            match token {
                Token::Word { text, .. } => name.push_str(text),
                Token::Number(number) => name.push_str(&number.value.to_string()),
                Token::Symbol(symbol @ ('/' | '_' | '-' | '+')) => name.push(*symbol),
                _ => break,
            }
            len += 1;
        }
        let zone = TimeZone::get(&name).ok()?;
        self.parts.zone = Some(zone);
        Some(len)
    }

    fn symbol(&mut self, symbol: char) -> Result<(), Fault> {
        let before_digits = self.number_at(1).is_some();
        // A hyphen joins more than it subtracts: without a clock time before it, it needs the form of `-05:00`.
        let may_be_offset = self.parts.clock.is_some()
            || matches!(self.parts.day, Some(Day::Triple(..))) && self.is_symbol(2, ':');
        match symbol {
            '+' if before_digits && self.has_day() => return self.offset(),
            '-' if before_digits && may_be_offset => return self.offset(),
            '(' => {
                self.comment();
                return Ok(());
            }
            '\'' if self.number_at(1).is_some_and(|year| year.len == 2) => {
                let year = self.number_at(1).map(super::resolve::with_century);
                if matches!(self.word_at(2), Some("년")) || self.is_symbol(2, '.') {
                    self.at += 1;
                    return Ok(());
                }
                self.parts.numbers.extend(year);
                self.at += 2;
                return Ok(());
            }
            ',' | ';' | '.' | ')' | '[' | ']' | '|' | '·' | ':' | '-' | '/' | '_' | '\'' | '•'
            | '"' => {}
            _ => return Err(Fault::NotADate),
        }
        self.at += 1;
        Ok(())
    }

    /// `+09:00`, `+0900`, `+9`, `-700`, `+09:00:00`, at its sign.
    fn offset(&mut self) -> Result<(), Fault> {
        let sign = if self.is_symbol(0, '-') { -1 } else { 1 };
        let digits = self.number_at(1).ok_or(Fault::NotADate)?;
        let minute = self
            .number_at(3)
            .filter(|minute| minute.len == 2 && self.is_symbol(2, ':'));
        let (hour, minute, second, len) = match (digits.len, minute) {
            (1 | 2, Some(minute)) => {
                let second = self
                    .number_at(5)
                    .filter(|second| second.len == 2 && self.is_symbol(4, ':'));
                (
                    digits,
                    minute,
                    second,
                    4 + 2 * usize::from(second.is_some()),
                )
            }
            (1 | 2, None) => (digits, Number::of("0"), None, 2),
            (3, None) => (digits.digits(0, 1), digits.digits(1, 3), None, 2),
            (4, None) => (digits.digits(0, 2), digits.digits(2, 4), None, 2),
            (6, None) => (
                digits.digits(0, 2),
                digits.digits(2, 4),
                Some(digits.digits(4, 6)),
                2,
            ),
            _ => return Err(Fault::NotADate),
        };
        let (hour, minute) = (i32::from(hour.part()), i32::from(minute.part()));
        let second = i32::from(second.map_or(0, Number::part));
        // The zones of the world lie between -12:00 and +14:00; a little more is forgiven.
        if hour > 15 || minute > 59 || second > 59 || self.parts.offset.is_some() {
            return Err(Fault::Impossible);
        }
        let seconds = sign * (hour * 3600 + minute * 60 + second);
        self.parts.offset = Some(Offset::from_seconds(seconds).map_err(|_| Fault::Impossible)?);
        self.at += len;
        Ok(())
    }

    /// What stands in parentheses is a comment, unless it holds digits: then it is part of the date.
    fn comment(&mut self) {
        let rest = &self.tokens[self.at..];
        let end = rest
            .iter()
            .position(|token| *token == Token::Symbol(')'))
            .unwrap_or(rest.len() - 1);
        let inside = &rest[1..=end];
        if inside.iter().any(|token| matches!(token, Token::Number(_))) {
            self.at += 1;
            return;
        }
        for token in inside {
            let Token::Word { text, .. } = token else {
                continue;
            };
            if let Some(zone) = words::zone(text) {
                self.parts.zone.get_or_insert(zone);
            } else if let Some(weekday) = words::weekday(text) {
                self.parts.weekday = Some(weekday);
            }
        }
        self.at += end + 1;
    }
}
