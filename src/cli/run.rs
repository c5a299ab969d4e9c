use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use tokio::sync::{mpsc, watch};
use trendy::cause::printable;
use trendy::config::{Pipeline, Settings, suggestion};
use trendy::load::{Retention, Store};
use trendy::publish::{Target, elasticsearch::ElasticsearchTarget};
use trendy::record::{Counts, Outcome, Record};
use trendy::run::{
    Ended, PRUNE_LIMIT, PublishSummary, RunOptions, RunSummary, Services, Since, elasticsearch,
    publish_all, run as run_pipeline,
};
use trendy::telemetry::ProgressBars;

use super::Context;
use super::check::missing_secrets;
use super::exit::{Exit, Failure, with_causes};
use super::output::{Format, FormatArgs, print_rows};
use super::services;

/// The columns of the summary.
const SUMMARY: &[&str] = &[
    "pipeline",
    "outcome",
    "pages",
    "records",
    "added",
    "updated",
    "closed",
    "reopened",
    "unchanged",
    "rejected",
    "seconds",
];

/// Most pipelines at once: they wait for different hosts, while memory and the store are shared.
const PIPELINES_AT_ONCE: usize = 4;

/// Collect, load and publish
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct RunArgs {
    /// Pipelines, by name
    #[arg(value_name = "PIPELINE", required_unless_present = "all")]
    pipelines: Vec<String>,
    /// Every pipeline that is enabled
    #[arg(long, conflicts_with = "pipelines")]
    all: bool,
    /// Print the records; write nothing to the store
    #[arg(long, conflicts_with = "accept")]
    dry_run: bool,
    /// Take at most this many entries of each list; closes nothing
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Take pages from an archive, the folder or one of its files, in place of the network; closes nothing
    #[arg(long, value_name = "DIR|FILE", conflicts_with = "accept")]
    replay: Option<PathBuf>,
    /// Leave alone what a list dates before this day, or longer ago than this: `2026-11-01`, `7d`; closes nothing
    #[arg(long, value_name = "DATE|DURATION")]
    since: Option<Since>,
    /// Believe what is far from usual, this once: a list that is empty or shrank, pages that lack a field they used to have
    #[arg(long)]
    accept: bool,
    /// Load only; leave publishing to another process
    #[arg(long)]
    no_publish: bool,
    #[command(flatten)]
    output: FormatArgs,
}

pub(super) async fn run(args: RunArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    let chosen = choose(services::pipelines(&settings)?, &args)?;
    if let Some(archive) = args.replay.as_ref().filter(|archive| !archive.exists()) {
        return Err(Failure::usage(format!(
            "there is no archive `{}`\n  hint: name the folder of the setting `archive`, or a file in it",
            archive.display()
        )));
    }
    // A replay asks nobody, so it needs no key.
    for pipeline in chosen.iter().filter(|_| args.replay.is_none()) {
        if let Some(name) = missing_secrets(pipeline, &context.environment).first() {
            return Err(Failure::usage(format!(
                "{}: environment variable `{name}` is not set\n  hint: set it, or leave pipeline `{}` out: `enabled = false` in its file keeps it out of `--all`",
                pipeline.path.display(),
                pipeline.id
            )));
        }
    }
    let publish_limit = publish_limit(&settings)?;
    let retention = services::retention(&settings)?;
    let services = services::services(&settings, &context.environment).await?;
    let target = elasticsearch(&settings, &services.store).map_err(Failure::usage)?;
    let bars = bars(context);
    if args.dry_run {
        return dry_run(&chosen, &services, &args, &bars).await;
    }
    let options = RunOptions {
        limit: args.limit.and_then(|limit| usize::try_from(limit).ok()),
        since: args.since,
        accept: args.accept,
        dry_run: None,
        replay: args.replay.clone(),
    };
    let summaries = run_all(&chosen, &services, &options, &bars).await;
    services.collector.close().await;
    let mut exit = print_summary(&summaries, args.output.format)?;
    if !args.no_publish {
        let (store, stop) = (&services.store, &services.stop);
        exit = exit.max(publish(store, target.as_ref(), publish_limit, stop).await?);
    }
    // Last, so that targets have what is removed.
    if !*services.stop.borrow() {
        prune(&services.store, &retention, &summaries).await;
    }
    Ok(exit)
}

