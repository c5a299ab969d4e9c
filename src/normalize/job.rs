//! What job boards say of experience, employment and remote work, to values that can be counted.
//!
//! A text that says nothing which is understood gives none: a wrong number in a chart is worse than a missing one.

use unicode_normalization::UnicodeNormalization;

/// From this many years on a number means "no limit": boards write 100, and nobody asks for more than half of it.
const NO_LIMIT: u8 = 50;

/// Years of experience that a posting asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Experience {
    /// Least; none where nothing is asked for.
    pub min: Option<u8>,
    /// Most; none where it is open.
    pub max: Option<u8>,
}

/// Words for postings that ask for none.
const ANY: &[&str] = &[
    "무관",
    "notrequired",
    "noexperience",
    "anyexperience",
    "nopreference",
];

/// Words for beginners.
const NEWCOMER: &[&str] = &[
    "신입",
    "entrylevel",
    "newgrad",
    "freshgrad",
    "graduate",
    "beginner",
];

/// Experience from a text; none where the text does not speak of it.
///
/// `신입` is 0 to 0; `신입·경력` is 0 and up; `경력` alone is 1 and up; `무관` sets no bound at all.
pub fn experience(text: &str) -> Option<Experience> {
    let compact = compact(&with_digits(text));
    let has = |words: &[&str]| words.iter().any(|word| compact.contains(word));
    let is_newcomer = has(NEWCOMER);
    let years = years(&compact);
    let bounds = match years.as_slice() {
        [] if has(ANY) => return Some(Experience::default()),
        [] if is_newcomer && has(&["경력", "experienced"]) => (Some(0), None),
        [] if is_newcomer => (Some(0), Some(0)),
        [] if compact.contains("경력") => (Some(1), None),
        [] => return None,
        [_] if is_newcomer && has(&["이상", "+", "atleast", "ormore"]) => (Some(0), None),
        [years] if is_newcomer => (Some(0), Some(*years)),
        [years] if has(&["이하", "까지", "upto", "atmost", "maximum"]) => (None, Some(*years)),
        [years] if is_under(&compact, *years) => (None, Some(years.saturating_sub(1))),
        [years] if compact.contains(&format!("~{years}")) => (None, Some(*years)),
        [years] if is_at_least(&compact) => (Some(*years), None),
        [years] => (Some(*years), Some(*years)),
        [first, second, ..] => {
            let least = if is_newcomer { &0 } else { first.min(second) };
            let most = first.max(second);
            let is_under = is_under(&compact, *most);
            (Some(*least), Some(most.saturating_sub(u64::from(is_under))))
        }
    };
    let limit = |years: u64| u8::try_from(years).ok().filter(|years| *years < NO_LIMIT);
    Some(Experience {
        min: bounds.0.and_then(limit),
        max: bounds.1.and_then(limit),
    })
}

/// Years given as a number of their own, as Wanted's `annual_to`; 100 there means no limit.
pub fn years_limit(years: f64) -> Option<u8> {
    let reached = (0..NO_LIMIT).rev().find(|limit| f64::from(*limit) <= years);
    reached.filter(|_| years < f64::from(NO_LIMIT))
}

/// Small numbers that postings spell out.
const NUMBERS: [&str; 10] = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
];

/// The text with the numbers that it spells out as digits: `two to four years`, `five (5) years`.
fn with_digits(text: &str) -> String {
    let digits = |word: &str| {
        let at = NUMBERS
            .iter()
            .position(|name| word.eq_ignore_ascii_case(name))?;
        Some((at + 1).to_string())
    };
    let words = text.split_inclusive(|c: char| !c.is_alphanumeric());
    words.fold(String::with_capacity(text.len()), |said, piece| {
        let word = piece.trim_end_matches(|c: char| !c.is_alphanumeric());
        let number = digits(word);
        said + number.as_deref().unwrap_or(word) + &piece[word.len()..]
    })
}

/// `5년 미만`, `under 5 years`: the fifth year is no longer meant. `understanding` says nothing of years.
fn is_under(compact: &str, years: u64) -> bool {
    compact.contains("미만")
        || ["under", "lessthan"]
            .iter()
            .any(|word| compact.contains(&format!("{word}{years}")))
}

