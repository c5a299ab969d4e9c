use thiserror::Error;

use crate::config::Position;
use crate::record::TermType;

/// Where the lines of a file begin, to place many bytes of it.
pub(super) struct Lines<'a> {
    pub(super) source: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        let breaks = source.match_indices('\n').map(|(newline, _)| newline + 1);
        Self {
            source,
            starts: std::iter::once(0).chain(breaks).collect(),
        }
    }

    /// The position of a byte.
    pub(super) fn position(&self, offset: usize) -> Position {
        let line = self.starts.partition_point(|&start| start <= offset);
        let before = self.source.get(self.starts[line - 1]..offset).unwrap_or("");
        Position {
            line,
            column: before.chars().count() + 1,
        }
    }
}

/// Why a dictionary cannot be used.
#[derive(Debug, Error)]
pub enum DictionaryError {
    /// The text is no TOML; a name written twice under one type lands here, too.
    #[error("the dictionary is no valid TOML ({position}): {message}")]
    Syntax {
        /// Where the reader stopped.
        position: Position,
        /// What it says.
        message: String,
    },
    /// A table that is no type of technology.
    #[error("unknown type `{name}` ({position})")]
    UnknownType {
        /// The table's name.
        name: String,
        /// Where it stands.
        position: Position,
    },
    /// A key that no term has.
    #[error("unknown key `{key}` in term `{term}` ({position})")]
    UnknownKey {
        /// The term that has it.
        term: String,
        /// The key.
        key: String,
        /// Where it stands.
        position: Position,
    },
    /// A value of the wrong kind.
    #[error("`{place}` must be {expected} ({position})")]
    WrongValue {
        /// The key's path.
        place: String,
        /// What belongs there.
        expected: &'static str,
        /// Where it stands.
        position: Position,
    },
    /// A name or spelling without a letter or digit.
    #[error("empty name or spelling in `{place}` ({position})")]
    Empty {
        /// The key's path.
        place: String,
        /// Where it stands.
        position: Position,
    },
    /// One term defined under two types.
    #[error("term `{name}` is defined twice ({position}), first at {first}")]
    DuplicateTerm {
        /// The term.
        name: String,
        /// Where it stands again.
        position: Position,
        /// Where it stood first.
        first: Position,
    },
    /// One spelling written twice for one term.
    #[error("`{spelling}` is written twice in term `{term}` ({position})")]
    DuplicateSpelling {
        /// The spelling.
        spelling: String,
        /// The term.
        term: String,
        /// Where it stands again.
        position: Position,
    },
    /// One spelling claimed by two terms.
    #[error("`{spelling}` of term `{term}` ({position}) already means `{other}`")]
    Clash {
        /// The spelling, or the one derived from it.
        spelling: String,
        /// The later term.
        term: String,
        /// The earlier term.
        other: String,
        /// Where the later one stands.
        position: Position,
    },
    /// More spellings than the automaton can hold.
    #[error("cannot build the automaton of all spellings")]
    Automaton(#[source] aho_corasick::BuildError),
}

impl DictionaryError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownType { name, .. } => {
                Some(known(name, &TermType::ALL.map(TermType::as_str)))
            }
            Self::UnknownKey { key, .. } => Some(known(key, &super::file::KEYS)),
            Self::WrongValue { .. } => Some(
                r#"a term is written `"Kotlin" = { aliases = ["KT"], korean = ["코틀린"] }`"#
                    .to_owned(),
            ),
            Self::DuplicateTerm { .. } => Some("keep one of the two definitions".to_owned()),
            Self::DuplicateSpelling { .. } => Some(
                "remove one; forms with a hyphen, a line break or no blank are derived".to_owned(),
            ),
            Self::Clash { other, .. } => Some(format!(
                "a spelling belongs to one term: remove it here or from `{other}`"
            )),
            Self::Syntax { .. } | Self::Empty { .. } | Self::Automaton(_) => None,
        }
    }
}

/// The known names, and the nearest one where the given name looks like a slip.
fn known(name: &str, known: &[&str]) -> String {
    let list = known
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    let nearest = known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min();
    match nearest {
        Some((distance, nearest)) if distance <= 2 => {
            format!("did you mean `{nearest}`? known: {list}")
        }
        _ => format!("known: {list}"),
    }
}
