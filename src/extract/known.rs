//! Formats that know their fields: feeds, sitemaps, the weather service's answers, declared postings and articles.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use regex::Regex;
use url::Url;

use super::article::Article;
use super::feed::{FeedEntry, FeedText, TextKind};
use super::jobposting::{self, JobPosting};
use super::sitemap::{self, SitemapEntry, SitemapError, SitemapPage};
use super::{Detailed, ExtractError, OnEntry, css, feed, kma, packed, rejection};
use crate::config::Pipeline;
use crate::html::tree::TooLarge;
use crate::html::{decode, text};
use crate::record::{Entry, Field, Item, Next, Page, Rejection, Role, SitemapFile, Values};

type Fields = BTreeMap<Field, Vec<String>>;

/// The entries of a feed. One without an address is no post: nothing would tell it apart from the next.
///
/// The feed is read twice, so that a long one need not be held: first to its end, for what it says of itself, which may
/// stand behind its entries, and whether it is a feed at all; then for the entries.
pub(super) fn feed(page: &Page, on_entry: &mut OnEntry<'_>) -> Result<Next, ExtractError> {
    let decoded = decode(&page.body, page.content_type.as_deref());
    let unreadable = |source| ExtractError::Feed {
        url: page.url.to_string(),
        source,
    };
    let head = feed::head(&decoded.text, &page.url).map_err(unreadable)?;
    feed::read(&decoded.text, &page.url, |entry| {
        on_entry(if let Some(url) = address(&entry) {
            Ok(item(url, entry, head.language.as_ref()))
        } else {
            let id = entry.id.unwrap_or_default();
            let reason = format!("an entry of the feed has no address (id `{id}`)");
            Err(rejection(page.url.as_str(), reason, None))
        })
    })
    .map_err(unreadable)?;
    Ok(head.next.map_or(Next::None, Next::Page))
}

fn address(entry: &FeedEntry) -> Option<Url> {
    let id = || {
        Url::parse(entry.id.as_deref()?)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
    };
    entry.link.clone().or_else(id)
}

fn item(url: Url, entry: FeedEntry, language: Option<&String>) -> Item {
    let mut fields = BTreeMap::new();
    let mut put = |field, texts: Vec<String>| {
        let texts: Vec<String> = texts.into_iter().filter(|text| !text.is_empty()).collect();
        if !texts.is_empty() {
            fields.insert(field, texts);
        }
    };
    put(
        Field::Title,
        entry.title.map(reader_text).into_iter().collect(),
    );
    put(Field::Author, entry.author.into_iter().collect());
    put(
        Field::PublishedAt,
        entry.published.or(entry.updated).into_iter().collect(),
    );
    put(
        Field::Summary,
        entry.summary.map(reader_text).into_iter().collect(),
    );
    put(
        Field::Text,
        entry.content.map(reader_text).into_iter().collect(),
    );
    put(Field::Tags, entry.tags);
    put(Field::Language, language.cloned().into_iter().collect());
    Item {
        entry: Entry {
            url,
            external_id: None,
            modified: None,
        },
        values: Values::Fields(fields),
        noindex: false,
        place: None,
    }
}

/// The text that a reader sees.
pub fn reader_text(text: FeedText) -> String {
    match text.kind {
        TextKind::Plain => text.value,
        TextKind::Html => text::of_html(&text.value),
    }
}