fn is_at_least(compact: &str) -> bool {
    let signs = [
        "이상", "최소", "부터", "+", "↑", "~", "atleast", "minimum", "min.", "ormore", "over",
        "morethan",
    ];
    // `경력 3년` and `3 years of experience` ask for that much or more, too.
    signs.iter().any(|sign| compact.contains(sign))
        || compact.contains("경력")
        || compact.contains("experience")
}

/// The numbers of a text that count years: `3~5년`, `3년차`, `5+ years`. Months count as the years they fill, and
/// numbers with another unit (`2명`, `40 hours`) not at all.
fn years(compact: &str) -> Vec<u64> {
    let mut years = Vec::new();
    // A number before a sign of a range waits for the unit behind the next.
    let mut waiting = None;
    let mut rest = compact;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let digits = &rest[start..];
        let end = digits
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(digits.len());
        let number: u64 = digits[..end].parse().unwrap_or(u64::MAX);
        rest = &digits[end..];
        let unit = rest.trim_start_matches(['+', '↑', ')']);
        if ["년", "year", "yr", "yoe"]
            .iter()
            .any(|sign| unit.starts_with(sign))
            && !unit.starts_with("년생")
        {
            years.extend(waiting.take());
            years.push(number);
        } else if unit.starts_with("개월") || unit.starts_with("month") {
            years.extend(years.is_empty().then_some(number / 12));
        } else {
            let is_range = unit.starts_with(['~', '-']) || unit.starts_with("to");
            waiting = is_range.then_some(number);
        }
    }
    years
}

/// Names of the types of employment, and the signs of each in a text without blanks and hyphens, lower case.
const EMPLOYMENT: &[(&str, &[&str])] = &[
    (
        "full_time",
        &[
            "fulltime",
            "permanent",
            "regular",
            "정규직",
            "정직원",
            "무기계약",
            "풀타임",
            "正社員",
            "正社员",
        ],
    ),
    (
        "part_time",
        &[
            "parttime",
            "파트타임",
            "파트",
            "시간제",
            "아르바이트",
            "알바",
            "workingstudent",
        ],
    ),
    (
        "contract",
        &[
            "contract",
            "fixedterm",
            "계약직",
            "기간제",
            "위촉직",
            "도급",
            "촉탁",
            "契約社員",
        ],
    ),
    (
        "temporary",
        &[
            "temporary",
            "temp",
            "seasonal",
            "casual",
            "임시직",
            "일용직",
            "파견",
            "단기",
        ],
    ),
    (
        "internship",
        &["intern", "trainee", "apprentice", "인턴", "수습생", "실습"],
    ),
    ("freelance", &["freelanc", "프리랜서", "프리랜스"]),
    ("volunteer", &["volunteer", "자원봉사"]),
    ("per_diem", &["perdiem"]),
];

/// Types of employment in texts, sorted, each once; `other` where texts say something that is none of them.
///
/// Notes in parentheses do not count: `인턴 (정규직 전환 가능)` is an internship.
pub fn employment_types<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut types: Vec<String> = Vec::new();
    let mut is_said = false;
    for text in texts {
        let compact = compact(&without_notes(text)).replace(['-', '_'], "");
        is_said |= !compact.is_empty();
        for (name, signs) in EMPLOYMENT {
            if signs.iter().any(|sign| contains_sign(&compact, sign)) {
                types.push((*name).to_owned());
            }
        }
    }
    if types.is_empty() && is_said {
        types.push("other".to_owned());
    }
    types.sort_unstable();
    types.dedup();
    types
}

/// Whether a text has a sign that no other word hides: `비정규직` is the opposite of `정규직`, `무기계약직` has no term,
/// and neither `internal` nor `template` speaks of employment.
fn contains_sign(compact: &str, sign: &str) -> bool {
    match sign {
        "temp" => compact == sign,
        "intern" => compact.match_indices(sign).any(|(at, _)| {
            let after = &compact[at + sign.len()..];
            !after.starts_with("al") && !after.starts_with("ation") && !after.starts_with("et")
        }),
        "정규직" => compact
            .match_indices(sign)
            .any(|(at, _)| !compact[..at].ends_with('비')),
        "계약직" => compact
            .match_indices(sign)
            .any(|(at, _)| !compact[..at].ends_with("무기")),
        _ => compact.contains(sign),
    }
}

fn without_notes(text: &str) -> String {
    let text: String = text.nfkc().collect();
    let mut outside = String::new();
    let mut depth = 0_usize;
    for character in text.chars() {
        match character {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            character if depth == 0 => outside.push(character),
            _ => {}
        }
    }
    if outside.trim().is_empty() {
        text
    } else {
        outside
    }
}

