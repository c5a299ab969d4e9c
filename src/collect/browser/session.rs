use std::time::Duration;

use fantoccini::error::NewSessionError;
use fantoccini::wd::{Capabilities, TimeoutConfiguration};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};
use url::Url;
use uuid::Uuid;

use super::capabilities::BLOCKED;
use super::driver::WebDriver;
use super::evidence::Seen;
use super::failure::{
    COMMAND_TIMEOUT, Failure, command, command_reason, refused, session_reason, silent,
};
use super::gate::{Gate, Trouble};
use super::memory;
use super::steps::{Stage, WATCH};
use super::wire::DevTools;
use crate::collect::error::FetchError;
use crate::config::Step;

/// Longest wait for a session to end in good order, before it is ended.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest wait for a browser to start, on a small machine under load or in the queue of a Grid.
const OPEN_TIMEOUT: Duration = Duration::from_mins(2);

/// Time between two looks for a selector.
const POLL: Duration = Duration::from_millis(100);

/// The page's HTTP status; nothing where the navigation was no exchange.
const READ_STATUS: &str =
    "return (performance.getEntriesByType('navigation')[0] || {}).responseStatus;";

/// What is in the scope, as HTML; beyond the limit it stays where it is.
const READ_HTML: &str = "
    const [limit, scope] = arguments;
    const html = scope ? scope.innerHTML : document.documentElement ? document.documentElement.outerHTML : '';
    return { html: html.length > limit ? null : html, address: location.href, base: document.baseURI };
";

/// One page to read.
pub(super) struct Visit<'a> {
    /// The real address.
    pub(super) url: &'a Url,
    /// The address to open.
    pub(super) wire: &'a Url,
    pub(super) run: Uuid,
    /// The pipeline's own address: the one place inside the network that its pages may ask.
    pub(super) home: &'a Url,
    pub(super) wait_for: Option<&'a str>,
    /// What is done on the page, each with its place in the file.
    pub(super) steps: Vec<(usize, &'a Step)>,
    pub(super) timeout: Duration,
    pub(super) body_limit: usize,
}

/// A page as the browser has it.
#[derive(Debug)]
pub(super) struct Rendered {
    /// Address on the wire.
    pub(super) url: Url,
    pub(super) html: String,
    /// Where the HTML is a part of the page.
    pub(super) part: Option<Part>,
    /// Whether there is more than the page shows.
    pub(super) is_cut: bool,
    /// A button that was to bring more, and that the page never had.
    pub(super) unseen: Option<String>,
}

/// A frame or shadow root that is read in the place of its page.
#[derive(Debug)]
pub(super) struct Part {
    /// The frame's own address, where it has one.
    pub(super) address: Option<Url>,
    /// What relative addresses in it are relative to.
    pub(super) base: Option<Url>,
}

#[derive(Deserialize)]
struct ReadHtml {
    html: Option<String>,
    address: String,
    base: String,
}

/// A running browser. Dropping it ends a driver of our own at once, and lets go of a foreign one.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    driver: WebDriver,
    /// The way out of a browser of our own.
    gate: Option<Gate>,
    /// Whose cookies it holds.
    pub(super) run: Uuid,
    /// Pages read.
    pub(super) pages: u32,
    pub(super) opened: Instant,
}

impl Session {
    pub(super) async fn open(
        driver: WebDriver,
        gate: Option<Gate>,
        wishes: Capabilities,
        run: Uuid,
    ) -> Result<Self, Failure> {
        let client = timeout(
            OPEN_TIMEOUT,
            ClientBuilder::new(HttpConnector::new())
                .capabilities(wishes)
                .connect(driver.address.as_str()),
        )
        .await
        .map_err(|_| silent(OPEN_TIMEOUT))?
        .map_err(|error| not_opened(&error, &driver))?;
        Ok(Self {
            client,
            driver,
            gate,
            run,
            pages: 0,
            opened: Instant::now(),
        })
    }

