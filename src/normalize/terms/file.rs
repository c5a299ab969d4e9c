//! Reads dictionary files: TOML in, [`Entry`] values out, each problem named with its line.

use std::collections::HashMap;

use toml_edit::{Document, Item, TableLike, Value};

use super::error::{DictionaryError, Lines};
use crate::config::Position;
use crate::record::{Term, TermType};

/// The keys of a term.
pub(super) const KEYS: [&str; 7] = [
    "aliases",
    "korean",
    "exact",
    "ambiguous",
    "near",
    "never",
    "strict",
];

/// How much a spelling alone says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Care {
    /// Means the term in any case.
    Plain,
    /// Means the term when written in exactly this case.
    Exact,
    /// Also an ordinary word: the surroundings must speak for the term.
    Ambiguous,
}

/// One way of writing a term.
#[derive(Debug, Clone)]
pub(super) struct Spelling {
    pub(super) text: String,
    pub(super) care: Care,
    pub(super) position: Position,
}

/// A term with everything the dictionary says about it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) term: Term,
    pub(super) spellings: Vec<Spelling>,
    /// Words of the same sentence that speak for an ambiguous spelling.
    pub(super) near: Vec<String>,
    /// Words right beside a spelling that speak against it.
    pub(super) never: Vec<String>,
    /// An ordinary word in technical texts, too.
    pub(super) strict: bool,
    pub(super) position: Position,
}

/// Reads one file.
pub(super) fn read(source: &str) -> Result<Vec<Entry>, DictionaryError> {
    let lines = &Lines::new(source);
    let document = Document::parse(source).map_err(|error| DictionaryError::Syntax {
        position: lines.position(error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    })?;
    let mut entries = Vec::new();
    let mut seen: HashMap<String, Position> = HashMap::new();
    for (type_name, item) in document.iter() {
        let type_position = position(lines, document.key(type_name), item);
        let Some(kind) = TermType::from_name(type_name) else {
            return Err(DictionaryError::UnknownType {
                name: type_name.to_owned(),
                position: type_position,
            });
        };
        let table = item
            .as_table_like()
            .ok_or_else(|| DictionaryError::WrongValue {
                place: type_name.to_owned(),
                expected: "a table of terms",
                position: type_position,
            })?;
        for (name, item) in table.iter() {
            let entry = read_entry(
                lines,
                kind,
                name,
                position(lines, table.key(name), item),
                item,
            )?;
            if let Some(&first) = seen.get(name) {
                return Err(DictionaryError::DuplicateTerm {
                    name: name.to_owned(),
                    position: entry.position,
                    first,
                });
            }
            seen.insert(name.to_owned(), entry.position);
            entries.push(entry);
        }
    }
    Ok(entries)
}

fn read_entry(
    lines: &Lines,
    kind: TermType,
    name: &str,
    place: Position,
    item: &Item,
) -> Result<Entry, DictionaryError> {
    let table = item
        .as_table_like()
        .ok_or_else(|| DictionaryError::WrongValue {
            place: name.to_owned(),
            expected: "a table",
            position: place,
        })?;
    for (key, item) in table.iter() {
        if !KEYS.contains(&key) {
            return Err(DictionaryError::UnknownKey {
                term: name.to_owned(),
                key: key.to_owned(),
                position: position(lines, table.key(key), item),
            });
        }
    }
    let mut entry = Entry {
        term: Term {
            name: name.to_owned(),
            kind,
        },
        spellings: Vec::new(),
        near: texts(lines, name, table, "near")?
            .into_iter()
            .map(|(text, _)| text)
            .collect(),
        never: texts(lines, name, table, "never")?
            .into_iter()
            .map(|(text, _)| text)
            .collect(),
        strict: flag(lines, name, table, "strict")?,
        position: place,
    };
    for (key, care) in [
        ("exact", Care::Exact),
        ("ambiguous", Care::Ambiguous),
        ("aliases", Care::Plain),
        ("korean", Care::Plain),
    ] {
        for (text, position) in texts(lines, name, table, key)? {
            // `exact` may hold one word in several cases; elsewhere the case makes no difference.
            let twice = entry
                .spellings
                .iter()
                .any(|spelling| match (care, spelling.care) {
                    (Care::Exact, Care::Exact) | (Care::Ambiguous, Care::Ambiguous) => {
                        spelling.text == text
                    }
                    _ => spelling.text.eq_ignore_ascii_case(&text),
                });
            if twice || care == Care::Plain && text.eq_ignore_ascii_case(name) {
                return Err(DictionaryError::DuplicateSpelling {
                    spelling: text,
                    term: name.to_owned(),
                    position,
                });
            }
            entry.spellings.push(Spelling {
                text,
                care,
                position,
            });
        }
    }
    if !has_substance(name) {
        return Err(DictionaryError::Empty {
            place: format!("{kind}.\"{name}\""),
            position: place,
        });
    }
    if !entry
        .spellings
        .iter()
        .any(|spelling| spelling.text.eq_ignore_ascii_case(name))
    {
        entry.spellings.insert(
            0,
            Spelling {
                text: name.to_owned(),
                care: Care::Plain,
                position: place,
            },
        );
    }
    Ok(entry)
}

/// The texts of an array, each with its place.
fn texts(
    lines: &Lines,
    term: &str,
    table: &dyn TableLike,
    key: &str,
) -> Result<Vec<(String, Position)>, DictionaryError> {
    let Some(item) = table.get(key) else {
        return Ok(Vec::new());
    };
    let wrong = |position| DictionaryError::WrongValue {
        place: format!("{term}.{key}"),
        expected: "a list of texts",
        position,
    };
    let array = item
        .as_array()
        .ok_or_else(|| wrong(position(lines, table.key(key), item)))?;
    let mut texts = Vec::with_capacity(array.len());
    for value in array {
        let position = value_position(lines, value);
        let text = value.as_str().ok_or_else(|| wrong(position))?;
        if !has_substance(text) || text.trim() != text {
            return Err(DictionaryError::Empty {
                place: format!("{term}.{key}"),
                position,
            });
        }
        texts.push((text.to_owned(), position));
    }
    Ok(texts)
}

fn flag(
    lines: &Lines,
    term: &str,
    table: &dyn TableLike,
    key: &str,
) -> Result<bool, DictionaryError> {
    let Some(item) = table.get(key) else {
        return Ok(false);
    };
    item.as_bool().ok_or_else(|| DictionaryError::WrongValue {
        place: format!("{term}.{key}"),
        expected: "`true` or `false`",
        position: position(lines, table.key(key), item),
    })
}

fn has_substance(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

fn position(lines: &Lines, key: Option<&toml_edit::Key>, item: &Item) -> Position {
    let span = key.and_then(toml_edit::Key::span).or_else(|| item.span());
    lines.position(span.map_or(0, |span| span.start))
}

fn value_position(lines: &Lines, value: &Value) -> Position {
    lines.position(value.span().map_or(0, |span| span.start))
}
