//! `Page → Items`: what a page says, before any meaning is read into it.
//!
//! A list page gives entries and the address of the next page, a detail page completes one entry. Each format is one
//! file; which of them reads a page is the pipeline's choice, made in [`read_list`] and [`detail`]. Values stay the texts
//! that the page holds: `normalize` reads dates, numbers and names from them. An entry that cannot be told apart (no
//! address) or lacks a required field becomes a [`Rejection`]; a page that is not what the pipeline says is an
//! [`ExtractError`]. Parsing is work for a blocking thread: no function here is async, none does I/O.

pub mod article;
mod css;
mod elements;
pub mod explain;
pub mod feed;
mod group;
pub mod jobposting;
mod json;
pub mod kma;
mod known;
mod lines;
mod link;
mod long_number;
mod noindex;
mod packed;
mod schema_org;
mod script;
pub mod sitemap;
mod surrogate;
mod table;
mod value;
mod xml;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

pub use explain::{Explanation, explain};
pub use known::reader_text;
pub use packed::PackedError;

use crate::config::{Detail, Fetch, ListFormat, Paging, Pipeline, Rule, Select};
use crate::html::tree::TooLarge;
use crate::record::{Field, Item, Next, Page, Rejection, Role, Stage, Values};

/// What a list page says.
#[derive(Debug, Default)]
pub struct Listing {
    /// Its entries, in its order.
    pub items: Vec<Item>,
    /// Entries that cannot be told apart.
    pub rejections: Vec<Rejection>,
    /// Where it goes on, where the page says so.
    pub next: Next,
}

/// What the page behind an entry says.
#[derive(Debug, Default)]
struct Detailed {
    fields: BTreeMap<Field, Vec<String>>,
    /// Whether its markup asks not to be indexed.
    noindex: bool,
}

impl Detailed {
    /// The same, with these fields where it has none.
    fn over(mut self, mut fields: BTreeMap<Field, Vec<String>>) -> Self {
        fields.append(&mut self.fields);
        Self { fields, ..self }
    }
}

/// A page that is not what its pipeline says.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// The HTML is over a bound.
    #[error("cannot read {url}: {source}")]
    TooLarge {
        /// The page.
        url: String,
        /// Which bound.
        #[source]
        source: TooLarge,
    },
    /// The page should be JSON.
    #[error("{url} is not JSON: {source}; it begins with `{start}`")]
    NotJson {
        /// The page.
        url: String,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
        /// The first characters.
        start: String,
    },
    /// The page is JSON, but holds no list.
    #[error("{url} has no `{path}`")]
    NoList {
        /// The page.
        url: String,
        /// Where its entries would be.
        path: String,
    },
    /// The page should hold JSON.
    #[error("{url} has no JSON in `{selector}`")]
    NoScript {
        /// The page.
        url: String,
        /// Where the JSON would be.
        selector: String,
    },
    /// The page should be a feed.
    #[error("cannot read {url}: {source}")]
    Feed {
        /// The page.
        url: String,
        /// What it is instead.
        #[source]
        source: feed::FeedError,
    },
    /// The page should be a sitemap.
    #[error("cannot read {url}: {source}")]
    Sitemap {
        /// The page.
        url: String,
        /// What it is instead.
        #[source]
        source: sitemap::SitemapError,
    },
    /// The page is a packed file that cannot be read.
    #[error("cannot read {url}: {source}")]
    Packed {
        /// The page.
        url: String,
        /// What is wrong with it.
        #[source]
        source: PackedError,
    },
    /// The weather service refused, or its answer is none.
    #[error("{url}: {source}")]
    Kma {
        /// The page; its key is a placeholder.
        url: String,
        /// What it said.
        #[source]
        source: kma::KmaError,
    },
}

impl ExtractError {
    /// What a service's declared refusal asks of us; none where the page simply is not what it should be.
    pub fn refusal(&self) -> Option<kma::Retry> {
        match self {
            Self::Kma {
                source: kma::KmaError::Refused(refusal),
                ..
            } => Some(refusal.retry),
            _ => None,
        }
    }
}

/// Where the entries of a list's page go as they are read, each an item or the reason why it is none.
pub type OnEntry<'a> = dyn FnMut(Result<Item, Rejection>) -> ControlFlow<()> + 'a;

