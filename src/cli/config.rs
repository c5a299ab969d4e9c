use serde::Serialize;

use super::Context;
use super::exit::{Exit, Failure};
use super::output::{FormatArgs, print_rows};

/// The effective settings
#[derive(Debug, clap::Subcommand)]
pub(super) enum ConfigCommand {
    /// Print every effective value and where it came from; credentials are hidden
    Show(ShowArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    output: FormatArgs,
}

#[derive(Serialize)]
struct Row {
    key: &'static str,
    value: Option<String>,
    origin: String,
}

pub(super) fn run(command: &ConfigCommand, context: &Context) -> Result<Exit, Failure> {
    let ConfigCommand::Show(args) = command;
    let shown = context.settings()?.shown();
    let rows: Vec<Row> = shown
        .into_iter()
        .map(|setting| Row {
            key: setting.key,
            value: setting.value,
            origin: setting.origin.to_string(),
        })
        .collect();
    print_rows(&rows, &["key", "value", "origin"], args.output.format)?;
    Ok(Exit::Done)
}
