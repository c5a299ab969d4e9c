use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use crate::record::Outcome;

/// Why there is no page. Addresses are the real ones, with secrets as `${NAME}`.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// `robots.txt` says no.
    #[error("robots.txt disallows {url} (line {number}: `{line}`)")]
    DisallowedByRobots {
        /// The address.
        url: String,
        /// Number of the line that decided.
        number: usize,
        /// Its text.
        line: String,
    },
    /// `robots.txt` could not be read, which RFC 9309 (2.3.1.4) has us take for a no.
    #[error("{url} was not asked: the site's robots.txt cannot be read ({reason})")]
    RobotsUnreachable {
        /// The address.
        url: String,
        /// What went wrong, causes and all: it is told for every page of the site.
        reason: String,
    },
    /// An answer that is no page.
    #[error("{url} answered {status}")]
    Status {
        /// The address.
        url: String,
        /// Its HTTP status.
        status: u16,
        /// How long the host asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// The page of an entry turned out to be one of the list, of the whole site, or of another entry.
    #[error(
        "{url} leads to {landed}, which is no page of its own: a login or a front page, perhaps"
    )]
    LedElsewhere {
        /// The address.
        url: String,
        /// Where it leads.
        landed: String,
    },
    /// A riddle in place of the page: the site wants to see a person.
    #[error(
        "{url} answered {status} with a captcha or a browser check; trendy does not try to get round it"
    )]
    Challenged {
        /// The address.
        url: String,
        /// Its HTTP status.
        status: u16,
    },
    /// The host asked to be left alone for longer than a run waits.
    #[error(
        "{url} was not asked: its host wants no request before {until:.0} ({reason}); run again then"
    )]
    HostPaused {
        /// The address.
        url: String,
        /// The end of the pause.
        until: Timestamp,
        /// How it said so.
        reason: String,
    },
    /// The host failed so often in a row that it is left alone for a while.
    #[error(
        "{url} was not asked: its host failed {failures} times in a row and is left alone until {until:.0}; run again then"
    )]
    HostFailing {
        /// The address.
        url: String,
        /// Failures in a row.
        failures: u32,
        /// What they were.
        outcome: Outcome,
        /// The end of the rest.
        until: Timestamp,
    },
    /// The host answers now and then, and the run has waited for it long enough.
    #[error(
        "{url} was not asked: requests to its host that failed have taken {} s of this run; run again later",
        .spent.as_secs()
    )]
    BudgetSpent {
        /// The address.
        url: String,
        /// How long they took, waits included.
        spent: Duration,
        /// What the last of them was.
        outcome: Outcome,
    },
    /// A connection, and nothing on it.
    #[error("{url} sent nothing within {} s", .after.as_secs_f64())]
    Silent {
        /// The address.
        url: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// No whole answer in time.
    #[error("{url} did not answer within {} s; `source.timeout` sets the limit", .after.as_secs_f64())]
    TimedOut {
        /// The address.
        url: String,
        /// The limit.
        after: Duration,
    },
    /// No connection.
    #[error("cannot connect to {url}")]
    Connect {
        /// The address.
        url: String,
        /// Why; it names no address.
        #[source]
        source: reqwest::Error,
    },
    /// The answer broke off, or is not what it says it is.
    #[error("the answer of {url} cannot be read to its end")]
    Transfer {
        /// The address.
        url: String,
        /// Why; it names no address.
        #[source]
        source: reqwest::Error,
    },
    /// The body is larger than any page should be.
    #[error(
        "{url} is larger than {} KiB after decoding, the most that a page may be; ask for less at a time, by a parameter of its address or by `[source.pages]`",
        .limit / 1024
    )]
    TooLarge {
        /// The address.
        url: String,
        /// Most bytes.
        limit: usize,
    },
    /// The address leads into the network that trendy runs in.
    #[error(
        "{url} leads to {address}, which is not a public address; only the pipeline's own `source.url` may name one"
    )]
    AddressRefused {
        /// The address.
        url: String,
        /// Where it leads.
        address: IpAddr,
    },
    /// The address is for no web page.
    #[error("{url} is not an http or https address")]
    SchemeRefused {
        /// The address.
        url: String,
    },
    /// The address is longer than addresses are: a trap, or a page that is not what its rules take it for.
    #[error("`{start}…` is no address to ask: it has {bytes} bytes")]
    AddressTooLong {
        /// How it begins.
        start: String,
        /// Its length.
        bytes: usize,
    },
    /// Redirects without end.
    #[error("{url} redirects more than {limit} times")]
    TooManyRedirects {
        /// The address asked for.
        url: String,
        /// Most redirects.
        limit: usize,
    },
    /// A redirect to no address.
    #[error("{url} redirects to `{location}`, which is no address")]
    BadRedirect {
        /// The address that redirects.
        url: String,
        /// Its `Location`, secrets redacted.
        location: String,
    },
    /// What `wait_for` names did not come.
    #[error(
        "`{selector}` did not appear on {url} within {} s; check `source.wait_for`{}",
        .after.as_secs_f64(),
        seen_in(.kept)
    )]
    SelectorAbsent {
        /// The selector.
        selector: String,
        /// The page.
        url: String,
        /// The limit.
        after: Duration,
        /// Files with what the browser saw.
        kept: Vec<PathBuf>,
    },
    /// A step of the pipeline could not be done.
    #[error("step {number} ({step}) failed on {url}: {reason}{}", seen_in(.kept))]
    Step {
        /// Its place among the steps of the file, from 1.
        number: usize,
        /// Its kind, with its selector.
        step: String,
        /// The page.
        url: String,
        /// What was in its way, secrets redacted.
        reason: String,
        /// Files with what the browser saw.
        kept: Vec<PathBuf>,
    },
    /// The browser could not open the page.
    #[error("the browser cannot open {url}: {reason}")]
    Navigation {
        /// The address.
        url: String,
        /// The browser's words, such as `net::ERR_CONNECTION_REFUSED`.
        reason: String,
    },
    /// A program that a browser pipeline needs is not there.
    #[error(
        "no {program}: looked for {}; install it ({install}) or name a WebDriver address",
        .looked_for.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(", ")
    )]
    BrowserMissing {
        /// What it is.
        program: &'static str,
        /// Where it was looked for.
        looked_for: Vec<PathBuf>,
        /// How it is installed.
        install: &'static str,
    },
    /// Driver and browser are there and do not fit.
    #[error(
        "`{}` and `{}` do not fit: {reason}; install both from the same source ({install}), or name others in `trendy.toml`",
        .driver.display(),
        .browser.display()
    )]
    BrowserMismatch {
        /// The driver.
        driver: PathBuf,
        /// The browser.
        browser: PathBuf,
        /// The driver's words, with the versions.
        reason: String,
        /// How they are installed.
        install: &'static str,
    },
    /// The WebDriver that the settings name gives no session.
    #[error(
        "no session from the WebDriver at {address}: {reason}; check `webdriver_url`, and that it runs"
    )]
    WebDriverUnreachable {
        /// Its address, without credentials.
        address: String,
        /// Why.
        reason: String,
    },
    /// The driver could not be started.
    #[error("cannot start `{}`", .program.display())]
    DriverStart {
        /// The driver.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Browser or driver died or fell silent; the next try gets new ones.
    #[error("the browser was lost on {url}: {reason}")]
    BrowserLost {
        /// The page.
        url: String,
        /// The last that was heard, secrets redacted.
        reason: String,
    },
    /// A replay has no other place to look.
    #[error("{url} is not in archive `{}`", .archive.display())]
    NotArchived {
        /// The address.
        url: String,
        /// Folder or file.
        archive: PathBuf,
    },
    /// The archive is damaged, or of a kind that trendy does not write.
    #[error("the answer of {url} in `{}` cannot be read", .file.display())]
    ArchiveUnreadable {
        /// The address.
        url: String,
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A pattern of files that fits none.
    #[error("no file is named `{pattern}`")]
    NoFile {
        /// The pattern.
        pattern: String,
    },
    /// A file that cannot be read.
    #[error("cannot read `{}`", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The driver said no.
    #[error("the browser failed on {url}: {reason}")]
    Browser {
        /// The page.
        url: String,
        /// The driver's words, secrets redacted.
        reason: String,
    },
}

impl FetchError {
    /// Whether the same request may succeed a little later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Status { status, .. } => *status == 429 || *status >= 500,
            Self::TimedOut { .. }
            | Self::Silent { .. }
            | Self::Connect { .. }
            | Self::Transfer { .. }
            | Self::Navigation { .. }
            | Self::WebDriverUnreachable { .. }
            | Self::BrowserLost { .. } => true,
            _ => false,
        }
    }

    /// The outcome of a run that ends by this error.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::DisallowedByRobots { .. }
            | Self::Status {
                status: 401 | 403 | 429,
                ..
            }
            | Self::Challenged { .. }
            | Self::LedElsewhere { .. }
            | Self::HostPaused { .. } => Outcome::Blocked,
            Self::HostFailing { outcome, .. } | Self::BudgetSpent { outcome, .. } => *outcome,
            Self::SelectorAbsent { .. } | Self::Step { .. } => Outcome::Broken,
            _ => Outcome::Failed,
        }
    }

    /// Whether the host does not want to be asked. A `robots.txt` is no refusal: it is known without asking.
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::DisallowedByRobots { .. }) && self.outcome() == Outcome::Blocked
    }

    /// How long the whole host is to be left alone, where the answer says so (some do with a 403) or means it.
    pub(super) fn pause(&self) -> Option<Pause> {
        match self {
            Self::Status {
                retry_after: Some(asked),
                ..
            } => Some(Pause::For(*asked)),
            Self::Status {
                status: 429 | 503, ..
            } => Some(Pause::Backoff),
            _ => None,
        }
    }

    /// Whether the host is asked more than it can answer, and has not said how much that would be.
    pub(super) fn means_too_fast(&self) -> bool {
        self.pause() == Some(Pause::Backoff)
            || matches!(self, Self::TimedOut { .. } | Self::Silent { .. })
    }
}

/// The end of a message: where its reader can look.
fn seen_in(kept: &[PathBuf]) -> String {
    if kept.is_empty() {
        return String::new();
    }
    let files: Vec<_> = kept
        .iter()
        .map(|path| format!("`{}`", path.display()))
        .collect();
    format!("; what the browser saw: {}", files.join(", "))
}

/// For how long a host wants no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    /// It did not say.
    Backoff,
    /// It said.
    For(Duration),
}
