use std::path::Path;

use serde::Serialize;
use trendy::config::Preset;
use trendy::record::{Kind, PipelineId};

use super::Context;
use super::exit::{Exit, Failure};
use super::output::{FormatArgs, print_rows};
use super::services;

/// List the pipelines
#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// List the presets instead: ready pipelines that a file builds on
    #[arg(long)]
    presets: bool,
    #[command(flatten)]
    output: FormatArgs,
}

#[derive(Serialize)]
struct Row<'a> {
    pipeline: &'a PipelineId,
    kind: Kind,
    fetch: &'static str,
    enabled: bool,
    preset: Option<&'a str>,
    description: &'a str,
    url: &'a str,
    path: &'a Path,
}

/// A preset as it is printed: what it asks for stands as `with` has it.
#[derive(Serialize)]
struct PresetRow<'a> {
    preset: &'a str,
    description: &'a str,
    with: String,
    text: &'a str,
}

pub(super) fn run(args: &ListArgs, context: &Context) -> Result<Exit, Failure> {
    if args.presets {
        return presets(&args.output);
    }
    let settings = context.settings()?;
    let pipelines = services::pipelines(&settings)?;
    let rows: Vec<Row<'_>> = pipelines
        .iter()
        .map(|pipeline| Row {
            pipeline: &pipeline.id,
            kind: pipeline.kind,
            fetch: pipeline.source.fetch.as_str(),
            enabled: pipeline.enabled,
            preset: pipeline.preset.as_deref(),
            description: &pipeline.description,
            url: &pipeline.source.url,
            path: &pipeline.path,
        })
        .collect();
    print_rows(
        &rows,
        &["pipeline", "kind", "fetch", "enabled", "description"],
        args.output.format,
    )?;
    Ok(Exit::Done)
}

fn presets(output: &FormatArgs) -> Result<Exit, Failure> {
    let rows: Vec<PresetRow<'_>> = Preset::all()
        .iter()
        .map(|preset| {
            let parameters = preset.parameters.iter();
            let with: Vec<_> = parameters
                .map(|(name, what)| format!("{name}: {what}"))
                .collect();
            PresetRow {
                preset: preset.name,
                description: &preset.description,
                with: with.join("; "),
                text: preset.text,
            }
        })
        .collect();
    print_rows(&rows, &["preset", "description", "with"], output.format)?;
    Ok(Exit::Done)
}
