//! Pay as postings write it: `연봉 5,000만원 ~ 8,000만원`, `$120k–$150k a year`, `€55.000`, `시급 12,000원 이상`.
//!
//! A text speaks of holidays, hours and pensions too, so a number counts as pay only beside a currency, or where the text
//! has nothing but numbers and words of pay. `회사내규에 따름`, `negotiable` and `competitive` give none. Nothing is
//! converted, and no unit is guessed: an hour's pay and a year's differ by more than any guess is worth.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::UnicodeNormalization;

use super::number;
use crate::record::{Salary, SalaryUnit};

/// Signs of currencies in lower case, those that begin with another's sign before it.
const CURRENCIES: &[(&str, &str)] = &[
    ("us$", "USD"),
    ("ca$", "CAD"),
    ("c$", "CAD"),
    ("au$", "AUD"),
    ("a$", "AUD"),
    ("nz$", "NZD"),
    ("s$", "SGD"),
    ("hk$", "HKD"),
    ("nt$", "TWD"),
    ("r$", "BRL"),
    ("$", "USD"),
    ("달러", "USD"),
    ("dollars", "USD"),
    ("₩", "KRW"),
    ("원", "KRW"),
    ("won", "KRW"),
    ("€", "EUR"),
    ("유로", "EUR"),
    ("euro", "EUR"),
    ("£", "GBP"),
    ("¥", "JPY"),
    ("円", "JPY"),
    ("엔", "JPY"),
    ("元", "CNY"),
    ("rmb", "CNY"),
    ("₹", "INR"),
    ("zł", "PLN"),
];

/// ISO 4217 codes that postings write out; not every code, for some are words (`all`, `top`, `try`).
const CODES: &[&str] = &[
    "usd", "krw", "eur", "gbp", "jpy", "cny", "inr", "cad", "aud", "nzd", "sgd", "hkd", "twd",
    "chf", "sek", "nok", "dkk", "pln", "czk", "huf", "ron", "brl", "mxn", "zar", "ils", "aed",
    "thb", "vnd", "idr", "myr", "php",
];

/// Words of units.
const UNITS: &[(&str, SalaryUnit)] = &[
    ("연봉", SalaryUnit::Year),
    ("연간", SalaryUnit::Year),
    ("年収", SalaryUnit::Year),
    ("year", SalaryUnit::Year),
    ("/yr", SalaryUnit::Year),
    ("/년", SalaryUnit::Year),
    ("/연", SalaryUnit::Year),
    ("annual", SalaryUnit::Year),
    ("annum", SalaryUnit::Year),
    ("p.a", SalaryUnit::Year),
    ("jahr", SalaryUnit::Year),
    ("월급", SalaryUnit::Month),
    ("월봉", SalaryUnit::Month),
    ("매월", SalaryUnit::Month),
    ("月給", SalaryUnit::Month),
    ("month", SalaryUnit::Month),
    ("/mo", SalaryUnit::Month),
    ("/월", SalaryUnit::Month),
    ("monat", SalaryUnit::Month),
    ("주급", SalaryUnit::Week),
    ("week", SalaryUnit::Week),
    ("/주", SalaryUnit::Week),
    ("일급", SalaryUnit::Day),
    ("일당", SalaryUnit::Day),
    ("daily", SalaryUnit::Day),
    ("per day", SalaryUnit::Day),
    ("a day", SalaryUnit::Day),
    ("/day", SalaryUnit::Day),
    ("/일", SalaryUnit::Day),
    ("시급", SalaryUnit::Hour),
    ("시간당", SalaryUnit::Hour),
    ("時給", SalaryUnit::Hour),
    ("hour", SalaryUnit::Hour),
    ("/hr", SalaryUnit::Hour),
    ("/h", SalaryUnit::Hour),
    ("/시간", SalaryUnit::Hour),
    ("stunde", SalaryUnit::Hour),
];

/// Words that speak of pay and of nothing else: beside them a number needs no currency.
const PAY: &[&str] = &[
    "연봉", "월급", "주급", "일급", "일당", "시급", "급여", "salary", "wage",
];

/// A number or a range of two, with what may stand before and behind each.
static AMOUNTS: LazyLock<Regex> = LazyLock::new(|| {
    let signs: Vec<String> = CURRENCIES
        .iter()
        .map(|(sign, _)| regex::escape(sign))
        .collect();
    let currency = format!(r"(?:{}|\b(?:{})\b)", signs.join("|"), CODES.join("|"));
    let number = r"\d[\d.,'’]*(?: \d{3}\b)*\s*(?:[십백천만억万億](?:\s*\d[\d,]*)?)*(?:k|m)?";
    let amount = format!(r"(?:{currency}\s*)?{number}\s*(?:{currency})?");
    Regex::new(&format!(
        r"{amount}(?:\s*[^\d\s~–—-]{{0,12}}\s*(?:~|–|—|-|\bto\b|\band\b)\s*{amount})?"
    ))
    .expect("built of constants that parse")
});

