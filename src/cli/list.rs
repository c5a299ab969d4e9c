use std::path::Path;

use serde::Serialize;
use trendy::record::{Kind, PipelineId};

use super::Context;
use super::exit::{Exit, Failure};
use super::output::{FormatArgs, print_rows};
use super::services;

/// List the pipelines
#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    output: FormatArgs,
}

#[derive(Serialize)]
struct Row<'a> {
    pipeline: &'a PipelineId,
    kind: Kind,
    fetch: &'static str,
    enabled: bool,
    description: &'a str,
    url: &'a str,
    path: &'a Path,
}

pub(super) fn run(args: &ListArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    let pipelines = services::pipelines(&settings)?;
    let rows: Vec<Row<'_>> = pipelines
        .iter()
        .map(|pipeline| Row {
            pipeline: &pipeline.id,
            kind: pipeline.kind,
            fetch: pipeline.source.fetch.as_str(),
            enabled: pipeline.enabled,
            description: &pipeline.description,
            url: &pipeline.source.url,
            path: &pipeline.path,
        })
        .collect();
    print_rows(&rows, &["pipeline", "kind", "fetch", "enabled", "description"], args.output.format)?;
    Ok(Exit::Done)
}
