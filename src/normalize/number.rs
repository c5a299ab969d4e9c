//! Numbers as pages write them: `1,234.5`, `1.234,56`, `3,000만원`, `1억 2천`, `$120k`, and ranges of them.
//!
//! The first number of a text counts, whatever stands around it, with the multiplier of the range that it begins. A comma
//! or point that groups thousands is told from a decimal one by what follows it: the last of two different signs is
//! decimal, and so is a single point; a single comma is decimal unless three digits follow. A point before three zeros
//! groups: `1.000` is how half of Europe writes a thousand, and how nobody writes one.

use unicode_normalization::UnicodeNormalization;

/// A text without a number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` holds no number")]
pub struct NumberError(String);

/// Bounds, of which one may be missing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// Lower bound.
    pub min: Option<f64>,
    /// Upper bound.
    pub max: Option<f64>,
}

/// Multipliers that stand behind a number. Those of Korean and Chinese group by ten thousands.
const GROUPS: &[(char, f64)] = &[
    ('만', 1e4),
    ('万', 1e4),
    ('억', 1e8),
    ('億', 1e8),
    ('亿', 1e8),
    ('조', 1e12),
];

/// Multipliers within a group.
const STEPS: &[(char, f64)] = &[('십', 1e1), ('백', 1e2), ('천', 1e3)];

/// The first number of a text.
pub fn parse(text: &str) -> Result<f64, NumberError> {
    let plain: Vec<char> = text.nfkc().collect();
    let amount = first(&plain).ok_or_else(|| NumberError(text.to_owned()))?;
    let end = upper(&plain[amount.to..]).and_then(first);
    Ok(amount.value() * end.map_or(1.0, |end| amount.shares(&end)))
}

/// The range that a text names: `3,000~4,000만원`, `$100k - $120k`, `3,000만원 이상`, `up to 5`; of a single number both
/// bounds are that number. A multiplier or unit behind the second number holds for the first too, where that has none.
pub fn range(text: &str) -> Result<Range, NumberError> {
    let plain: Vec<char> = text.nfkc().collect();
    let start = first(&plain).ok_or_else(|| NumberError(text.to_owned()))?;
    let lower: String = text.nfkc().flat_map(char::to_lowercase).collect();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let before: String = plain[..start.from].iter().collect();
    let rest = &plain[start.to..];
    if let Some(end) = upper(rest).and_then(first) {
        let (one, other) = (start.value() * start.shares(&end), end.value());
        return Ok(Range {
            min: Some(one.min(other)),
            max: Some(one.max(other)),
        });
    }
    let value = Some(start.value());
    let (min, max) = if has(&[
        "이상",
        "부터",
        "at least",
        "from",
        "over",
        "more than",
        "minimum",
    ]) || tilde_after(rest)
    {
        (value, None)
    } else if before.trim_end().ends_with('~')
        || has(&[
            "이하",
            "미만",
            "까지",
            "up to",
            "at most",
            "less than",
            "maximum",
        ])
    {
        (None, value)
    } else {
        (value, value)
    };
    Ok(Range { min, max })
}

/// A number found in a text.
struct Amount {
    from: usize,
    to: usize,
    negative: bool,
    magnitude: f64,
    /// Whether it has a multiplier of its own.
    is_scaled: bool,
    /// The multiplier that a number before it shares.
    shared_scale: f64,
}

impl Amount {
    fn value(&self) -> f64 {
        if self.negative {
            -self.magnitude
        } else {
            self.magnitude
        }
    }

    /// What it takes over from the end of its range: `5,000~7,000만` is 5,000만 and up.
    fn shares(&self, end: &Self) -> f64 {
        if self.is_scaled {
            1.0
        } else {
            end.shared_scale
        }
    }
}

fn first(text: &[char]) -> Option<Amount> {
    let digit = text.iter().position(char::is_ascii_digit)?;
    // `.5` has no digit before its point; `No.5` and `...5` have no decimals.
    let is_bare = |before: &char| !before.is_alphanumeric() && *before != '.';
    let points =
        digit > 0 && text[digit - 1] == '.' && text[..digit - 1].last().is_none_or(is_bare);
    let from = digit - usize::from(points);
    let negative = from > 0
        && matches!(text[from - 1], '-' | '\u{2212}')
        && !text[..from - 1]
            .last()
            .is_some_and(|before| before.is_alphanumeric());
    let mut amount = Amount {
        from,
        to: from,
        negative,
        magnitude: 0.0,
        is_scaled: false,
        shared_scale: 1.0,
    };
    // Steps add up within a group (3천 5백), a group closes (억), the next begins.
    let (mut total, mut group, mut last_group) = (0.0, 0.0, None);
    while let Some(term) = Term::at(&text[amount.to..]) {
        // Two numbers side by side belong together only by their multipliers.
        if amount.to > from && !amount.is_scaled {
            break;
        }
        group += term.number * term.step.unwrap_or(1.0);
        amount.to += term.len;
        amount.is_scaled |= term.step.is_some() || term.group.is_some();
        amount.shared_scale = term.step.unwrap_or(1.0) * term.group.unwrap_or(1.0);
        if let Some(scale) = term.group {
            total += group * scale;
            group = 0.0;
            last_group = Some(scale);
        } else if term.step.is_none() {
            break;
        }
    }
    // Spoken: 1억 2천 is 1억 2천만, unless 원 closes the number.
    let is_open =
        last_group.is_some_and(|scale| scale >= 1e8) && text.get(amount.to) != Some(&'원');
    amount.magnitude = total + if is_open { group * 1e4 } else { group };
    if !amount.is_scaled {
        latin_scale(text, &mut amount);
    }
    Some(amount)
}

