//! A piece of a file: a JSON document a line, or one in all. See [`crate::collect::FileFetcher`] for what stands in it.

use std::ops::ControlFlow;

use serde_json::Value;
use serde_json_path::JsonPath;
use url::Url;

use super::{ExtractError, OnEntry, json, rejection};
use crate::config::Pipeline;
use crate::record::{Item, LINES, Next, Page, Rejection};

/// The entries of a piece, each with its place in the file. A line that cannot be read is a rejection that names it; so is a whole document, as the files
/// after it may be better. The empty piece is the last one.
pub(super) fn read_list(
    pipeline: &Pipeline,
    item: &JsonPath,
    page: &Page,
    on_entry: &mut OnEntry<'_>,
) -> Next {
    if page.body.is_empty() {
        return Next::None;
    }
    // Whoever breaks off asks for no more.
    let _ = match page.content_type.as_deref() {
        Some(LINES) => lines(pipeline, item, page, on_entry),
        _ => document(pipeline, item, page, on_entry),
    };
    Next::Page(page.url.clone())
}

fn document(
    pipeline: &Pipeline,
    item: &JsonPath,
    page: &Page,
    on_entry: &mut OnEntry<'_>,
) -> ControlFlow<()> {
    // Nobody knows the lines of a document: an entry's own address is what is looked for in it.
    let mut placed = |entry: Result<Item, Rejection>| {
        on_entry(entry.map(|item| {
            let mut place = page.url.clone();
            place.set_fragment(Some(item.entry.url.as_str()));
            at(&place, item)
        }))
    };
    match json::read_list(pipeline, item, page, &mut placed) {
        // One of many files may well have nothing.
        Ok(_) | Err(ExtractError::NoList { .. }) => ControlFlow::Continue(()),
        Err(error) => {
            let reason = crate::cause::with_causes(&error);
            on_entry(Err(rejection(page.url.as_str(), reason, None)))
        }
    }
}

fn lines(
    pipeline: &Pipeline,
    item: &JsonPath,
    page: &Page,
    on_entry: &mut OnEntry<'_>,
) -> ControlFlow<()> {
    let first: u64 = page
        .url
        .fragment()
        .and_then(|fragment| fragment.strip_prefix('L')?.parse().ok())
        .unwrap_or(1);
    for (number, line) in (first..).zip(page.body.split(|byte| *byte == b'\n')) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let mut url = page.url.clone();
        url.set_fragment(Some(&format!("L{number}")));
        let read = match std::str::from_utf8(line) {
            Ok(line) => serde_json::from_str(&json::lossless(line)),
            Err(_) => serde_json::from_slice(line),
        };
        let reason = match read {
            Ok(document @ (Value::Object(_) | Value::Array(_))) => {
                let mut placed =
                    |entry: Result<Item, Rejection>| on_entry(entry.map(|item| at(&url, item)));
                json::entries(pipeline, item, &document, &url, &mut placed)?;
                continue;
            }
            Ok(Value::String(text)) => format!("line {number}: {text}"),
            Ok(_) => format!("line {number} is no JSON object"),
            Err(error) => format!("line {number} is no JSON: {error}"),
        };
        on_entry(Err(rejection(url.as_str(), reason, None)))?;
    }
    ControlFlow::Continue(())
}

fn at(place: &Url, item: Item) -> Item {
    Item {
        place: Some(place.to_string()),
        ..item
    }
}
