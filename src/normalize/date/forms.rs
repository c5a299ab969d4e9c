//! The forms of a day and of a clock time that show themselves, at the scanner's place: each function answers what it
//! found and how many tokens that takes.

use super::lexer::{Number, Token};
use super::scan::Scanner;
use super::words::{self, Meridiem};

/// A day as it was written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Day {
    /// Year, month and day, where known, with their own signs: `2026년 3월`.
    Named {
        year: Option<Number>,
        month: Option<Number>,
        day: Option<Number>,
    },
    /// Three numbers with a sign between them.
    Triple([Number; 3], char),
    /// Two numbers with a sign between them.
    Pair([Number; 2]),
    /// Year, week and weekday (1 is Monday) of ISO 8601.
    Week(Number, Number, i8),
    /// Year and day of the year.
    Ordinal(Number, Number),
    /// Days after today.
    FromToday(i32),
}

/// A clock time as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    pub(super) hour: i8,
    pub(super) minute: i8,
    pub(super) second: i8,
    pub(super) nanosecond: i32,
}

impl Clock {
    pub(super) fn at(hour: Number, minute: Option<Number>, second: Option<Number>) -> Self {
        Self {
            hour: hour.part(),
            minute: minute.map_or(0, Number::part),
            second: second.map_or(0, Number::part),
            nanosecond: 0,
        }
    }
}

