use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use trendy::cause::printable;
pub(super) use trendy::cause::with_causes;
use trendy::config::ConfigError;
use trendy::load::StoreError;
use trendy::run::RunError;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exit {
    /// All done.
    Done,
    /// Finished, but something was left behind: rejected records, failed details, a target that lags.
    Incomplete,
    /// The run failed.
    Failed,
    /// What is configured does not fit: an index of another store.
    Misconfigured,
    /// Interrupted, state saved.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Misconfigured => 2,
            Exit::Incomplete => 3,
            Exit::Interrupted => 130,
        })
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
pub(super) enum Failure {
    /// Wrong usage or configuration; nothing was started.
    Usage(String),
    /// The work failed.
    Run(String),
    /// Whoever read our output has gone; that is no failure.
    BrokenPipe,
}

impl Failure {
    pub(super) fn usage(message: impl Display) -> Self {
        Self::Usage(message.to_string())
    }

    pub(super) fn run(message: impl Display) -> Self {
        Self::Run(message.to_string())
    }

    /// Tells it on stderr, and the exit code.
    pub(super) fn report(&self) -> ExitCode {
        let (message, code) = match self {
            Self::BrokenPipe => return ExitCode::SUCCESS,
            Self::Usage(message) => (message, 2),
            Self::Run(message) => (message, 1),
        };
        // Nobody is left to hear of it when stderr is gone too.
        drop(writeln!(std::io::stderr(), "error: {}", printable(message)));
        ExitCode::from(code)
    }
}

impl Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Usage(message) | Self::Run(message) => formatter.write_str(message),
            Self::BrokenPipe => formatter.write_str("whoever read the output has gone"),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let message = with_causes(&error);
        if error.is_about_the_url() {
            Self::Usage(message)
        } else {
            Self::Run(message)
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Publish(error) => error.into(),
            error => Self::run(with_causes(&error)),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            Self::BrokenPipe
        } else {
            Self::run(error)
        }
    }
}
