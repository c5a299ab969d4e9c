use std::cell::OnceCell;
use std::collections::HashSet;
use std::sync::LazyLock;

use super::Match;
use super::address;
use super::boundary;
use super::context::{Judge, Mention};
use super::error::DictionaryError;
use super::file::{self, Entry};
use super::folding::Folded;
use super::forms::Forms;
use super::korean;
use crate::record::Term;

/// Technologies and how they are written.
#[derive(Debug)]
pub struct Dictionary {
    entries: Vec<Entry>,
    forms: Forms,
}

impl Dictionary {
    /// Reads a dictionary file.
    pub fn parse(toml: &str) -> Result<Self, DictionaryError> {
        Self::build(file::read(toml)?)
    }

    /// The dictionary that comes with the program.
    pub fn bundled() -> &'static Self {
        static BUNDLED: LazyLock<Dictionary> = LazyLock::new(|| {
            Dictionary::parse(include_str!("../../../dictionaries/terms.toml"))
                .expect("a test parses the bundled dictionary")
        });
        &BUNDLED
    }

    /// This dictionary with the terms of another file; a term of the same name is replaced.
    pub fn extended_by(&self, toml: &str) -> Result<Self, DictionaryError> {
        let added = file::read(toml)?;
        let names: HashSet<&str> = added.iter().map(|entry| entry.term.name.as_str()).collect();
        let kept = self
            .entries
            .iter()
            .filter(|entry| !names.contains(entry.term.name.as_str()))
            .cloned();
        let mut entries: Vec<Entry> = kept.collect();
        entries.extend(added);
        Self::build(entries)
    }

    fn build(entries: Vec<Entry>) -> Result<Self, DictionaryError> {
        let forms = Forms::build(&entries)?;
        Ok(Self { entries, forms })
    }

    /// Every term, in the order of the files.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Term> {
        self.entries.iter().map(|entry| &entry.term)
    }

    /// Every mention of a term, in the order of the text.
    pub fn find(&self, text: &str) -> Vec<Match> {
        let folded = Folded::new(text);
        self.mentions(&folded.text)
            .into_iter()
            .filter_map(|mention| {
                let rule = mention.rule?;
                Some(Match {
                    term: self.entries[self.forms.get(mention.form).entry]
                        .term
                        .clone(),
                    span: folded.original(mention.start..mention.end),
                    rule,
                    confidence: rule.confidence(),
                })
            })
            .collect()
    }

    /// The terms that a text names, each once, sorted by name.
    pub fn terms(&self, text: &str) -> Vec<Term> {
        let folded = Folded::new(text);
        let mentions = self.mentions(&folded.text);
        let believed = mentions.iter().filter(|mention| mention.rule.is_some());
        let mut found: Vec<usize> = believed
            .map(|mention| self.forms.get(mention.form).entry)
            .collect();
        found.sort_unstable();
        found.dedup();
        let found = found.into_iter().map(|entry| &self.entries[entry].term);
        let mut terms: Vec<Term> = found.cloned().collect();
        terms.sort_unstable();
        terms
    }

    fn mentions(&self, text: &str) -> Vec<Mention> {
        let mut mentions = self.written(text);
        Judge {
            text,
            entries: &self.entries,
            forms: &self.forms,
        }
        .decide(&mut mentions);
        mentions
    }

    /// Where forms are written with fitting sides, outside addresses.
    fn written(&self, text: &str) -> Vec<Mention> {
        let bytes = text.as_bytes();
        let mut mentions = Vec::new();
        let mut index = 0;
        let mut previous = Kind::Other;
        while index < bytes.len() {
            let byte = bytes[index];
            let kind = KINDS[usize::from(byte)];
            let begins = match kind {
                Kind::Latin => previous != Kind::Latin,
                Kind::Hangul => previous != Kind::Hangul,
                Kind::Other => byte == b'.',
            };
            previous = kind;
            if begins
                && self.forms.may_begin(&bytes[index..])
                && let Some(step) = self.mention_at(text, index)
            {
                index = match step {
                    Step::Mention(mention) => {
                        let end = mention.tail;
                        mentions.push(mention);
                        end
                    }
                    Step::Address(end) => end,
                };
                previous = text[..index]
                    .chars()
                    .next_back()
                    .map_or(Kind::Other, Kind::of_char);
                continue;
            }
            index += kind.len(byte);
            if kind == Kind::Latin {
                let goes_on = |&&byte: &&u8| KINDS[usize::from(byte)] == Kind::Latin;
                index += bytes[index..].iter().take_while(goes_on).count();
            }
        }
        mentions
    }

    fn mention_at(&self, text: &str, start: usize) -> Option<Step> {
        for (form, _, end) in self.forms.at(text, start) {
            let Some((after, tail)) = boundary::after(text, start, end) else {
                continue;
            };
            let before = boundary::before(text, start)?;
            if let Some(address_end) = address::around(text, start, end, |host| self.is_name(host))
            {
                return Some(Step::Address(address_end));
            }
            return Some(Step::Mention(Mention {
                form,
                start,
                end,
                tail,
                before,
                after,
                rule: None,
                sentence: OnceCell::new(),
            }));
        }
        None
    }

    fn is_name(&self, text: &str) -> bool {
        self.forms.at(text, 0).any(|(_, _, end)| end == text.len())
    }
}

/// What stands at the beginning of a word.
enum Step {
    Mention(Mention),
    /// An address, with its end.
    Address(usize),
}

/// What a byte of plain text belongs to, as far as the beginnings of words need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Latin,
    Hangul,
    Other,
}

/// The kind of every byte.
const KINDS: [Kind; 256] = {
    let mut kinds = [Kind::Other; 256];
    let mut byte = 0;
    while byte < kinds.len() {
        #[expect(clippy::cast_possible_truncation, reason = "there are 256 bytes")]
        let kind = Kind::of(byte as u8);
        kinds[byte] = kind;
        byte += 1;
    }
    kinds
};

impl Kind {
    const fn of(byte: u8) -> Self {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' => Self::Latin,
            0xea..=0xed => Self::Hangul,
            _ => Self::Other,
        }
    }

    fn of_char(character: char) -> Self {
        if korean::is_hangul(character) {
            Self::Hangul
        } else if character.is_ascii_alphanumeric() || character == '_' {
            Self::Latin
        } else {
            Self::Other
        }
    }

    /// How far the next byte worth a look is: Hangul takes three.
    fn len(self, byte: u8) -> usize {
        match (self, byte) {
            (Self::Hangul, _) | (Self::Other, 0xe0..=0xef) => 3,
            (Self::Other, 0xc0..=0xdf) => 2,
            (Self::Other, 0xf0..=0xff) => 4,
            _ => 1,
        }
    }
}
