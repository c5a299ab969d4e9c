//! The fetching of what stands behind the entries of a list.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, mpsc, watch};

use super::loader::Load;
use super::transform::Page as PageWork;
use super::walk::{send, stopped};
use crate::cause::with_causes;
use crate::collect::{FetchError, Fetcher};
use crate::config::Pipeline;
use crate::normalize;
use crate::record::{Item, RecordId, Rejection, Request, Role, Stage};

/// Fetches the page behind each entry, as many at once as the pipeline allows. True when entries were left because the
/// process was asked to stop.
pub(super) async fn details(
    pipeline: &Arc<Pipeline>,
    fetcher: &dyn Fetcher,
    stop: watch::Receiver<bool>,
    entries: mpsc::Receiver<Item>,
    pages: mpsc::Sender<PageWork>,
    loads: mpsc::Sender<Load>,
) -> bool {
    let entries = Mutex::new(entries);
    let left = AtomicBool::new(false);
    let workers = (0..pipeline.politeness.concurrency).map(|_| async {
        loop {
            let Some(item) = entries.lock().await.recv().await else {
                break;
            };
            if *stop.borrow() {
                left.store(true, Ordering::Relaxed);
                continue;
            }
            let id = normalize::identity(pipeline, &item);
            let request = Request {
                pipeline: pipeline.id.clone(),
                url: item.entry.url.clone(),
                role: Role::Detail {
                    entry: Box::new(item),
                },
            };
            let answer = tokio::select! {
                answer = fetcher.fetch(&request) => answer,
                () = stopped(stop.clone()) => {
                    left.store(true, Ordering::Relaxed);
                    continue;
                }
            };
            match answer {
                Ok(page) => {
                    send(&loads, Load::Fetched).await;
                    send(&pages, PageWork::Detail(page, id)).await;
                }
                Err(error) => send(&loads, failed_detail(id, &request, &error)).await,
            }
        }
    });
    futures_util::future::join_all(workers).await;
    left.into_inner()
}

fn failed_detail(id: RecordId, request: &Request, error: &FetchError) -> Load {
    let rejection = Rejection {
        stage: Stage::Collect,
        url: request.url.to_string(),
        reason: with_causes(error),
        payload: None,
    };
    Load::Rejected {
        rejection,
        means: error.outcome(),
        present: Some(id),
    }
}