    /// The browser's own user agent.
    pub(super) async fn user_agent(&self) -> Result<String, Failure> {
        let script = "return navigator.userAgent";
        let own = command(self.client.execute(script, Vec::new())).await?;
        Ok(own.as_str().unwrap_or_default().to_owned())
    }

    /// What a Chromium is told after its start: its user agent, what it need not fetch, and whom to count requests for.
    pub(super) async fn equip(&self, user_agent: &str) -> Result<(), Failure> {
        for (method, params) in [
            (
                "Network.setUserAgentOverride",
                json!({ "userAgent": user_agent }),
            ),
            ("Network.enable", json!({})),
            ("Network.setBlockedURLs", json!({ "urls": BLOCKED })),
            ("Page.enable", json!({})),
            (
                "Page.addScriptToEvaluateOnNewDocument",
                json!({ "source": WATCH }),
            ),
            ("Browser.setDownloadBehavior", json!({ "behavior": "deny" })),
        ] {
            let call = DevTools { method, params };
            command(self.client.issue_cmd(call)).await?;
        }
        Ok(())
    }

    pub(super) async fn read(&mut self, visit: &Visit<'_>) -> Result<Rendered, Failure> {
        self.pages += 1;
        let read = self.read_page(visit).await;
        match (read, &self.gate) {
            (Err(failure), Some(gate)) if failure.spares_session() => {
                Err(self.explain(failure, gate).await)
            }
            (read, _) => read,
        }
    }

    /// What the browser knows as a status, a broken tunnel or a page without what it should have, by what its way out knows
    /// of the place where it is.
    async fn explain(&self, failure: Failure, gate: &Gate) -> Failure {
        let Ok(url) = command(self.client.current_url()).await else {
            return failure;
        };
        match gate.trouble(&url) {
            Some(Trouble::Refused(address)) => Failure::Refused { url, address },
            Some(Trouble::Unreachable(reason)) => Failure::Navigation(reason),
            None => failure,
        }
    }

    async fn read_page(&self, visit: &Visit<'_>) -> Result<Rendered, Failure> {
        let limits = TimeoutConfiguration::new(
            Some(visit.timeout),
            Some(visit.timeout),
            Some(Duration::ZERO),
        );
        command(self.client.update_timeouts(limits)).await?;
        let deadline = Instant::now() + visit.timeout;
        self.open_page(visit).await?;
        // Before the waits, for a page that blocks us will never have what is waited for; and again after them, for
        // scripts and steps go on to other pages.
        self.check_status().await?;
        if let Some(selector) = visit.wait_for {
            self.wait_for(selector, deadline).await?;
        }
        let mut stage = Stage::new(&self.client);
        for (number, step) in &visit.steps {
            stage.run(*number, step).await?;
        }
        if visit.wait_for.is_some() || !visit.steps.is_empty() {
            self.check_status().await?;
        }
        let limit = visit.body_limit;
        let read = self.read_html(limit, stage.scope.clone()).await?;
        let is_part = stage.is_in_frame || !stage.scope.is_null();
        let part = is_part.then(|| Part {
            address: Url::parse(&read.address)
                .ok()
                .filter(|address| stage.is_in_frame && address.has_host()),
            base: Url::parse(&read.base).ok(),
        });
        match read.html {
            Some(html) if html.len() <= limit => Ok(Rendered {
                url: command(self.client.current_url()).await?,
                html,
                part,
                is_cut: stage.is_cut,
                unseen: stage.unseen,
            }),
            _ => Err(Failure::TooLarge),
        }
    }

    async fn read_html(&self, limit: usize, scope: Value) -> Result<ReadHtml, Failure> {
        let arguments = vec![json!(limit), scope];
        let read = command(self.client.execute(READ_HTML, arguments)).await?;
        serde_json::from_value(read)
            .map_err(|error| Failure::Driver(format!("the page cannot be read: {error}")))
    }

    /// What is to be seen now, as far as it can be had.
    pub(super) async fn witness(&self, limit: usize) -> Seen {
        let html = self.read_html(limit, Value::Null).await;
        let picture = command(self.client.screenshot()).await;
        Seen {
            html: html.ok().and_then(|read| read.html),
            picture: picture.ok(),
        }
    }

