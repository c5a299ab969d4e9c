//! JSON Feed 1.0 and 1.1, item by item: of the document only one item is in memory besides its text.
//!
//! Generators are careless with types: a number for an id, `null` for an item, one author as an object, a string or a
//! list. Whatever can be read is; the rest is as if it were not there.

use std::fmt;
use std::ops::ControlFlow;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use url::Url;

use super::draft::Draft;
use super::text::FeedText;
use super::{FeedEntry, FeedError, FeedHead};
use crate::extract::link;

/// Names that an error message lists of an object that is no feed.
const KEYS_IN_MESSAGE: usize = 6;

/// What is read of the feed itself.
const HEAD_KEYS: [&str; 7] = [
    "version",
    "title",
    "language",
    "home_page_url",
    "next_url",
    "author",
    "authors",
];

pub(super) fn read<F>(text: &str, url: &Url, on_entry: F) -> Result<FeedHead, FeedError>
where
    F: FnMut(FeedEntry) -> ControlFlow<()>,
{
    if text.starts_with('[') {
        let found = String::from("with an array at its root");
        return Err(FeedError::OtherJson { found });
    }
    let mut feed = JsonFeed {
        url,
        on_entry,
        flow: ControlFlow::Continue(()),
        head: Draft::default(),
        says_version: false,
        has_items: false,
        keys: Vec::new(),
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    (&mut feed)
        .deserialize(&mut deserializer)
        .map_err(FeedError::InvalidJson)?;
    let names_itself = feed.head.title.get().is_some() || feed.head.link.get().is_some();
    if feed.says_version || (feed.has_items && names_itself) {
        Ok(feed.head.into_head())
    } else {
        let found = match feed.keys.as_slice() {
            [] => String::from("with an empty object at its root"),
            keys => format!("with the keys `{}`", keys.join("`, `")),
        };
        Err(FeedError::OtherJson { found })
    }
}

struct JsonFeed<'u, F> {
    url: &'u Url,
    on_entry: F,
    flow: ControlFlow<()>,
    head: Draft,
    says_version: bool,
    has_items: bool,
    keys: Vec<String>,
}

impl<F> JsonFeed<'_, F> {
    fn head_value(&mut self, key: &str, value: &Value) {
        match key {
            "version" => {
                self.says_version = value.as_str().is_some_and(|text| text.contains("jsonfeed"));
            }
            "title" => self.head.title(0, FeedText::plain(&scalar(value))),
            "language" => self.head.language(0, &scalar(value)),
            "home_page_url" => {
                if let Some(url) = link::resolve(self.url, &scalar(value)) {
                    self.head.link.offer(0, url);
                }
            }
            "next_url" => self.head.next = link::resolve(self.url, &scalar(value)),
            "author" => authors(&mut self.head, 1, value),
            "authors" => authors(&mut self.head, 0, value),
            _ => {}
        }
    }

    fn entry(&self, item: &Map<String, Value>) -> FeedEntry {
        let text = |key| item.get(key).map(scalar).unwrap_or_default();
        let mut draft = Draft::default();
        draft.id(0, &text("id"));
        draft.title(0, FeedText::plain(&text("title")));
        draft.summary(0, FeedText::plain(&text("summary")));
        draft.content(0, FeedText::html(&text("content_html")));
        draft.content(1, FeedText::plain(&text("content_text")));
        draft.published(0, &text("date_published"));
        draft.updated(0, &text("date_modified"));
        let id = item.get("id").and_then(Value::as_str).unwrap_or_default();
        let id = if id.starts_with("http") { id } else { "" };
        for (rank, address) in [
            (0, text("url")),
            (1, text("external_url")),
            (2, id.to_owned()),
        ] {
            if let Some(url) = link::resolve(self.url, &address) {
                draft.link.offer(rank, url);
            }
        }
        for (rank, key) in [(0, "authors"), (1, "author")] {
            if let Some(value) = item.get(key) {
                authors(&mut draft, rank, value);
            }
        }
        for tag in item
            .get("tags")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            draft.tag(&scalar(tag));
        }
        draft.into_entry(&self.head)
    }
}

/// The text of a string, number or truth value.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

/// One author or a list of them: an object with a name, or with an address only, or the name itself.
fn authors(draft: &mut Draft, rank: u8, value: &Value) {
    match value {
        Value::Array(values) => {
            for value in values {
                authors(draft, rank, value);
            }
        }
        Value::Object(author) => {
            let name = ["name", "email", "url"]
                .into_iter()
                .map(|key| author.get(key).map(scalar).unwrap_or_default())
                .find(|text| !text.trim().is_empty());
            draft.author(rank, &name.unwrap_or_default());
        }
        value => draft.author(rank, &scalar(value)),
    }
}

impl<'de, F> DeserializeSeed<'de> for &mut JsonFeed<'_, F>
where
    F: FnMut(FeedEntry) -> ControlFlow<()>,
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F> Visitor<'de> for &mut JsonFeed<'_, F>
where
    F: FnMut(FeedEntry) -> ControlFlow<()>,
{
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON feed")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "items" {
                map.next_value_seed(Items(self))?;
            } else if HEAD_KEYS.contains(&key.as_str()) {
                let value: Value = map.next_value()?;
                self.head_value(&key, &value);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            if self.keys.len() < KEYS_IN_MESSAGE {
                self.keys.push(key);
            }
        }
        Ok(())
    }
}

/// The list of items, each handed over as soon as it is read.
struct Items<'f, 'u, F>(&'f mut JsonFeed<'u, F>);

impl<'de, F> DeserializeSeed<'de> for Items<'_, '_, F>
where
    F: FnMut(FeedEntry) -> ControlFlow<()>,
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F> Visitor<'de> for Items<'_, '_, F>
where
    F: FnMut(FeedEntry) -> ControlFlow<()>,
{
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of items")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.has_items = true;
        while self.0.flow.is_continue() {
            match items.next_element::<Value>()? {
                None => return Ok(()),
                Some(Value::Object(item)) => {
                    let entry = self.0.entry(&item);
                    self.0.flow = (self.0.on_entry)(entry);
                }
                Some(_) => {}
            }
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}
