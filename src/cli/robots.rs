use std::io::Write;
use std::path::PathBuf;

use trendy::collect::robots::Robots;

use super::exit::{Exit, Failure};

/// Tell whether a robots.txt allows an address: exit 0 if it does, 1 if it does not
#[derive(Debug, clap::Args)]
pub(super) struct RobotsArgs {
    /// The robots.txt
    file: PathBuf,
    /// Product token of the crawler
    #[arg(long, default_value = "trendy")]
    agent: String,
    /// The address
    url: String,
}

pub(super) fn run(args: &RobotsArgs) -> Result<Exit, Failure> {
    let bytes = std::fs::read(&args.file).map_err(|error| {
        Failure::usage(format!("cannot read `{}`: {error}", args.file.display()))
    })?;
    let robots = Robots::parse(&String::from_utf8_lossy(&bytes));
    let decision = robots.decide(&args.agent, &args.url);
    let verdict = if decision.allowed {
        "allowed"
    } else {
        "disallowed"
    };
    let by = match &decision.line {
        Some((number, line)) => format!("by line {number}: {line}"),
        None => "by no line".to_owned(),
    };
    writeln!(std::io::stdout(), "{verdict} {by}")?;
    Ok(if decision.allowed {
        Exit::Done
    } else {
        Exit::Failed
    })
}