/// Pay from a text; none where it names no amount.
pub fn parse(text: &str) -> Option<Salary> {
    let plain = plain(text);
    let mut best: Option<(u8, Range<usize>)> = None;
    for found in AMOUNTS.find_iter(&plain) {
        let weight = weight(&plain, &found.range());
        if weight > best.as_ref().map_or(0, |(weight, _)| *weight) {
            best = Some((weight, found.range()));
        }
    }
    let (_, at) = best?;
    let amounts = &plain[at.clone()];
    // The words around an amount bound it (`up to`, `이상`); the numbers around it are others.
    let is_digit = |c: char| c.is_ascii_digit();
    let from = plain[..at.start]
        .rfind(is_digit)
        .map_or(0, |digit| digit + 1);
    let to = plain[at.end..]
        .find(is_digit)
        .map_or(plain.len(), |digit| at.end + digit);
    let range = number::range(&plain[from..to]).ok()?;
    let bound = |bound: Option<f64>| bound.filter(|amount| *amount > 0.0);
    let (min, max) = (bound(range.min), bound(range.max));
    if min.is_none() && max.is_none() {
        return None;
    }
    Some(Salary {
        currency: currency(amounts).or_else(|| currency(&plain)),
        min,
        max,
        unit: nearest_unit(&plain, &at),
    })
}

/// How surely an amount is pay: 0 for one that is none.
fn weight(plain: &str, at: &Range<usize>) -> u8 {
    let amounts = &plain[at.clone()];
    let behind = plain[at.end..].trim_start();
    if behind.starts_with(['%', '년', '일', '시', '개', '명']) || amounts.trim() == "401k" {
        return 0;
    }
    let bare = |c: char| !c.is_alphabetic();
    if currency(amounts).is_some() {
        3
    } else if amounts.contains(['만', '억', '万']) || amounts.trim_end().ends_with('k') {
        2
    } else {
        let has_pay = PAY.iter().any(|word| plain.contains(word));
        u8::from(has_pay || plain.chars().all(bare) || currency(plain).is_some())
    }
}

/// The ISO 4217 code of the currency that a text names.
pub fn currency(text: &str) -> Option<String> {
    let plain = plain(text);
    let is_code = |word: &&str| CODES.contains(word);
    let code = plain
        .split(|c: char| !c.is_ascii_alphabetic())
        .find(is_code)
        .map(str::to_uppercase);
    let sign = || {
        let mut signs = CURRENCIES.iter();
        let (_, code) = signs.find(|(sign, _)| plain.contains(sign))?;
        Some((*code).to_owned())
    };
    code.or_else(sign)
}

/// The time that a text names: `YEAR`, `per-hour-wage`, `1 MONTH`, a code of UN/CEFACT such as `ANN`.
pub fn unit(text: &str) -> Option<SalaryUnit> {
    let plain = plain(text);
    match plain.as_str() {
        "ann" => return Some(SalaryUnit::Year),
        "mon" => return Some(SalaryUnit::Month),
        "wee" => return Some(SalaryUnit::Week),
        "day" | "per-day-wage" | "1 day" => return Some(SalaryUnit::Day),
        "hur" => return Some(SalaryUnit::Hour),
        // Two of these make a month or a week, and a record has no word for them.
        _ if ["semi", "bi-", "bimonth", "biweek"]
            .iter()
            .any(|part| plain.contains(part)) =>
        {
            return None;
        }
        _ => {}
    }
    nearest_unit(&plain, &(0..0))
}

/// The unit right before an amount: `월 250만원`, not `3월 250만원`.
fn unit_before(head: &str) -> Option<SalaryUnit> {
    let mut before = head.trim_end().chars().rev();
    let unit = match before.next()? {
        '연' => SalaryUnit::Year,
        '월' => SalaryUnit::Month,
        '주' => SalaryUnit::Week,
        '일' => SalaryUnit::Day,
        _ => return None,
    };
    before
        .next()
        .is_none_or(|c| !c.is_alphanumeric())
        .then_some(unit)
}

/// The unit whose word stands nearest to the amount.
fn nearest_unit(plain: &str, at: &Range<usize>) -> Option<SalaryUnit> {
    if let Some(unit) = unit_before(&plain[..at.start]) {
        return Some(unit);
    }
    let mut nearest: Option<(usize, SalaryUnit)> = None;
    for (word, unit) in UNITS {
        for (found, _) in plain.match_indices(word) {
            let distance = if found >= at.end {
                found - at.end
            } else {
                at.start.saturating_sub(found + word.len())
            };
            if nearest.is_none_or(|(least, _)| distance < least) {
                nearest = Some((distance, *unit));
            }
        }
    }
    nearest.map(|(_, unit)| unit)
}

