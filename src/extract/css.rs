//! HTML by CSS selectors.

use scraper::{ElementRef, Html, Selector};
use serde_json::Value;

use super::{
    Detailed, ExtractError, OnEntry, group, json, leads_on, link, noindex, script, table, value,
};
use crate::config::{Pick, Pipeline, Read, Select};
use crate::html::{decode, text, tree};
use crate::record::{Next, Page};

pub(super) fn read_list(
    pipeline: &Pipeline,
    item: &Selector,
    page: &Page,
    on_entry: &mut OnEntry<'_>,
) -> Result<Next, ExtractError> {
    let html = parse(page)?;
    let base = link::document_base(&html, &page.url);
    let group = match &pipeline.list.group {
        Some(Select::Css { selector, .. }) => Some(selector),
        _ => None,
    };
    let entries = group::in_html(&html, item, group);
    for (index, entry) in entries.into_iter().enumerate() {
        let candidates = |pick| {
            let place = entry.place(pick).into_iter();
            place.flat_map(move |element| candidates(pick, element))
        };
        if on_entry(value::item(pipeline, &base, index + 1, candidates)).is_break() {
            break;
        }
    }
    let Some((_, Select::Css { selector, attr, .. })) = leads_on(pipeline) else {
        return Ok(Next::None);
    };
    let href = html
        .select(selector)
        .find_map(|element| element.attr(attr.as_deref().unwrap_or("href")));
    let next = href.and_then(|href| base.join(href.trim()).ok());
    Ok(next.map_or(Next::None, Next::Page))
}

pub(super) fn detail(pipeline: &Pipeline, page: &Page) -> Result<Detailed, ExtractError> {
    let html = parse(page)?;
    Ok(Detailed {
        fields: value::fields(pipeline.fields.iter(), |pick| {
            candidates(pick, html.root_element())
        }),
        noindex: noindex::in_markup(&html),
    })
}

pub(super) fn parse(page: &Page) -> Result<Html, ExtractError> {
    let decoded = decode(&page.body, page.content_type.as_deref());
    tree::parse(&decoded.text).map_err(|source| ExtractError::TooLarge {
        url: page.url.to_string(),
        source,
    })
}

/// The elements that a pick's selector matches in an element, itself among them: an entry may be its own link.
pub(super) fn elements<'a>(
    pick: &'a Pick,
    element: ElementRef<'a>,
) -> impl Iterator<Item = ElementRef<'a>> + 'a {
    let selector = match &pick.select {
        Select::Css { selector, .. } => Some(selector),
        Select::Json { .. } => None,
    };
    let itself = selector
        .filter(|selector| selector.matches_with_scope(&element, Some(element)))
        .map(|_| element);
    let within = selector
        .into_iter()
        .flat_map(move |selector| element.select(selector))
        // What `:scope` matches is not below it.
        .filter(move |found| *found != element);
    itself.into_iter().chain(within)
}

/// The texts of the elements that a pick's selector matches, or of what is read there.
pub(super) fn candidates<'a>(
    pick: &'a Pick,
    element: ElementRef<'a>,
) -> impl Iterator<Item = String> + 'a {
    elements(pick, element).flat_map(move |element| read(pick, element))
}

fn read(pick: &Pick, element: ElementRef<'_>) -> Vec<String> {
    let attr = match &pick.select {
        Select::Css { attr, .. } => attr.as_deref(),
        Select::Json { .. } => None,
    };
    match &pick.read {
        Read::Whole => match attr {
            Some(attr) => element.attr(attr).map(str::to_owned).into_iter().collect(),
            None => vec![text::of(element)],
        },
        Read::OwnText => vec![own_text(element)],
        Read::Without(left_out) => vec![text::without(element, left_out)],
        Read::Cell(header) => table::cells(element, header)
            .into_iter()
            .map(text::of)
            .collect(),
        Read::Json { path, .. } => documents(element, attr)
            .iter()
            .flat_map(|document| json::texts(path.query(document).all()))
            .collect(),
    }
}

/// The JSON documents in an element's text, or in an attribute.
pub(super) fn documents(element: ElementRef<'_>, attr: Option<&str>) -> Vec<Value> {
    match attr {
        Some(attr) => script::documents(element.attr(attr).unwrap_or_default()),
        None => script::documents(&element.text().collect::<String>()),
    }
}

/// The text that stands in the element itself. Pieces between elements are told apart by a blank.
fn own_text(element: ElementRef<'_>) -> String {
    let pieces = element
        .children()
        .filter_map(|child| child.value().as_text());
    pieces
        .map(|piece| piece.trim())
        .filter(|piece| !piece.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
