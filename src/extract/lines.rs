//! A piece of a file: a JSON document a line, or one in all. See [`crate::collect::FileFetcher`] for what stands in it.

use serde_json::Value;
use serde_json_path::JsonPath;
use url::Url;

use super::{Listing, json, rejection, value};
use crate::config::Pipeline;
use crate::record::{LINES, Next, Page};

/// The entries of a piece. A line that cannot be read is a rejection that names it; so is a whole document, as the files
/// after it may be better. The empty piece is the last one.
pub(super) fn listing(pipeline: &Pipeline, item: &JsonPath, page: &Page) -> Listing {
    let mut listing = Listing::default();
    if page.body.is_empty() {
        return listing;
    }
    listing.next = Next::Page(page.url.clone());
    if page.content_type.as_deref() != Some(LINES) {
        match json::parse(page) {
            Ok(document) => take(pipeline, item, &document, &page.url, &mut listing),
            Err(error) => {
                let reason = crate::cause::with_causes(&error);
                let rejected = rejection(page.url.as_str(), reason, None);
                listing.rejections.push(rejected);
            }
        }
        return listing;
    }
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
        let reason = match serde_json::from_slice(line) {
            Ok(document @ (Value::Object(_) | Value::Array(_))) => {
                take(pipeline, item, &document, &url, &mut listing);
                continue;
            }
            Ok(Value::String(text)) => format!("line {number}: {text}"),
            Ok(_) => format!("line {number} is no JSON object"),
            Err(error) => format!("line {number} is no JSON: {error}"),
        };
        listing
            .rejections
            .push(rejection(url.as_str(), reason, None));
    }
    listing
}

fn take(pipeline: &Pipeline, item: &JsonPath, document: &Value, url: &Url, listing: &mut Listing) {
    for (index, node) in item.query(document).all().into_iter().enumerate() {
        match value::item(pipeline, url, index + 1, |pick| {
            json::candidates(pick, node)
        }) {
            Ok(item) => listing.items.push(item),
            Err(rejection) => listing.rejections.push(rejection),
        }
    }
}
