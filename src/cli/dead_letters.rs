use trendy::load::DeadLetterFilter;
use trendy::record::PipelineId;

use super::Context;
use super::exit::{Exit, Failure};
use super::output::{FormatArgs, print_rows};
use super::services;

/// Show what was rejected or refused, newest first
#[derive(Debug, clap::Args)]
pub(super) struct DeadLettersArgs {
    /// Those of this pipeline only
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
    /// Most of them
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    #[command(flatten)]
    output: FormatArgs,
}

pub(super) async fn run(args: DeadLettersArgs, context: &Context) -> Result<Exit, Failure> {
    let store = services::existing_store(&context.settings()?).await?;
    let filter = DeadLetterFilter {
        pipeline: args.pipeline.map(PipelineId),
        ..DeadLetterFilter::default()
    };
    let letters = store.dead_letters(&filter, args.limit).await?;
    print_rows(
        &letters,
        &["id", "at", "stage", "pipeline", "url", "reason"],
        args.output.format,
    )?;
    Ok(Exit::Done)
}