/// Removes some of what is past its age. What runs came for is done by now, so a failure is a warning. A store that took none
/// of them is not waited for once more.
pub(super) async fn prune(store: &Store, retention: &Retention, summaries: &[RunSummary]) {
    let took_none = summaries.iter().all(|summary| summary.run_id.is_none());
    if took_none && !summaries.is_empty() {
        return;
    }
    match trendy::run::prune(store, retention, PRUNE_LIMIT).await {
        Ok(pruned) if pruned.is_empty() => {}
        Ok(pruned) => tracing::info!(
            pruned.changes,
            pruned.forecasts,
            pruned.tombstones,
            "removed what is past its age"
        ),
        Err(error) => tracing::warn!(
            "cannot remove what is past its age: {}; the next run tries again",
            with_causes(&error)
        ),
    }
}

/// Bars on a terminal, unless they are not wanted.
pub(super) fn bars(context: &Context) -> ProgressBars {
    if context.common.quiet {
        ProgressBars::hidden()
    } else {
        ProgressBars::on_terminal()
    }
}

pub(super) fn publish_limit(settings: &Settings) -> Result<Duration, Failure> {
    let text = settings.get("publish_limit").unwrap_or_default();
    trendy::config::parse_duration(text)
        .map_err(|error| Failure::usage(format!("`publish_limit`: {error}")))
}

fn choose(pipelines: Vec<Pipeline>, args: &RunArgs) -> Result<Vec<Arc<Pipeline>>, Failure> {
    if args.all {
        return Ok(pipelines
            .into_iter()
            .filter(|pipeline| pipeline.enabled)
            .map(Arc::new)
            .collect());
    }
    let known: Vec<Arc<Pipeline>> = pipelines.into_iter().map(Arc::new).collect();
    let mut chosen: Vec<Arc<Pipeline>> = Vec::new();
    for name in &args.pipelines {
        let Some(pipeline) = known.iter().find(|pipeline| pipeline.id.as_str() == name) else {
            let names = known.iter().map(|pipeline| pipeline.id.as_str());
            let hint = suggestion(name, names)
                .unwrap_or_else(|| "`trendy list` prints the known ones".to_owned());
            return Err(Failure::usage(format!(
                "there is no pipeline `{name}`\n  hint: {hint}"
            )));
        };
        if !chosen.iter().any(|other| other.id == pipeline.id) {
            chosen.push(Arc::clone(pipeline));
        }
    }
    Ok(chosen)
}

/// Runs pipelines side by side; the result is in their order.
pub(super) async fn run_all(
    pipelines: &[Arc<Pipeline>],
    services: &Services,
    options: &RunOptions,
    bars: &ProgressBars,
) -> Vec<RunSummary> {
    let runs = pipelines.iter().map(|pipeline| async move {
        if *services.stop.borrow() {
            return RunSummary {
                pipeline: pipeline.id.clone(),
                run_id: None,
                outcome: None,
                reason: Some("not begun".to_owned()),
                counts: Counts::default(),
                seconds: 0.0,
            };
        }
        let started = Instant::now();
        let progress = bars.of_pipeline(pipeline.id.as_str());
        let result = Box::pin(run_pipeline(pipeline, services, options, &progress)).await;
        progress.finish();
        result.unwrap_or_else(|error| RunSummary::of_failure(pipeline, &error, started.elapsed()))
    });
    stream::iter(runs)
        .buffered(PIPELINES_AT_ONCE)
        .collect()
        .await
}

/// Prints the summary on stdout and, on stderr, why runs did not end well.
pub(super) fn print_summary(summaries: &[RunSummary], format: Format) -> Result<Exit, Failure> {
    print_rows(summaries, SUMMARY, format)?;
    let mut exit = Exit::Done;
    let mut stderr = std::io::stderr().lock();
    for summary in summaries {
        if let Some(reason) = &summary.reason {
            let outcome = summary.outcome.map_or("interrupted", Outcome::as_str);
            writeln!(
                stderr,
                "error: {}: {outcome}: {}",
                summary.pipeline,
                printable(reason)
            )?;
        }
        exit = exit.max(match summary.outcome {
            Some(Outcome::Ok) if summary.counts.rejected == 0 => Exit::Done,
            Some(Outcome::Ok) => Exit::Incomplete,
            Some(_) => Exit::Failed,
            None => Exit::Interrupted,
        });
        if summary.counts.rejected > 0 {
            let (pipeline, rejected) = (&summary.pipeline, summary.counts.rejected);
            writeln!(
                stderr,
                "warning: {pipeline}: {rejected} rejected; see `trendy dead-letters`"
            )?;
        }
    }
    Ok(exit)
}

