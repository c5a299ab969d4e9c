//! The title of a posting, taken apart: what names the position, what tells it from others like it, and what the board or
//! the recruiter has put around it (`[서울]`, `(신입/경력)`, `채용`, the company's own name).
//!
//! A word in brackets may be anything: a team, a product, a campaign. It speaks against another word in brackets, and
//! says nothing where the other title has none.

use std::mem::take;

use super::fold::{combine, each_word, hash};
use super::vocabulary::{self, Role};
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
    /// Fewest years of experience.
    pub(super) experience: Option<u8>,
}

struct Word {
    text: String,
    in_brackets: bool,
}

impl Title {
    /// `employer` is the company's name as one word.
    pub(super) fn of(title: &str, employer: &str) -> Self {
        let mut words = split(title);
        leave_out(&mut words, employer);
        let experience = take_experience(&mut words);
        let (mut position, mut notes, mut levels) = (Vec::new(), Vec::new(), Vec::new());
        let mut places = Vec::new();
        for Word { text, in_brackets } in words {
            if let Some(names) = place::in_title(&text) {
                places.extend(names.into_iter().map(str::to_owned));
                continue;
            }
            match vocabulary::role(&text) {
                Some(Role::Noise) => {}
                Some(Role::Level(level)) => levels.push(level),
                Some(Role::Rank(name)) => position.push(hash(name)),
                Some(Role::Position(name)) if !in_brackets => position.push(hash(name)),
                Some(Role::Position(name)) => notes.push(name.to_owned()),
                None => match vocabulary::number(&text) {
                    Some(number) => notes.push(number.to_owned()),
                    None if in_brackets || is_number(&text) => notes.push(text),
                    None => position.push(hash(&text)),
                },
            }
        }
        position.sort_unstable();
        position.dedup();
        Self {
            position: (!position.is_empty()).then(|| combine(&position)),
            notes: Said::of(notes),
            levels: Said::of(levels),
            places,
            experience,
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
        for piece in without_genders(&take(&mut piece)) {
            each_word(piece, |word| push(&mut words, word, depth > 0));
        }
        depth = depth.saturating_add_signed(step);
    }
    words
}

/// The parts of a piece between blanks, without those that say `m/f/d`.
fn without_genders(piece: &str) -> impl Iterator<Item = &str> {
    let parts = piece
        .split_whitespace()
        .filter(|part| !vocabulary::names_genders(part));
    parts.filter(|_| !vocabulary::names_genders(piece))
}

fn push(words: &mut Vec<Word>, word: &str, in_brackets: bool) {
    if let Some(before) = words.last_mut()
        && before.in_brackets == in_brackets
        && let Some(one) = vocabulary::one_of(&before.text, word)
    {
        one.clone_into(&mut before.text);
        return;
    }
    if let Some(before) = words.last()
        && vocabulary::is_noise_behind(&before.text, word)
    {
        return;
    }
    if let Some((start, rest)) = vocabulary::split_start(word) {
        push(words, start, in_brackets);
        push(words, rest, in_brackets);
        return;
    }
    if let Some((start, ending)) = vocabulary::split_ending(word) {
        push(words, start, in_brackets);
        push(words, ending, in_brackets);
        return;
    }
    words.push(Word {
        text: word.to_owned(),
        in_brackets,
    });
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

/// Takes out what asks for experience, `경력 3년 이상`, `3~5년`, `5+ years`, and gives the fewest years. Boards ask for it
/// apart, but not all of them.
fn take_experience(words: &mut Vec<Word>) -> Option<u8> {
    let mut fewest: Option<u8> = None;
    let mut at = 0;
    while at < words.len() {
        let Some((years, length)) = years(&words[at..]) else {
            at += 1;
            continue;
        };
        let is_most = words
            .get(at + length)
            .is_some_and(|word| matches!(word.text.as_str(), "이하" | "미만" | "이내"));
        // Up to so many years is from none.
        let years = if is_most { 0 } else { years };
        fewest = Some(fewest.map_or(years, |fewest| fewest.min(years)));
        words.drain(at..at + length + usize::from(is_most));
    }
    // Beginners are asked for too, whatever the others are asked for.
    let for_beginners = words.iter().any(|word| word.text == "신입");
    fewest.map(|years| if for_beginners { 0 } else { years })
}

/// The years that words begin with, and how many words say so. `2026년` is no experience.
fn years(words: &[Word]) -> Option<(u8, usize)> {
    const UNITS: [&str; 9] = [
        "년",
        "년차",
        "년이상",
        "년차이상",
        "years",
        "year",
        "yrs",
        "yr",
        "yoe",
    ];
    let text = |at: usize| words.get(at).map(|word| word.text.as_str());
    let first = text(0)?;
    let unit = first.trim_start_matches(|character: char| character.is_ascii_digit());
    let digits = &first[..first.len() - unit.len()];
    let years = digits.parse().ok().filter(|_| digits.len() <= 2)?;
    if UNITS.contains(&unit) {
        return Some((years, 1));
    }
    if !matches!(unit, "" | "+") {
        return None;
    }
    let next = text(1)?;
    if UNITS.contains(&next) {
        return Some((years, 2));
    }
    // `3~5년`, `3 - 5 years`: the first of two.
    let (most, length) = self::years(&words[1..])?;
    (unit.is_empty() && most >= years).then_some((years, length + 1))
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
    fn a_rank_written_with_the_word_behind_it_is_a_rank() {
        let apart = title("시니어 백엔드 개발자").position;
        assert_eq!(title("시니어백엔드 개발자").position, apart);
        assert_eq!(title("시니어백엔드개발자").position, apart);
        assert_eq!(title("신입개발자").levels, title("개발자 (신입)").levels);
    }

    #[test]
    fn a_single_letter_names_something_unless_it_is_a_gender() {
        for (one, two) in [
            ("R 개발자", "R&D 개발자"),
            ("X 개발자", "개발자"),
            ("Engineer, Team A", "Engineer, Team"),
            ("Engineer, Team A", "Engineer, Team B"),
            ("D 언어 개발자", "언어 개발자"),
            ("RE 분석가", "분석가"),
        ] {
            assert_ne!(title(one).position, title(two).position, "{one} {two}");
        }
        let plain = title("Backend Engineer");
        for genders in ["(m/f/d)", "m/w/x", "(F/M/X)", "(m / f / d)", "(d|f|m)"] {
            let with = title(&format!("Backend Engineer {genders}"));
            assert_eq!(with, plain, "{genders}");
        }
        assert_eq!(title("We're hiring a Backend Engineer"), plain);
    }

    #[test]
    fn a_title_tells_the_experience_that_it_asks_for() {
        for (text, years) in [
            ("백엔드 개발자 (경력 3년 이상)", Some(3)),
            ("백엔드 개발자 3~5년차", Some(3)),
            ("Backend Engineer, 5+ years", Some(5)),
            ("Backend Engineer (3 - 7 yrs)", Some(3)),
            ("백엔드 개발자 (신입~3년)", Some(0)),
            ("백엔드 개발자 (5년 이하)", Some(0)),
            ("2026년 백엔드 개발자 채용", None),
            ("백엔드 개발자", None),
        ] {
            assert_eq!(title(text).experience, years, "{text}");
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