/// A number with its multipliers: `3천`, `5백만`, `2,000만`, `억`.
struct Term {
    number: f64,
    step: Option<f64>,
    group: Option<f64>,
    len: usize,
}

impl Term {
    fn at(text: &[char]) -> Option<Self> {
        let start = blanks(text);
        let (number, digits) = digits(&text[start..]);
        let mut len = start + digits;
        let step = text.get(len).and_then(|sign| find(STEPS, *sign));
        if digits == 0 && step.is_none() {
            return None;
        }
        len += usize::from(step.is_some());
        let sign = len + blanks(&text[len..]);
        let group = text.get(sign).and_then(|sign| find(GROUPS, *sign));
        Some(Self {
            number: if digits == 0 { 1.0 } else { number },
            step,
            group,
            len: if group.is_some() { sign + 1 } else { len },
        })
    }
}

/// `120k`, `1.5M`, `2bn`: only where no letter follows, or `3 months` would be three millions.
fn latin_scale(text: &[char], amount: &mut Amount) {
    let rest: String = text[amount.to..]
        .iter()
        .take_while(|c| c.is_ascii_alphabetic())
        .collect();
    let scale = match rest.as_str() {
        "k" | "K" => 1e3,
        "M" | "mn" | "mil" => 1e6,
        "B" | "bn" => 1e9,
        _ => return,
    };
    amount.magnitude *= scale;
    amount.is_scaled = true;
    amount.shared_scale = scale;
    amount.to += rest.len();
}

fn find(table: &[(char, f64)], sign: char) -> Option<f64> {
    table
        .iter()
        .find(|(name, _)| *name == sign)
        .map(|(_, scale)| *scale)
}

fn blanks(text: &[char]) -> usize {
    text.iter().take_while(|c| c.is_whitespace()).count()
}

/// The number that a text starts with, and its length; 0 where it starts with none.
fn digits(text: &[char]) -> (f64, usize) {
    let mut len = 0;
    while let Some(character) = text.get(len) {
        let separates = matches!(character, ',' | '.' | '\'' | ' ')
            && (len > 0 || *character == '.')
            && group_follows(&text[len..], *character);
        if !character.is_ascii_digit() && !separates {
            break;
        }
        len += 1;
    }
    let written: String = text[..len]
        .iter()
        .filter(|c| !matches!(c, '\'' | ' '))
        .collect();
    (value(&written).unwrap_or(0.0), len)
}

/// Whether digits follow a separator; behind a blank or apostrophe exactly three.
fn group_follows(text: &[char], separator: char) -> bool {
    let digits = text[1..].iter().take_while(|c| c.is_ascii_digit()).count();
    if matches!(separator, ' ' | '\'') {
        digits == 3
    } else {
        digits > 0
    }
}

fn value(written: &str) -> Option<f64> {
    let (points, commas) = (written.matches('.').count(), written.matches(',').count());
    let last = written.rfind([',', '.']);
    let behind = last.map_or(0, |at| written.len() - at - 1);
    let has_decimals = match (points, commas) {
        (1, 0) => !groups_a_thousand(written),
        (0, 1) => behind != 3,
        (0, _) | (_, 0) => false,
        _ => true,
    };
    let mut plain = String::with_capacity(written.len());
    for (at, character) in written.char_indices() {
        if character.is_ascii_digit() {
            plain.push(character);
        } else if has_decimals && Some(at) == last {
            plain.push('.');
        }
    }
    plain.parse().ok()
}

fn groups_a_thousand(written: &str) -> bool {
    let whole = written.strip_suffix(".000").unwrap_or_default();
    (1..=3).contains(&whole.len()) && !whole.starts_with('0')
}