/// Lower case, compatibility form; a point before three last digits groups thousands: no pay has thousandths. A stroke
/// stands beside its unit.
fn plain(text: &str) -> String {
    let folded: Vec<char> = text.nfkc().flat_map(char::to_lowercase).collect();
    let digits = |from: usize| {
        folded[from..]
            .iter()
            .take_while(|c| c.is_ascii_digit())
            .count()
    };
    let groups = |at: usize| {
        at > 0 && folded[at - 1].is_ascii_digit() && folded[at] == '.' && digits(at + 1) == 3
    };
    let mut plain = String::with_capacity(folded.len());
    for (at, character) in folded.iter().enumerate() {
        let is_after_stroke = character.is_whitespace() && plain.ends_with('/');
        if !groups(at) && !is_after_stroke {
            plain.push(*character);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_pay(text: &str, expected: &str) {
        let number = |bound: Option<f64>| bound.map_or_else(String::new, |bound| bound.to_string());
        let found = parse(text).map_or_else(String::new, |salary| {
            let unit = salary
                .unit
                .map_or_else(String::new, |unit| format!("{unit:?}").to_lowercase());
            let currency = salary.currency.unwrap_or_default();
            format!(
                "{currency} {}..{} {unit}",
                number(salary.min),
                number(salary.max)
            )
        });
        assert_eq!(found.trim_end(), expected, "{text}");
    }

    #[test]
    fn pay_is_read_from_what_postings_write() {
        for (text, expected) in [
            ("연봉 5,000만원 ~ 8,000만원", "KRW 50000000..80000000 year"),
            ("연봉 5,000~8,000만원", "KRW 50000000..80000000 year"),
            ("연봉 4000만원 이상", "KRW 40000000.. year"),
            ("5,000만원 / 년", "KRW 50000000..50000000 year"),
            ("300만원/월", "KRW 3000000..3000000 month"),
            ("12,000원 / 시간", "KRW 12000..12000 hour"),
            ("$120,000 / yr", "USD 120000..120000 year"),
            ("연봉 1억 2천만원", "KRW 120000000..120000000 year"),
            ("월급 300만원 (주 40시간)", "KRW 3000000..3000000 month"),
            ("시급 12,000원", "KRW 12000..12000 hour"),
            ("4대보험, 연봉 6000만원까지", "KRW ..60000000 year"),
            ("주 5일, 월 250만원", "KRW 2500000..2500000 month"),
            ("연 6,000만원", "KRW 60000000..60000000 year"),
            ("3월 250만원", "KRW 2500000..2500000"),
            ("$120k–$150k a year", "USD 120000..150000 year"),
            ("$120K - $150K • 0.05% – 0.1%", "USD 120000..150000"),
            ("USD 100,000 to 120,000 per year", "USD 100000..120000 year"),
            ("CA$90,000 – CA$110,000 annually", "CAD 90000..110000 year"),
            ("€55.000", "EUR 55000..55000"),
            ("55.000 – 65.000 € brutto/Jahr", "EUR 55000..65000 year"),
            ("£91K – £115K", "GBP 91000..115000"),
            ("up to $60/hour", "USD ..60 hour"),
            ("$18.50 an hour", "USD 18.5..18.5 hour"),
            ("$150k base, 401k, 20 days off", "USD 150000..150000"),
            ("80000-100000", " 80000..100000"),
            ("salary: 80000", " 80000..80000"),
        ] {
            assert_pay(text, expected);
        }
    }

    #[test]
    fn a_text_without_an_amount_of_pay_gives_none() {
        for text in [
            "",
            "회사내규에 따름",
            "면접 후 결정",
            "협의 (경력 3년 이상)",
            "Competitive",
            "0.1% - 0.5% equity",
            "401k",
            "20 days of vacation",
            "$0",
        ] {
            assert_pay(text, "");
        }
    }

    #[test]
    fn units_have_one_name() {
        for (text, expected) in [
            ("YEAR", Some(SalaryUnit::Year)),
            ("per-year-salary", Some(SalaryUnit::Year)),
            ("per-hour-wage", Some(SalaryUnit::Hour)),
            ("1 MONTH", Some(SalaryUnit::Month)),
            ("DAY", Some(SalaryUnit::Day)),
            ("HUR", Some(SalaryUnit::Hour)),
            ("semi-month-salary", None),
            ("one-time", None),
        ] {
            assert_eq!(unit(text), expected, "{text}");
        }
    }
}
