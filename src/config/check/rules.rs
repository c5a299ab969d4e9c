//! Rules and selectors: where a value stands and what becomes of it.

use std::collections::BTreeMap;

use scraper::Selector;

use super::{Checker, Groups, Language};
use crate::config::document::suggestion;
use crate::config::rule::{
    Choice, Conversion, Pick, Read, Rule, RuleFile, Select, TransformFile, Within,
};
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
        let required = file.required;
        let choice = self.choice(key, file, language)?;
        Some(Rule { choice, required })
    }

    fn choice(&mut self, key: &[&str], mut file: RuleFile, language: Language) -> Option<Choice> {
        let (any, all) = (file.any.take(), file.all.take());
        let (name, rules) = match (any, all) {
            (None, None) => {
                let pick = self.pick(key, file, language)?;
                return Some(Choice::One(Box::new(pick)));
            }
            (Some(rules), None) => ("any", rules),
            (None, Some(rules)) => ("all", rules),
            (Some(_), Some(_)) => {
                self.document
                    .problem(key, "`any` and `all` exclude each other", None);
                return None;
            }
        };
        if file.says_more_than_required() {
            let hint = Some(format!("put it into the rules of `{name}`"));
            let message = format!("beside `{name}` stands nothing but `required`");
            self.document.problem(key, message, hint);
            return None;
        }
        if rules.is_empty() {
            self.document
                .problem(key, format!("`{name}` holds no rule"), None);
            return None;
        }
        let count = rules.len();
        let mut choices = Vec::with_capacity(count);
        for (index, rule) in rules.into_iter().enumerate() {
            let index = index.to_string();
            let key = [key, &[name, &index]].concat();
            if rule.required {
                let hint = Some(format!("put it beside `{name}`"));
                let message = format!("`required` stands in a rule of `{name}`");
                self.document.problem(&key, message, hint);
            }
            choices.extend(self.choice(&key, rule, language));
        }
        if choices.len() < count {
            return None;
        }
        Some(if name == "any" {
            Choice::Any(choices)
        } else {
            Choice::All(choices)
        })
    }

    fn pick(&mut self, key: &[&str], file: RuleFile, language: Language) -> Option<Pick> {
        let no_group = match self.groups {
            Groups::Found => None,
            Groups::Unknown => Some((
                "nothing finds the group of an entry",
                "name what holds or heads the entries in `[list]`, such as `group = \"h2\"`",
            )),
            Groups::Left => Some((
                "the page behind an entry is in no group",
                "read it from the list, in `[list.fields]`",
            )),
        };
        if let (Within::Group, Some((message, hint))) = (file.within, no_group) {
            let key = [key, &["in"]].concat();
            self.document.problem(&key, message, Some(hint.to_owned()));
            return None;
        }
        let (select, read) = match language {
            Language::Json => self.place_in_json(key, &file)?,
            Language::Css | Language::Known => self.place_in_html(key, &file)?,
        };
        let first = file
            .regex
            .into_iter()
            .map(TransformFile::Regex)
            .chain(file.template.into_iter().map(TransformFile::Template));
        let mut conversions = Vec::new();
        for (transform, names) in first.map(|transform| (transform, true)).chain(
            file.transforms
                .0
                .into_iter()
                .map(|transform| (transform, false)),
        ) {
            conversions.push(match transform {
                TransformFile::Named(transform) => Conversion::Transform(transform),
                TransformFile::Regex(pattern) => {
                    let name = if names { "regex" } else { "as" };
                    Conversion::Regex(self.regex(&[key, &[name]].concat(), &pattern)?)
                }
                TransformFile::Template(template) => {
                    if template.matches("{}").count() != 1 {
                        let name = if names { "template" } else { "as" };
                        let message = "a template has one `{}`, where the value goes";
                        self.document
                            .problem(&[key, &[name]].concat(), message, None);
                        return None;
                    }
                    Conversion::Template(template)
                }
            });
        }
        Some(Pick {
            within: file.within,
            select,
            read,
            conversions,
        })
    }

    fn place_in_json(&mut self, key: &[&str], file: &RuleFile) -> Option<(Select, Read)> {
        let of_html = [
            ("css", file.css.is_some()),
            ("table", file.table.is_some()),
            ("attr", file.attr.is_some()),
            ("own_text", file.own_text),
            ("without", file.without.is_some()),
        ];
        if let Some((name, _)) = of_html.into_iter().find(|(_, given)| *given) {
            let message = match name {
                "attr" | "own_text" | "without" => format!("`{name}` goes with `css`"),
                name => format!("this page is JSON: select with `json`, not `{name}`"),
            };
            self.document
                .problem(&[key, &[name]].concat(), message, None);
            return None;
        }
        let Some(path) = &file.json else {
            self.document
                .problem(key, "nothing is selected: give `json`", None);
            return None;
        };
        let select = self.json(&[key, &["json"]].concat(), path)?;
        Some((select, Read::Whole))
    }

    fn place_in_html(&mut self, key: &[&str], file: &RuleFile) -> Option<(Select, Read)> {
        let clash = [
            ("attr", "own_text", file.attr.is_some() && file.own_text),
            ("attr", "table", file.attr.is_some() && file.table.is_some()),
            ("own_text", "table", file.own_text && file.table.is_some()),
            ("json", "table", file.json.is_some() && file.table.is_some()),
            ("json", "own_text", file.json.is_some() && file.own_text),
            (
                "attr",
                "without",
                file.attr.is_some() && file.without.is_some(),
            ),
            (
                "own_text",
                "without",
                file.own_text && file.without.is_some(),
            ),
            (
                "table",
                "without",
                file.table.is_some() && file.without.is_some(),
            ),
            (
                "json",
                "without",
                file.json.is_some() && file.without.is_some(),
            ),
        ];
        if let Some((one, other, _)) = clash.into_iter().find(|(_, _, clash)| *clash) {
            let message = format!("`{one}` and `{other}` exclude each other");
            self.document.problem(key, message, None);
            return None;
        }
        let css = match (&file.css, &file.table) {
            (Some(css), _) => css,
            (None, Some(_)) => ":scope",
            (None, None) if file.json.is_some() => {
                let hint =
                    "name the script that holds the JSON, such as `css = \"script#__NEXT_DATA__\"`";
                let message = "this page is HTML: select with `css`";
                self.document.problem(key, message, Some(hint.to_owned()));
                return None;
            }
            (None, None) => {
                self.document
                    .problem(key, "nothing is selected: give `css` or `table`", None);
                return None;
            }
        };
        let Select::Css { selector, text, .. } = self.css(&[key, &["css"]].concat(), css)? else {
            return None;
        };
        let read = match (&file.table, &file.json) {
            (Some(header), _) if header.trim().is_empty() => {
                self.document
                    .problem(&[key, &["table"]].concat(), "a header has a text", None);
                return None;
            }
            (Some(header), _) => Read::Cell(header.clone()),
            (None, Some(path)) => match self.json(&[key, &["json"]].concat(), path)? {
                Select::Json { path, text } => Read::Json { path, text },
                Select::Css { .. } => return None,
            },
            (None, None) if file.own_text => Read::OwnText,
            (None, None) => match &file.without {
                Some(left_out) => {
                    Read::Without(self.selector(&[key, &["without"]].concat(), left_out)?)
                }
                None => Read::Whole,
            },
        };
        let attr = file.attr.clone();
        let select = Select::Css {
            selector,
            attr,
            text,
        };
        Some((select, read))
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
        Some(Select::Css {
            selector: self.selector(key, text)?,
            attr: None,
            text: text.to_owned(),
        })
    }

    fn selector(&mut self, key: &[&str], text: &str) -> Option<Selector> {
        // What the parser says of a text that it cannot begin with spans lines, and asks for a report.
        let parsed = Selector::parse(text).map_err(|error| {
            let error = error.to_string();
            match (text.starts_with('$'), error.lines().count()) {
                (true, _) => format!("bad CSS selector `{text}`: a JSONPath goes with `extract = \"json\"` or `json =`"),
                (false, 1) => format!("bad CSS selector `{text}`: {error}"),
                (false, _) => format!("bad CSS selector `{text}`: it selects nothing"),
            }
        });
        self.document.accept(key, parsed)
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
