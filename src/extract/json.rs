//! JSON by JSONPath (RFC 9535).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde_json::Value;
use serde_json_path::JsonPath;
use url::Url;

use super::elements::ListPath;
use super::{ExtractError, OnEntry, css, group, leads_on, long_number, surrogate, value};
use crate::config::{Paging, Pick, Pipeline, Select};
use crate::html::decode;
use crate::record::{Field, LINES, Next, Page};

/// How much of a page that is no JSON stands in the message.
const START_CHARS: usize = 60;

pub(super) fn read_list(
    pipeline: &Pipeline,
    item: &JsonPath,
    page: &Page,
    on_entry: &mut OnEntry<'_>,
) -> Result<Next, ExtractError> {
    if let Some(list) = long_list(pipeline, item) {
        return read_long_list(pipeline, item, &list, page, on_entry);
    }
    let document = list_document(pipeline, item, page)?;
    if let Some(list) = list_of(item)
        && list.query(&document).is_empty()
    {
        return Err(ExtractError::NoList {
            url: page.url.to_string(),
            path: list.to_string(),
        });
    }
    // Whoever breaks off asks for no more.
    let _ = entries(pipeline, item, &document, &page.url, on_entry);
    Ok(next(pipeline, &document, &page.url))
}

/// The list of a pipeline's pages, where its elements can be read without all the others in memory.
fn long_list(pipeline: &Pipeline, item: &JsonPath) -> Option<ListPath> {
    let list = ListPath::of(item)?;
    let stands_alone = pipeline.list.script.is_none() && pipeline.list.group.is_none();
    let leads_on_beside = match leads_on(pipeline) {
        Some((_, Select::Json { path, .. })) => list.is_beside(path),
        _ => true,
    };
    (stands_alone && leads_on_beside).then_some(list)
}

fn read_long_list(
    pipeline: &Pipeline,
    item: &JsonPath,
    list: &ListPath,
    page: &Page,
    on_entry: &mut OnEntry<'_>,
) -> Result<Next, ExtractError> {
    let decoded = decode(&page.body, page.content_type.as_deref());
    let text = lossless(&decoded.text);
    let not_json = |source| not_json(page, &decoded.text, source);
    let outline = list.outline(&text).map_err(not_json)?;
    let outline = outline.ok_or_else(|| ExtractError::NoList {
        url: page.url.to_string(),
        path: list_of(item).unwrap_or_else(|| item.clone()).to_string(),
    })?;
    let mut number = 0;
    list.elements(&text, &mut |node| {
        number += 1;
        on_entry(value::item(pipeline, &page.url, number, |pick| {
            candidates(pick, &node)
        }))
    })
    .map_err(not_json)?;
    Ok(next(pipeline, &outline, &page.url))
}

fn not_json(page: &Page, text: &str, source: serde_json::Error) -> ExtractError {
    ExtractError::NotJson {
        url: page.url.to_string(),
        source,
        start: text.trim_start().chars().take(START_CHARS).collect(),
    }
}

/// The document that the list stands in: the page, or what a script on it holds. Of several scripts it is the first that
/// has the list.
pub(super) fn list_document(
    pipeline: &Pipeline,
    item: &JsonPath,
    page: &Page,
) -> Result<Value, ExtractError> {
    let Some(Select::Css {
        selector,
        attr,
        text,
    }) = &pipeline.list.script
    else {
        return parse(page);
    };
    let list = list_of(item);
    let list = list.as_ref().unwrap_or(item);
    let html = css::parse(page)?;
    let mut first = None;
    for element in html.select(selector) {
        for document in css::documents(element, attr.as_deref()) {
            if !list.query(&document).is_empty() {
                return Ok(document);
            }
            first.get_or_insert(document);
        }
    }
    first.ok_or_else(|| ExtractError::NoScript {
        url: page.url.to_string(),
        selector: text.clone(),
    })
}

