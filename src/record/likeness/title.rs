//! The title of a posting, taken apart: what names the position, what tells it from others like it, and what the board or
//! the recruiter has put around it (`[서울]`, `(신입/경력)`, `채용`, the company's own name).
//!
//! A word in brackets may be anything: a team, a product, a campaign. It speaks against another word in brackets, and
//! says nothing where the other title has none.

use std::mem::take;

use super::fold::{combine, each_word, hash};
use super::{Said, place};

/// What is left of a title.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Title {
    /// Of the words that name the position, whatever their order; none where no word is left.
    pub(super) position: Option<u64>,
    /// Words in brackets, and numbers.
    pub(super) notes: Said,
    /// `신입`, `경력`.
    pub(super) levels: Said,
    /// Places.
    pub(super) places: Vec<String>,
}

/// What a word is in a title.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    /// Names the position, in brackets too: an intern is no engineer, whatever the brackets.
    Rank(&'static str),
    /// Names the position, under this name.
    Position(&'static str),
    /// Says who may apply; boards ask for it apart.
    Level(&'static str),
    /// Says nothing.
    Noise,
}
use Role::{Level, Noise, Position, Rank};

/// Words of titles in all their spellings.
const WORDS: &[(&str, Role)] = &[
    ("senior", Rank("senior")),
    ("sr", Rank("senior")),
    ("시니어", Rank("senior")),
    ("junior", Rank("junior")),
    ("jr", Rank("junior")),
    ("주니어", Rank("junior")),
    ("lead", Rank("lead")),
    ("리드", Rank("lead")),
    ("리더", Rank("lead")),
    ("팀장", Rank("lead")),
    ("팀리더", Rank("lead")),
    ("principal", Rank("principal")),
    ("staff", Rank("staff")),
    ("head", Rank("head")),
    ("chief", Rank("chief")),
    ("manager", Rank("manager")),
    ("매니저", Rank("manager")),
    ("director", Rank("director")),
    ("intern", Rank("intern")),
    ("internship", Rank("intern")),
    ("인턴", Rank("intern")),
    ("인턴십", Rank("intern")),
    ("contract", Rank("contract")),
    ("contractor", Rank("contract")),
    ("계약직", Rank("contract")),
    ("프리랜서", Rank("freelance")),
    ("freelance", Rank("freelance")),
    ("freelancer", Rank("freelance")),
    ("파트타임", Rank("part time")),
    ("아르바이트", Rank("part time")),
    ("알바", Rank("part time")),
    ("병역특례", Rank("service")),
    ("산업기능요원", Rank("service")),
    ("전문연구요원", Rank("research service")),
    ("engineer", Position("engineer")),
    ("developer", Position("engineer")),
    ("엔지니어", Position("engineer")),
    ("개발자", Position("engineer")),
    ("개발", Position("engineer")),
    ("engineering", Position("engineer")),
    ("백엔드", Position("backend")),
    ("프론트엔드", Position("frontend")),
    ("프런트엔드", Position("frontend")),
    ("풀스택", Position("fullstack")),
    ("데브옵스", Position("devops")),
    ("서버", Position("server")),
    ("소프트웨어", Position("software")),
    ("sw", Position("software")),
    ("데이터", Position("data")),
    ("안드로이드", Position("android")),
    ("모바일", Position("mobile")),
    ("보안", Position("security")),
    ("플랫폼", Position("platform")),
    ("웹", Position("web")),
    ("앱", Position("app")),
    ("인프라", Position("infra")),
    ("infrastructure", Position("infra")),
    ("클라우드", Position("cloud")),
    ("게임", Position("game")),
    ("클라이언트", Position("client")),
    ("디자이너", Position("designer")),
    ("프로덕트", Position("product")),
    ("기획자", Position("planner")),
    ("기획", Position("planner")),
    ("마케터", Position("marketer")),
    ("분석가", Position("analyst")),
    ("머신러닝", Position("ml")),
    ("자바", Position("java")),
    ("신입", Level("new")),
    ("경력", Level("experienced")),
    ("경력직", Level("experienced")),
    ("experienced", Level("experienced")),
    ("정규직", Noise),
    ("채용", Noise),
    ("모집", Noise),
    ("구인", Noise),
    ("공채", Noise),
    ("수시채용", Noise),
    ("상시", Noise),
    ("상시채용", Noise),
    ("공개채용", Noise),
    ("인재", Noise),
    ("영입", Noise),
    ("급구", Noise),
    ("신규", Noise),
    ("담당자", Noise),
    ("담당", Noise),
    ("부문", Noise),
    ("직군", Noise),
    ("포지션", Noise),
    ("무관", Noise),
    ("경력무관", Noise),
    ("이상", Noise),
    ("이하", Noise),
    ("년", Noise),
    ("년차", Noise),
    ("및", Noise),
    ("수시", Noise),
    ("마감임박", Noise),
    ("재택", Noise),
    ("재택근무", Noise),
    ("재택가능", Noise),
    ("원격", Noise),
    ("합격축하금", Noise),
    ("우대", Noise),
    ("hiring", Noise),
    ("urgent", Noise),
    ("we", Noise),
    ("are", Noise),
    ("re", Noise),
    ("now", Noise),
    ("job", Noise),
    ("remote", Noise),
    ("hybrid", Noise),
    ("onsite", Noise),
    ("m", Noise),
    ("f", Noise),
    ("d", Noise),
    ("x", Noise),
    ("the", Noise),
    ("a", Noise),
    ("at", Noise),
    ("in", Noise),
    ("for", Noise),
    ("of", Noise),
    ("and", Noise),
    ("fulltime", Noise),
    ("years", Noise),
    ("yrs", Noise),
    ("new", Noise),
];

/// Pairs of words that are also written as one.
const PAIRS: &[(&str, &str, &str)] = &[
    ("back", "end", "backend"),
    ("front", "end", "frontend"),
    ("full", "stack", "fullstack"),
    ("full", "time", "fulltime"),
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

/// Numerals of grades.
const NUMERALS: &[(&str, &str)] = &[("i", "1"), ("ii", "2"), ("iii", "3"), ("iv", "4")];

struct Word {
    text: String,
    in_brackets: bool,
}

impl Title {
    /// `employer` is the company's name as one word.
    pub(super) fn of(title: &str, employer: &str) -> Self {
        let mut words = split(title);
        leave_out(&mut words, employer);
        let (mut position, mut notes, mut levels, mut places) =
            <(Vec<_>, Vec<_>, Vec<_>, Vec<_>)>::default();
        for Word { text, in_brackets } in words {
            if let Some(names) = place::in_title(&text) {
                places.extend(names.into_iter().map(str::to_owned));
                continue;
            }
            if let Some((_, number)) = NUMERALS.iter().find(|(numeral, _)| *numeral == text) {
                notes.push((*number).to_owned());
                continue;
            }
            let role = WORDS
                .iter()
                .find(|(word, _)| *word == text)
                .map(|(_, role)| *role);
            match role {
                Some(Noise) => {}
                Some(Level(level)) => levels.push(level),
                Some(Rank(name)) => position.push(hash(name)),
                Some(Position(name)) if !in_brackets => position.push(hash(name)),
                Some(Position(name)) => notes.push(name.to_owned()),
                None if is_experience(&text) => {}
                None if in_brackets || is_number(&text) => notes.push(text),
                None => position.push(hash(&text)),
            }
        }
        position.sort_unstable();
        position.dedup();
        Self {
            position: (!position.is_empty()).then(|| combine(&position)),
            notes: Said::of(notes),
            levels: Said::of(levels),
            places,
        }
    }
}

/// The words of a title, each with whether it stands in brackets.
fn split(title: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut depth = 0_u32;
    let mut piece = String::new();
    // One more, so that the last piece is taken too.
    for character in title.chars().chain([')']) {
        let step: i32 = match character {
            '(' | '[' | '{' | '（' | '［' | '【' | '〔' | '「' | '『' | '〈' | '《' | '<' => {
                1
            }
            ')' | ']' | '}' | '）' | '］' | '】' | '〕' | '」' | '』' | '〉' | '》' | '>' => {
                -1
            }
            character => {
                piece.push(character);
                continue;
            }
        };
        each_word(&take(&mut piece), |word| push(&mut words, word, depth > 0));
        depth = depth.saturating_add_signed(step);
    }
    words
}

fn push(words: &mut Vec<Word>, word: &str, in_brackets: bool) {
    if let Some(before) = words
        .last_mut()
        .filter(|before| before.in_brackets == in_brackets)
        && let Some((.., one)) = PAIRS
            .iter()
            .find(|(first, second, _)| before.text == *first && word == *second)
    {
        (*one).clone_into(&mut before.text);
        return;
    }
    let known = WORDS.iter().any(|(known, _)| *known == word);
    let split = ENDINGS
        .iter()
        .find_map(|ending| Some((word.strip_suffix(ending)?, *ending)));
    match split {
        Some((start, ending)) if !known && !start.is_empty() => {
            push(words, start, in_brackets);
            push(words, ending, in_brackets);
        }
        _ => words.push(Word {
            text: word.to_owned(),
            in_brackets,
        }),
    }
}

/// Leaves the employer's name out, wherever it stands.
fn leave_out(words: &mut Vec<Word>, employer: &str) {
    for start in 0..words.len() {
        let mut name = String::new();
        for end in start..words.len() {
            name.push_str(&words[end].text);
            if name == employer {
                words.drain(start..=end);
                return;
            }
            if !employer.starts_with(&name) {
                break;
            }
        }
    }
}

fn is_number(word: &str) -> bool {
    word.chars().next().is_some_and(char::is_numeric)
}

/// `3년`, `5년차`: boards ask for it apart.
fn is_experience(word: &str) -> bool {
    let rest = word.trim_start_matches(char::is_numeric);
    rest.len() < word.len()
        && matches!(rest, "년" | "년차" | "년이상" | "yrs" | "years")
        && word.len() - rest.len() <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn title(text: &str) -> Title {
        Title::of(text, "당근마켓")
    }

    #[test]
    fn what_boards_add_to_a_title_is_no_part_of_it() {
        let plain = title("백엔드 개발자");
        for decorated in [
            "[서울] 백엔드 개발자",
            "[당근마켓] 백엔드 개발자 채용 (신입/경력)",
            "당근마켓 백엔드개발자 모집",
            "백엔드 엔지니어 (경력 3년 이상)",
            "Backend Engineer",
            "Back-end Developer (정규직)",
            "【판교】 Backend Developer - 당근마켓",
            "We're hiring: Backend Engineer (m/f/d)",
        ] {
            let decorated_title = title(decorated);
            assert_eq!(decorated_title.position, plain.position, "{decorated}");
            assert!(
                !decorated_title.notes.contradicts(&plain.notes),
                "{decorated}"
            );
        }
    }

    #[test]
    fn other_positions_have_other_titles() {
        let plain = title("Backend Engineer").position;
        for other in [
            "Senior Backend Engineer",
            "(Senior) Backend Engineer",
            "Frontend Engineer",
            "백엔드 개발자 (인턴)",
            "백엔드 개발팀장",
            "Backend Engineer, Payments",
        ] {
            assert_ne!(title(other).position, plain, "{other}");
        }
    }

    #[test]
    fn notes_contradict_where_each_has_its_own() {
        let notes = |text| title(text).notes;
        assert!(notes("개발자 (결제팀)").contradicts(&notes("개발자 (정산팀)")));
        assert!(notes("Engineer II").contradicts(&notes("Engineer 3")));
        assert!(!notes("개발자 (결제팀)").contradicts(&notes("개발자")));
        assert!(!notes("[2026 상반기] 개발자 (결제팀)").contradicts(&notes("개발자 (결제팀)")));
        assert!(
            title("개발자 (신입)")
                .levels
                .contradicts(&title("[경력] 개발자").levels)
        );
        assert!(
            !title("개발자 (신입/경력)")
                .levels
                .contradicts(&title("[경력] 개발자").levels)
        );
    }
}
