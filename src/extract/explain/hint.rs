//! What may have been meant by a selector that matches nothing.

use std::collections::BTreeSet;

use scraper::{ElementRef, Selector};
use serde_json::Value;
use serde_json_path::JsonPath;

use super::document::Place;
use super::selector::{self, Part};
use crate::config::{Select, suggestion};

/// Most places that are searched: a list's entries are alike, and every try of a selector walks each of them.
const MAX_PLACES: usize = 20;

/// Most names that are listed: more is no hint.
const MAX_NAMES: usize = 12;

/// What may have been meant, for people to read; the selector matches nothing in these places.
pub(super) fn of(select: &Select, places: &[Place<'_>]) -> Vec<String> {
    let places = &places[..places.len().min(MAX_PLACES)];
    match select {
        Select::Css { text, .. } => {
            let elements: Vec<_> = places
                .iter()
                .filter_map(|place| match place {
                    Place::Html(element) => Some(*element),
                    Place::Json(_) => None,
                })
                .collect();
            of_css(text, &elements)
        }
        Select::Json { text, .. } => {
            let nodes: Vec<_> = places
                .iter()
                .filter_map(|place| match place {
                    Place::Json(node) => Some(*node),
                    Place::Html(_) => None,
                })
                .collect();
            of_json(text, &nodes).into_iter().collect()
        }
    }
}

fn of_css(text: &str, elements: &[ElementRef<'_>]) -> Vec<String> {
    let (classes, ids) = names(elements);
    let mut hints = Vec::new();
    let mut simplest: Option<(usize, String, usize)> = None;
    for alternative in selector::alternatives(text) {
        let parts = selector::parts(alternative);
        let is_absent = |part: &Part| match part {
            Part::Class(name) => !classes.contains(name.as_str()),
            Part::Id(name) => !ids.contains(name.as_str()),
            Part::Combinator(_) | Part::Other(_) => false,
        };
        for part in parts.iter().filter(|part| is_absent(part)) {
            let (what, name, known) = match part {
                Part::Class(name) => ("class", name, &classes),
                Part::Id(name) => ("id", name, &ids),
                Part::Combinator(_) | Part::Other(_) => continue,
            };
            let near = suggestion(name, known.iter().copied())
                .map_or_else(String::new, |meant| format!("; {meant}"));
            let hint = format!("nothing in it has the {what} `{name}`{near}");
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
        for (weight, simpler) in selector::simpler(&parts, is_absent) {
            if simplest
                .as_ref()
                .is_some_and(|(heaviest, ..)| *heaviest >= weight)
            {
                continue;
            }
            let matches = count(&simpler, elements);
            if matches > 0 {
                simplest = Some((weight, simpler, matches));
            }
        }
    }
    if let Some((_, simpler, matches)) = simplest {
        hints.insert(0, format!("`{simpler}` matches {matches}"));
    }
    hints
}

fn count(text: &str, elements: &[ElementRef<'_>]) -> usize {
    let Ok(selector) = Selector::parse(text) else {
        return 0;
    };
    let within = |element: &ElementRef<'_>| element.select(&selector).count();
    let itself = |element: &ElementRef<'_>| usize::from(selector.matches(element));
    elements
        .iter()
        .map(|element| itself(element) + within(element))
        .sum()
}

/// The classes and ids of some elements and all that is in them.
fn names<'a>(elements: &[ElementRef<'a>]) -> (BTreeSet<&'a str>, BTreeSet<&'a str>) {
    let (mut classes, mut ids) = (BTreeSet::new(), BTreeSet::new());
    let all = elements.iter().flat_map(|element| element.descendants());
    for element in all.filter_map(ElementRef::wrap) {
        classes.extend(element.value().classes());
        ids.extend(element.value().id());
    }
    (classes, ids)
}

/// The longest beginning of the path that matches, and what stands there instead of what follows.
fn of_json(text: &str, nodes: &[&Value]) -> Option<String> {
    let segments = selector::segments(text);
    for length in (1..segments.len()).rev() {
        let beginning = segments[..length].concat();
        let Ok(path) = JsonPath::parse(&beginning) else {
            continue;
        };
        let found: Vec<&Value> = nodes
            .iter()
            .flat_map(|node| path.query(node).all())
            .collect();
        if found.is_empty() {
            continue;
        }
        let wanted = segments[length];
        return Some(format!(
            "`{beginning}` matches {}, `{wanted}` nothing in it: {}",
            found.len(),
            inside(&beginning, wanted, &found)
        ));
    }
    None
}

fn inside(beginning: &str, wanted: &str, found: &[&Value]) -> String {
    let mut keys: Vec<&str> = Vec::new();
    for key in found
        .iter()
        .filter_map(|value| value.as_object())
        .flat_map(|object| object.keys())
    {
        if !keys.contains(&key.as_str()) {
            keys.push(key);
        }
    }
    let name = wanted.trim_matches(|c: char| ".[]'\"".contains(c));
    if let Some(meant) = suggestion(name, keys.iter().copied()) {
        return meant;
    }
    if !keys.is_empty() {
        let more = if keys.len() > MAX_NAMES { ", …" } else { "" };
        keys.truncate(MAX_NAMES);
        return format!("it has `{}`{more}", keys.join("`, `"));
    }
    match found.first() {
        Some(Value::Array(list)) if list.is_empty() => "it is an empty list".to_owned(),
        Some(Value::Array(_)) if !wanted.starts_with('[') => {
            format!("it is a list; `{beginning}[*]` is each of its elements")
        }
        Some(Value::Array(list)) => format!("it is a list of {}", list.len()),
        Some(Value::Object(_)) => "it is an empty object".to_owned(),
        Some(Value::Null) => "it is null".to_owned(),
        _ => "it is a single value".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::html::tree;

    fn css(selector: &str, page: &str) -> Vec<String> {
        let html = tree::parse(page).unwrap();
        of_css(selector, &[html.root_element()])
    }

    const BOARD: &str = "<ul class='jobs'><li class='job-row'><a href='/1'>One</a></li>\
        <li class='job-row'><a href='/2'>Two</a></li></ul>";

    #[test]
    fn a_class_that_was_renamed_is_told_with_the_nearest_one() {
        assert_eq!(
            css("ul.jobs > li.job_row a", BOARD),
            [
                "`ul.jobs > li a` matches 2",
                "nothing in it has the class `job_row`; did you mean `job-row`?"
            ]
        );
    }

    #[test]
    fn the_beginning_that_still_matches_is_told_when_the_rest_is_gone() {
        assert_eq!(
            css("ul.jobs > li.job-row time", BOARD),
            ["`ul.jobs > li.job-row` matches 2"]
        );
    }

    #[test]
    fn a_child_that_is_a_descendant_now_is_found_with_what_stands_around_it() {
        let page = "<main><h1>x</h1><div><section class='text'>y</section></div></main>";
        assert_eq!(css("main > .text", page), ["`main .text` matches 1"]);
    }

    #[test]
    fn nothing_is_made_up_for_a_page_that_has_nothing_of_it() {
        assert!(css("article", "<p>x</p>").is_empty());
    }

    #[test]
    fn a_json_path_is_followed_to_where_it_breaks() {
        let document = json!({"jobs": [{"id": 1, "company": {"name_ko": "가", "id": 3}}]});
        let hint = |path: &str| of_json(path, &[&document]).unwrap();
        insta::assert_snapshot!(hint("$.job[*].id"), @"`$` matches 1, `.job` nothing in it: did you mean `jobs`?");
        insta::assert_snapshot!(hint("$.jobs[*].company.title"), @"`$.jobs[*].company` matches 1, `.title` nothing in it: it has `id`, `name_ko`");
        insta::assert_snapshot!(hint("$.jobs.id"), @"`$.jobs` matches 1, `.id` nothing in it: it is a list; `$.jobs[*]` is each of its elements");
        insta::assert_snapshot!(hint("$['jobs'][0]['idd']"), @"`$['jobs'][0]` matches 1, `['idd']` nothing in it: did you mean `id`?");
    }
}
