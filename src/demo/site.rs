use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::http::header::{
    CONTENT_TYPE, ETAG, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::ToSpan;
use jiff::civil::{Date, date};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use url::Url;

use super::saved::{Files, Saved, SavedError, SavedPage};

/// The first saved day; day 2 is the day after, and so on. Pages say when they changed by it, not by when a file was
/// checked out.
const FIRST_DAY: Date = date(2026, 11, 19);

/// The date of a saved day, counted from 1.
pub(super) fn date_of(day: u8) -> Date {
    FIRST_DAY.saturating_add(i64::from(day.saturating_sub(1)).days())
}

/// A saved site on a loopback port. It is served until this is dropped.
#[derive(Debug)]
pub struct Site {
    base: Url,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
    /// Dropped with the site, which ends the server and the connections that wait for a next request.
    _stop: oneshot::Sender<()>,
}

/// One request that reached a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Path and query, as sent.
    pub target: String,
    /// When it arrived.
    pub at: Instant,
    /// Status of the answer: 304 to one who has the page.
    pub status: u16,
}

/// A site that cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// It was not saved, or cannot be read.
    #[error(transparent)]
    Saved(#[from] SavedError),
    /// There is no port for it.
    #[error("cannot listen on a loopback port for the saved site `{pipeline}`")]
    Listen {
        /// The pipeline.
        pipeline: String,
        /// Why.
        source: std::io::Error,
    },
}

impl Site {
    /// Serves a pipeline's saved site as it stood on a day, counted from 1, on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// Never: a loopback address and a port make a URL.
    pub async fn start(files: &Files, pipeline: &str, day: u8) -> Result<Self, SiteError> {
        let saved = Saved::open(files, pipeline, day)?;
        let cannot_listen = |source| SiteError::Listen {
            pipeline: pipeline.to_owned(),
            source,
        };
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .map_err(cannot_listen)?;
        let address = listener.local_addr().map_err(cannot_listen)?;
        let base = Url::parse(&format!("http://{address}/"))
            .expect("a loopback address and a port make a URL");

        let arrivals = Arc::default();
        let state = Arc::new(Served {
            saved,
            arrivals: Arc::clone(&arrivals),
        });
        let app = Router::new()
            .fallback_service(get(answer).with_state(state))
            .into_make_service();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = axum::serve(listener, app).with_graceful_shutdown(async {
            // The sender never sends: it is dropped with the site.
            stopped.await.ok();
        });
        tokio::spawn(server.into_future());
        Ok(Self {
            base,
            arrivals,
            _stop: stop,
        })
    }

    /// Its origin, such as `http://127.0.0.1:49152/`.
    pub const fn base(&self) -> &Url {
        &self.base
    }

    /// The requests so far, in the order of their arrival.
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.arrivals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

struct Served {
    saved: Saved,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
}

async fn answer(State(served): State<Arc<Served>>, uri: Uri, headers: HeaderMap) -> Response {
    let at = Instant::now();
    let response = respond(&served.saved, &uri, &headers);
    served
        .arrivals
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(Arrival {
            target: uri.to_string(),
            at,
            status: response.status().as_u16(),
        });
    response
}

fn respond(saved: &Saved, uri: &Uri, headers: &HeaderMap) -> Response {
    let Some(page) = saved.find(uri.path(), uri.query().unwrap_or_default()) else {
        return (StatusCode::NOT_FOUND, "not saved\n").into_response();
    };
    let etag = etag(page);
    let modified = last_modified(page);
    let validators = [(ETAG, etag.clone()), (LAST_MODIFIED, modified.clone())];
    if is_current(headers, &etag, &modified) {
        return (StatusCode::NOT_MODIFIED, validators).into_response();
    }
    let content_type = [(CONTENT_TYPE, page.content_type())];
    (validators, content_type, page.body.clone()).into_response()
}

/// Whether the asker has this very page (RFC 9110 §13.1): the tag decides where one is sent, the date otherwise.
fn is_current(headers: &HeaderMap, etag: &str, modified: &str) -> bool {
    let sent = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    match sent(IF_NONE_MATCH) {
        Some(tags) => tags
            .split(',')
            .map(|tag| tag.trim().trim_start_matches("W/"))
            .any(|tag| tag == etag || tag == "*"),
        None => sent(IF_MODIFIED_SINCE) == Some(modified),
    }
}

fn etag(page: &SavedPage) -> String {
    let mut short = [0; 8];
    short.copy_from_slice(&Sha256::digest(&page.body)[..8]);
    format!("\"{:016x}\"", u64::from_be_bytes(short))
}

fn last_modified(page: &SavedPage) -> String {
    date_of(page.day)
        .strftime("%a, %d %b %Y 00:00:00 GMT")
        .to_string()
}

#[cfg(test)]
mod tests {
    use axum::http::Method;
    use reqwest::{Client, Response};