/// The addresses of a sitemap that match the pattern, or the further sitemaps of an index.
///
/// They are gathered first: a sitemap that proves to be none, or too long, names nothing. Its protocol bounds it.
pub(super) fn sitemap(
    pattern: Option<&Regex>,
    page: &Page,
    on_entry: &mut OnEntry<'_>,
) -> Result<Next, ExtractError> {
    let body = packed::unpack(&page.body).map_err(|source| ExtractError::Packed {
        url: page.url.to_string(),
        source,
    })?;
    let decoded = decode(&body, page.content_type.as_deref());
    let mut items = Vec::new();
    let mut sitemaps = Vec::new();
    let mut is_over = false;
    let read = sitemap::read(&decoded.text, &page.url, |entry| {
        match entry {
            SitemapEntry::Page(listed) => items.extend(sitemap_item(pattern, listed)),
            SitemapEntry::Sitemap(other) => sitemaps.push(SitemapFile {
                url: other.loc,
                modified: other.lastmod,
            }),
        }
        is_over = items.len() + sitemaps.len() > sitemap::MAX_ENTRIES;
        if is_over {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    read.and(if is_over {
        Err(SitemapError::TooMany)
    } else {
        Ok(())
    })
    .map_err(|source| ExtractError::Sitemap {
        url: page.url.to_string(),
        source,
    })?;
    for item in items {
        if on_entry(Ok(item)).is_break() {
            break;
        }
    }
    Ok(Next::Sitemaps(sitemaps))
}

fn sitemap_item(pattern: Option<&Regex>, page: SitemapPage) -> Option<Item> {
    if !matches!(page.loc.scheme(), "http" | "https") {
        return None;
    }
    let mut external_id = None;
    if let Some(pattern) = pattern {
        let captures = pattern.captures(page.loc.as_str())?;
        external_id = captures.name("id").map(|id| id.as_str().to_owned());
    }
    let entry = Entry {
        url: page.loc,
        external_id,
        modified: page.lastmod,
    };
    Some(Item {
        entry,
        values: Values::Fields(BTreeMap::new()),
        noindex: false,
        place: None,
    })
}

/// The readings of a station.
pub(super) fn kma(page: &Page, on_entry: &mut OnEntry<'_>) -> Result<Next, ExtractError> {
    let decoded = decode(&page.body, page.content_type.as_deref());
    let Role::Station { station } = &page.request.role else {
        let reason = "the answer was not asked for a station".to_owned();
        // It is the only entry.
        let _ = on_entry(Err(rejection(page.url.as_str(), reason, None)));
        return Ok(Next::None);
    };
    let answer = kma::rows(&decoded.text).map_err(|source| ExtractError::Kma {
        url: page.url.to_string(),
        source,
    })?;
    let items = kma::weather(&answer.rows, station)
        .into_iter()
        .map(|weather| Item {
            entry: Entry {
                url: page.url.clone(),
                external_id: None,
                modified: None,
            },
            values: Values::Weather(weather),
            noindex: false,
            place: None,
        });
    for item in items {
        if on_entry(Ok(item)).is_break() {
            break;
        }
    }
    Ok(Next::None)
}

/// The posting that a page declares, with the pipeline's rules on top. A page that declares none is rejected: its
/// entry keeps what an earlier visit found, which the list's few fields alone would overwrite.
pub(super) fn jobposting(
    pipeline: &Pipeline,
    page: &Page,
    entry: &Url,
) -> Result<Result<Detailed, Rejection>, ExtractError> {
    let decoded = decode(&page.body, page.content_type.as_deref());
    let postings =
        jobposting::read(&decoded.text, &page.url).map_err(|source| too_large(page, source))?;
    let is_meant = |posting: &&JobPosting| {
        let url = posting.url.as_ref();
        url == Some(entry) || url == Some(&page.url)
    };
    let posting = postings.iter().find(is_meant).or(postings.first());
    let Some(posting) = posting.cloned() else {
        let reason = "the page declares no `JobPosting`, in JSON-LD, microdata or RDFa";
        return Ok(Err(rejection(page.url.as_str(), reason.into(), None)));
    };
    let by_rules = css::detail(pipeline, page)?;
    Ok(Ok(by_rules.over(posting_fields(posting))))
}

fn posting_fields(posting: JobPosting) -> Fields {
    let description = posting.description.as_deref().map(text::of_escaped_html);
    let salary = posting.salary.unwrap_or_default();
    fields([
        (Field::SalaryCurrency, salary.currency),
        (Field::SalaryMin, salary.min),
        (Field::SalaryMax, salary.max),
        (Field::SalaryUnit, salary.unit),
        (Field::Title, posting.title),
        (Field::Company, posting.company),
        (Field::Location, posting.location),
        (Field::Remote, posting.location_type),
        (Field::PostedAt, posting.date_posted),
        (Field::ValidThrough, posting.valid_through),
        (Field::Description, description),
    ])
    .into_iter()
    .chain(
        (!posting.employment_type.is_empty())
            .then_some((Field::EmploymentType, posting.employment_type)),
    )
    .collect()
}

/// The article of a page, with the pipeline's rules on top.
pub(super) fn article(pipeline: &Pipeline, page: &Page) -> Result<Detailed, ExtractError> {
    let decoded = decode(&page.body, page.content_type.as_deref());
    let article =
        Article::of(&decoded.text, &page.url).map_err(|source| too_large(page, source))?;
    let known = fields([
        (Field::Title, article.title),
        (Field::Author, article.author),
        (Field::PublishedAt, article.published),
        (Field::Language, article.language),
        (Field::Text, article.text),
    ]);
    Ok(css::detail(pipeline, page)?.over(known))
}

/// The fields that have a text.
fn fields<const N: usize>(texts: [(Field, Option<String>); N]) -> Fields {
    let texts = texts.into_iter();
    texts
        .filter_map(|(field, text)| Some((field, vec![text.filter(|text| !text.is_empty())?])))
        .collect()
}

fn too_large(page: &Page, source: TooLarge) -> ExtractError {
    ExtractError::TooLarge {
        url: page.url.to_string(),
        source,
    }
}