/// Hands over the entries of a document.
pub(super) fn entries(
    pipeline: &Pipeline,
    item: &JsonPath,
    document: &Value,
    base: &Url,
    on_entry: &mut OnEntry<'_>,
) -> ControlFlow<()> {
    let group = match &pipeline.list.group {
        Some(Select::Json { path, .. }) => Some(path),
        _ => None,
    };
    let entries = group::in_json(document, item, group);
    for (index, entry) in entries.into_iter().enumerate() {
        let candidates = |pick| {
            let place = entry.place(pick);
            place.map_or_else(Vec::new, |node| candidates(pick, node))
        };
        on_entry(value::item(pipeline, base, index + 1, candidates))?;
    }
    ControlFlow::Continue(())
}

/// The list that holds the entries of a path such as `$.jobs[*]`. An empty one is no error of the page; none is.
fn list_of(item: &JsonPath) -> Option<JsonPath> {
    let text = item.to_string();
    let list = text.strip_suffix("[*]").or(text.strip_suffix(".*"))?;
    JsonPath::parse(list).ok()
}

pub(super) fn detail(
    pipeline: &Pipeline,
    page: &Page,
) -> Result<BTreeMap<Field, Vec<String>>, ExtractError> {
    let document = parse(page)?;
    Ok(value::fields(pipeline.fields.iter(), |pick| {
        candidates(pick, &document)
    }))
}

/// A text of JSON as its parser takes it without a loss: with no halves of characters, and with the numbers that it cannot
/// hold as texts.
pub(super) fn lossless(text: &str) -> Cow<'_, str> {
    match surrogate::mended(text) {
        Cow::Borrowed(text) => long_number::quoted(text),
        Cow::Owned(text) => Cow::Owned(long_number::quoted(&text).into_owned()),
    }
}

pub(super) fn parse(page: &Page) -> Result<Value, ExtractError> {
    let body = match page.content_type.as_deref() {
        // Where one document is asked for, the first line of a piece of a file stands for the others.
        Some(LINES) => page
            .body
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default(),
        _ => &page.body,
    };
    let decoded = decode(body, page.content_type.as_deref());
    serde_json::from_str(&lossless(&decoded.text))
        .map_err(|source| not_json(page, &decoded.text, source))
}

fn next(pipeline: &Pipeline, document: &Value, base: &Url) -> Next {
    match &pipeline.source.pages.paging {
        Paging::NextLink(Select::Json { path, .. }) => {
            address(path, document, base).map(Next::Page)
        }
        Paging::CursorParam {
            cursor: Select::Json { path, .. },
            ..
        } => token(path, document).map(Next::Cursor),
        _ => None,
    }
    .unwrap_or_default()
}

fn address(path: &JsonPath, document: &Value, base: &Url) -> Option<Url> {
    let link = path.query(document).first()?.as_str()?.trim();
    if link.is_empty() {
        return None;
    }
    base.join(link).ok()
}

/// A cursor is a text or a number; `false`, like null, is how some say that there is none.
fn token(path: &JsonPath, document: &Value) -> Option<String> {
    let cursor = match path.query(document).first()? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    Some(cursor).filter(|cursor| !cursor.trim().is_empty())
}

/// The nodes that a pick's path matches.
pub(super) fn nodes<'a>(pick: &Pick, node: &'a Value) -> Vec<&'a Value> {
    match &pick.select {
        Select::Json { path, .. } => path.query(node).all(),
        Select::Css { .. } => Vec::new(),
    }
}

/// The texts of the nodes that a pick's path matches.
pub(super) fn candidates(pick: &Pick, node: &Value) -> Vec<String> {
    texts(nodes(pick, node))
}

/// The texts of nodes; a list gives each of its elements.
pub(super) fn texts(nodes: Vec<&Value>) -> Vec<String> {
    let mut texts = Vec::new();
    for found in nodes {
        match found {
            Value::Array(elements) => texts.extend(elements.iter().filter_map(scalar)),
            other => texts.extend(scalar(other)),
        }
    }
    texts
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
