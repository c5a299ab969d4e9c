//! Every written form of every term, in one automaton.
//!
//! A spelling stands for a few forms: the blank in `Spring Boot` may be a line break, a hyphen, an underscore or
//! nothing; `Node.js` may be `NodeJS` or `Node JS`. All forms go into one Aho-Corasick automaton, asked only where a
//! word begins (anchored), for the longest form. Where the longest does not fit its surroundings the next shorter form
//! of the same beginning is tried, so `Spring Boots` is still about Spring.

use std::collections::HashMap;

use aho_corasick::automaton::Automaton;
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind};

use super::error::DictionaryError;
use super::file::{Care, Entry};

/// A written form; its text in lower case is the automaton's pattern.
#[derive(Debug)]
pub(super) struct Form {
    /// Index of the term's entry.
    pub(super) entry: usize,
    pub(super) care: Care,
    /// The cases in which it counts, unless any does.
    cased: Vec<Box<str>>,
    len: usize,
    /// The longest other form that this one begins with.
    shorter: Option<usize>,
}

impl Form {
    /// Whether `written` has the case that the dictionary gives.
    pub(super) fn is_cased(&self, written: &str) -> bool {
        self.cased.iter().any(|cased| **cased == *written)
    }
}

/// The automaton and its forms.
#[derive(Debug)]
pub(super) struct Forms {
    automaton: NFA,
    by_pattern: Vec<Form>,
    beginnings: Beginnings,
}

impl Forms {
    pub(super) fn build(entries: &[Entry]) -> Result<Self, DictionaryError> {
        let mut patterns: Vec<String> = Vec::new();
        let mut forms: Vec<Form> = Vec::new();
        let mut by_text: HashMap<String, usize> = HashMap::new();
        for (index, entry) in entries.iter().enumerate() {
            for spelling in &entry.spellings {
                for text in written_forms(&spelling.text) {
                    let pattern = text.to_ascii_lowercase();
                    let Some(&known) = by_text.get(&pattern) else {
                        by_text.insert(pattern.clone(), forms.len());
                        forms.push(Form {
                            entry: index,
                            care: spelling.care,
                            cased: vec![text.into()],
                            len: pattern.len(),
                            shorter: None,
                        });
                        patterns.push(pattern);
                        continue;
                    };
                    let form = &mut forms[known];
                    if form.entry != index {
                        return Err(DictionaryError::Clash {
                            spelling: text,
                            term: entry.term.name.clone(),
                            other: entries[form.entry].term.name.clone(),
                            position: spelling.position,
                        });
                    }
                    form.care = form.care.max(spelling.care);
                    form.cased.push(text.into());
                }
            }
        }
        let mut beginnings = Beginnings::default();
        for (form, pattern) in forms.iter_mut().zip(&patterns) {
            form.shorter = (1..pattern.len())
                .rev()
                .filter_map(|end| by_text.get(pattern.get(..end)?))
                .copied()
                .next();
            beginnings.allow(pattern.as_bytes());
        }
        let automaton = NFA::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .prefilter(false)
            .build(&patterns)
            .map_err(DictionaryError::Automaton)?;
        Ok(Self {
            automaton,
            by_pattern: forms,
            beginnings,
        })
    }

    /// Whether a form may begin with what `bytes` begins with.
    pub(super) fn may_begin(&self, bytes: &[u8]) -> bool {
        self.beginnings.contains(bytes)
    }

    /// The forms written at `start`, the longest first, each with its end.
    pub(super) fn at<'a>(
        &'a self,
        text: &str,
        start: usize,
    ) -> impl Iterator<Item = (usize, &'a Form, usize)> {
        let longest = self.longest(&text.as_bytes()[start..]);
        std::iter::successors(longest, |&form| self.by_pattern[form].shorter).map(move |form| {
            (
                form,
                &self.by_pattern[form],
                start + self.by_pattern[form].len,
            )
        })
    }

    /// Walks the automaton by hand: a search's own set-up costs more than the few bytes of a word.
    fn longest(&self, bytes: &[u8]) -> Option<usize> {
        let mut state = self.automaton.start_state(Anchored::Yes).ok()?;
        let mut longest = None;
        for &byte in bytes {
            state = self.automaton.next_state(Anchored::Yes, state, byte);
            if self.automaton.is_special(state) {
                if self.automaton.is_dead(state) {
                    break;
                }
                if self.automaton.is_match(state) {
                    longest = Some(self.automaton.match_pattern(state, 0).as_usize());
                }
            }
        }
        longest
    }

    /// The form of an index that [`Forms::at`] gave.
    pub(super) fn get(&self, form: usize) -> &Form {
        &self.by_pattern[form]
    }
}

