//! What is known of a page before it is asked for, and what is kept of it after.
//!
//! A page is asked for conditionally when it was read before with the same basis: the pipeline file, the dictionaries,
//! this version of trendy and, for the page behind an entry, what the list says of that entry and counts. If any of them
//! differs, the records of the page may differ though the page does not. A dry run knows nothing and keeps nothing.
//!
//! Where the pipeline has a `refresh`, the page behind an entry is not even asked for unless it is due: its basis is
//! another, or it was read too long ago. How long each page is left alone follows from its record's id, so pages that
//! were read in one run are not due in one run.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use url::Url;

use super::RunOptions;
use super::landings::Landings;
use super::refusals::Refusals;
use crate::collect::{FetchError, Fetcher};
use crate::config::Pipeline;
use crate::load::{Content, KnownPage, Store, StoreError, Visited};
use crate::normalize::{self, Dictionaries};
use crate::record::{Fetched, Item, Page, RecordId, Request, Role};

/// Longest address of a page that is kept: keys of an index of Postgres end at 2.7 kB, and few addresses reach 2.
const LONGEST_ADDRESS: usize = 2000;

/// The visits of one run.
pub(super) struct Visits<'a> {
    pipeline: &'a Pipeline,
    fetcher: &'a dyn Fetcher,
    /// None in a dry run.
    store: Option<&'a Store>,
    refusals: Refusals,
    landings: Landings,
    dictionaries: &'a Dictionaries,
    /// How long the page behind an entry is left alone at most; none where each run asks for it.
    refresh: Option<Duration>,
    /// Last visits, where not each run asks for every page.
    last: HashMap<RecordId, Visited>,
    now: Timestamp,
}

/// What goes along with a record: what is kept of the page behind its entry, once it is loaded, or where in a file it
/// stands.
#[derive(Default)]
pub(super) struct Kept {
    /// What it is recognised by.
    pub(super) known: Option<Box<KnownPage>>,
    /// That it was read.
    pub(super) visited: Option<Visited>,
    /// Its [`Item::place`].
    pub(super) place: Option<String>,
}

/// What a visit gave.
pub(super) enum Visit {
    /// The page, which is new or has changed.
    Page(Box<Page>),
    /// What the page named when it was read last: it has not changed.
    NotModified(Content),
}

impl<'a> Visits<'a> {
    pub(super) async fn new(
        pipeline: &'a Pipeline,
        fetcher: &'a dyn Fetcher,
        store: Option<&'a Store>,
        dictionaries: &'a Dictionaries,
        options: &RunOptions,
    ) -> Result<Self, StoreError> {
        // An archive is read whole, and says nothing of when its source was asked last.
        let refresh = pipeline.refresh.filter(|_| options.replay.is_none());
        let last = match store {
            Some(store) if refresh.is_some() => store.visited(&pipeline.id).await?,
            _ => Vec::new(),
        };
        Ok(Self {
            pipeline,
            fetcher,
            store,
            refusals: Refusals::default(),
            landings: Landings::new(&pipeline.source.url),
            dictionaries,
            refresh,
            last: last.into_iter().map(|visit| (visit.id, visit)).collect(),
            now: Timestamp::now(),
        })
    }

    /// Whether the page behind an entry is to be asked for.
    pub(super) fn is_due(&self, id: RecordId, entry: &Item) -> bool {
        let (Some(refresh), Some(last)) = (self.refresh, self.last.get(&id)) else {
            return true;
        };
        // A clock that was set back makes a visit of the future: nobody knows how old it is.
        let age = Duration::try_from(self.now.duration_since(last.read_at));
        age.is_err()
            || age.is_ok_and(|age| age >= left_alone(id, refresh))
            || last.basis != self.basis_of_entry(entry)
    }

    /// What is to be kept of a visit to the page behind an entry; none where each run asks for it.
    pub(super) fn visited(&self, id: RecordId, entry: &Item) -> Option<Visited> {
        self.refresh?;
        Some(Visited {
            id,
            basis: self.basis_of_entry(entry),
            read_at: Timestamp::now(),
        })
    }

    /// Fetches a page, unless it is as it was.
    pub(super) async fn ask(&self, mut request: Request) -> Result<Visit, FetchError> {
        let known = self.known(&request).await;
        request.validators = known.as_ref().map(|known| known.validators.clone());
        let answer = self.fetcher.fetch(&request).await;
        let answer = answer.and_then(|fetched| match fetched {
            Fetched::Page(page) => self.landings.check(&page).map(|()| Fetched::Page(page)),
            Fetched::NotModified => Ok(Fetched::NotModified),
        });
        self.refusals.note(&request.role, &answer);
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
        match role {
            Role::Detail { entry } => self.basis_of_entry(entry),
            Role::List { .. } | Role::Station { .. } => self.own_basis().finalize().into(),
        }
    }

    fn basis_of_entry(&self, entry: &Item) -> [u8; 32] {
        let context = normalize::Context {
            pipeline: self.pipeline,
            dictionaries: self.dictionaries,
            fetched_at: self.now,
        };
        let counted = normalize::counted(entry, &context);
        let entry = serde_json::to_vec(&counted)
            .expect("an item has string keys only, so it is always JSON");
        self.own_basis().chain_update(entry).finalize().into()
    }

    fn own_basis(&self) -> Sha256 {
        Sha256::new()
            .chain_update(env!("CARGO_PKG_VERSION"))
            .chain_update(self.pipeline.file_hash)
            .chain_update(self.dictionaries.own_terms_hash())
    }
}

/// How long the page of a record is left alone: from half of what the pipeline allows to all of it, by the record's id,
/// whose bits are those of a hash.
fn left_alone(id: RecordId, refresh: Duration) -> Duration {
    let [.., high, low] = *id.0.as_bytes();
    let share = u32::from(u16::from_be_bytes([high, low]));
    refresh / 2 + refresh / 2 / (1 << 16) * share
}

fn fits(url: &Url) -> bool {
    url.as_str().len() <= LONGEST_ADDRESS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Kind;

    #[test]
    fn pages_read_in_one_run_are_due_in_different_ones() {
        const WEEK: Duration = Duration::from_hours(7 * 24);
        let alone = (0..200).map(|n| left_alone(RecordId::of(Kind::Job, &[&n.to_string()]), WEEK));
        let mut by_hour = HashMap::<u64, u32>::new();
        for alone in alone {
            assert!((WEEK / 2..=WEEK).contains(&alone), "{alone:?}");
            *by_hour.entry(alone.as_secs() / 3600).or_default() += 1;
        }
        let most = by_hour.values().max().copied();
        assert!(by_hour.len() > 50 && most < Some(12), "{by_hour:?}");
    }
}
