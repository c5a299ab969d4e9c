//! From what a selector matched to the texts of a field, the same for every format.

use std::borrow::Cow;
use std::collections::BTreeMap;

use url::Url;

use super::{entry_rules, rejection};
use crate::config::{Pipeline, Rule};
use crate::record::{Entry, Field, Item, Rejection, Values};

/// The part of a text that a rule takes: its expression's first group, put into its template. None where the text is
/// blank or the expression does not match.
fn take(rule: &Rule, text: &str) -> Option<String> {
    let mut value = Cow::Borrowed(text.trim());
    if let Some(regex) = &rule.regex {
        let captures = regex.captures(text)?;
        let group = captures.get(1).or_else(|| captures.get(0))?;
        value = Cow::Owned(group.as_str().trim().to_owned());
    }
    if value.is_empty() {
        return None;
    }
    Some(match &rule.template {
        Some(template) => template.replace("{}", &value),
        None => value.into_owned(),
    })
}

/// The first text that a rule takes from what its selector matches.
pub(super) fn first(rule: &Rule, candidates: impl IntoIterator<Item = String>) -> Option<String> {
    candidates.into_iter().find_map(|text| take(rule, &text))
}

/// The texts that a rule gives its field from what its selector matches. A field that holds one value takes the first
/// that is not blank.
pub(super) fn texts(
    field: Field,
    rule: &Rule,
    candidates: impl IntoIterator<Item = String>,
) -> Vec<String> {
    if field.takes_all() {
        let taken = candidates.into_iter().filter_map(|text| take(rule, &text));
        taken.collect()
    } else {
        first(rule, candidates).into_iter().collect()
    }
}

/// The texts of each rule's field; `candidates` gives what a rule's selector matches.
pub(super) fn fields<'a, C: IntoIterator<Item = String>>(
    rules: impl Iterator<Item = (&'a Field, &'a Rule)>,
    candidates: impl Fn(&'a Rule) -> C,
) -> BTreeMap<Field, Vec<String>> {
    let mut fields = BTreeMap::new();
    for (field, rule) in rules {
        let texts = texts(*field, rule, candidates(rule));
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
    candidates: impl Fn(&'a Rule) -> C,
) -> Result<Item, Rejection> {
    let first = |rule: &'a Option<Rule>| {
        let rule = rule.as_ref()?;
        first(rule, candidates(rule))
    };
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
    Ok(Item { entry, values })
}
