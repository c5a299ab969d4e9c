//! What happened: the latest runs, and what one of them changed.

mod difference;
mod show;

use super::Context;
use super::exit::{Exit, Failure};
use super::output::{FormatArgs, print_rows};
use super::services;

/// Show what happened: the latest runs, newest first, or one of them
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct RunsArgs {
    #[command(subcommand)]
    command: Option<RunsCommand>,
    /// Runs of this pipeline only
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
    /// Most runs
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u32,
    #[command(flatten)]
    output: FormatArgs,
}

#[derive(Debug, clap::Subcommand)]
enum RunsCommand {
    Show(show::ShowArgs),
}

pub(super) async fn run(args: RunsArgs, context: &Context) -> Result<Exit, Failure> {
    let store = services::existing_store(&context.settings()?).await?;
    if let Some(RunsCommand::Show(args)) = args.command {
        return show::run(&args, &store).await;
    }
    let runs = store.runs(args.pipeline.as_deref(), args.limit).await?;
    let columns = [
        "id",
        "pipeline",
        "started_at",
        "outcome",
        "records",
        "added",
        "updated",
        "closed",
        "rejected",
        "reason",
    ];
    print_rows(&runs, &columns, args.output.format)?;
    Ok(Exit::Done)
}
