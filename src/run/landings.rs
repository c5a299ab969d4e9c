//! Where the pages behind entries turn out to be. A site that wants a login sends every one of them to the same page, with
//! status 200: read as postings they would all become that page.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use url::Url;

use crate::collect::FetchError;
use crate::normalize::url::canonical;
use crate::record::{Page, Role};

/// The pages that entries were redirected to, and which entry came first.
#[derive(Debug)]
pub(super) struct Landings {
    /// The list's own page: no entry's.
    list: Option<Url>,
    taken: Mutex<HashMap<Url, Url>>,
}

impl Landings {
    /// None yet; `list` is the address of the list.
    pub(super) fn new(list: &str) -> Self {
        Self {
            list: Url::parse(list).ok().map(|url| canonical(&url)),
            taken: Mutex::default(),
        }
    }

    /// Refuses the page behind an entry that is the list's, the site's front page, or where another entry already is.
    pub(super) fn check(&self, page: &Page) -> Result<(), FetchError> {
        let asked = &page.request.url;
        let landed = canonical(&page.url);
        if !matches!(page.request.role, Role::Detail { .. }) || landed == canonical(asked) {
            return Ok(());
        }
        let is_front = landed.path() == "/" && landed.query().is_none();
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let is_own = !is_front
            && self.list.as_ref() != Some(&landed)
            && taken.entry(landed).or_insert_with(|| asked.clone()) == asked;
        if is_own {
            return Ok(());
        }
        Err(FetchError::LedElsewhere {
            url: asked.to_string(),
            landed: page.url.to_string(),
        })
    }
}