    use super::*;
    use crate::demo::FIXTURES;

    fn client() -> Client {
        Client::builder().no_proxy().build().unwrap()
    }

    async fn start(pipeline: &str, day: u8) -> Site {
        Site::start(&Files::Embedded(&FIXTURES), pipeline, day)
            .await
            .unwrap()
    }

    async fn get(site: &Site, target: &str) -> Response {
        let url = site.base().join(target).unwrap();
        client().get(url).send().await.unwrap()
    }

    fn header(response: &Response, name: HeaderName) -> &str {
        response.headers()[name].to_str().unwrap()
    }

    #[tokio::test]
    async fn answers_with_the_saved_page_and_its_type() {
        let site = start("python-jobs", 1).await;
        let page = get(&site, "/jobs/?page=2").await;
        assert_eq!(page.status(), 200);
        assert_eq!(header(&page, CONTENT_TYPE), "text/html");
        assert!(page.text().await.unwrap().contains("list-recent-jobs"));
        assert_eq!(get(&site, "/jobs/1/").await.status(), 404);

        let url = site.base().join("/jobs/").unwrap();
        let head = client().head(url.clone()).send().await.unwrap();
        assert_eq!(head.status(), 200);
        let post = client().request(Method::POST, url).send().await.unwrap();
        assert_eq!(post.status(), 405);
    }

    #[tokio::test]
    async fn a_page_that_did_not_change_is_not_sent_again() {
        let site = start("python-jobs", 1).await;
        let page = get(&site, "/jobs/").await;
        let url = site.base().join("/jobs/").unwrap();
        for (condition, validator) in [
            (IF_NONE_MATCH, header(&page, ETAG)),
            (IF_MODIFIED_SINCE, header(&page, LAST_MODIFIED)),
        ] {
            let again = client()
                .get(url.clone())
                .header(condition, validator)
                .send()
                .await
                .unwrap();
            assert_eq!(again.status(), 304);
        }

        let next_day = start("python-jobs", 2).await;
        let changed = client()
            .get(next_day.base().join("/jobs/").unwrap())
            .header(IF_NONE_MATCH, header(&page, ETAG))
            .header(IF_MODIFIED_SINCE, header(&page, LAST_MODIFIED))
            .send()
            .await
            .unwrap();
        assert_eq!(changed.status(), 200);
        assert_eq!(
            header(&changed, LAST_MODIFIED),
            "Fri, 20 Nov 2026 00:00:00 GMT"
        );
    }

    #[tokio::test]
    async fn arrivals_are_logged_in_order() {
        let site = start("python-jobs", 1).await;
        for target in ["/robots.txt", "/jobs/?page=2"] {
            get(&site, target).await;
        }
        let arrivals = site.arrivals();
        let targets: Vec<_> = arrivals.iter().map(|arrival| &arrival.target).collect();
        assert_eq!(targets, ["/robots.txt", "/jobs/?page=2"]);
        assert!(arrivals[0].at <= arrivals[1].at);
    }

    #[tokio::test]
    async fn a_dropped_site_ends_with_its_open_connections() {
        let site = start("python-jobs", 1).await;
        let client = client();
        let url = site.base().clone().join("/robots.txt").unwrap();
        let kept_alive = client.get(url.clone()).send().await.unwrap();
        kept_alive.text().await.unwrap();
        drop(site);
        let deadline = Instant::now() + std::time::Duration::from_secs(5);
        while client.get(url.clone()).send().await.is_ok() {
            assert!(Instant::now() < deadline, "the site is still served");
            tokio::task::yield_now().await;
        }
    }
}
