//! Finds the technologies that a Korean or English text names.
//!
//! The dictionary (`dictionaries/terms.toml`, perhaps extended by a user's file) lists every way of writing a term.
//! [`Dictionary::find`] brings the text to plain form (`folding`), walks it once with one automaton that is asked only
//! where a word begins (`forms`), checks what sticks to each name (`boundary`, `korean`), drops addresses (`address`),
//! and weighs the names that are also ordinary words by what surrounds them (`context`, `glue`, `sentence`,
//! `vocabulary`).
//!
//! Invariants: the longest name wins, matches never overlap, spans are bytes of the text as given, and the answer
//! depends on nothing but text and dictionary. Fields of work (AI, ML, LLM, big data, DevOps) are no technologies and
//! stand in no dictionary of ours: every second job ad names them, and they would say nothing about its stack.

mod address;
mod boundary;
mod context;
mod dictionary;
mod error;
mod file;
mod folding;
mod forms;
mod glue;
mod korean;
mod sentence;
#[cfg(test)]
mod tests;
mod vocabulary;

use std::ops::Range;

use serde::Serialize;

pub use self::dictionary::Dictionary;
pub use self::error::DictionaryError;
use crate::record::Term;

/// A term found in a text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Match {
    /// The term.
    pub term: Term,
    /// The bytes of the text that name it, without version and particle.
    pub span: Range<usize>,
    /// Why it is believed.
    pub rule: Rule,
    /// How firmly, from 0 to 1.
    pub confidence: f32,
}

/// Why a mention is believed to be the term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A name that means nothing else.
    Name,
    /// A Korean name with a particle or an end after it.
    Korean,
    /// An ordinary word with a word of the trade beside it: `Go developer`, `C언어`.
    Word,
    /// An ordinary word in a list with another term: `Python, R`.
    Listed,
    /// An ordinary word with a version: `React 18`.
    Version,
    /// An ordinary word that is the whole text, as a skill tag is.
    Alone,
    /// An ordinary word, written as the name is, in a sentence about technology.
    Nearby,
}

impl Rule {
    /// The name in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Korean => "korean",
            Self::Word => "word",
            Self::Listed => "listed",
            Self::Version => "version",
            Self::Alone => "alone",
            Self::Nearby => "nearby",
        }
    }

    /// How far the rule is trusted: an order for readers, not a probability.
    pub const fn confidence(self) -> f32 {
        match self {
            Self::Name => 1.0,
            Self::Korean => 0.95,
            Self::Word | Self::Listed => 0.9,
            Self::Version => 0.85,
            Self::Alone | Self::Nearby => 0.7,
        }
    }
}