/// What follows the sign of a range, where one stands before the next number with little between: a unit, a currency.
fn upper(rest: &[char]) -> Option<&[char]> {
    let between = rest
        .iter()
        .position(char::is_ascii_digit)
        .filter(|len| *len <= 12)?;
    let is_sign = |c: &char| matches!(c, '~' | '-' | '\u{2013}' | '\u{2014}' | '\u{301c}');
    let sign = rest[..between].iter().position(is_sign);
    let word = || {
        rest[..between]
            .windows(4)
            .position(|word| word == [' ', 't', 'o', ' '])
            .map(|at| at + 3)
    };
    sign.or_else(word).map(|at| &rest[at + 1..])
}

fn tilde_after(rest: &[char]) -> bool {
    let tail: String = rest.iter().collect();
    tail.trim_end().ends_with('~') || tail.starts_with('+')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_are_told_from_decimals() {
        for (text, expected) in [
            ("1,234.5", 1234.5),
            ("1.234,56", 1234.56),
            ("1,234,567", 1_234_567.0),
            ("1.234.567", 1_234_567.0),
            ("12,5", 12.5),
            ("1,234", 1234.0),
            ("0.125", 0.125),
            ("1.000", 1000.0),
            ("250.000 km", 250_000.0),
            ("0.000", 0.0),
            ("1.500", 1.5),
            ("1234.000", 1234.0),
            ("1 234 567", 1_234_567.0),
            ("1\u{a0}234", 1234.0),
            ("1'234", 1234.0),
            ("42.", 42.0),
            ("-12.5 °C", -12.5),
            ("−3", -3.0),
            ("１２３", 123.0),
            ("007", 7.0),
            ("총 1,234건", 1234.0),
            ("45%", 45.0),
            ("$ 99.90", 99.9),
            ("v2-3", 2.0),
            (".5", 0.5),
            ("-.75", -0.75),
            ("No.5", 5.0),
            ("...5", 5.0),
            ("5,000 ~ 7,000만원", 50_000_000.0),
            ("100-150k", 100_000.0),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn korean_units_multiply() {
        for (text, expected) in [
            ("3,000만원", 30_000_000.0),
            ("3,000만 원", 30_000_000.0),
            ("3천만원", 30_000_000.0),
            ("3천5백만원", 35_000_000.0),
            ("1억", 100_000_000.0),
            ("1억 2천", 120_000_000.0),
            ("1억 2천만원", 120_000_000.0),
            ("1억2,000만원", 120_000_000.0),
            ("1억 5백원", 100_000_500.0),
            ("3.5억", 350_000_000.0),
            ("2백", 200.0),
            ("5만 3천원", 53_000.0),
            ("1조 2억", 1_000_200_000_000.0),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn latin_multipliers_stand_alone() {
        assert_eq!(parse("$120k"), Ok(120_000.0));
        assert_eq!(parse("1.5M"), Ok(1_500_000.0));
        assert_eq!(parse("3 months"), Ok(3.0));
        assert_eq!(parse("3km"), Ok(3.0));
    }

    #[test]
    fn a_text_without_digits_is_no_number() {
        for text in ["", "회사내규에 따름", "천만", "-", "٣"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(
            parse("none").unwrap_err().to_string(),
            "`none` holds no number"
        );
    }

    #[test]
    fn ranges_share_their_unit() {
        let both = |text: &str| range(text).map(|range| (range.min, range.max)).unwrap();
        assert_eq!(
            both("3,000~4,000만원"),
            (Some(30_000_000.0), Some(40_000_000.0))
        );
        assert_eq!(
            both("3,000만원 ~ 4,000만원"),
            (Some(30_000_000.0), Some(40_000_000.0))
        );
        assert_eq!(both("$100k - $120k"), (Some(100_000.0), Some(120_000.0)));
        assert_eq!(both("100-150k"), (Some(100_000.0), Some(150_000.0)));
        assert_eq!(
            both("USD 90,000 to 110,000"),
            (Some(90_000.0), Some(110_000.0))
        );
        assert_eq!(both("3,000만원 이상"), (Some(30_000_000.0), None));
        assert_eq!(both("5,000만원 이하"), (None, Some(50_000_000.0)));
        assert_eq!(both("~5,000만원"), (None, Some(50_000_000.0)));
        assert_eq!(both("3,000만원~"), (Some(30_000_000.0), None));
        assert_eq!(both("4,500만원"), (Some(45_000_000.0), Some(45_000_000.0)));
    }

    #[test]
    fn no_text_makes_it_panic() {
        let pieces = [
            "1",
            ",",
            ".",
            "만",
            "억",
            "천",
            "-",
            "~",
            "k",
            " ",
            "\u{0}",
            "é",
            "1e999",
            "999999999999999999999999",
        ];
        for first in pieces {
            for second in pieces {
                for third in pieces {
                    let _ = range(&format!("{first}{second}{third}"));
                }
            }
        }
    }
}
