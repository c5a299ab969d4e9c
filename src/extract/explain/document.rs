//! A page as its format reads it, and the places in it where rules are asked.

use std::sync::LazyLock;

use scraper::{ElementRef, Html, Selector};
use serde_json::Value;

use super::super::{ExtractError, css, json};
use crate::config::{Detail, Pick, Select};
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
    /// A page of a list whose entries this selector finds.
    pub(super) fn of_list(item: &Select, page: &Page) -> Result<Self, ExtractError> {
        match item {
            Select::Css { .. } => Self::of_detail(Detail::Css, page),
            Select::Json { .. } => Self::of_detail(Detail::Json, page),
        }
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

    /// What a selector finds in it, as the entries of a list are found.
    pub(super) fn select<'a>(&'a self, select: &Select) -> Vec<Place<'a>> {
        match (self, select) {
            (Self::Html(html), Select::Css { selector, .. }) => {
                html.select(selector).map(Place::Html).collect()
            }
            (Self::Json(value), Select::Json { path, .. }) => path
                .query(value)
                .all()
                .into_iter()
                .map(Place::Json)
                .collect(),
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
