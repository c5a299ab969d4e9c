use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use trendy::config::{Environment, Pipeline, load_schedules, placeholders};

use super::Context;
use super::exit::{Exit, Failure};
use super::services;

/// Check every pipeline and schedule file, before anything is fetched
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {}

pub(super) fn run(_: &CheckArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    let pipelines = services::pipeline_catalog(&settings);
    let known: BTreeSet<&str> = pipelines.entries.iter().map(|pipeline| pipeline.id.as_str()).collect();
    let schedules = load_schedules(Path::new(settings.get("schedules").unwrap_or_default()), &known);

    let mut stderr = std::io::stderr().lock();
    for problem in pipelines.problems.iter().chain(&schedules.problems) {
        writeln!(stderr, "error: {problem}")?;
    }
    for pipeline in &pipelines.entries {
        for name in missing_secrets(pipeline, &context.environment) {
            writeln!(stderr, "warning: {}: `{name}` is not set; a run would stop", pipeline.path.display())?;
        }
    }
    let problems = pipelines.problems.len() + schedules.problems.len();
    let mut stdout = std::io::stdout().lock();
    writeln!(
        stdout,
        "{} pipelines and {} schedules are right, {problems} problems in {} files",
        pipelines.entries.len(),
        schedules.entries.len(),
        pipelines.files + schedules.files,
    )?;
    if problems > 0 {
        return Err(Failure::usage(format!("{problems} problems in the configuration")));
    }
    Ok(Exit::Done)
}

/// The secrets that a pipeline names and the environment does not hold.
pub(super) fn missing_secrets<'a>(pipeline: &'a Pipeline, environment: &Environment) -> Vec<&'a str> {
    let texts = std::iter::once(&pipeline.source.url).chain(pipeline.source.headers.values());
    texts.flat_map(|text| placeholders(text)).filter(|name| environment.resolve(name).is_err()).collect()
}