    async fn check_status(&self) -> Result<(), Failure> {
        let status = command(self.client.execute(READ_STATUS, Vec::new())).await?;
        match status
            .as_u64()
            .and_then(|status| u16::try_from(status).ok())
        {
            Some(status @ 400..) => Err(Failure::Status(status)),
            // A page from the cache says 304.
            _ => Ok(()),
        }
    }

    /// Leaves the page: its scripts have had their time. A window that it opened would not be left.
    pub(super) async fn rest(&self) -> Result<(), Failure> {
        if command(self.client.windows()).await?.len() > 1 {
            return Err(Failure::Driver("the page opened a window".to_owned()));
        }
        command(self.client.goto("about:blank")).await
    }

    async fn open_page(&self, visit: &Visit<'_>) -> Result<(), Failure> {
        // The driver has the same limit; the rest is for its answer.
        let patience = visit.timeout + COMMAND_TIMEOUT;
        let opened = timeout(patience, self.client.goto(visit.wire.as_str()))
            .await
            .map_err(|_| silent(patience))?;
        opened.map_err(|error| {
            let reason = command_reason(&error);
            match reason.find("net::ERR_") {
                _ if error.is_timeout() => Failure::TimedOut,
                Some(start) => Failure::Navigation(reason[start..].to_owned()),
                None if reason.contains("about:neterror") => Failure::Navigation(reason),
                None => refused(&error),
            }
        })?;
        // What is downloaded and not shown leaves the browser where it was.
        let address = command(self.client.current_url()).await?;
        if matches!(address.scheme(), "http" | "https") {
            Ok(())
        } else {
            let reason = "it is no page but a download, and those are refused";
            Err(Failure::Driver(reason.to_owned()))
        }
    }

    async fn wait_for(&self, selector: &str, deadline: Instant) -> Result<(), Failure> {
        loop {
            let found = timeout(COMMAND_TIMEOUT, self.client.find(Locator::Css(selector)))
                .await
                .map_err(|_| silent(COMMAND_TIMEOUT))?;
            match found {
                Ok(_) => return Ok(()),
                // The second is a page that is just being replaced by another.
                Err(error) if error.is_no_such_element() || error.is_stale_element_reference() => {}
                Err(error) => return Err(refused(&error)),
            }
            if Instant::now() >= deadline {
                return Err(Failure::SelectorAbsent);
            }
            sleep(POLL).await;
        }
    }

    /// Bytes that browser and driver hold, where they are our own and the system tells.
    pub(super) async fn memory(&self) -> Option<u64> {
        let group = self.driver.local.as_ref()?.process_group();
        let held = tokio::task::spawn_blocking(move || memory::of_group(group));
        held.await.ok()?
    }

    /// Whether it was started by us: then dropping it is the surest end.
    pub(super) const fn is_local(&self) -> bool {
        self.driver.local.is_some()
    }

    /// Ends the session; the browser gets the time to leave in good order.
    pub(super) async fn close(self) {
        match timeout(CLOSE_TIMEOUT, self.client.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the browser did not close"),
            Err(_) => tracing::debug!("the browser did not close in time"),
        }
        drop(self.driver);
    }
}

/// Why there is no session. What is wrong with the programs is wrong at the next try too.
fn not_opened(error: &NewSessionError, driver: &WebDriver) -> Failure {
    let reason = session_reason(error);
    match (error, &driver.local) {
        (NewSessionError::SessionNotCreated(_), Some(local))
            if reason.contains("only supports") || reason.contains("version") =>
        {
            Failure::Start(FetchError::BrowserMismatch {
                driver: local.driver.clone(),
                browser: local.program.clone(),
                reason,
                install: local.install,
            })
        }
        (NewSessionError::SessionNotCreated(_), _) => Failure::Lost(reason),
        (_, None) => Failure::Start(FetchError::WebDriverUnreachable {
            address: driver.shown_address(),
            reason,
        }),
        _ => Failure::Lost(reason),
    }
}
