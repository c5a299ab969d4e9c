use super::Context;
use super::exit::{Exit, Failure};
use super::output::{FormatArgs, print_rows};
use super::services;

/// Show what happened: the latest runs, newest first
#[derive(Debug, clap::Args)]
pub(super) struct RunsArgs {
    /// Runs of this pipeline only
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
    /// Most runs
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u32,
    #[command(flatten)]
    output: FormatArgs,
}

pub(super) async fn run(args: RunsArgs, context: &Context) -> Result<Exit, Failure> {
    let store = services::existing_store(&context.settings()?).await?;
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