/// Whether a job can be done from anywhere; none where the text does not say. A hybrid job cannot: it has a place.
pub fn remote(text: &str) -> Option<bool> {
    let compact = compact(text).replace(['-', '_'], "");
    let has = |words: &[&str]| words.iter().any(|word| compact.contains(word));
    match compact.as_str() {
        "true" | "yes" | "y" | "1" | "가능" => return Some(true),
        "false" | "no" | "n" | "0" | "불가" | "불가능" => return Some(false),
        _ => {}
    }
    if has(&[
        "hybrid",
        "하이브리드",
        "병행",
        "일부재택",
        "부분재택",
        "partiallyremote",
        "partlyremote",
        "remoteoptional",
    ]) || (has(&["재택", "원격", "리모트"])
        && has(&[
            "주1",
            "주2",
            "주3",
            "주4",
            "불가",
            "없음",
            "미지원",
            "안됨",
            "안돼",
            "안됩",
            "불허",
        ]))
        || ["재택x", "원격x", "근무x"]
            .iter()
            .any(|end| compact.ends_with(end))
        || is_denied(text)
    {
        return Some(false);
    }
    if has(&[
        "telecommut",
        "remote",
        "재택",
        "원격",
        "리모트",
        "workfromhome",
        "wfh",
        "workfromanywhere",
        "anywhere",
        "リモート",
    ]) {
        return Some(true);
    }
    has(&[
        "onsite",
        "inoffice",
        "inperson",
        "office",
        "출근",
        "상주",
        "사무실",
        "현장",
    ])
    .then_some(false)
}

/// Whether words beside `remote` deny it: `not fully remote`, `Remote: no`, `재택(X)`, `remote work is not possible`. What
/// merely begins like one or speaks of another thing does not: `Remote - Norway`, `Remote, no travel`.
fn is_denied(text: &str) -> bool {
    const BEFORE: &[&str] = &["no", "not", "non", "without"];
    const BETWEEN: &[&str] = &[
        "a", "an", "fully", "100", "yet", "work", "working", "job", "position", "option", "is",
        "are", "ok", "eligible", "for",
    ];
    const DENIED: &[&str] = &[
        "possible",
        "available",
        "allowed",
        "offered",
        "supported",
        "an",
        "permitted",
    ];
    let folded: String = text.nfkc().flat_map(char::to_lowercase).collect();
    let words: Vec<&str> = folded
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let is_between = |word: &&&str| BETWEEN.contains(*word);
    let names = ["remote", "telecommut", "재택", "원격", "리모트"];
    (0..words.len()).any(|at| {
        if !names.iter().any(|name| words[at].starts_with(name)) {
            return false;
        }
        let before = words[..at].iter().rev().find(|word| !is_between(word));
        let mut after = words[at + 1..].iter().skip_while(is_between);
        before.is_some_and(|word| BEFORE.contains(word))
            || match (after.next().copied(), after.next()) {
                (Some("no" | "none" | "false" | "n" | "x"), None) => true,
                (Some("not"), next) => next.is_none_or(|word| DENIED.contains(word)),
                _ => false,
            }
    })
}

