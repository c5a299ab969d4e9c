use jiff::Timestamp;
use serde::Serialize;
use trendy::extract::{feed::Feed, reader_text};
use trendy::normalize::date::DateContext;
use url::Url;

use super::instant;

/// A feed as it is printed.
#[derive(Serialize)]
pub(super) struct FeedOutput {
    title: Option<String>,
    link: Option<Url>,
    language: Option<String>,
    encoding: String,
    entries: Vec<EntryOutput>,
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

impl FeedOutput {
    pub(super) fn of(feed: Feed, encoding: String, dates: &DateContext) -> Self {
        let entries = feed.entries.into_iter().map(|entry| EntryOutput {
            id: entry.id,
            title: entry.title.map(|title| title.value),
            link: entry.link,
            author: entry.author,
            published: instant(entry.published.as_deref(), dates),
            updated: instant(entry.updated.as_deref(), dates),
            summary: entry.summary.map(reader_text),
            content: entry.content.map(reader_text),
            tags: entry.tags,
        });
        Self {
            entries: entries.collect(),
            title: feed.head.title.map(|title| title.value),
            link: feed.head.link,
            language: feed.head.language,
            encoding,
        }
    }
}
