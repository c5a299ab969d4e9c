use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use trendy::config::{Environment, Fetch, Pipeline, Settings};
use trendy::demo::{self, FIXTURES, Files, Site};
use trendy::run::RunOptions;
use trendy::trends;

use super::Context;
use super::exit::{Exit, Failure};
use super::output::{Format, FormatArgs};
use super::run::{bars, print_summary, run_all};
use super::services;

/// Try everything on saved sites: no network, no server, no configuration
///
/// Serves the saved sites on loopback, runs every shipped pipeline over them into a SQLite store, and writes a report.
/// Run it again and nothing is added; run it with `--day 2` and see what was added, updated and closed. It ignores
/// `DATABASE_URL` and `ELASTICSEARCH_URL`, and needs no key.
#[derive(Debug, clap::Args)]
pub(super) struct DemoArgs {
    /// The sites as they are on this day
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    day: u8,
    /// Folder for `trendy.db` and `report.html`
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    #[command(flatten)]
    output: FormatArgs,
}

pub(super) async fn run(args: DemoArgs, context: &Context) -> Result<Exit, Failure> {
    std::fs::create_dir_all(&args.dir).map_err(|error| {
        Failure::usage(format!("cannot create `{}`: {error}", args.dir.display()))
    })?;
    let database = args.dir.join("trendy.db");
    let report = args.dir.join("report.html");
    let mut pipelines = demo::pipelines()?;

    let mut settings = Settings::defaults();
    settings.set("database_url", database.to_string_lossy(), "demo");
    let failures = args.dir.join("browser-failures");
    settings.set("browser_failures", failures.to_string_lossy(), "demo");
    let mut sites = Vec::with_capacity(pipelines.len());
    for pipeline in &pipelines {
        let site = Site::start(&Files::Embedded(&FIXTURES), pipeline.id.as_str(), args.day)
            .await
            .map_err(Failure::run)?;
        settings
            .twins
            .insert(demo::origin(pipeline), site.base().to_string());
        sites.push(site);
    }
    let services = services::services(&settings, &environment_of(&pipelines, context)).await?;

    if let Err(missing) = services.collector.browser_available() {
        pipelines.retain(|pipeline| {
            let left_out = pipeline.source.fetch == Fetch::Browser;
            if left_out {
                tracing::warn!("pipeline `{}` is left out: {missing}", pipeline.id);
            }
            !left_out
        });
    }
    let pipelines: Vec<Arc<Pipeline>> = pipelines.into_iter().map(Arc::new).collect();
    let summaries = run_all(
        &pipelines,
        &services,
        &RunOptions::default(),
        &bars(context),
    )
    .await;
    services.collector.close().await;
    drop(sites);
    let exit = print_summary(&summaries, args.output.format)?;

    let html = trends::report(&services.store, jiff::Timestamp::now())
        .await
        .map_err(Failure::run)?;
    std::fs::write(&report, html)
        .map_err(|error| Failure::run(format!("cannot write `{}`: {error}", report.display())))?;
    if args.output.format == Format::Table {
        let (day, database, report) = (args.day, database.display(), report.display());
        let mut out = std::io::stdout().lock();
        writeln!(out, "\nDay {day} is in {database}. Look next:")?;
        writeln!(out, "  {report:<28} the dashboard: open it in a browser")?;
        if args.day == 1 {
            writeln!(
                out,
                "  {:<28} a day later: new, edited and vanished postings",
                "trendy demo --day 2"
            )?;
        }
        let runs = if args.dir.as_os_str() == "." {
            "trendy runs".to_owned()
        } else {
            format!("trendy runs --database {database}")
        };
        writeln!(out, "  {runs:<28} what happened")?;
        if Path::new("pipelines").is_dir() {
            writeln!(
                out,
                "  {:<28} how a source is described",
                "pipelines/*.toml"
            )?;
        }
    }
    Ok(exit)
}

/// The environment, with a value for every secret that the shipped pipelines name: no saved site asks for a real one.
fn environment_of(pipelines: &[Pipeline], context: &Context) -> Environment {
    let mut environment = context.environment.clone();
    for pipeline in pipelines {
        for name in super::check::missing_secrets(pipeline, &context.environment) {
            environment.set_default(name, "demo");
        }
    }
    environment
}
