use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Form of the log lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for collectors of logs.
    Json,
}

/// Crates whose debug lines hold whole requests: an address with its secrets filled in must not get into a log.
const QUIET: &str =
    "h2=warn,hyper=warn,hyper_util=warn,reqwest=warn,rustls=warn,webdriver=warn,fantoccini=warn";

/// A slow statement would be logged with its whole text, and a migration of a large store is one. `sqlx::query=warn` asks
/// for them.
const STATEMENTS: &str = "sqlx::query=error";

/// Starts logging to stderr. `filter` is a level or a `tracing` filter (`trendy=debug,sqlx=warn`).
///
/// A filter that cannot be read is an error in words.
pub fn init(filter: &str, format: LogFormat, color: bool) -> Result<(), String> {
    let filter = EnvFilter::try_new(format!("{STATEMENTS},{filter},{QUIET}"))
        .map_err(|error| format!("bad log filter `{filter}`: {error}"))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => {
            let color = color && std::io::stderr().is_terminal();
            builder.with_ansi(color).with_target(false).compact().init();
        }
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}
