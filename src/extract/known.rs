//! Formats that know their fields: feeds and the weather service's answers, as items.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use url::Url;

use super::feed::{FeedEntry, FeedText, TextKind};
use super::{ExtractError, Listing, feed, kma, rejection};
use crate::html::{decode, text};
use crate::record::{Entry, Field, Item, Page, Role, Values};

/// The entries of a feed. One without an address is no post: nothing would tell it apart from the next.
pub(super) fn feed(page: &Page) -> Result<Listing, ExtractError> {
    let decoded = decode(&page.body, page.content_type.as_deref());
    let mut listing = Listing::default();
    let head = feed::read(&decoded.text, &page.url, |entry| {
        if let Some(url) = address(&entry) {
            listing.items.push(item(url, entry));
        } else {
            let id = entry.id.unwrap_or_default();
            let reason = format!("an entry of the feed has no address (id `{id}`)");
            listing
                .rejections
                .push(rejection(page.url.as_str(), reason, None));
        }
        ControlFlow::Continue(())
    })
    .map_err(|source| ExtractError::Feed {
        url: page.url.to_string(),
        source,
    })?;
    if let Some(language) = head.language {
        for item in &mut listing.items {
            if let Values::Fields(fields) = &mut item.values {
                fields.insert(Field::Language, vec![language.clone()]);
            }
        }
    }
    Ok(listing)
}

fn address(entry: &FeedEntry) -> Option<Url> {
    let id = || {
        Url::parse(entry.id.as_deref()?)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
    };
    entry.link.clone().or_else(id)
}

fn item(url: Url, entry: FeedEntry) -> Item {
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
    Item {
        entry: Entry {
            url,
            external_id: None,
        },
        values: Values::Fields(fields),
    }
}

/// The text that a reader sees.
pub fn reader_text(text: FeedText) -> String {
    match text.kind {
        TextKind::Plain => text.value,
        TextKind::Html => text::of_html(&text.value),
    }
}

/// The readings of a station.
pub(super) fn kma(page: &Page) -> Result<Listing, ExtractError> {
    let decoded = decode(&page.body, page.content_type.as_deref());
    let Role::Station { station } = &page.request.role else {
        let reason = "the answer was not asked for a station".to_owned();
        return Ok(Listing {
            rejections: vec![rejection(page.url.as_str(), reason, None)],
            ..Listing::default()
        });
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
            },
            values: Values::Weather(weather),
        });
    Ok(Listing {
        items: items.collect(),
        ..Listing::default()
    })
}
