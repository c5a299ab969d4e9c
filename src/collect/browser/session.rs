use std::time::Duration;

use fantoccini::error::{CmdError, NewSessionError};
use fantoccini::wd::{Capabilities, TimeoutConfiguration, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};
use url::Url;
use uuid::Uuid;

use super::driver::{LocalBrowser, WebDriver};
use super::{Failure, Rendered};

/// Longest wait for a command that involves no page; a silent driver would hold us for ever.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(20);

/// Longest wait for a session to end in good order, before it is ended.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest wait for a browser to start, on a small machine under load.
const OPEN_TIMEOUT: Duration = Duration::from_mins(1);

/// Time between two looks for a selector.
const POLL: Duration = Duration::from_millis(100);

/// The page's HTTP status; nothing where the navigation was no exchange.
const READ_STATUS: &str =
    "return (performance.getEntriesByType('navigation')[0] || {}).responseStatus;";

/// The page's HTML; beyond the limit it stays where it is.
const READ_HTML: &str = "
    const html = document.documentElement ? document.documentElement.outerHTML : '';
    return html.length > arguments[0] ? null : html;
";

/// One page to read.
pub(super) struct Visit<'a> {
    /// The real address.
    pub(super) url: &'a Url,
    /// The address to open.
    pub(super) wire: &'a Url,
    pub(super) run: Uuid,
    pub(super) wait_for: Option<&'a str>,
    pub(super) timeout: Duration,
    pub(super) body_limit: usize,
}

/// A running browser. Dropping it ends a driver of our own at once, and lets go of a foreign one.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    driver: WebDriver,
    run: Option<Uuid>,
}

impl Session {
    pub(super) async fn open(
        driver: WebDriver,
        signature: &str,
        visit: &Visit<'_>,
    ) -> Result<Self, Failure> {
        let client = timeout(
            OPEN_TIMEOUT,
            ClientBuilder::new(HttpConnector::new())
                .capabilities(capabilities(driver.local.as_ref()))
                .connect(driver.address.as_str()),
        )
        .await
        .map_err(|_| silent(OPEN_TIMEOUT))?
        .map_err(|error| Failure::Lost(session_reason(&error)))?;
        let session = Self {
            client,
            driver,
            run: None,
        };
        session.sign(signature, visit).await?;
        Ok(session)
    }

    /// Appends our name to the browser's own user agent: both are the truth.
    async fn sign(&self, signature: &str, visit: &Visit<'_>) -> Result<(), Failure> {
        let script = "return navigator.userAgent";
        let own = command(self.client.execute(script, Vec::new())).await?;
        let user_agent = format!("{} {signature}", own.as_str().unwrap_or_default());
        tracing::debug!(user_agent, url = %visit.url, "browser started");
        let params = json!({ "userAgent": user_agent });
        self.devtools("Network.setUserAgentOverride", params).await
    }

    pub(super) async fn read(&mut self, visit: &Visit<'_>) -> Result<Rendered, Failure> {
        if self.run.is_some_and(|run| run != visit.run) {
            self.devtools("Network.clearBrowserCookies", json!({}))
                .await?;
        }
        self.run = Some(visit.run);
        let limits = TimeoutConfiguration::new(
            Some(visit.timeout),
            Some(visit.timeout),
            Some(Duration::ZERO),
        );
        command(self.client.update_timeouts(limits)).await?;
        let deadline = Instant::now() + visit.timeout;
        self.open_page(visit).await?;
        // Before the wait, for a page that blocks us will never have what is waited for; and again after it, for scripts
        // go on to other pages.
        self.check_status().await?;
        if let Some(selector) = visit.wait_for {
            self.wait_for(selector, deadline).await?;
            self.check_status().await?;
        }
        let limit = vec![json!(visit.body_limit)];
        let read = command(self.client.execute(READ_HTML, limit)).await?;
        match read {
            Value::String(html) if html.len() <= visit.body_limit => Ok(Rendered {
                url: command(self.client.current_url()).await?,
                html,
            }),
            _ => Err(Failure::TooLarge),
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

    /// Leaves the page: its scripts have had their time.
    pub(super) async fn rest(&self) -> Result<(), Failure> {
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
                None => refused(&error),
            }
        })
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

