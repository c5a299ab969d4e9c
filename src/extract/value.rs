//! From what a selector matched to the texts of a field, the same for every format.

use std::borrow::Cow;
use std::collections::BTreeMap;

use url::Url;

use super::{entry_rules, rejection};
use crate::config::{Choice, Conversion, Pick, Pipeline, Rule, Transform};
use crate::html::text;
use crate::record::{Entry, Field, Item, Rejection, Values};

/// What a pick makes of a text, step by step. None where nothing is left of it, or an expression does not match.
fn take(pick: &Pick, text: &str) -> Option<String> {
    let mut value = Cow::Borrowed(text);
    for conversion in &pick.conversions {
        value = match conversion {
            Conversion::Regex(regex) => {
                let captures = regex.captures(&value)?;
                let group = captures.get(1).or_else(|| captures.get(0))?;
                Cow::Owned(group.as_str().trim().to_owned())
            }
            // A template makes something of nothing.
            Conversion::Template(_) if value.trim().is_empty() => return None,
            Conversion::Template(template) => Cow::Owned(template.replace("{}", value.trim())),
            Conversion::Transform(Transform::HtmlText) => Cow::Owned(text::of_escaped_html(&value)),
            Conversion::Transform(Transform::Trim) => {
                Cow::Owned(value.split_whitespace().collect::<Vec<_>>().join(" "))
            }
            // What a field is, `normalize` reads.
            Conversion::Transform(Transform::Date | Transform::Number | Transform::AbsoluteUrl) => {
                value
            }
        };
    }
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

/// How many of a pick's texts count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    /// The first that is not blank.
    First,
    /// Every one.
    Every,
}

impl Count {
    /// A field that holds one value takes the first text.
    pub(super) const fn of(field: Field) -> Self {
        if field.takes_all() {
            Self::Every
        } else {
            Self::First
        }
    }
}

/// The texts that a choice takes; `candidates` gives what a pick's selector matches.
pub(super) fn texts<'a, C: IntoIterator<Item = String>>(
    choice: &'a Choice,
    count: Count,
    candidates: &impl Fn(&'a Pick) -> C,
) -> Vec<String> {
    match choice {
        Choice::One(pick) => {
            let taken = candidates(pick)
                .into_iter()
                .filter_map(|text| take(pick, &text));
            match count {
                Count::First => taken.take(1).collect(),
                Count::Every => taken.collect(),
            }
        }
        Choice::Any(choices) => choices
            .iter()
            .map(|choice| texts(choice, count, candidates))
            .find(|texts| !texts.is_empty())
            .unwrap_or_default(),
        Choice::All(choices) => choices
            .iter()
            .flat_map(|choice| texts(choice, count, candidates))
            .collect(),
    }
}

/// The one text that a rule takes; the parts of an `all` are put together.
fn one<'a, C: IntoIterator<Item = String>>(
    rule: &'a Rule,
    candidates: &impl Fn(&'a Pick) -> C,
) -> Option<String> {
    let texts = texts(&rule.choice, Count::First, candidates);
    (!texts.is_empty()).then(|| texts.concat())
}

/// The texts of each rule's field; `candidates` gives what a pick's selector matches.
pub(super) fn fields<'a, C: IntoIterator<Item = String>>(
    rules: impl Iterator<Item = (&'a Field, &'a Rule)>,
    candidates: impl Fn(&'a Pick) -> C,
) -> BTreeMap<Field, Vec<String>> {
    let mut fields = BTreeMap::new();
    for (field, rule) in rules {
        let texts = texts(&rule.choice, Count::of(*field), &candidates);
        if !texts.is_empty() {
            fields.insert(*field, texts);
        }
    }
    fields
}

/// An entry of a list, counted from 1: its identity and what the list says of it.
pub(super) fn item<'a, C: IntoIterator<Item = String>>(
    pipeline: &'a Pipeline,
    base: &Url,
    number: usize,
    candidates: impl Fn(&'a Pick) -> C,
) -> Result<Item, Rejection> {
    let first = |rule: &'a Option<Rule>| one(rule.as_ref()?, &candidates);
    let reject = |reason: String| Err(rejection(base.as_str(), reason, None));
    let Some(link) = first(&pipeline.list.link) else {
        return reject(format!("entry {number} of the list has no link"));
    };
    let url = match base.join(&link) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => url,
        Ok(url) => {
            return reject(format!(
                "entry {number} of the list links to `{}:`",
                url.scheme()
            ));
        }
        Err(error) => {
            return reject(format!(
                "entry {number} of the list links to `{link}`: {error}"
            ));
        }
    };
    let entry = Entry {
        url,
        external_id: first(&pipeline.list.id),
        modified: None,
    };
    let values = Values::Fields(fields(entry_rules(pipeline), candidates));
    Ok(Item {
        entry,
        values,
        noindex: false,
        place: None,
    })
}
