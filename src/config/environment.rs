use std::collections::BTreeMap;
use std::fmt;

/// The process's environment, as far as configuration reads it. Taken once, in `main`; tests and `demo` bring their own.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, Secret>);

/// A value that is never printed, logged or stored. It is read on the wire only.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself. Whoever calls this sends it, and does nothing else with it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// A `${…}` without a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MissingVariable {
    /// `${NAME}` and no such variable.
    #[error("environment variable `{0}` is not set")]
    Variable(String),
    /// `${file:PATH}` and the file cannot be read.
    #[error("cannot read secret file `{path}`: {reason}")]
    File {
        /// The path.
        path: String,
        /// Why.
        reason: String,
    },
}

impl Environment {
    /// The environment of these variables.
    pub fn of<K: Into<String>, V: Into<String>>(
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        Self(
            variables
                .into_iter()
                .map(|(name, value)| (name.into(), Secret::new(value)))
                .collect(),
        )
    }

    /// The process's own variables; those that are not Unicode are left out.
    pub fn of_process() -> Self {
        Self::of(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    /// A variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(Secret::expose)
            .filter(|value| !value.is_empty())
    }

    /// The names and values of the variables whose names begin so.
    pub fn starting_with<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0
            .iter()
            .filter(move |(name, _)| name.starts_with(prefix))
            .map(|(name, value)| (name.as_str(), value.expose()))
    }

    /// Sets a variable that the process does not have.
    pub fn set_default(&mut self, name: &str, value: &str) {
        self.0
            .entry(name.to_owned())
            .or_insert_with(|| Secret::new(value));
    }

    /// The value of a placeholder: a variable's name, or `file:` and a path.
    pub fn resolve(&self, name: &str) -> Result<Secret, MissingVariable> {
        let Some(path) = name.strip_prefix("file:") else {
            return self
                .get(name)
                .map(Secret::new)
                .ok_or_else(|| MissingVariable::Variable(name.to_owned()));
        };
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Secret::new(text.trim_end_matches(['\r', '\n']))),
            Err(error) => Err(MissingVariable::File {
                path: path.to_owned(),
                reason: error.to_string(),
            }),
        }
    }
}

/// The names in the `${…}` of a text, in its order.
pub fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.split("${")
        .skip(1)
        .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

/// The text with every `${…}` replaced by what `value` gives for its name.
pub fn fill<E>(text: &str, mut value: impl FnMut(&str) -> Result<String, E>) -> Result<String, E> {
    let mut parts = text.split("${");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        if let Some((name, rest)) = part.split_once('}') {
            filled.push_str(&value(name)?);
            filled.push_str(rest);
        } else {
            filled.push_str("${");
            filled.push_str(part);
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_found_and_filled() {
        let text = "a=${KEY}&b=${file:/run/key}&c=${open";
        assert_eq!(
            placeholders(text).collect::<Vec<_>>(),
            ["KEY", "file:/run/key"]
        );
        let filled = fill(text, |name| Ok::<_, ()>(format!("<{name}>"))).unwrap();
        assert_eq!(filled, "a=<KEY>&b=<file:/run/key>&c=${open");
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let environment = Environment::of([("KMA_SERVICE_KEY", "s3cret")]);
        assert!(
            !format!(
                "{environment:?} {:?}",
                environment.resolve("KMA_SERVICE_KEY")
            )
            .contains("s3cret")
        );
    }
}
