//! What goes wrong with a browser, before secrets are taken out of its words.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use fantoccini::error::{CmdError, NewSessionError};
use tokio::time::timeout;
use url::Url;

use super::session::Visit;
use crate::collect::error::FetchError;
use crate::collect::visitor::Visitor;

/// Longest wait for a command that involves no page; a silent driver would hold us for ever.
pub(super) const COMMAND_TIMEOUT: Duration = Duration::from_secs(20);

/// Why the browser has no page for us.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing to do with this page.
    Start(FetchError),
    /// The page is inside the network, or went on to there.
    Refused {
        /// On the wire.
        url: Url,
        address: IpAddr,
    },
    /// The page cannot be opened.
    Navigation(String),
    /// The driver said no.
    Driver(String),
    /// Driver or browser is gone, or nobody can say.
    Lost(String),
    Status(u16),
    TimedOut,
    SelectorAbsent,
    Step(StepFailure),
    TooLarge,
}

/// A step that could not be done.
#[derive(Debug)]
pub(super) struct StepFailure {
    /// Place in the pipeline file, from 1.
    pub(super) number: usize,
    /// Kind and selector.
    pub(super) step: String,
    pub(super) reason: String,
}

impl Failure {
    /// Whether browser and driver are as good as before. After a time-out they are not: the page may be one that hangs,
    /// and then nothing can be said to it.
    pub(super) const fn spares_session(&self) -> bool {
        !matches!(self, Self::Start(_) | Self::Lost(_) | Self::TimedOut)
    }

    /// Whether the page is there and not as the pipeline has it: then its author wants to see it.
    pub(super) const fn wants_witness(&self) -> bool {
        matches!(self, Self::SelectorAbsent | Self::Step(_))
    }

    pub(super) fn into_error(
        self,
        visit: &Visit<'_>,
        visitor: &Visitor,
        kept: Vec<PathBuf>,
    ) -> FetchError {
        let url = visit.url.to_string();
        match self {
            Self::Start(error) => error,
            Self::Refused { url, address } => FetchError::AddressRefused {
                url: visitor.redact(url.as_str()),
                address,
            },
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
                kept,
            },
            Self::Step(failure) => FetchError::Step {
                number: failure.number,
                step: failure.step,
                url,
                reason: visitor.redact(&failure.reason),
                kept,
            },
            Self::TooLarge => FetchError::TooLarge {
                url,
                limit: visit.body_limit,
            },
        }
    }
}

/// A command with a limit on its time.
pub(super) async fn command<T>(
    call: impl Future<Output = Result<T, CmdError>>,
) -> Result<T, Failure> {
    answer(call).await?.map_err(|error| refused(&error))
}

/// What the driver answers to a command, a no included, within a limit on its time.
pub(super) async fn answer<T>(
    call: impl Future<Output = Result<T, CmdError>>,
) -> Result<Result<T, CmdError>, Failure> {
    timeout(COMMAND_TIMEOUT, call)
        .await
        .map_err(|_| silent(COMMAND_TIMEOUT))
}

pub(super) fn silent(limit: Duration) -> Failure {
    Failure::Lost(format!(
        "the driver did not answer within {} s",
        limit.as_secs()
    ))
}

/// The driver's no. Whether the browser is still there shows in how it is said: a crashed page or browser is an unknown
/// error, one that no longer answers a time-out, and a dead driver none of its own.
pub(super) fn refused(error: &CmdError) -> Failure {
    let reason = command_reason(error);
    let is_alive = matches!(error, CmdError::Standard(_))
        && !error.is_unknown_error()
        && !error.is_timeout()
        && !error.is_invalid_session_id()
        && !error.is_no_such_window();
    if is_alive {
        Failure::Driver(reason)
    } else {
        Failure::Lost(reason)
    }
}

pub(super) fn command_reason(error: &CmdError) -> String {
    let text = match error {
        CmdError::Standard(standard) => standard.message.to_string(),
        other => other.to_string(),
    };
    words(&text)
}

pub(super) fn session_reason(error: &NewSessionError) -> String {
    let text = match error {
        NewSessionError::SessionNotCreated(standard) => standard.message.to_string(),
        other => other.to_string(),
    };
    words(&text)
}

/// What the driver says in words, which is the first line, and where versions differ the second too, which has the
/// browser's. What follows is its own stack.
fn words(text: &str) -> String {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    match lines.next() {
        Some(second) if second.starts_with("Current browser version") => {
            format!("{first}; {second}")
        }
        _ => first.to_owned(),
    }
}
