use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use tokio::sync::watch;
use trendy::config::{CronExpression, Overlap, Pipeline, Schedule};
use trendy::load::Retention;
use trendy::publish::elasticsearch::ElasticsearchTarget;
use trendy::run::{RunOptions, Services, elasticsearch};
use trendy::schedule::{Crontab, next_slots};
use trendy::telemetry::ProgressBars;

use super::Context;
use super::exit::{Exit, Failure};
use super::output::{Format, FormatArgs, print_json, print_rows};
use super::run::{print_summary, prune, publish, publish_limit, run_all};
use super::services;

/// Longest sleep at a stretch: the clock may be set while the daemon sleeps.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// When pipelines run
#[derive(Debug, clap::Subcommand)]
pub(super) enum ScheduleCommand {
    /// Show when the schedules, or one expression, fire next
    Next(NextArgs),
    /// Run the schedules until interrupted
    Run,
    /// Write the same plan for the system's own scheduler
    #[command(subcommand)]
    Export(ExportCommand),
}

#[derive(Debug, clap::Args)]
pub(super) struct NextArgs {
    /// An expression instead of the schedule files
    #[arg(long, value_name = "EXPRESSION")]
    cron: Option<String>,
    /// Zone of the expression
    #[arg(long, value_name = "ZONE", default_value = "UTC", requires = "cron")]
    timezone: String,
    /// Count from this instant [default: now]
    #[arg(long, value_name = "INSTANT")]
    from: Option<Timestamp>,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 10)]
    count: u16,
    #[command(flatten)]
    output: FormatArgs,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum ExportCommand {
    /// A crontab, on stdout
    Crontab {
        /// The program that cron calls [default: this one]
        #[arg(long, value_name = "PATH")]
        program: Option<PathBuf>,
    },
}

/// A time of a bare expression.
#[derive(Serialize)]
struct Due {
    due: Timestamp,
    local: String,
}

pub(super) fn run(command: ScheduleCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        ScheduleCommand::Next(args) => next(&args, context),
        ScheduleCommand::Run => services::block_on(daemon(context)),
        ScheduleCommand::Export(ExportCommand::Crontab { program }) => {
            export_crontab(program, context)
        }
    }
}

fn next(args: &NextArgs, context: &Context) -> Result<Exit, Failure> {
    let from = args.from.unwrap_or_else(Timestamp::now);
    let count = usize::from(args.count);
    let Some(expression) = &args.cron else {
        let settings = context.settings()?;
        let schedules = services::schedules(&settings, &services::pipelines(&settings)?)?;
        let slots = next_slots(&schedules, from, count);
        if args.output.format == Format::Json {
            print_json(&slots)?;
        } else {
            print_rows(
                &slots,
                &["due", "local", "schedule", "pipelines"],
                args.output.format,
            )?;
        }
        return Ok(Exit::Done);
    };
    let cron: CronExpression = expression.parse().map_err(Failure::usage)?;
    let zone = TimeZone::get(&args.timezone).map_err(Failure::usage)?;
    let times: Vec<Due> = cron
        .after(from, &zone)
        .take(count)
        .map(|due| Due {
            due,
            local: due.to_zoned(zone.clone()).to_string(),
        })
        .collect();
    if times.is_empty() {
        writeln!(std::io::stderr(), "warning: `{cron}` never fires")?;
    }
    print_rows(&times, &["due", "local"], args.output.format)?;
    Ok(Exit::Done)
}

fn export_crontab(program: Option<PathBuf>, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    let schedules = services::schedules(&settings, &services::pipelines(&settings)?)?;
    let program = match program {
        Some(program) => program,
        None => std::env::current_exe()?,
    };
    let folder = std::env::current_dir()?;
    let crontab = Crontab::of(&schedules, &program, &folder).map_err(Failure::usage)?;
    write!(std::io::stdout(), "{crontab}")?;
    Ok(Exit::Done)
}

async fn daemon(context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    let pipelines: Vec<Arc<Pipeline>> = services::pipelines(&settings)?
        .into_iter()
        .map(Arc::new)
        .collect();
    let all: Vec<Pipeline> = pipelines
        .iter()
        .map(|pipeline| Pipeline::clone(pipeline))
        .collect();
    let schedules = services::schedules(&settings, &all)?;
    if schedules.is_empty() {
        return Err(Failure::usage(
            "there is no schedule; add one to the schedules folder",
        ));
    }
    let limit = publish_limit(&settings)?;
    let retention = services::retention(&settings)?;
    let services = services::services(&settings, &context.environment).await?;
    let target = elasticsearch(&settings, &services.store).map_err(Failure::usage)?;
    tracing::info!(
        "{} schedules; the next is due at {}",
        schedules.len(),
        first_due(&schedules)
    );
    let loops = schedules.iter().map(|schedule| async {
        let own: Vec<Arc<Pipeline>> = pipelines
            .iter()
            .filter(|pipeline| pipeline.enabled && schedule.pipelines.contains(&pipeline.id))
            .cloned()
            .collect();
        follow(
            schedule,
            &own,
            &services,
            target.as_ref(),
            limit,
            &retention,
        )
        .await;
    });
    futures_util::future::join_all(loops).await;
    services.collector.close().await;
    Ok(Exit::Interrupted)
}

fn first_due(schedules: &[Schedule]) -> String {
    next_slots(schedules, Timestamp::now(), 1)
        .first()
        .map_or_else(|| "never".to_owned(), |slot| slot.local.clone())
}

/// Runs one schedule's pipelines at each of its times, one run after the other, until asked to stop.
async fn follow(
    schedule: &Schedule,
    pipelines: &[Arc<Pipeline>],
    services: &Services,
    target: Option<&ElasticsearchTarget>,
    limit: Duration,
    retention: &Retention,
) {
    let mut from = Timestamp::now();
    loop {
        let Some(due) = schedule.cron.after(from, &schedule.timezone).next() else {
            tracing::warn!("schedule `{}` never fires again", schedule.id);
            return;
        };
        if !sleep_until(due + random_part(schedule.jitter), services.stop.clone()).await {
            return;
        }
        let summaries = run_all(
            pipelines,
            services,
            &RunOptions::default(),
            &ProgressBars::hidden(),
        )
        .await;
        if let Err(failure) = print_summary(&summaries, Format::Ndjson) {
            tracing::error!("cannot print the summary of `{}`: {failure}", schedule.id);
        }
        if let Err(failure) = publish(&services.store, target, limit, &services.stop).await {
            tracing::error!("cannot publish after `{}`: {failure}", schedule.id);
        }
        prune(&services.store, retention, &summaries).await;
        // A run that outlasts its slot: the slot is left out, or run right after.
        from = match schedule.overlap {
            Overlap::Skip => Timestamp::now(),
            Overlap::Queue => due,
        };
    }
}

/// A random part of a duration, in milliseconds.
fn random_part(whole: Duration) -> Duration {
    let parts = whole.as_millis().max(1);
    Duration::from_millis(u64::try_from(uuid::Uuid::new_v4().as_u128() % parts).unwrap_or_default())
}

/// False when asked to stop before the time has come.
async fn sleep_until(due: Timestamp, mut stop: watch::Receiver<bool>) -> bool {
    loop {
        if *stop.borrow() {
            return false;
        }
        let left = due.duration_since(Timestamp::now());
        let Ok(left) = Duration::try_from(left) else {
            return true;
        };
        if left.is_zero() {
            return true;
        }
        tokio::select! {
            () = tokio::time::sleep(left.min(LONGEST_SLEEP)) => {}
            _ = stop.changed() => {}
        }
    }
}