/// Sends the target, if there is one, what it does not have yet.
pub(super) async fn publish(
    store: &Store,
    target: Option<&ElasticsearchTarget>,
    limit: Duration,
    stop: &watch::Receiver<bool>,
) -> Result<Exit, Failure> {
    let targets: Vec<&dyn Target> = target
        .into_iter()
        .map(|target| target as &dyn Target)
        .collect();
    let published = publish_all(store, &targets, limit, stop).await?;
    report_published(&published, stop)
}

/// Tells on stderr how far the targets are.
pub(super) fn report_published(
    published: &[PublishSummary],
    stop: &watch::Receiver<bool>,
) -> Result<Exit, Failure> {
    let mut exit = if *stop.borrow() {
        Exit::Interrupted
    } else {
        Exit::Done
    };
    let mut stderr = std::io::stderr().lock();
    for PublishSummary {
        target,
        sent,
        expired,
        refused,
        lag,
        ended,
    } in published
    {
        if *expired > 0 {
            writeln!(
                stderr,
                "note: readings past `weather_index_keep` that target {target} was not sent: {expired}; the store keeps them"
            )?;
        }
        if *refused > 0 {
            writeln!(
                stderr,
                "warning: target {target} refused {refused} documents; see `trendy dead-letters`"
            )?;
            exit = exit.max(Exit::Incomplete);
        }
        let problem = match ended {
            Ended::CaughtUp => {
                tracing::info!("target {target}: {sent} documents sent");
                continue;
            }
            Ended::Elsewhere => {
                writeln!(
                    stderr,
                    "note: target {target}: another process is publishing to it, and is left what it lacks"
                )?;
                continue;
            }
            Ended::NeedsRebuild(problem) => {
                writeln!(stderr, "error: target {target}: {problem}")?;
                exit = exit.max(Exit::Misconfigured);
                continue;
            }
            Ended::Interrupted => "interrupted",
            Ended::Behind(problem) => problem,
        };
        match lag {
            0 => writeln!(
                stderr,
                "warning: target {target}: {problem}; no change waits for it"
            )?,
            _ => writeln!(
                stderr,
                "warning: target {target} lags by {lag} changes: {problem}; the data is kept"
            )?,
        }
        exit = exit.max(Exit::Incomplete);
    }
    Ok(exit)
}

/// Prints the records that a run would load, one JSON object a line, as they come.
async fn dry_run(
    pipelines: &[Arc<Pipeline>],
    services: &Services,
    args: &RunArgs,
    bars: &ProgressBars,
) -> Result<Exit, Failure> {
    let (sender, mut records) = mpsc::channel::<Record>(64);
    let limit = args.limit.and_then(|limit| usize::try_from(limit).ok());
    let options = RunOptions {
        limit,
        since: args.since,
        accept: false,
        dry_run: Some(sender),
        replay: args.replay.clone(),
    };
    let runs = async {
        let summaries = run_all(pipelines, services, &options, bars).await;
        drop(options);
        summaries
    };
    let print = async move {
        while let Some(record) = records.recv().await {
            print_rows(&[record], &[], Format::Ndjson)?;
        }
        Ok::<(), Failure>(())
    };
    let (summaries, printed) = tokio::join!(runs, print);
    services.collector.close().await;
    printed?;
    let mut exit = Exit::Done;
    for summary in &summaries {
        if let Some(reason) = &summary.reason {
            writeln!(
                std::io::stderr(),
                "error: {}: {}",
                summary.pipeline,
                printable(reason)
            )?;
            exit = Exit::Failed;
        } else if summary.counts.rejected > 0 {
            exit = exit.max(Exit::Incomplete);
        }
    }
    Ok(exit)
}