/// Lower case, compatibility form, no blanks, one kind of hyphen and tilde.
fn compact(text: &str) -> String {
    let folded = text
        .nfkc()
        .flat_map(char::to_lowercase)
        .filter(|c| !c.is_whitespace());
    folded
        .map(|c| match c {
            '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
            '\u{301c}' | '\u{223c}' => '~',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn experience_is_read_from_what_boards_write() {
        for (text, min, max) in [
            ("3~5년", Some(3), Some(5)),
            ("경력 3~5년", Some(3), Some(5)),
            ("경력(3년~7년)", Some(3), Some(7)),
            ("3년 ~ 5년차", Some(3), Some(5)),
            ("경력 3년 이상", Some(3), None),
            ("경력 3년↑", Some(3), None),
            ("경력 10년차 이상", Some(10), None),
            ("경력 5년", Some(5), None),
            ("3년 이하", None, Some(3)),
            ("~3년", None, Some(3)),
            ("3년 미만", None, Some(2)),
            ("신입", Some(0), Some(0)),
            ("신입·경력", Some(0), None),
            ("신입/경력", Some(0), None),
            ("신입 ~ 3년", Some(0), Some(3)),
            ("경력", Some(1), None),
            ("경력무관", None, None),
            ("무관", None, None),
            ("5+ years", Some(5), None),
            ("5+ years of experience", Some(5), None),
            ("3-5 yrs", Some(3), Some(5)),
            ("3 to 5 years", Some(3), Some(5)),
            ("at least 2 years", Some(2), None),
            ("2 years of experience", Some(2), None),
            ("up to 2 years", None, Some(2)),
            ("Entry level", Some(0), Some(0)),
            ("No experience required", None, None),
            ("36 months", Some(3), Some(3)),
            ("최소 3년", Some(3), None),
            ("two to four years", Some(2), Some(4)),
            ("Minimum of five (5) years", Some(5), None),
            ("One of the leaders, 3-5 years", Some(3), Some(5)),
            ("5~100년", Some(5), None),
            ("경력 2년 이상 (신입 지원 가능)", Some(0), None),
            ("신입·경력(1~3년)", Some(0), Some(3)),
            ("3년 이상 5년 미만", Some(3), Some(4)),
            ("less than 2 years", None, Some(1)),
            ("3-5 years, understanding of networks", Some(3), Some(5)),
            ("５〜７년", Some(5), Some(7)),
        ] {
            assert_eq!(experience(text), Some(Experience { min, max }), "{text}");
        }
        for text in ["", "서울", "2명", "Senior", "주 40시간", "99"] {
            assert_eq!(experience(text), None, "{text}");
        }
    }

    #[test]
    fn a_hundred_years_are_no_limit() {
        assert_eq!(years_limit(7.0), Some(7));
        assert_eq!(years_limit(0.0), Some(0));
        assert_eq!(years_limit(2.5), Some(2));
        assert_eq!(years_limit(100.0), None);
        assert_eq!(years_limit(-1.0), None);
        assert_eq!(years_limit(f64::NAN), None);
    }

    #[test]
    fn employment_types_have_one_name() {
        for (text, expected) in [
            ("FULL_TIME", "full_time"),
            ("Full-time", "full_time"),
            ("https://schema.org/PART_TIME", "part_time"),
            ("CONTRACTOR", "contract"),
            ("TEMPORARY", "temporary"),
            ("INTERN", "internship"),
            ("VOLUNTEER", "volunteer"),
            ("PER_DIEM", "per_diem"),
            ("OTHER", "other"),
            ("정규직", "full_time"),
            ("비정규직", "other"),
            ("무기계약직", "full_time"),
            ("계약직", "contract"),
            ("인턴 (정규직 전환 가능)", "internship"),
            ("채용연계형 인턴십", "internship"),
            ("파트타임", "part_time"),
            ("프리랜서", "freelance"),
            ("정규직, 계약직", "contract full_time"),
            ("FULL_TIME,CONTRACTOR", "contract full_time"),
            ("Permanent", "full_time"),
            ("병역특례", "other"),
            ("International", "other"),
            ("  ", ""),
        ] {
            assert_eq!(employment_types([text]).join(" "), expected, "{text}");
        }
        assert_eq!(
            employment_types(["INTERN", "FULL_TIME", "intern"]),
            ["full_time", "internship"]
        );
        assert!(employment_types([]).is_empty());
    }

    #[test]
    fn remote_is_said_or_unknown() {
        for text in [
            "TELECOMMUTE",
            "Remote",
            "Remote - US",
            "전면 재택근무",
            "원격 근무",
            "true",
            "Work from home",
            "Remote North America",
            "Remote - Norway",
            "Remote, no travel",
            "리모트 근무",
        ] {
            assert_eq!(remote(text), Some(true), "{text}");
        }
        for text in [
            "false",
            "Hybrid",
            "재택 병행",
            "주 2회 재택",
            "재택 불가",
            "On-site",
            "Not remote",
            "OnSite",
            "remote (hybrid)",
            "Remote: No",
            "Not fully remote",
            "No telecommuting",
            "Remote work is not possible",
            "Non-remote",
            "재택(X)",
            "재택X",
            "재택근무 안됨",
            "Not eligible for remote",
            "재택 미지원",
        ] {
            assert_eq!(remote(text), Some(false), "{text}");
        }
        for text in ["", "서울 강남구", "Berlin", "미정"] {
            assert_eq!(remote(text), None, "{text}");
        }
    }
}
