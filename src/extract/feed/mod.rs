//! Feeds: RSS 0.9x to 2.0, RSS 1.0 (RDF), Atom 0.3 and 1.0, JSON Feed 1.x, with the extensions that blogs use (Dublin
//! Core, content, media, iTunes).
//!
//! [`read`] hands over one entry at a time, so its memory is that of the largest entry however long the feed; [`Feed`]
//! is the whole of a short one. Every format comes out as the same [`FeedEntry`]. Where a feed says a thing twice, the
//! better saying wins by rank, not by order (`draft`): an entry's own title over `dc:title`, `link` over a permanent
//! `guid`. What is mended, and how: broken XML in `super::xml`, unclosed and misplaced elements in `document`.
//!
//! Dates are the feed's own text: reading them takes a time zone, which is the business of the next stage. Links are
//! absolute, and only those that can be fetched (http, https, ftp). Texts say whether they are HTML. An entry without
//! a link has none: the site's address in its place would make all such entries the same record.

mod base64;
mod capture;
mod document;
mod draft;
mod error;
mod field;
mod json;
mod namespace;
mod text;

use std::ops::ControlFlow;

use url::Url;

use super::json::lossless;
pub use error::FeedError;
pub use text::{FeedText, TextKind};

/// What a feed says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedHead {
    /// Title, usually plain.
    pub title: Option<FeedText>,
    /// Address of the site that the feed is of; the feed's own where it names none.
    pub link: Option<Url>,
    /// Language tag in lower case, as `en-us`.
    pub language: Option<String>,
    /// Author of the entries that name none.
    pub author: Option<String>,
    /// Where older entries are, for a feed in pages (RFC 5005, JSON Feed's `next_url`).
    pub next: Option<Url>,
}

/// One entry of a feed. Every field is optional: in RSS each of them is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedEntry {
    /// The feed's own name for it (`guid`, `id`, `rdf:about`), else its link.
    pub id: Option<String>,
    /// Title; without one the beginning of its text, else its link.
    pub title: Option<FeedText>,
    /// Address of the entry's page.
    pub link: Option<Url>,
    /// Author as the feed writes it, or authors joined by `, `.
    pub author: Option<String>,
    /// When it was published, as written.
    pub published: Option<String>,
    /// When it was last changed, as written; when it was published, where RSS says nothing else.
    pub updated: Option<String>,
    /// Summary, or what stands in its place (RSS `description`, which may well be everything).
    pub summary: Option<FeedText>,
    /// Full text.
    pub content: Option<FeedText>,
    /// Categories and keywords in the feed's order, each once.
    pub tags: Vec<String>,
}

/// A whole feed in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Feed {
    /// What it says of itself.
    pub head: FeedHead,
    /// Its entries, in its order.
    pub entries: Vec<FeedEntry>,
}

impl Feed {
    /// The whole feed of a text that was fetched from `url`.
    pub fn of(text: &str, url: &Url) -> Result<Self, FeedError> {
        let mut entries = Vec::new();
        let head = read(text, url, |entry| {
            entries.push(entry);
            ControlFlow::Continue(())
        })?;
        Ok(Self { head, entries })
    }
}

/// Reads a feed that was fetched from `url`, entry by entry in its order, until `on_entry` breaks off.
///
/// An error can come after entries: that a document was no feed, or nests without end, may show late. What a head says
/// behind the entries is in the head returned, but no longer in the entries (`author`).
pub fn read(
    text: &str,
    url: &Url,
    on_entry: impl FnMut(FeedEntry) -> ControlFlow<()>,
) -> Result<FeedHead, FeedError> {
    let start =
        text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\0');
    let mut head = match start.chars().next() {
        None => return Err(FeedError::Empty),
        Some('{' | '[') => json::read(&lossless(start), url, on_entry)?,
        Some(_) => document::read(start, url, on_entry)?,
    };
    head.link.get_or_insert_with(|| url.clone());
    if head.title.is_none() {
        head.title = head
            .link
            .as_ref()
            .map(|link| FeedText::plain(link.as_str()));
    }
    Ok(head)
}

/// What a feed says of itself, also behind its entries.
pub fn head(text: &str, url: &Url) -> Result<FeedHead, FeedError> {
    read(text, url, |_| ControlFlow::Continue(()))
}

#[cfg(test)]
mod tests;
