//! Every written form of every term, in one automaton.
//!
//! A spelling stands for a few forms: the blank in `Spring Boot` may be a line break, a hyphen, an underscore or
//! nothing; `Node.js` may be `NodeJS` or `Node JS`. All forms go into one Aho-Corasick automaton, asked only where a
//! word begins (anchored), for the longest form. Where the longest does not fit its surroundings the next shorter form
//! of the same beginning is tried, so `Spring Boots` is still about Spring.

use std::collections::HashMap;

use aho_corasick::automaton::Automaton;
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, Input, MatchKind};

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
    first_bytes: [bool; 256],
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
        let mut first_bytes = [false; 256];
        for (form, pattern) in forms.iter_mut().zip(&patterns) {
            form.shorter = (1..pattern.len())
                .rev()
                .filter_map(|end| by_text.get(pattern.get(..end)?))
                .copied()
                .next();
            let first = pattern.as_bytes()[0];
            first_bytes[usize::from(first)] = true;
            first_bytes[usize::from(first.to_ascii_uppercase())] = true;
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
            first_bytes,
        })
    }

    /// Whether any form begins with this byte.
    pub(super) fn may_begin(&self, byte: u8) -> bool {
        self.first_bytes[usize::from(byte)]
    }

    /// The forms written at `start`, the longest first, each with its end.
    pub(super) fn at<'a>(
        &'a self,
        text: &str,
        start: usize,
    ) -> impl Iterator<Item = (usize, &'a Form, usize)> {
        let input = Input::new(text).range(start..).anchored(Anchored::Yes);
        let longest = self.automaton.try_find(&input).ok().flatten();
        std::iter::successors(longest.map(|found| found.pattern().as_usize()), |&form| {
            self.by_pattern[form].shorter
        })
        .map(move |form| {
            (
                form,
                &self.by_pattern[form],
                start + self.by_pattern[form].len,
            )
        })
    }

    /// The form of an index that [`Forms::at`] gave.
    pub(super) fn get(&self, form: usize) -> &Form {
        &self.by_pattern[form]
    }

    /// The bytes that the automaton takes.
    pub(super) fn memory_usage(&self) -> usize {
        self.automaton.memory_usage()
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