    /// Ends the session; the browser gets the time to leave in good order.
    pub(super) async fn close(self) {
        match timeout(CLOSE_TIMEOUT, self.client.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the browser did not close"),
            Err(_) => tracing::debug!("the browser did not close in time"),
        }
        drop(self.driver);
    }

    async fn devtools(&self, method: &'static str, params: Value) -> Result<(), Failure> {
        let call = DevTools { method, params };
        command(self.client.issue_cmd(call)).await.map(drop)
    }
}

/// A command of Chromium's own protocol, by way of its driver.
#[derive(Debug)]
struct DevTools {
    method: &'static str,
    params: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        let session = session.unwrap_or_default();
        base.join(&format!("session/{session}/goog/cdp/execute"))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = json!({ "cmd": self.method, "params": self.params });
        (Method::POST, Some(body.to_string()))
    }
}

/// What kind of browser is wanted.
fn capabilities(local: Option<&LocalBrowser>) -> Capabilities {
    let mut arguments: Vec<String> = [
        "--headless=new",
        "--disable-gpu",
        "--disable-quic",
        // The shared memory of a container is small, and a full one crashes pages.
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-breakpad",
        "--no-first-run",
        "--no-default-browser-check",
        "--mute-audio",
    ]
    .map(str::to_owned)
    .into();
    if runs_as_root() {
        // Chromium refuses to run as root with its sandbox.
        arguments.push("--no-sandbox".to_owned());
    }
    let mut options = json!({
        "prefs": {
            // A page is read, its files are not: 3 is every download, 2 is to block.
            "download_restrictions": 3,
            "profile.default_content_setting_values.images": 2,
            "profile.default_content_setting_values.notifications": 2,
            "profile.default_content_setting_values.geolocation": 2,
        },
    });
    if let Some(browser) = local {
        arguments.push(format!("--user-data-dir={}", browser.profile.display()));
        options["binary"] = json!(browser.program);
    }
    options["args"] = json!(arguments);
    Capabilities::from_iter([
        ("browserName".to_owned(), json!("chrome")),
        ("goog:chromeOptions".to_owned(), options),
        ("unhandledPromptBehavior".to_owned(), json!("dismiss")),
    ])
}

#[cfg(target_os = "linux")]
fn runs_as_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

#[cfg(not(target_os = "linux"))]
fn runs_as_root() -> bool {
    false
}

/// A command with a limit on its time.
async fn command<T>(call: impl Future<Output = Result<T, CmdError>>) -> Result<T, Failure> {
    match timeout(COMMAND_TIMEOUT, call).await {
        Ok(result) => result.map_err(|error| refused(&error)),
        Err(_) => Err(silent(COMMAND_TIMEOUT)),
    }
}

fn silent(limit: Duration) -> Failure {
    Failure::Lost(format!(
        "the driver did not answer within {} s",
        limit.as_secs()
    ))
}

/// The driver's no. Whether the browser is still there shows in how it is said: a crashed page or browser is an unknown
/// error, and a dead driver none of its own.
fn refused(error: &CmdError) -> Failure {
    let reason = command_reason(error);
    let is_alive = matches!(error, CmdError::Standard(_))
        && !error.is_unknown_error()
        && !error.is_invalid_session_id()
        && !error.is_no_such_window();
    if is_alive {
        Failure::Driver(reason)
    } else {
        Failure::Lost(reason)
    }
}

/// The first line: what follows is the driver's own stack.
fn command_reason(error: &CmdError) -> String {
    let text = match error {
        CmdError::Standard(standard) => standard.message.to_string(),
        other => other.to_string(),
    };
    text.lines().next().unwrap_or_default().to_owned()
}

fn session_reason(error: &NewSessionError) -> String {
    let text = match error {
        NewSessionError::SessionNotCreated(standard) => standard.message.to_string(),
        other => other.to_string(),
    };
    text.lines().next().unwrap_or_default().to_owned()
}