/// Reads a page of a pipeline's list entry by entry, in its order, until `on_entry` breaks off. Gives where the list goes
/// on. An error comes before the first entry: a page that is not what it should be names nothing.
pub fn read_list(
    pipeline: &Pipeline,
    page: &Page,
    on_entry: &mut OnEntry<'_>,
) -> Result<Next, ExtractError> {
    match &pipeline.list.format {
        ListFormat::Items(Select::Css { selector, .. }) => {
            css::read_list(pipeline, selector, page, on_entry)
        }
        ListFormat::Items(Select::Json { path, .. }) if pipeline.source.fetch == Fetch::File => {
            Ok(lines::read_list(pipeline, path, page, on_entry))
        }
        ListFormat::Items(Select::Json { path, .. }) => {
            json::read_list(pipeline, path, page, on_entry)
        }
        ListFormat::Feed => known::feed(page, on_entry),
        ListFormat::Kma => known::kma(page, on_entry),
        ListFormat::Sitemap { pattern } => known::sitemap(pattern.as_ref(), page, on_entry),
    }
}

/// The whole of a page of a pipeline's list, in memory.
pub fn listing(pipeline: &Pipeline, page: &Page) -> Result<Listing, ExtractError> {
    let mut listing = Listing::default();
    listing.next = read_list(pipeline, page, &mut |entry| {
        match entry {
            Ok(item) => listing.items.push(item),
            Err(rejection) => listing.rejections.push(rejection),
        }
        ControlFlow::Continue(())
    })?;
    Ok(listing)
}

/// An entry that says everything itself; rejected where it lacks a required field. It is present all the same.
pub fn whole_entry(pipeline: &Pipeline, item: Item) -> Result<Item, Rejection> {
    if pipeline.detail.is_some() {
        Ok(item)
    } else {
        check_required(pipeline, item)
    }
}

/// Reads the page behind an entry; what the list said of it stands where the page says nothing. Rejected where it lacks a
/// required field.
pub fn detail(pipeline: &Pipeline, page: &Page) -> Result<Result<Item, Rejection>, ExtractError> {
    let read = detail_item(pipeline, page)?;
    Ok(read.and_then(|item| check_required(pipeline, item)))
}

/// The same, whether or not it has every field that it must have.
pub fn detail_item(
    pipeline: &Pipeline,
    page: &Page,
) -> Result<Result<Item, Rejection>, ExtractError> {
    let Role::Detail { entry } = &page.request.role else {
        return Ok(Err(rejection(
            page.url.as_str(),
            "the page was not asked for as a detail page".into(),
            None,
        )));
    };
    let read = match pipeline.detail {
        Some(Detail::Css) => css::detail(pipeline, page)?,
        Some(Detail::Json) => Detailed {
            fields: json::detail(pipeline, page)?,
            noindex: false,
        },
        Some(Detail::Jsonld) => match known::jobposting(pipeline, page, &entry.entry.url)? {
            Ok(read) => read,
            Err(rejection) => return Ok(Err(rejection)),
        },
        Some(Detail::Article) => known::article(pipeline, page)?,
        None => Detailed::default(),
    };
    let mut item = Item::clone(entry);
    if let Values::Fields(fields) = &mut item.values {
        fields.extend(read.fields);
    }
    let mut tags = page.robots_tags.iter();
    item.noindex = read.noindex || tags.any(|tag| noindex::in_header(tag));
    Ok(Ok(item))
}

/// Rejects an item in which a required field matched nothing, naming the field and its selector.
pub fn check_required(pipeline: &Pipeline, item: Item) -> Result<Item, Rejection> {
    let Values::Fields(values) = &item.values else {
        return Ok(item);
    };
    let required = pipeline
        .list
        .fields
        .iter()
        .chain(&pipeline.fields)
        .filter(|(_, rule)| rule.required);
    for (field, rule) in required {
        if !values.contains_key(field) && !pipeline.defaults.contains_key(field) {
            let reason = format!("required field `{field}` matched nothing (`{rule}`)");
            let payload = serde_json::to_value(&item).ok();
            return Err(rejection(item.whereabouts(), reason, payload));
        }
    }
    Ok(item)
}

fn rejection(url: &str, reason: String, payload: Option<serde_json::Value>) -> Rejection {
    Rejection {
        stage: Stage::Extract,
        url: url.to_owned(),
        reason,
        payload,
    }
}

/// The rules that read an entry of the list: those of the list and, without detail pages, all of them.
fn entry_rules(pipeline: &Pipeline) -> impl Iterator<Item = (&Field, &Rule)> {
    let own = pipeline
        .detail
        .is_none()
        .then_some(&pipeline.fields)
        .into_iter()
        .flatten();
    pipeline.list.fields.iter().chain(own)
}

/// What leads to the next page, where the list is paged by something that stands on it: its key in the file, and where
/// it stands.
const fn leads_on(pipeline: &Pipeline) -> Option<(&'static str, &Select)> {
    match &pipeline.source.pages.paging {
        Paging::NextLink(select) => Some(("next_link", select)),
        Paging::CursorParam { cursor, .. } => Some(("cursor", cursor)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
