//! Words of titles, in the spellings that boards use for one another.

/// What a word is in a title.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Role {
    /// Names the position, in brackets too: an intern is no engineer, whatever the brackets. By its first spelling.
    Rank(&'static str),
    /// Names the position. By its first spelling.
    Position(&'static str),
    /// Says who may apply; boards ask for it apart. By its first spelling.
    Level(&'static str),
    /// Says nothing.
    Noise,
}

const RANKS: &[&[&str]] = &[
    &["senior", "sr", "시니어"],
    &["junior", "jr", "주니어"],
    &["lead", "리드", "리더", "팀장", "팀리더"],
    &["principal"],
    &["staff"],
    &["head"],
    &["chief"],
    &["director"],
    &["manager", "매니저"],
    &["intern", "internship", "인턴", "인턴십"],
    &["contract", "contractor", "계약직"],
    &["freelance", "freelancer", "프리랜서"],
    &["parttime", "파트타임", "아르바이트", "알바"],
    &["산업기능요원", "병역특례"],
    &["전문연구요원"],
];

const POSITIONS: &[&[&str]] = &[
    &[
        "engineer",
        "developer",
        "engineering",
        "엔지니어",
        "개발자",
        "개발",
    ],
    &["backend", "백엔드"],
    &["frontend", "프론트엔드", "프런트엔드"],
    &["fullstack", "풀스택"],
    &["devops", "데브옵스"],
    &["server", "서버"],
    &["software", "소프트웨어", "sw"],
    &["data", "데이터"],
    &["android", "안드로이드"],
    &["mobile", "모바일"],
    &["security", "보안"],
    &["platform", "플랫폼"],
    &["web", "웹"],
    &["app", "앱"],
    &["infra", "infrastructure", "인프라"],
    &["cloud", "클라우드"],
    &["game", "게임"],
    &["client", "클라이언트"],
    &["designer", "디자이너"],
    &["product", "프로덕트"],
    &["planner", "기획자", "기획"],
    &["marketer", "마케터"],
    &["analyst", "분석가"],
    &["ml", "머신러닝"],
    &["java", "자바"],
];

const LEVELS: &[&[&str]] = &[&["신입"], &["경력", "경력직", "experienced"]];

const NOISE: &[&str] = &[
    "정규직",
    "채용",
    "모집",
    "구인",
    "공채",
    "수시채용",
    "상시",
    "상시채용",
    "공개채용",
    "인재",
    "영입",
    "급구",
    "신규",
    "담당자",
    "담당",
    "부문",
    "직군",
    "포지션",
    "무관",
    "경력무관",
    "이상",
    "이하",
    "년",
    "년차",
    "및",
    "수시",
    "마감임박",
    "재택",
    "재택근무",
    "재택가능",
    "원격",
    "합격축하금",
    "우대",
    "hiring",
    "urgent",
    "we",
    "are",
    "now",
    "new",
    "job",
    "remote",
    "hybrid",
    "onsite",
    "fulltime",
    "years",
    "yrs",
    "the",
    "at",
    "in",
    "for",
    "of",
    "and",
];

/// Words that say nothing behind one that says nothing (`We're`, `hiring a`); elsewhere they name something (`RE`, `Team A`).
const NOISE_BEHIND_NOISE: &[&str] = &["re", "a", "an"];

/// What stands for all genders in brackets or between strokes: `(m/f/d)`, `m/w/x`, `(all genders)` has no letters to spare.
const GENDERS: &[&str] = &["m", "f", "w", "d", "x", "i", "h", "n", "b"];

/// Pairs of words that are also written as one.
const PAIRS: &[(&str, &str, &str)] = &[
    ("back", "end", "backend"),
    ("front", "end", "frontend"),
    ("full", "stack", "fullstack"),
    ("full", "time", "fulltime"),
    ("part", "time", "parttime"),
    ("dev", "ops", "devops"),
    ("백", "엔드", "백엔드"),
    ("프론트", "엔드", "프론트엔드"),
    ("풀", "스택", "풀스택"),
    ("machine", "learning", "ml"),
];

/// Endings that are written with the word before them, and without: `백엔드개발자`.
const ENDINGS: &[&str] = &[
    "개발자",
    "엔지니어",
    "디자이너",
    "매니저",
    "기획자",
    "마케터",
    "담당자",
    "분석가",
    "채용",
    "모집",
    "인턴",
    "개발",
];

/// Beginnings that are written with the word behind them, and without: `시니어백엔드`.
const STARTS: &[&str] = &["시니어", "주니어", "신입", "경력", "인턴", "리드"];

/// Numerals of grades.
const NUMERALS: &[(&str, &str)] = &[("i", "1"), ("ii", "2"), ("iii", "3"), ("iv", "4")];

/// None where it is a word like any other: of a team, a product, a field.
pub(super) fn role(word: &str) -> Option<Role> {
    let name = |words: &'static [&[&'static str]]| {
        let spellings = words.iter().find(|spellings| spellings.contains(&word))?;
        spellings.first().copied()
    };
    if NOISE.contains(&word) {
        return Some(Role::Noise);
    }
    name(RANKS)
        .map(Role::Rank)
        .or_else(|| name(POSITIONS).map(Role::Position))
        .or_else(|| name(LEVELS).map(Role::Level))
}

/// Whether a word says nothing because of the one before it.
pub(super) fn is_noise_behind(before: &str, word: &str) -> bool {
    NOISE_BEHIND_NOISE.contains(&word) && role(before) == Some(Role::Noise)
}

/// Whether a piece of a title names genders and nothing else: two or more, so that neither `X` nor `R&D` is one.
pub(super) fn names_genders(piece: &str) -> bool {
    let mut letters = 0;
    let mut names = piece.split(['/', '|', '*', ',', ' ']);
    let all = names.all(|name| {
        let name = name.trim();
        letters += usize::from(!name.is_empty());
        name.is_empty() || GENDERS.contains(&name.to_lowercase().as_str())
    });
    all && letters > 1
}

/// Two words as the one that they are also written as.
pub(super) fn one_of(first: &str, second: &str) -> Option<&'static str> {
    let pair = PAIRS
        .iter()
        .find(|pair| (pair.0, pair.1) == (first, second));
    pair.map(|pair| pair.2)
}

/// A word without its ending, and the ending.
pub(super) fn split_ending(word: &str) -> Option<(&str, &'static str)> {
    if role(word).is_some() {
        return None;
    }
    let mut endings = ENDINGS.iter();
    endings.find_map(|ending| {
        Some((
            word.strip_suffix(ending)
                .filter(|start| !start.is_empty())?,
            *ending,
        ))
    })
}

/// A word's beginning that is a word of its own, and what is behind it, where that is a word of titles too.
pub(super) fn split_start(word: &str) -> Option<(&'static str, &str)> {
    if role(word).is_some() {
        return None;
    }
    let mut starts = STARTS.iter();
    starts.find_map(|start| {
        let rest = word.strip_prefix(start)?;
        let is_known = role(rest).is_some() || split_ending(rest).is_some();
        is_known.then_some((*start, rest))
    })
}

/// The number that a numeral is.
pub(super) fn number(word: &str) -> Option<&'static str> {
    let numeral = NUMERALS.iter().find(|numeral| numeral.0 == word);
    numeral.map(|numeral| numeral.1)
}