impl Scanner<'_> {
    /// `9:00`, `09:00:00`, `09:00:00.123`, `9am`, `9 p.m.`
    pub(super) fn clock(&self) -> Option<(Clock, usize)> {
        let hour = self.number_at(0).filter(|hour| hour.len <= 2)?;
        if !self.is_symbol(1, ':') {
            // `9.30am`
            let minute = self
                .number_at(2)
                .filter(|minute| minute.len == 2 && self.is_symbol(1, '.'));
            let len = if minute.is_some() { 3 } else { 1 };
            let after = self.past_blank(len);
            self.meridiem(after)?;
            return Some((Clock::at(hour, minute, None), len));
        }
        let minute = self.number_at(2).filter(|minute| minute.len <= 2)?;
        let seconds = self
            .number_at(4)
            .filter(|second| second.len <= 2 && self.is_symbol(3, ':'));
        let Some(second) = seconds else {
            return Some((Clock::at(hour, Some(minute), None), 3));
        };
        let mut clock = Clock::at(hour, Some(minute), Some(second));
        if let (true, Some(fraction)) = (
            self.is_symbol(5, '.') || self.is_symbol(5, ','),
            self.number_at(6),
        ) {
            clock.nanosecond = nanoseconds(fraction);
            return Some((clock, 7));
        }
        Some((clock, 5))
    }

    /// `14시`, `2시 30분 15초`, `15h04`.
    pub(super) fn clock_with_signs(&self) -> Option<(Clock, usize)> {
        let hour = self.number_at(0)?;
        let sign = self.past_blank(1);
        match self.word_at(sign)? {
            "시" | "時" | "时" | "点" => {}
            "h" if sign == 1 => {
                let minute = self.number_at(2).filter(|minute| minute.len == 2);
                return Some((
                    Clock::at(hour, minute, None),
                    2 + usize::from(minute.is_some()),
                ));
            }
            _ => return None,
        }
        let mut len = sign + 1;
        let mut signed = |signs: [&str; 2]| {
            let number = self.past_blank(len);
            let sign = self.past_blank(number + 1);
            let found = self
                .number_at(number)
                .filter(|_| self.word_at(sign).is_some_and(|sign| signs.contains(&sign)))?;
            len = sign + 1;
            Some(found)
        };
        let minute = signed(["분", "分"]);
        let second = minute.and_then(|_| signed(["초", "秒"]));
        Some((Clock::at(hour, minute, second), len))
    }

    /// `0900`, `090000`, `09`, with a fraction: after `T`, or after a whole day.
    pub(super) fn compact_clock(&self) -> Option<(Clock, usize)> {
        let digits = self.number_at(0)?;
        let minute = (digits.len >= 4).then(|| digits.digits(2, 4));
        let second = (digits.len == 6).then(|| digits.digits(4, 6));
        if !matches!(digits.len, 4 | 6) {
            return None;
        }
        let mut clock = Clock::at(digits.digits(0, 2), minute, second);
        if let (true, Some(fraction)) = (
            self.is_symbol(1, '.') || self.is_symbol(1, ','),
            self.number_at(2),
        ) {
            clock.nanosecond = nanoseconds(fraction);
            return Some((clock, 3));
        }
        Some((clock, 1))
    }

    /// `2026년 3월 1일`, `3월 1일`, `26년 3월`.
    pub(super) fn day_with_signs(&self) -> Option<(Day, usize)> {
        let mut len = 0;
        let mut signed = |signs: [&str; 3]| {
            let number = self.past_blank(len);
            let sign = self.past_blank(number + 1);
            let found = self
                .number_at(number)
                .filter(|_| self.word_at(sign).is_some_and(|sign| signs.contains(&sign)))?;
            len = sign + 1;
            Some(found)
        };
        let year = signed(["년", "年", "年"]);
        let month = signed(["월", "月", "月"]);
        let day = month.and_then(|_| signed(["일", "日", "号"]));
        (year.is_some() || month.is_some()).then_some((Day::Named { year, month, day }, len))
    }

    /// The sign between two numbers, and the place of the second.
    pub(super) fn separated(&self, ahead: usize) -> Option<(char, Number, usize)> {
        let sign = self.past_blank(ahead);
        let Some(Token::Symbol(symbol @ ('-' | '/' | '.'))) = self.token(sign) else {
            return None;
        };
        let second = self.past_blank(sign + 1);
        let number = self.number_at(second).filter(|number| number.len <= 4)?;
        Some((*symbol, number, second))
    }

    /// `2024-03-01`, `2024. 3. 1.`, `03/01/2024`, `26.03.01`.
    pub(super) fn triple(&self) -> Option<(Day, usize)> {
        let first = self
            .number_at(0)
            .filter(|first| matches!(first.len, 1 | 2 | 4))?;
        let (symbol, second, at) = self.separated(1)?;
        let (same, third, end) = self.separated(at + 1)?;
        if symbol != same || second.len > 3 || third.len == 3 || (first.len == 4 && third.len == 4)
        {
            return None;
        }
        let dot = usize::from(symbol == '.' && self.is_symbol(end + 1, '.'));
        Some((Day::Triple([first, second, third], symbol), end + 1 + dot))
    }

    /// `2024-W09-5`, `2024W095`, `2024-W09`.
    pub(super) fn week(&self) -> Option<(Day, usize)> {
        let year = self.number_at(0).filter(|year| year.len == 4)?;
        let sign = 1 + usize::from(self.is_symbol(1, '-'));
        let number = self
            .number_at(sign + 1)
            .filter(|_| self.word_at(sign) == Some("w"))?;
        match number.len {
            3 => Some((
                Day::Week(year, number.digits(0, 2), number.digits(2, 3).part()),
                sign + 2,
            )),
            2 => match self
                .number_at(sign + 3)
                .filter(|day| day.len == 1 && self.is_symbol(sign + 2, '-'))
            {
                Some(day) => Some((Day::Week(year, number, day.part()), sign + 4)),
                None => Some((Day::Week(year, number, 1), sign + 2)),
            },
            _ => None,
        }
    }

    /// `2024-061`, `2024-03`, `03/2024`, `03/01`, `03.01`.
    pub(super) fn pair(&self) -> Option<(Day, usize)> {
        let first = self.number_at(0)?;
        let (symbol, second, at) = self.separated(1)?;
        let day = match (first.len, second.len, symbol) {
            (4, 3, '-') => Day::Ordinal(first, second),
            (4, 1 | 2, _) | (1 | 2, 4, _) | (2, 2, _) | (1 | 2, 1 | 2, '/') => {
                Day::Pair([first, second])
            }
            _ => return None,
        };
        let dot = usize::from(symbol == '.' && self.is_symbol(at + 1, '.'));
        Some((day, at + 1 + dot))
    }

    /// `20240301`, `202403010900`, `20240301090000`, `2024061`; `240301` alone.
    pub(super) fn compact_day(&self) -> Option<(Day, Option<Clock>)> {
        let digits = self.number_at(0)?;
        let part = |from, to| digits.digits(from, to);
        let alone = self.len() == 1;
        let mut clock = None;
        let day = match digits.len {
            4 if alone => Day::Named {
                year: Some(digits),
                month: None,
                day: None,
            },
            6 if alone => Day::Named {
                year: Some(part(0, 2)),
                month: Some(part(2, 4)),
                day: Some(part(4, 6)),
            },
            7 => Day::Ordinal(part(0, 4), part(4, 7)),
            8 | 12 | 14 => {
                if digits.len > 8 {
                    let second = (digits.len == 14).then(|| part(12, 14));
                    clock = Some(Clock::at(part(8, 10), Some(part(10, 12)), second));
                }
                Day::Triple([part(0, 4), part(4, 6), part(6, 8)], '-')
            }
            _ => return None,
        };
        Some((day, clock))
    }

    /// `5 min read`, which blogs put behind the date of a post.
    pub(super) fn reading_time(&self) -> Option<usize> {
        let minutes = self.past_blank(1);
        let read = self.past_blank(minutes + 1);
        let is_said = matches!(
            self.word_at(minutes)?,
            "min" | "mins" | "minute" | "minutes"
        );
        (is_said && self.word_at(read) == Some("read")).then_some(read + 1)
    }

    /// A half of the day and the place after it; also `a.m.`.
    pub(super) fn meridiem(&self, ahead: usize) -> Option<(Meridiem, usize)> {
        let word = self.word_at(ahead)?;
        if let Some(meridiem) = words::meridiem(word) {
            return Some((meridiem, ahead + 1));
        }
        let dotted = self.is_symbol(ahead + 1, '.') && self.word_at(ahead + 2) == Some("m");
        let dot = usize::from(self.is_symbol(ahead + 3, '.'));
        match word {
            "a" if dotted => Some((Meridiem::Am, ahead + 3 + dot)),
            "p" if dotted => Some((Meridiem::Pm, ahead + 3 + dot)),
            _ => None,
        }
    }
}

/// The digits after a decimal point, as nanoseconds; finer ones are cut off.
fn nanoseconds(fraction: Number) -> i32 {
    let mut digits = format!("{:0len$}", fraction.value, len = fraction.len);
    digits.truncate(9);
    format!("{digits:0<9}").parse().unwrap_or(0)
}
