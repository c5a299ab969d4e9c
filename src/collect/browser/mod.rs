//! Pages that scripts fill, read by a real Chromium through WebDriver.
//!
//! There is one browser, started when a page first needs it, and one page at a time in it. A page gets the browser, and
//! hands it back only when all went well: after a time-out, a driver's error or a dropped future, browser and driver
//! are ended, and the next page begins with new ones. Nothing of a driver that trendy started outlives it, see
//! [`driver`].

mod driver;
mod session;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::Mutex;
use url::Url;
use uuid::Uuid;

use self::driver::{Programs, WebDriver};
use self::session::{Session, Visit};
use super::Fetcher;
use super::archive::{Capture, role_text};
use super::collector::{CollectSettings, Shared};
use super::error::FetchError;
use super::visitor::Visitor;
use crate::config::Environment;
use crate::record::{Fetched, Page, Request};

/// What a browser tells of a page that is not an error.
const STATUS: u16 = 200;

/// What the DOM is serialized as.
const CONTENT_TYPE: &str = "text/html; charset=utf-8";

/// Fetches pages with a browser. The body is the DOM as it stands after the scripts ran, as HTML in UTF-8.
pub struct BrowserFetcher {
    shared: Arc<Shared>,
    visitor: Visitor,
    wait_for: Option<String>,
    /// Tells the browser when another run takes over, so that cookies do not pass from one to the other.
    run: Uuid,
}

impl BrowserFetcher {
    pub(super) fn new(shared: Arc<Shared>, mut visitor: Visitor, wait_for: Option<String>) -> Self {
        // With one page at a time, a second place at a host would only be waited in.
        visitor.politeness.concurrency = 1;
        Self {
            shared,
            visitor,
            wait_for,
            run: Uuid::new_v4(),
        }
    }

    /// The page that the browser ends up on. The browser follows redirects by itself, so where it got to is judged
    /// afterwards, before anyone reads it.
    async fn visit(&self, url: &Url) -> Result<(Url, String), FetchError> {
        let mut wire = self.shared.wire_address(url);
        self.visitor.fill(url, &mut wire);
        let visit = Visit {
            url,
            wire: &wire,
            run: self.run,
            wait_for: self.wait_for.as_deref(),
            timeout: self.visitor.timeout,
            body_limit: self.shared.settings.body_limit,
        };
        let host = self.shared.hosts.host(url);
        let rendered = self
            .shared
            .browser
            .read(&visit, || host.begins())
            .await
            .map_err(|failure| failure.into_error(&visit, &self.visitor))?;
        let redacted = self.visitor.redact(rendered.url.as_str());
        let landed = Url::parse(&redacted).unwrap_or_else(|_| url.clone());
        let landed = self.shared.settings.twins.incoming(url, landed);
        Ok((landed, rendered.html))
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
}

#[async_trait]
impl Fetcher for BrowserFetcher {
    async fn fetch(&self, request: &Request) -> Result<Fetched, FetchError> {
        self.permit(&request.url).await?;
        let (url, html) = self
            .shared
            .politely(&self.visitor, &request.url, || self.visit(&request.url))
            .await?;
        if url != request.url {
            self.permit(&url).await?;
        }
        let page = Page {
            request: request.clone(),
            url,
            status: STATUS,
            content_type: Some(CONTENT_TYPE.to_owned()),
            body: Bytes::from(html),
            fetched_at: Timestamp::now(),
            // What a script made of a page has none.
            validators: None,
        };
        self.visitor
            .record(|| self.shared.browser.capture(&page))
            .await;
        Ok(Fetched::Page(Box::new(page)))
    }
}

/// The browser of a process, with what is needed to start it.
pub(super) struct Browser {
    webdriver_url: Option<Url>,
    programs: Programs,
    /// What is appended to the browser's own user agent.
    signature: String,
    session: Mutex<Option<Session>>,
}

/// A page as the browser has it.
#[derive(Debug)]
struct Rendered {
    /// Address on the wire.
    url: Url,
    html: String,
}

/// Why the browser has no page for us, before secrets are taken out of its words.
#[derive(Debug)]
enum Failure {
    /// Nothing to do with this page.
    Start(FetchError),
    /// The page cannot be opened.
    Navigation(String),
    /// The driver said no.
    Driver(String),
    /// Driver or browser is gone, or nobody can say.
    Lost(String),
    Status(u16),
    TimedOut,
    SelectorAbsent,
    TooLarge,
}

impl Failure {
    /// Whether browser and driver are as good as before.
    const fn spares_session(&self) -> bool {
        !matches!(self, Self::Start(_) | Self::Lost(_))
    }

    fn into_error(self, visit: &Visit<'_>, visitor: &Visitor) -> FetchError {
        let url = visit.url.to_string();
        match self {
            Self::Start(error) => error,
            Self::Navigation(reason) => FetchError::Navigation {
                url,
                reason: visitor.redact(&reason),
            },
            Self::Driver(reason) => FetchError::Browser {
                url,
                reason: visitor.redact(&reason),
            },
            Self::Lost(reason) => FetchError::BrowserLost {
                url,
                reason: visitor.redact(&reason),
            },
            Self::Status(status) => FetchError::Status {
                url,
                status,
                retry_after: None,
            },
            Self::TimedOut => FetchError::TimedOut {
                url,
                after: visit.timeout,
            },
            Self::SelectorAbsent => FetchError::SelectorAbsent {
                selector: visit.wait_for.unwrap_or_default().to_owned(),
                url,
                after: visit.timeout,
            },
            Self::TooLarge => FetchError::TooLarge {
                url,
                limit: visit.body_limit,
            },
        }
    }
}

impl Browser {
    pub(super) fn new(settings: &CollectSettings, environment: &Environment) -> Self {
        Self {
            webdriver_url: settings.webdriver_url.clone(),
            programs: Programs::new(settings, environment),
            signature: settings.user_agent.clone(),
            session: Mutex::default(),
        }
    }

    pub(super) fn available(&self) -> Result<(), FetchError> {
        match self.webdriver_url {
            Some(_) => Ok(()),
            None => self.programs.find().map(drop),
        }
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
                header("user-agent", &self.signature),
            ],
            status: page.status,
            received: vec![header("content-type", CONTENT_TYPE)],
            body: Some(page.body.clone()),
        }
    }

    pub(super) async fn close(&self) {
        if let Some(session) = self.session.lock().await.take() {
            session.close().await;
        }
    }

    /// Reads a page; `begins` is called when the browser is free and sets out.
    async fn read(&self, visit: &Visit<'_>, begins: impl FnOnce()) -> Result<Rendered, Failure> {
        let mut slot = self.session.lock().await;
        // Out of its place while in use: whatever goes wrong, a session in doubt is not put back.
        let mut session = match slot.take() {
            Some(session) => session,
            None => self.start(visit).await?,
        };
        begins();
        let result = session.read(visit).await;
        let is_sound = result.as_ref().err().is_none_or(Failure::spares_session);
        if is_sound && session.rest().await.is_ok() {
            *slot = Some(session);
        } else {
            session.close().await;
        }
        result
    }

    async fn start(&self, visit: &Visit<'_>) -> Result<Session, Failure> {
        let driver = match &self.webdriver_url {
            Some(url) => WebDriver::at(url),
            None => WebDriver::start(&self.programs.find().map_err(Failure::Start)?)
                .await
                .map_err(Failure::Start)?,
        };
        Session::open(driver, &self.signature, visit).await
    }
}
