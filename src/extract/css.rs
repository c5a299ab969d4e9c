//! HTML by CSS selectors.

use std::collections::BTreeMap;

use scraper::{ElementRef, Html, Selector};

use super::{ExtractError, Listing, leads_on, link, value};
use crate::config::{Pipeline, Rule, Select};
use crate::html::{decode, text, tree};
use crate::record::{Field, Next, Page};

pub(super) fn listing(
    pipeline: &Pipeline,
    item: &Selector,
    page: &Page,
) -> Result<Listing, ExtractError> {
    let html = parse(page)?;
    let base = link::document_base(&html, &page.url);
    let mut listing = Listing::default();
    for (index, element) in html.select(item).enumerate() {
        match value::item(pipeline, &base, index + 1, |rule| candidates(rule, element)) {
            Ok(item) => listing.items.push(item),
            Err(rejection) => listing.rejections.push(rejection),
        }
    }
    if let Some((_, Select::Css { selector, attr, .. })) = leads_on(pipeline) {
        let href = html
            .select(selector)
            .find_map(|element| element.attr(attr.as_deref().unwrap_or("href")));
        if let Some(next) = href.and_then(|href| base.join(href.trim()).ok()) {
            listing.next = Next::Page(next);
        }
    }
    Ok(listing)
}

pub(super) fn detail(
    pipeline: &Pipeline,
    page: &Page,
) -> Result<BTreeMap<Field, Vec<String>>, ExtractError> {
    let html = parse(page)?;
    Ok(value::fields(pipeline.fields.iter(), |rule| {
        candidates(rule, html.root_element())
    }))
}

pub(super) fn parse(page: &Page) -> Result<Html, ExtractError> {
    let decoded = decode(&page.body, page.content_type.as_deref());
    tree::parse(&decoded.text).map_err(|source| ExtractError::TooLarge {
        url: page.url.to_string(),
        source,
    })
}

/// The elements that a rule's selector matches in an element, itself among them: an entry may be its own link.
pub(super) fn elements<'a>(
    rule: &'a Rule,
    element: ElementRef<'a>,
) -> impl Iterator<Item = ElementRef<'a>> + 'a {
    let selector = match &rule.select {
        Select::Css { selector, .. } => Some(selector),
        Select::Json { .. } => None,
    };
    let itself = selector
        .filter(|selector| selector.matches(&element))
        .map(|_| element);
    let within = selector
        .into_iter()
        .flat_map(move |selector| element.select(selector));
    itself.into_iter().chain(within)
}

/// The texts of the elements that a rule's selector matches, or of their attribute.
pub(super) fn candidates<'a>(
    rule: &'a Rule,
    element: ElementRef<'a>,
) -> impl Iterator<Item = String> + 'a {
    let attr = match &rule.select {
        Select::Css { attr, .. } => attr.as_deref(),
        Select::Json { .. } => None,
    };
    elements(rule, element).filter_map(move |element| match attr {
        Some(attr) => element.attr(attr).map(str::to_owned),
        None => Some(text::of(element)),
    })
}
