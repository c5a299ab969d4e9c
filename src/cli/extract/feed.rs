use std::ops::ControlFlow;

use jiff::Timestamp;
use serde::ser::{Error as _, SerializeSeq};
use serde::{Serialize, Serializer};
use trendy::extract::feed::{self, FeedEntry, FeedError};
use trendy::extract::reader_text;
use trendy::normalize::date::DateContext;
use url::Url;

use super::instant;

/// A feed as it is printed. Its entries are read as they are written, so that a long one takes no memory.
#[derive(Serialize)]
pub(super) struct FeedOutput<'a> {
    title: Option<String>,
    link: Option<Url>,
    language: Option<String>,
    encoding: String,
    entries: Entries<'a>,
}

impl<'a> FeedOutput<'a> {
    pub(super) fn of(
        text: &'a str,
        url: &'a Url,
        encoding: String,
        dates: &'a DateContext,
    ) -> Result<Self, FeedError> {
        let head = feed::head(text, url)?;
        Ok(Self {
            title: head.title.map(|title| title.value),
            link: head.link,
            language: head.language,
            encoding,
            entries: Entries { text, url, dates },
        })
    }
}

struct Entries<'a> {
    text: &'a str,
    url: &'a Url,
    dates: &'a DateContext,
}

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entries = serializer.serialize_seq(None)?;
        let mut written = Ok(());
        feed::read(self.text, self.url, |entry| {
            written = entries.serialize_element(&EntryOutput::of(entry, self.dates));
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })
        .map_err(S::Error::custom)?;
        written?;
        entries.end()
    }
}

#[derive(Serialize)]
struct EntryOutput {
    id: Option<String>,
    title: Option<String>,
    link: Option<Url>,
    author: Option<String>,
    published: Option<Timestamp>,
    updated: Option<Timestamp>,
    summary: Option<String>,
    content: Option<String>,
    tags: Vec<String>,
}

impl EntryOutput {
    fn of(entry: FeedEntry, dates: &DateContext) -> Self {
        Self {
            id: entry.id,
            title: entry.title.map(|title| title.value),
            link: entry.link,
            author: entry.author,
            published: instant(entry.published.as_deref(), dates),
            updated: instant(entry.updated.as_deref(), dates),
            summary: entry.summary.map(reader_text),
            content: entry.content.map(reader_text),
            tags: entry.tags,
        }
    }
}
