//! Judges names that are also ordinary words: Go, Spring, React, R, 스프링.
//!
//! A mention is believed on the strongest evidence found: a word of the trade beside it, a version, another term in
//! the same list, a Korean particle on a capitalised Latin name, a technical sentence. Small letters need evidence
//! that no English sentence gives by chance, single letters more than names. A word that the dictionary lists under
//! `never`, right beside the mention, ends the matter.

use std::cell::OnceCell;

use super::Rule;
use super::boundary::Side;
use super::file::{Care, Entry};
use super::forms::Forms;
use super::glue::{Glue, glue};
use super::korean;
use super::sentence::{self, first_word, is_version, latin_part, trim_marks};
use super::vocabulary;

/// A place where a form is written with fitting sides.
#[derive(Debug)]
pub(super) struct Mention {
    pub(super) form: usize,
    pub(super) start: usize,
    /// Where the name ends.
    pub(super) end: usize,
    /// Where its version ends.
    pub(super) tail: usize,
    pub(super) before: Side,
    pub(super) after: Side,
    /// What speaks for it, once decided.
    pub(super) rule: Option<Rule>,
    /// The sentence or line around it, once looked for.
    pub(super) sentence: OnceCell<(usize, usize)>,
}

/// How the letters of an ambiguous name are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    AsGiven,
    Capitals,
    Small,
}

/// Decides every mention of a text.
pub(super) struct Judge<'a> {
    pub(super) text: &'a str,
    pub(super) entries: &'a [Entry],
    pub(super) forms: &'a Forms,
}

