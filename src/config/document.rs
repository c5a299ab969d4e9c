use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml_edit::{ArrayOfTables, Document, TableLike};

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
        let at = |span: Option<std::ops::Range<usize>>| {
            span.map(|span| Position::of_offset(&text, span.start))
        };
        let tree = Document::parse(text.clone()).map_err(|error| Problem {
            position: at(error.span()),
            ..Problem::of_file(path, first_line(error.message()))
        })?;
        let file = toml_edit::de::from_document::<T>(tree.clone()).map_err(|error| {
            let message = first_line(error.message());
            Problem {
                position: at(error.span()),
                hint: hint_for(&message),
                ..Problem::of_file(path, message)
            }
        })?;
        Ok((
            Self {
                path: path.to_owned(),
                text,
                tree,
                problems: Vec::new(),
            },
            file,
        ))
    }

    /// Notes a problem at a key, by its path such as `["source", "url"]`; numbers index arrays of tables.
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

    /// Place of the key, or of the nearest table around it that is written out.
    fn position(&self, key: &[&str]) -> Option<Position> {
        let mut table: &dyn TableLike = self.tree.as_table();
        let mut array: Option<&ArrayOfTables> = None;
        let mut found = None;
        for name in key {
            if let Some(tables) = array.take() {
                let Some(next) = name.parse().ok().and_then(|index| tables.get(index)) else {
                    break;
                };
                found = next.span().or(found);
                table = next;
                continue;
            }
            let Some((key, value)) = table.get_key_value(name) else {
                break;
            };
            found = key.span().or_else(|| value.span()).or(found);
            match (value.as_array_of_tables(), value.as_table_like()) {
                (Some(tables), _) => array = Some(tables),
                (None, Some(next)) => table = next,
                (None, None) => break,
            }
        }
        found.map(|span| Position::of_offset(&self.text, span.start))
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
