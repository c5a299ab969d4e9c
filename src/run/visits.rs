//! What is known of a page before it is asked for, and what is kept of it after.
//!
//! A page is asked for conditionally when it was read before with the same basis: the pipeline file, the dictionaries,
//! this version of trendy and, for the page behind an entry, what the list says of that entry. If any of them differs, the
//! records of the page may differ though the page does not. A dry run knows nothing and keeps nothing.

use sha2::{Digest, Sha256};
use url::Url;

use super::refusals::Refusals;
use crate::collect::{FetchError, Fetcher};
use crate::config::Pipeline;
use crate::load::{Content, KnownPage, Store};
use crate::normalize::Dictionaries;
use crate::record::{Fetched, Page, Request, Role};

/// Longest address of a page that is kept: keys of an index of Postgres end at 2.7 kB, and few addresses reach 2.
const LONGEST_ADDRESS: usize = 2000;

/// The visits of one run.
pub(super) struct Visits<'a> {
    pipeline: &'a Pipeline,
    fetcher: &'a dyn Fetcher,
    /// None in a dry run.
    store: Option<&'a Store>,
    own_terms_hash: [u8; 32],
    refusals: Refusals,
}

/// What a visit gave.
pub(super) enum Visit {
    /// The page, which is new or has changed.
    Page(Box<Page>),
    /// What the page named when it was read last: it has not changed.
    NotModified(Content),
}

impl<'a> Visits<'a> {
    pub(super) fn new(
        pipeline: &'a Pipeline,
        fetcher: &'a dyn Fetcher,
        store: Option<&'a Store>,
        dictionaries: &Dictionaries,
    ) -> Self {
        Self {
            pipeline,
            fetcher,
            store,
            own_terms_hash: dictionaries.own_terms_hash(),
            refusals: Refusals::default(),
        }
    }

    /// Fetches a page, unless it is as it was.
    pub(super) async fn ask(&self, mut request: Request) -> Result<Visit, FetchError> {
        let known = self.known(&request).await;
        request.validators = known.as_ref().map(|known| known.validators.clone());
        let answer = self.fetcher.fetch(&request).await;
        self.refusals.note(&answer);
        match (answer?, known) {
            (Fetched::Page(page), _) => Ok(Visit::Page(page)),
            (Fetched::NotModified, Some(known)) => Ok(Visit::NotModified(known.content)),
            (Fetched::NotModified, None) => {
                unreachable!("only a request with validators is answered so")
            }
        }
    }

    /// Why nothing more is to be asked, once the run was refused too often.
    pub(super) fn refused(&self) -> Option<String> {
        self.refusals.verdict()
    }

    /// What is to be kept of a page that was read, once its records are loaded; none where its server does not say when
    /// it changes.
    pub(super) fn keep(
        &self,
        page: &Page,
        content: impl FnOnce() -> Content,
    ) -> Option<Box<KnownPage>> {
        let Page {
            request,
            validators,
            ..
        } = page;
        if !self.can_be_known(request) {
            return None;
        }
        Some(Box::new(KnownPage {
            url: request.url.clone(),
            basis: self.basis(&request.role),
            validators: validators.clone()?,
            content: content(),
        }))
    }

    async fn known(&self, request: &Request) -> Option<KnownPage> {
        if !self.can_be_known(request) {
            return None;
        }
        let basis = self.basis(&request.role);
        let found = self
            .store?
            .known_page(&self.pipeline.id, &request.url, basis)
            .await;
        // The page is then read as if it were new; a store that is gone ends the run with its next batch.
        found.unwrap_or_else(|error| {
            tracing::warn!(url = %request.url, %error, "cannot tell whether the page is known");
            None
        })
    }

    /// A station's address names its issue: it is not asked for again once a newer one is out.
    fn can_be_known(&self, request: &Request) -> bool {
        let returns = !matches!(request.role, Role::Station { .. });
        returns && self.store.is_some() && fits(&request.url)
    }

    fn basis(&self, role: &Role) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(env!("CARGO_PKG_VERSION"));
        hasher.update(self.pipeline.file_hash);
        hasher.update(self.own_terms_hash);
        if let Role::Detail { entry } = role {
            let entry = serde_json::to_vec(entry)
                .expect("an item has string keys only, so it is always JSON");
            hasher.update(entry);
        }
        hasher.finalize().into()
    }
}

fn fits(url: &Url) -> bool {
    url.as_str().len() <= LONGEST_ADDRESS
}