impl Judge<'_> {
    pub(super) fn decide(&self, mentions: &mut Vec<Mention>) {
        mentions.retain(|mention| !self.is_denied(mention));
        for mention in mentions.iter_mut() {
            mention.rule = self.alone(mention);
        }
        self.believe_lists(mentions);
        for index in 1..mentions.len() {
            self.believe_pair(mentions, index - 1, index);
        }
        for index in 0..mentions.len() {
            if mentions[index].rule.is_none() && self.is_nearby(mentions, index) {
                mentions[index].rule = Some(Rule::Nearby);
            }
        }
        self.believe_lists(mentions);
    }

    /// Lists carry belief both ways: `Go, R, Python` and `Python, R, Go`.
    fn believe_lists(&self, mentions: &mut [Mention]) {
        for index in 1..mentions.len() {
            self.believe_listed(mentions, index - 1, index);
        }
        for index in (1..mentions.len()).rev() {
            self.believe_listed(mentions, index, index - 1);
        }
    }

    /// What the mention and the words beside it say.
    fn alone(&self, mention: &Mention) -> Option<Rule> {
        let form = self.forms.get(mention.form);
        let case = self.case(mention);
        if form.care == Care::Plain || form.care == Care::Exact && case == Case::AsGiven {
            return Some(if self.is_korean(mention) {
                Rule::Korean
            } else {
                Rule::Name
            });
        }
        if mention.after == Side::Trade {
            return Some(Rule::Word);
        }
        if mention.before == Side::Joined || mention.after == Side::Joined {
            return None;
        }
        let letter = is_letter(mention);
        let rest = self.rest(mention);
        let next = first_word(rest);
        if self.is_whole_text(mention) && !self.entry(mention).strict && case == Case::AsGiven {
            return Some(Rule::Alone);
        }
        let (before_last, last) = self.words_before(mention);
        if vocabulary::is_installation(last, before_last) {
            return Some(Rule::Word);
        }
        if case != Case::AsGiven {
            if form.care == Care::Exact && is_in_korean_clause(mention) {
                return Some(Rule::Nearby);
            }
            let is_word = matches!(mention.after, Side::Free | Side::Particle);
            let korean_next = !letter && is_word && vocabulary::is_korean_after(rest, false);
            return (vocabulary::is_role(next) || korean_next).then_some(Rule::Word);
        }
        if vocabulary::is_korean_after(rest, letter)
            || mention.after == Side::Free && vocabulary::is_after(next)
            || vocabulary::is_introduction(last, before_last)
        {
            return Some(Rule::Word);
        }
        if !letter && (mention.after == Side::Version || is_version(rest)) {
            return Some(Rule::Version);
        }
        None
    }

    /// Believes the mention at `index` if it stands in a list with the one at `known`.
    fn believe_listed(&self, mentions: &mut [Mention], known: usize, index: usize) {
        if mentions[index].rule.is_some() || mentions[known].rule.is_none() {
            return;
        }
        let glue = self.glue(mentions, known.min(index), known.max(index));
        let mention = &mentions[index];
        let joined = mention.before == Side::Joined && known > index
            || mention.after == Side::Joined && known < index;
        let believed = match (glue, self.case(mention)) {
            _ if joined => false,
            (Glue::List, Case::AsGiven) => true,
            (Glue::Blank, Case::AsGiven) => {
                !is_letter(mention) && !self.entry(mention).strict && !self.is_imperative(mention)
            }
            (Glue::List, _) => self.fills_item(mention),
            (Glue::Blank | Glue::None, _) => false,
        };
        if believed {
            mentions[index].rule = Some(Rule::Listed);
        }
    }

    /// Two doubtful names side by side support each other: `Go / Rust`.
    fn believe_pair(&self, mentions: &mut [Mention], first: usize, second: usize) {
        if mentions[first].rule.is_some() || mentions[second].rule.is_some() {
            return;
        }
        let plausible =
            |mention: &Mention| match (self.forms.get(mention.form).care, self.case(mention)) {
                (_, Case::AsGiven) => !is_letter(mention) && !self.entry(mention).strict,
                (Care::Exact, _) => self.fills_item(mention),
                _ => false,
            };
        let both = plausible(&mentions[first]) && plausible(&mentions[second]);
        if both && self.glue(mentions, first, second) == Glue::List {
            mentions[first].rule = Some(Rule::Listed);
            mentions[second].rule = Some(Rule::Listed);
        }
    }

    /// Whether the sentence speaks for a mention that nothing beside it supports.
    fn is_nearby(&self, mentions: &[Mention], index: usize) -> bool {
        let mention = &mentions[index];
        if self.case(mention) != Case::AsGiven && !is_in_korean_clause(mention)
            || mention.before == Side::Joined
            || mention.after == Side::Joined
        {
            return false;
        }
        let entry = self.entry(mention);
        let (from, to) = self.sentence(mention);
        let sentence = &self.text[from..to];
        if entry
            .near
            .iter()
            .any(|word| vocabulary::contains_word(sentence, word))
        {
            // In the midst of a sentence a command has no capital.
            let begins = !self.text[from..mention.start].contains(char::is_alphanumeric);
            return !begins || !self.is_command(mentions, index);
        }
        let syllable =
            self.is_korean(mention) && self.text[mention.start..mention.end].chars().count() == 1;
        if entry.strict || syllable {
            return false;
        }
        let known = || {
            let inside = |near: &&Mention| near.start >= from && near.end <= to;
            let before = mentions[..index].iter().rev().take_while(inside);
            let after = mentions[index + 1..].iter().take_while(inside);
            before.chain(after).any(|near| near.rule.is_some())
        };
        let technical = || known() || vocabulary::is_technical(&self.without(mention, from, to));
        if is_letter(mention) {
            let subject = mention.after == Side::Particle || first_word(self.rest(mention)) == "is";
            return subject && technical() && !self.follows_letter(mention);
        }
        // `S3를` may be a phone's name; `Go를` is hardly an English verb.
        let short =
            self.text[mention.start..mention.end].ends_with(|last: char| last.is_ascii_digit());
        if mention.after == Side::Particle
            && !self.is_korean(mention)
            && self.case(mention) == Case::AsGiven
        {
            return !short || technical();
        }
        technical() && !self.is_command(mentions, index) && !self.is_title_case(mention, sentence)
    }

    fn entry(&self, mention: &Mention) -> &Entry {
        &self.entries[self.forms.get(mention.form).entry]
    }

    fn is_korean(&self, mention: &Mention) -> bool {
        self.text[mention.start..].starts_with(korean::is_hangul)
    }

    fn case(&self, mention: &Mention) -> Case {
        let form = self.forms.get(mention.form);
        let written = &self.text[mention.start..mention.end];
        if form.care == Care::Plain || form.is_cased(written) {
            Case::AsGiven
        } else if written.bytes().any(|byte| byte.is_ascii_lowercase()) {
            Case::Small
        } else {
            Case::Capitals
        }
    }

    /// The text after name, version and particles.
    fn rest(&self, mention: &Mention) -> &str {
        let rest = &self.text[mention.tail..];
        let rest = if mention.after == Side::Particle {
            &rest[korean::leading(rest).len()..]
        } else {
            rest
        };
        rest.trim_start_matches([' ', '\n', '"', '\'', ')', '”', '’', '`'])
    }

    fn words_before(&self, mention: &Mention) -> (&str, &str) {
        let (from, _) = self.sentence(mention);
        let mut words = self.text[from..mention.start]
            .split_whitespace()
            .rev()
            .map(trim_marks);
        let last = words.next().unwrap_or("");
        (words.next().unwrap_or(""), last)
    }

    /// Whether a word beside the mention rules it out.
    fn is_denied(&self, mention: &Mention) -> bool {
        let entry = self.entry(mention);
        if entry.never.is_empty() {
            return false;
        }
        let (from, to) = self.sentence(mention);
        let (second_before, before) = self.words_before(mention);
        let head = trim_marks(&self.text[from..mention.start]);
        let rest = self.rest(mention);
        let offset = rest.as_ptr() as usize - self.text.as_ptr() as usize;
        let rest = rest.get(..to.saturating_sub(offset)).unwrap_or(rest);
        let mut following = rest.split_whitespace().map(trim_marks);
        let next = following.next().unwrap_or("");
        let second_next = following.next().unwrap_or("");
        let beside = [before, second_before, next, second_next];
        let latin = beside.map(latin_part);
        entry.never.iter().any(|word| {
            if word.contains(' ') {
                sentence::starts_with_word(rest, word) || sentence::ends_with_word(head, word)
            } else if word.is_ascii() {
                latin.iter().any(|beside| beside.eq_ignore_ascii_case(word))
            } else {
                beside
                    .iter()
                    .any(|beside| beside.starts_with(word.as_str()))
            }
        })
    }

    fn glue(&self, mentions: &[Mention], first: usize, second: usize) -> Glue {
        glue(&self.text[mentions[first].tail..mentions[second].start])
    }

    /// Whether the mention is the whole item of a list, as `go` is in `java, go, python` and not in `python, go home`.
    fn fills_item(&self, mention: &Mention) -> bool {
        let before = self.text[..mention.start]
            .trim_end_matches(' ')
            .chars()
            .next_back();
        let rest = self.text[mention.tail..].trim_start_matches(' ');
        let item_begins = before.is_none_or(|mark| !mark.is_alphanumeric())
            || self.words_before(mention).1 == "and";
        let item_ends = rest
            .chars()
            .next()
            .is_none_or(|mark| !mark.is_alphanumeric())
            || mention.after == Side::Particle
            || rest.starts_with(korean::is_hangul)
            || rest.starts_with("and ")
            || rest.starts_with("or ");
        item_begins && item_ends
    }

    /// `Go ahead`, `Express your ideas`, and any start of an English sentence that could be a command.
    fn is_imperative(&self, mention: &Mention) -> bool {
        if self.is_korean(mention) || mention.after == Side::Particle {
            return false;
        }
        let next = first_word(self.rest(mention));
        let (from, _) = self.sentence(mention);
        let starts = !self.text[from..mention.start].contains(char::is_alphanumeric);
        if starts && let Some(clause) = self.text[mention.tail..].strip_prefix(", ") {
            return clause.starts_with(|first: char| first.is_ascii_lowercase());
        }
        if next.is_empty() || !next.is_ascii() {
            return false;
        }
        if starts {
            !vocabulary::is_verb(next) && self.follows_at_once(mention)
        } else {
            vocabulary::is_object(next) && self.follows_at_once(mention)
        }
    }

    /// The same, unless the next word is a known term: `Aurora MySQL`.
    fn is_command(&self, mentions: &[Mention], index: usize) -> bool {
        let mention = &mentions[index];
        let beside = mentions
            .get(index + 1)
            .is_some_and(|next| next.rule.is_some() && next.start <= mention.tail + 1);
        !beside && self.is_imperative(mention)
    }

    /// A skill tag is a text of one name.
    fn is_whole_text(&self, mention: &Mention) -> bool {
        trim_marks(self.text).len() == mention.tail - mention.start
    }

    /// Whether the next word comes after nothing but a blank.
    fn follows_at_once(&self, mention: &Mention) -> bool {
        self.text[mention.tail..]
            .trim_start_matches(' ')
            .starts_with(|next: char| next.is_ascii_alphabetic())
    }

    /// `후보 A와 C를`: another single letter before makes this one an enumeration's.
    fn follows_letter(&self, mention: &Mention) -> bool {
        let (_, last) = self.words_before(mention);
        let last = latin_part(last);
        last.len() == 1 && last.bytes().all(|byte| byte.is_ascii_uppercase())
    }

    /// In a heading every word has a capital, which therefore says nothing.
    fn is_title_case(&self, mention: &Mention, sentence: &str) -> bool {
        let next = first_word(self.rest(mention));
        if next.is_empty() || sentence.contains(korean::is_hangul) {
            return false;
        }
        let (mut capitals, mut all) = (0, 0);
        for word in sentence.split_whitespace().filter(|word| word.len() > 3) {
            all += 1;
            capitals += usize::from(word.starts_with(|first: char| first.is_ascii_uppercase()));
        }
        all >= 3 && capitals * 10 > all * 7
    }

    /// The sentence without the mention itself, which is no evidence for itself.
    fn without(&self, mention: &Mention, from: usize, to: usize) -> String {
        [
            &self.text[from..mention.start],
            " ",
            &self.text[mention.end..to],
        ]
        .concat()
    }

    /// The sentence or line around a mention.
    fn sentence(&self, mention: &Mention) -> (usize, usize) {
        *mention
            .sentence
            .get_or_init(|| sentence::around(self.text, mention.start, mention.tail))
    }
}

fn is_letter(mention: &Mention) -> bool {
    mention.end - mention.start == 1
}

/// A small-letter Latin name with a Korean particle is no English word: `react를 사용한`.
fn is_in_korean_clause(mention: &Mention) -> bool {
    mention.after == Side::Particle && mention.end - mention.start >= 4
}
