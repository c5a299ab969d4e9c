//! A page as its format reads it, and the places in it where rules are asked.

use std::sync::LazyLock;

use scraper::{ElementRef, Html, Selector};
use serde_json::Value;

use super::super::group::{self, Entry};
use super::super::{ExtractError, css, json};
use crate::config::{Detail, Pick, Pipeline, Select};
use crate::html::text;
use crate::record::Page;

static SCRIPT: LazyLock<Selector> =
    LazyLock::new(|| Selector::parse("script").expect("a constant selector that parses"));

/// A parsed page.
pub(super) enum Document {
    Html(Html),
    Json(Value),
}

/// Where a rule is asked: an entry, or a whole page.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    Html(ElementRef<'a>),
    Json(&'a Value),
}

impl Document {
    /// A page of a pipeline's list whose entries this selector finds.
    pub(super) fn of_list(
        pipeline: &Pipeline,
        item: &Select,
        page: &Page,
    ) -> Result<Self, ExtractError> {
        Ok(match item {
            Select::Css { .. } => Self::Html(css::parse(page)?),
            Select::Json { path, .. } => Self::Json(json::list_document(pipeline, path, page)?),
        })
    }

    pub(super) fn of_detail(format: Detail, page: &Page) -> Result<Self, ExtractError> {
        Ok(match format {
            // What a page declares stands in its HTML.
            Detail::Css | Detail::Jsonld | Detail::Article => Self::Html(css::parse(page)?),
            Detail::Json => Self::Json(json::parse(page)?),
        })
    }

    pub(super) fn root(&self) -> Place<'_> {
        match self {
            Self::Html(html) => Place::Html(html.root_element()),
            Self::Json(value) => Place::Json(value),
        }
    }

    /// The entries that a selector finds in it, as those of a list are found, each with its group.
    pub(super) fn entries(&self, item: &Select, group: Option<&Select>) -> Vec<Entry<Place<'_>>> {
        match (self, item) {
            (Self::Html(html), Select::Css { selector, .. }) => {
                let group = match group {
                    Some(Select::Css { selector, .. }) => Some(selector),
                    _ => None,
                };
                let entries = group::in_html(html, selector, group).into_iter();
                entries.map(|entry| entry.map(Place::Html)).collect()
            }
            (Self::Json(value), Select::Json { path, .. }) => {
                let group = match group {
                    Some(Select::Json { path, .. }) => Some(path),
                    _ => None,
                };
                let entries = group::in_json(value, path, group).into_iter();
                entries.map(|entry| entry.map(Place::Json)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether it has scripts and, to a reader, fewer characters than this.
    pub(super) fn is_filled_by_scripts(&self, chars: usize) -> bool {
        match self {
            Self::Html(html) => {
                html.select(&SCRIPT).next().is_some() && text::of_tree(html).chars().count() < chars
            }
            Self::Json(_) => false,
        }
    }
}

impl Place<'_> {
    /// How much a pick's selector matches in it.
    pub(super) fn matches(&self, pick: &Pick) -> usize {
        match self {
            Self::Html(element) => css::elements(pick, *element).count(),
            Self::Json(node) => json::nodes(pick, node).len(),
        }
    }

    /// The texts of what a pick's selector matches in it.
    pub(super) fn candidates(&self, pick: &Pick) -> Vec<String> {
        match self {
            Self::Html(element) => css::candidates(pick, *element).collect(),
            Self::Json(node) => json::candidates(pick, node),
        }
    }
}
