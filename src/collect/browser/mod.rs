//! Pages that scripts fill, read by a real browser through WebDriver.
//!
//! [`pool`] holds the sessions, [`session`] reads one page in one of them, [`steps`] does what the pipeline says before
//! the page is read. A session serves one run and begins with an empty profile; after a time-out, a driver's error or a
//! dropped future it is ended, and so it is once it has grown old or large; the next page begins with a new one. Nothing of
//! a driver that trendy started outlives it, see [`driver`]. A browser of our own reaches the network through [`gate`]
//! alone. What a page looked like when it was not as its pipeline has it is kept, see [`evidence`].

mod capabilities;
mod driver;
mod evidence;
mod failure;
mod gate;
mod memory;
mod pool;
mod session;
mod steps;
mod walls;
mod wire;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use url::Url;
use uuid::Uuid;

use self::evidence::Seen;
pub(super) use self::pool::Pool;
use self::session::{Rendered, Visit};
use super::Fetcher;
use super::archive::{Capture, role_text};
use super::collector::Shared;
use super::error::FetchError;
use super::visitor::Visitor;
use crate::config::{Source, Step, StepPages};
use crate::record::{Fetched, Page, Request, Role};

/// What a browser tells of a page that is not an error.
const STATUS: u16 = 200;

/// What the DOM is serialized as.
const CONTENT_TYPE: &str = "text/html; charset=utf-8";

/// Fetches pages with a browser. The body is the DOM as it stands after scripts and steps, as HTML in UTF-8.
pub struct BrowserFetcher {
    shared: Arc<Shared>,
    visitor: Visitor,
    wait_for: Option<String>,
    steps: Vec<Step>,
    /// Whose session it is: cookies do not pass from one run to another.
    run: Uuid,
}

impl BrowserFetcher {
    pub(super) fn new(shared: Arc<Shared>, mut visitor: Visitor, source: &Source) -> Self {
        // More places at a host than there are browsers would only be waited in.
        let sessions = shared.settings.browser_sessions.max(1);
        visitor.politeness.concurrency = visitor.politeness.concurrency.min(sessions);
        Self {
            shared,
            visitor,
            wait_for: source.wait_for.clone(),
            steps: source.steps.clone(),
            run: Uuid::new_v4(),
        }
    }

    /// The page that the browser ends up on. The browser follows redirects by itself, so where it got to is judged
    /// afterwards, before anyone reads it.
    async fn visit(&self, request: &Request) -> Result<Arrival, FetchError> {
        let url = &request.url;
        let mut wire = self.shared.wire_address(url);
        self.visitor.fill(url, &mut wire);
        let visit = Visit {
            url,
            wire: &wire,
            run: self.run,
            home: &self.visitor.home,
            wait_for: self.wait_for.as_deref(),
            steps: self.steps_on(&request.role),
            timeout: self.visitor.timeout,
            body_limit: self.shared.settings.body_limit,
        };
        let host = self.shared.hosts.host(url);
        match self.shared.browsers.read(&visit, || host.begins()).await {
            Ok(rendered) => Ok(self.arrival(url, rendered)),
            Err(failed) => {
                let kept = match failed.seen {
                    Some(seen) => self.keep(seen, request).await,
                    None => Vec::new(),
                };
                Err(failed.failure.into_error(&visit, &self.visitor, kept))
            }
        }
    }

    /// The steps for a page, each with its place in the file.
    fn steps_on(&self, role: &Role) -> Vec<(usize, &Step)> {
        let is_detail = matches!(role, Role::Detail { .. });
        let wanted = |on: StepPages| match on {
            StepPages::List => !is_detail,
            StepPages::Detail => is_detail,
            StepPages::All => true,
        };
        (1..)
            .zip(&self.steps)
            .filter(|(_, step)| wanted(step.on))
            .collect()
    }

