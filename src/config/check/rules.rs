//! Rules and selectors: where a value stands and what becomes of it.

use std::collections::BTreeMap;

use super::{Checker, Language};
use crate::config::document::suggestion;
use crate::config::rule::{Rule, RuleFile, Select};
use crate::record::Field;

impl Checker<'_> {
    pub(super) fn rules(
        &mut self,
        table: &[&str],
        files: BTreeMap<String, RuleFile>,
        language: Language,
    ) -> BTreeMap<Field, Rule> {
        let mut rules = BTreeMap::new();
        for (name, file) in files {
            let key = [table, &[name.as_str()]].concat();
            let Some(field) = self.field(&key, &name) else {
                continue;
            };
            if language == Language::Known {
                self.document
                    .problem(&key, "this format knows its fields: remove the key", None);
                continue;
            }
            if let Some(rule) = self.rule(&key, file, language) {
                rules.insert(field, rule);
            }
        }
        rules
    }

    pub(super) fn field(&mut self, key: &[&str], name: &str) -> Option<Field> {
        let kind = self.kind;
        let known = || {
            Field::ALL
                .iter()
                .filter(move |field| field.kinds().contains(&kind))
                .map(|field| field.as_str())
        };
        if let Some(field) = Field::ALL
            .iter()
            .find(|field| field.as_str() == name && field.kinds().contains(&kind))
        {
            return Some(*field);
        }
        let hint = suggestion(name, known())
            .unwrap_or_else(|| format!("known: `{}`", known().collect::<Vec<_>>().join("`, `")));
        self.document
            .problem(key, format!("a {kind} has no field `{name}`"), Some(hint));
        None
    }

    pub(super) fn rule(
        &mut self,
        key: &[&str],
        file: RuleFile,
        language: Language,
    ) -> Option<Rule> {
        let select = match (file.css, file.json, language) {
            (Some(css), None, Language::Css) => {
                let select = self.css(&[key, &["css"]].concat(), &css)?;
                match (select, file.attr) {
                    (Select::Css { selector, text, .. }, attr) => Select::Css {
                        selector,
                        attr,
                        text,
                    },
                    (json, _) => json,
                }
            }
            (None, Some(json), Language::Json) => {
                if file.attr.is_some() {
                    self.document.problem(
                        &[key, &["attr"]].concat(),
                        "`attr` goes with `css`",
                        None,
                    );
                }
                self.json(&[key, &["json"]].concat(), &json)?
            }
            (None, None, _) => {
                self.document
                    .problem(key, "nothing is selected: give `css` or `json`", None);
                return None;
            }
            (Some(_), Some(_), _) => {
                self.document
                    .problem(key, "`css` and `json` exclude each other", None);
                return None;
            }
            (_, _, Language::Json) => {
                self.document
                    .problem(key, "this page is JSON: select with `json`", None);
                return None;
            }
            (_, _, _) => {
                self.document
                    .problem(key, "this page is HTML: select with `css`", None);
                return None;
            }
        };
        let regex = match file.regex {
            None => None,
            Some(pattern) => Some(self.regex(&[key, &["regex"]].concat(), &pattern)?),
        };
        if file
            .template
            .as_ref()
            .is_some_and(|template| template.matches("{}").count() != 1)
        {
            let key = [key, &["template"]].concat();
            self.document
                .problem(&key, "a template has one `{}`, where the value goes", None);
            return None;
        }
        Some(Rule {
            select,
            regex,
            template: file.template,
            transform: file.transform,
            required: file.required,
        })
    }

    pub(super) fn regex(&mut self, key: &[&str], pattern: &str) -> Option<regex::Regex> {
        // A pattern's program is bounded, so that a file cannot eat a Pi's memory.
        let built = regex::RegexBuilder::new(pattern)
            .size_limit(1 << 20)
            .build();
        self.document.accept(
            key,
            built.map_err(|error| {
                let reason = error.to_string();
                format!(
                    "bad regular expression: {}",
                    reason
                        .lines()
                        .last()
                        .unwrap_or_default()
                        .trim_start_matches("error: ")
                )
            }),
        )
    }

    pub(super) fn css(&mut self, key: &[&str], text: &str) -> Option<Select> {
        let parsed = scraper::Selector::parse(text)
            .map_err(|error| format!("bad CSS selector `{text}`: {error}"));
        let selector = self.document.accept(key, parsed)?;
        Some(Select::Css {
            selector,
            attr: None,
            text: text.to_owned(),
        })
    }

    pub(super) fn json(&mut self, key: &[&str], text: &str) -> Option<Select> {
        let parsed = serde_json_path::JsonPath::parse(text)
            .map_err(|error| format!("bad JSONPath `{text}`: {error}"));
        let path = self.document.accept(key, parsed)?;
        Some(Select::Json {
            path,
            text: text.to_owned(),
        })
    }
}
