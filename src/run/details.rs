//! The fetching of what stands behind the entries of a list.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, mpsc, watch};
use url::Url;

use super::loader::Load;
use super::transform::{Page as PageWork, entry_of};
use super::visits::{Kept, Visit, Visits};
use super::walk::{send, stopped};
use crate::cause::with_causes;
use crate::collect::FetchError;
use crate::config::Pipeline;
use crate::load::{Content, Named};
use crate::normalize;
use crate::record::{Item, Next, RecordId, Rejection, Request, Role, Stage};

/// Fetches the page behind each entry that is due, as many at once as the pipeline allows. True when entries were left because the
/// process was asked to stop.
pub(super) async fn details(
    pipeline: &Arc<Pipeline>,
    visits: &Visits<'_>,
    stop: watch::Receiver<bool>,
    entries: mpsc::Receiver<Item>,
    pages: mpsc::Sender<Vec<PageWork>>,
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
            if visits.refused().is_some() {
                continue;
            }
            let id = normalize::identity(pipeline, &item);
            if !visits.is_due(id, &item) {
                send(&loads, Load::Unchanged(vec![id])).await;
                continue;
            }
            let visited = visits.visited(id, &item);
            let url = item.entry.url.clone();
            let request = Request {
                pipeline: pipeline.id.clone(),
                url: url.clone(),
                role: Role::Detail {
                    entry: Box::new(item),
                },
                validators: None,
            };
            let kept = entry_of(&request.role);
            let answer = tokio::select! {
                answer = visits.ask(request) => answer,
                () = stopped(stop.clone()) => {
                    left.store(true, Ordering::Relaxed);
                    continue;
                }
            };
            match answer {
                Ok(Visit::Page(page)) => {
                    send(&loads, Load::Read(url)).await;
                    let known = visits.keep(&page, || Content {
                        named: Named::Records(vec![id]),
                        next: Next::None,
                    });
                    let kept = Kept {
                        known,
                        visited,
                        place: None,
                    };
                    send(&pages, vec![PageWork::Detail(page, id, kept)]).await;
                }
                Ok(Visit::NotModified(_)) => {
                    send(&loads, Load::NotModified).await;
                    send(&loads, Load::Unchanged(vec![id])).await;
                    if let Some(visited) = visited {
                        send(&loads, Load::Visited(visited)).await;
                    }
                }
                Err(error) => send(&loads, failed_detail(id, &url, kept, &error)).await,
            }
        }
    });
    futures_util::future::join_all(workers).await;
    left.into_inner()
}

fn failed_detail(
    id: RecordId,
    url: &Url,
    entry: Option<serde_json::Value>,
    error: &FetchError,
) -> Load {
    let rejection = Rejection {
        stage: Stage::Collect,
        url: url.to_string(),
        reason: with_causes(error),
        payload: entry,
    };
    Load::Rejected {
        rejection,
        means: error.outcome(),
        present: Some(id),
        list_page: None,
    }
}