/// How every form begins: three letters and, nearly, the fourth, or a Hangul syllable. Few words of a text pass, and only
/// they are put to the automaton.
#[derive(Debug)]
struct Beginnings {
    /// By the first three letters, or the syllable.
    places: Box<[u64]>,
    /// By a hash of the first four letters.
    fourths: Box<[u64]>,
}

impl Default for Beginnings {
    fn default() -> Self {
        Self {
            places: vec![0; Self::PLACES / 64].into(),
            fourths: vec![0; Self::FOURTHS / 64].into(),
        }
    }
}

/// Each byte as the five bits by which words are told apart: a letter its place in the alphabet, in either case, and
/// all that is none 0.
const LETTERS: [u8; 256] = {
    let mut letters = [0; 256];
    let mut place = 1;
    while place <= 26 {
        letters[(b'a' + place - 1) as usize] = place;
        letters[(b'A' + place - 1) as usize] = place;
        place += 1;
    }
    letters
};

impl Beginnings {
    /// A byte of ASCII and two letters.
    const LATIN: usize = 0x80 << 10;
    /// Three-byte characters from U+A000 to U+DFFF, among them all Hangul syllables.
    const PLACES: usize = Self::LATIN + 0x4000;
    /// So many that one in twenty is taken.
    const FOURTHS: usize = 1 << Self::FOURTH_BITS;
    const FOURTH_BITS: u32 = 16;

    fn allow(&mut self, pattern: &[u8]) {
        let place = Self::place(pattern);
        self.places[place / 64] |= 1 << (place % 64);
        let fourth = LETTERS[usize::from(pattern.get(3).copied().unwrap_or(0))];
        // A plural is the name with one more letter: `APIs`.
        let plural = (pattern.len() == 3).then_some(LETTERS[usize::from(b's')]);
        for letter in [Some(fourth), plural].into_iter().flatten() {
            let place = Self::fourth(place, letter);
            self.fourths[place / 64] |= 1 << (place % 64);
        }
    }

    fn contains(&self, bytes: &[u8]) -> bool {
        let place = Self::place(bytes);
        let has = |places: &[u64], place: usize| places[place / 64] >> (place % 64) & 1 == 1;
        has(&self.places, place) && {
            let fourth = LETTERS[usize::from(bytes.get(3).copied().unwrap_or(0))];
            has(&self.fourths, Self::fourth(place, fourth))
        }
    }

    /// Where no third letter is, or no letter at all, the fourth says nothing.
    fn fourth(place: usize, letter: u8) -> usize {
        let has_third = place < Self::LATIN && place & 0x1f != 0;
        let letter = if has_third { letter } else { 0 };
        let key = (place as u64) << 5 | u64::from(letter);
        let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - Self::FOURTH_BITS);
        usize::try_from(mixed).unwrap_or(0)
    }

    fn place(bytes: &[u8]) -> usize {
        let byte = |index: usize| bytes.get(index).copied().unwrap_or(0);
        let letter = |index: usize| usize::from(LETTERS[usize::from(byte(index))]);
        let first = byte(0).to_ascii_lowercase();
        if first < 0x80 {
            // A name of one letter ends where no letter follows; what comes after that says nothing.
            let third = if letter(1) == 0 { 0 } else { letter(2) };
            usize::from(first) << 10 | letter(1) << 5 | third
        } else {
            let bits = |index: usize, mask: u8| usize::from(byte(index) & mask);
            Self::LATIN + (bits(0, 0x03) << 12 | bits(1, 0x3f) << 6 | bits(2, 0x3f))
        }
    }
}

/// The ways of writing a spelling.
fn written_forms(spelling: &str) -> Vec<String> {
    let mut forms = vec![spelling.to_owned()];
    if let Some(stem) = spelling.strip_suffix(".js") {
        forms.push(format!("{stem} JS"));
    }
    for spaced in forms.clone() {
        if !spaced.contains(' ') {
            continue;
        }
        forms.extend(["-", "_", ""].map(|joint| spaced.replace(' ', joint)));
        // A text breaks its lines at one place of a name, not at two.
        forms.extend(spaced.match_indices(' ').map(|(blank, _)| {
            let (before, after) = spaced.split_at(blank);
            format!("{before}\n{}", &after[1..])
        }));
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::written_forms;

    #[test]
    fn derives_forms_from_a_blank_and_a_suffix() {
        assert_eq!(written_forms("Go"), ["Go"]);
        assert_eq!(
            written_forms("Spring Boot"),
            [
                "Spring Boot",
                "Spring-Boot",
                "Spring_Boot",
                "SpringBoot",
                "Spring\nBoot"
            ]
        );
        assert_eq!(
            written_forms("Vue.js"),
            ["Vue.js", "Vue JS", "Vue-JS", "Vue_JS", "VueJS", "Vue\nJS"]
        );
    }
}
