use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml_edit::{Array, ArrayOfTables, Document, DocumentMut, Item, Table, TableLike};

use super::problem::{ConfigError, Position, Problem};

/// A TOML file with the place of each of its keys, and the problems found in it so far.
///
/// serde tells the place of what it cannot read, but not of a value that is well-formed and wrong (a bad selector).
/// Those are named by the path of their key, and the place is looked up here.
pub(super) struct SourceDocument {
    path: PathBuf,
    text: String,
    tree: Document<String>,
    problems: Vec<Problem>,
}

impl SourceDocument {
    /// Parses a file's text as `T`, keeping what is needed to place later problems.
    pub(super) fn parse<T: DeserializeOwned>(
        path: &Path,
        text: String,
    ) -> Result<(Self, T), ConfigError> {
        let document = Self::read(path, text)?;
        let file = document.deserialize(document.table().clone())?;
        Ok((document, file))
    }

    /// Parses a file's text as TOML.
    pub(super) fn read(path: &Path, text: String) -> Result<Self, ConfigError> {
        let tree = Document::parse(text.clone()).map_err(|error| Problem {
            position: error
                .span()
                .map(|span| Position::of_offset(&text, span.start)),
            ..Problem::of_file(path, first_line(error.message()))
        })?;
        Ok(Self {
            path: path.to_owned(),
            text,
            tree,
            problems: Vec::new(),
        })
    }

    /// What the file says.
    pub(super) fn table(&self) -> &Table {
        self.tree.as_table()
    }

    /// A table as `T`: the file's, to which something without a place in it may have been added.
    pub(super) fn deserialize<T: DeserializeOwned>(&self, table: Table) -> Result<T, ConfigError> {
        toml_edit::de::from_document(DocumentMut::from(table)).map_err(|error| {
            let message = first_line(error.message());
            let position = error
                .span()
                .map(|span| Position::of_offset(&self.text, span.start));
            let problem = Problem {
                position: position.or_else(|| self.position(&[])),
                hint: hint_for(&message),
                ..Problem::of_file(&self.path, message)
            };
            problem.into()
        })
    }

    /// Notes a problem at a key, by its path such as `["source", "url"]`; numbers index arrays.
    pub(super) fn problem(
        &mut self,
        key: &[&str],
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        let position = self.position(key);
        self.problems.push(Problem {
            path: self.path.clone(),
            position,
            message: message.into(),
            hint,
        });
    }

    /// Notes an error at a key and gives none, or gives the value.
    pub(super) fn accept<T, E: std::fmt::Display>(
        &mut self,
        key: &[&str],
        result: Result<T, E>,
    ) -> Option<T> {
        result
            .map_err(|error| self.problem(key, error.to_string(), None))
            .ok()
    }

    /// The problems, if there are any, in the order of the file.
    pub(super) fn finish(mut self) -> Result<(), ConfigError> {
        self.problems.sort_by_key(|problem| problem.position);
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(ConfigError(self.problems))
        }
    }

    /// Place of the key, or of the nearest table around it that is written out; else of the preset, which says it then.
    fn position(&self, key: &[&str]) -> Option<Position> {
        let mut at = At::Table(self.tree.as_table());
        let mut found = None;
        for name in key {
            let (span, next) = match at {
                At::Table(table) => match table.get_key_value(name) {
                    Some((key, item)) => (key.span().or_else(|| item.span()), At::of(item)),
                    None => break,
                },
                At::Tables(tables) => match name.parse().ok().and_then(|at| tables.get(at)) {
                    Some(table) => (table.span(), Some(At::Table(table))),
                    None => break,
                },
                At::Array(array) => match name.parse().ok().and_then(|at| array.get(at)) {
                    Some(value) => {
                        let table = value.as_inline_table();
                        (value.span(), table.map(|table| At::Table(table)))
                    }
                    None => break,
                },
            };
            found = span.or(found);
            let Some(next) = next else { break };
            at = next;
        }
        let preset = || self.tree.key("preset").and_then(toml_edit::Key::span);
        found
            .or_else(preset)
            .map(|span| Position::of_offset(&self.text, span.start))
    }
}

/// Where a walk along a key's path stands.
enum At<'a> {
    Table(&'a dyn TableLike),
    Tables(&'a ArrayOfTables),
    Array(&'a Array),
}

impl<'a> At<'a> {
    fn of(item: &'a Item) -> Option<Self> {
        let tables = item.as_array_of_tables().map(Self::Tables);
        let array = || item.as_array().map(Self::Array);
        let table = || item.as_table_like().map(Self::Table);
        tables.or_else(array).or_else(table)
    }
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}

/// serde says ``unknown field `x`, expected one of `a`, `b` ``: the nearest of those is the hint.
fn hint_for(message: &str) -> Option<String> {
    let unknown = message.starts_with("unknown field") || message.starts_with("unknown variant");
    let mut names = message.split('`').skip(1).step_by(2);
    let wrong = names.next().filter(|_| unknown)?;
    suggestion(wrong, names)
}

/// ``did you mean `x`?``, when one of the known names is near enough to be a slip of the same word.
pub fn suggestion<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known
        .map(|name| (strsim::damerau_levenshtein(wrong, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .min()
        .map(|(_, name)| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_not() {
        let known = ["http", "browser", "file"];
        assert_eq!(
            suggestion("brower", known.into_iter()).unwrap(),
            "did you mean `browser`?"
        );
        assert_eq!(suggestion("kafka", known.into_iter()), None);
    }
}
