use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use super::Cli;
use super::exit::{Exit, Failure};

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Print the man page
#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {}

pub(super) fn completions(args: &CompletionsArgs) -> Result<Exit, Failure> {
    // Into memory first: clap_complete panics when it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "trendy", &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(Exit::Done)
}

pub(super) fn man(_: &ManArgs) -> Result<Exit, Failure> {
    let mut out = std::io::stdout().lock();
    clap_mangen::Man::new(Cli::command()).render(&mut out)?;
    Ok(Exit::Done)
}
