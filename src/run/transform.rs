//! Extract and normalize, on blocking threads: parsing would hold up the fetches that share an async thread.
//!
//! The threads are the run's own, one a core: tasks that come faster than threads go idle again let the runtime start a
//! hundred of them, and what is allocated on ever other threads keeps the memory of each. What comes at once goes to a
//! thread at once, as handing over a line of a file costs as much as reading it.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinError;

use super::loader::{Found, Load};
use super::visits::Kept;
use super::walk::send;
use crate::cause::with_causes;
use crate::config::Pipeline;
use crate::extract;
use crate::normalize::{self, Dictionaries};
use crate::record::{self, Item, Outcome, RecordId, Rejection, Stage};

/// Most entries that are handed to a thread at once: few enough that each core has some of a usual list.
pub(super) const HAND_OVER: usize = 32;

/// Most threads of a run, which holds them for as long as it lasts: the runtime has 512 for everything that blocks.
const MOST_THREADS: usize = 4;

/// Something to make a record of.
pub(super) enum Page {
    /// The page behind an entry, the entry's id, and what is kept of the page once its record is loaded.
    Detail(Box<record::Page>, RecordId, Kept),
    /// An entry that says everything itself, and its page of the list.
    Entry(Box<Item>, ListPage),
}

/// Which page of the list an entry stands on.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListPage {
    /// Its number, from 1.
    pub(super) number: u32,
    /// When it was fetched.
    pub(super) fetched_at: Timestamp,
}

/// Makes a record, or a rejection, of each page; in parallel, so the order is not that of the list.
pub(super) async fn transform(
    pipeline: &Arc<Pipeline>,
    dictionaries: &Arc<Dictionaries>,
    pages: mpsc::Receiver<Vec<Page>>,
    loads: mpsc::Sender<Load>,
) {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = cores.min(MOST_THREADS);
    let pages = Arc::new(Mutex::new(pages));
    let (read_in, mut read) = mpsc::channel(1);
    let workers: Vec<_> = (0..threads)
        .map(|_| {
            let (pipeline, dictionaries) = (Arc::clone(pipeline), Arc::clone(dictionaries));
            let (pages, read_in) = (Arc::clone(&pages), read_in.clone());
            blocking(move || work(&pipeline, &dictionaries, &pages, &read_in))
        })
        .collect();
    drop((pages, read_in));
    let forward = async {
        while let Some(read) = read.recv().await {
            for (found, load) in read {
                send(&loads, Load::Found(found)).await;
                send(&loads, load).await;
            }
        }
    };
    tokio::join!(futures_util::future::join_all(workers), forward);
}

/// Reads what comes until nothing more does, or nobody wants it any more.
fn work(
    pipeline: &Pipeline,
    dictionaries: &Dictionaries,
    pages: &Mutex<mpsc::Receiver<Vec<Page>>>,
    read_in: &mpsc::Sender<Vec<(Found, Load)>>,
) {
    loop {
        let handed = pages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .blocking_recv();
        let Some(handed) = handed else { break };
        let pages = handed.into_iter();
        let read = pages.map(|page| one(pipeline, dictionaries, page));
        if read_in.blocking_send(read.collect()).is_err() {
            break;
        }
    }
}

/// The fields that were found, and what is made of them.
pub(super) fn one(pipeline: &Pipeline, dictionaries: &Dictionaries, page: Page) -> (Found, Load) {
    let (fetched_at, present, item, kept, list_page) = match page {
        Page::Entry(item, list) => {
            let id = normalize::identity(pipeline, &item);
            let kept = Kept {
                place: item.place.clone(),
                ..Kept::default()
            };
            (list.fetched_at, id, Ok(*item), kept, Some(list.number))
        }
        Page::Detail(page, id, kept) => {
            let item = complete(pipeline, &page);
            (page.fetched_at, id, item, kept, None)
        }
    };
    let found = item.as_ref().map_or_else(|_| Vec::new(), Item::found);
    let item = item.and_then(|item| extract::check_required(pipeline, item));
    let context = normalize::Context {
        pipeline,
        dictionaries,
        fetched_at,
    };
    let load = match item.and_then(|item| normalize::normalize(&item, &context)) {
        Ok(record) => Load::Record(Box::new(record), kept),
        Err(rejection) => Load::Rejected {
            rejection,
            means: Outcome::Broken,
            present: Some(present),
            list_page,
        },
    };
    (found, load)
}

fn complete(pipeline: &Pipeline, page: &record::Page) -> Result<Item, Rejection> {
    extract::detail_item(pipeline, page).unwrap_or_else(|error| {
        let (url, reason) = (page.url.to_string(), with_causes(&error));
        Err(Rejection {
            stage: Stage::Extract,
            url,
            reason,
            payload: entry_of(&page.request.role),
        })
    })
}

/// What a letter holds of a page that gave nothing: with its entry it can be tried again.
pub(super) fn entry_of(role: &record::Role) -> Option<serde_json::Value> {
    match role {
        record::Role::Detail { entry } => serde_json::to_value(entry).ok(),
        record::Role::List { .. } | record::Role::Station { .. } => None,
    }
}

/// Runs work that computes, off the async threads.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    joined(tokio::task::spawn_blocking(work)).await
}

/// What a blocking task gave; its panic is ours.
pub(super) async fn joined<T>(task: impl Future<Output = Result<T, JoinError>>) -> T {
    match task.await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // A blocking task is never aborted, and the runtime outlives the run.
            Err(_) => unreachable!("the runtime ended before the run"),
        },
    }
}