    fn arrival(&self, asked: &Url, rendered: Rendered) -> Arrival {
        let mut html = rendered.html;
        let mut frame = None;
        if let Some(part) = rendered.part {
            // Links are read against the page, and these are relative to something else.
            if let Some(base) = part.base {
                let mut tag = String::from("<base href=\"");
                let base = self.real(asked, &base);
                html_escape::encode_double_quoted_attribute_to_string(base.as_str(), &mut tag);
                // Writing to a string does not fail.
                let _ = write!(tag, "\">{html}");
                html = tag;
            }
            frame = part.address.map(|address| self.real(asked, &address));
        }
        Arrival {
            url: self.real(asked, &rendered.url),
            frame,
            html,
            is_cut: rendered.is_cut,
            unseen: rendered.unseen,
        }
    }

    /// An address on the wire as the real one, without secrets.
    fn real(&self, asked: &Url, wire: &Url) -> Url {
        let redacted = self.visitor.redact(wire.as_str());
        let landed = Url::parse(&redacted).unwrap_or_else(|_| asked.clone());
        self.shared.settings.twins.incoming(asked, landed)
    }

    /// Keeps what the browser saw; secrets that a page repeats are taken out of its HTML.
    async fn keep(&self, seen: Seen, request: &Request) -> Vec<PathBuf> {
        let Some(folder) = self.shared.settings.browser_failures.clone() else {
            return Vec::new();
        };
        let seen = Seen {
            html: seen.html.map(|html| self.visitor.redact(&html)),
            ..seen
        };
        let pipeline = request.pipeline.to_string();
        let kept =
            tokio::task::spawn_blocking(move || seen.keep(&folder, Timestamp::now(), &pipeline));
        kept.await.unwrap_or_default()
    }

    async fn permit(&self, url: &Url) -> Result<(), FetchError> {
        self.shared.permit(&self.visitor, url).await?;
        if self.shared.has_twin(url) {
            return Ok(());
        }
        // The browser resolves names by itself; this is as close as one gets.
        self.shared
            .guard
            .check_resolved(&self.visitor.home, url)
            .await
    }

    /// A page as the archive has it. What browser and site really said to each other nobody told; the headers are those
    /// of an answer that would have had this DOM as its body.
    fn capture(&self, page: &Page) -> Capture {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Capture {
            url: page.request.url.clone(),
            at: page.fetched_at,
            role: Some(role_text(&page.request.role)),
            landed: Some(page.url.clone()).filter(|landed| *landed != page.request.url),
            sent: vec![
                header("host", page.request.url.host_str().unwrap_or_default()),
                header("user-agent", self.shared.browsers.told_user_agent()),
            ],
            status: page.status,
            received: vec![header("content-type", CONTENT_TYPE)],
            body: Some(page.body.clone()),
        }
    }
}

impl Drop for BrowserFetcher {
    fn drop(&mut self) {
        self.shared.browsers.end_run(self.run);
    }
}

#[async_trait]
impl Fetcher for BrowserFetcher {
    async fn fetch(&self, request: &Request) -> Result<Fetched, FetchError> {
        self.permit(&request.url).await?;
        let arrival = self
            .shared
            .politely(&self.visitor, &request.url, || self.visit(request))
            .await?;
        if arrival.url != request.url {
            self.permit(&arrival.url).await?;
        }
        if let Some(frame) = &arrival.frame {
            self.permit(frame).await?;
        }
        if let Some(selector) = &arrival.unseen {
            tracing::warn!(
                pipeline = %request.pipeline,
                url = %arrival.url,
                selector,
                "`load_more` found no button on the page, which may hold more than was read; check the selector, or \
                 set `optional = true` beside it where a list can be that short"
            );
        }
        let page = Page {
            request: request.clone(),
            url: arrival.url,
            status: STATUS,
            content_type: Some(CONTENT_TYPE.to_owned()),
            body: Bytes::from(arrival.html),
            // A driver tells no headers.
            robots_tags: Vec::new(),
            fetched_at: Timestamp::now(),
            // What a script made of a page has none.
            validators: None,
            is_cut: arrival.is_cut,
            unseen: arrival.unseen,
        };
        self.visitor.record(|| self.capture(&page)).await;
        Ok(Fetched::Page(Box::new(page)))
    }
}

/// Where the browser ended up, by real addresses.
struct Arrival {
    url: Url,
    /// The frame that was read in the place of the page.
    frame: Option<Url>,
    html: String,
    is_cut: bool,
    unseen: Option<String>,
}
