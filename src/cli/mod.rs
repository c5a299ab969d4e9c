//! The command line: one file a subcommand, each with its arguments, the call, and how the result is printed.
//!
//! Data goes to stdout; progress, logs, errors and hints go to stderr. Exit codes are [`Exit`].

mod check;
mod config;
mod db;
mod dead_letters;
mod demo;
mod exit;
mod extract;
mod generate;
mod index;
mod list;
mod output;
mod report;
mod robots;
mod run;
mod runs;
mod schedule;
mod schema;
mod services;
mod status;
mod terms;
mod test;
mod transform;
mod try_page;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use trendy::config::{ConfigError, Environment, Settings};
use trendy::telemetry::{self, LogFormat};

use exit::{Exit, Failure};

/// Collects tech posts, job listings and public weather, and keeps every change for trend dashboards.
///
/// `trendy demo` shows it all on saved sites, without a network or a server.
#[derive(Debug, Parser)]
#[command(name = "trendy", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    all done
  1    the run failed: an outcome other than ok, or a service that is not there
  2    wrong usage or configuration, nothing started
  3    finished, but with rejected records, failed details or a target that lags
  130  interrupted, state saved";

/// Where configuration comes from, and what is told on the way. A flag wins over the environment, which wins over
/// `trendy.toml`.
#[derive(Debug, Args)]
struct Common {
    /// Settings file [default: trendy.toml, if it is here]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help_heading = "Settings",
        env = "TRENDY_CONFIG"
    )]
    config: Option<PathBuf>,
    /// Profile of the settings file, such as `prod` for `[profile.prod]`
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        help_heading = "Settings",
        env = "TRENDY_PROFILE"
    )]
    profile: Option<String>,
    /// The store: a path, `sqlite:PATH` or `postgres://…` [default: sqlite:trendy.db]
    #[arg(long, global = true, value_name = "URL", help_heading = "Settings")]
    database: Option<String>,
    /// Folder of pipeline files [default: pipelines]
    #[arg(
        long = "pipelines",
        global = true,
        value_name = "DIR",
        help_heading = "Settings"
    )]
    pipelines_folder: Option<String>,
    /// Folder of schedule files [default: schedules]
    #[arg(
        long = "schedules",
        global = true,
        value_name = "DIR",
        help_heading = "Settings"
    )]
    schedules_folder: Option<String>,
    /// What to log: `error`, `warn`, `info`, `debug`, or a filter such as `trendy=debug`
    #[arg(
        long,
        global = true,
        value_name = "FILTER",
        default_value = "warn",
        help_heading = "Logs",
        env = "TRENDY_LOG"
    )]
    log: String,
    /// Form of log lines
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "text",
        help_heading = "Logs"
    )]
    log_format: LogFormatArg,
    /// No progress bars
    #[arg(long, short, global = true, help_heading = "Logs")]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum LogFormatArg {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Run(run::RunArgs),
    Check(check::CheckArgs),
    List(list::ListArgs),
    Schema(schema::SchemaArgs),
    #[command(subcommand)]
    Config(config::ConfigCommand),
    Try(try_page::TryArgs),
    Test(test::TestArgs),
    Extract(extract::ExtractArgs),
    Transform(transform::TransformArgs),
    Robots(robots::RobotsArgs),
    Terms(terms::TermsArgs),
    #[command(subcommand)]
    Schedule(schedule::ScheduleCommand),
    #[command(subcommand)]
    Index(index::IndexCommand),
    Report(report::ReportArgs),
    Runs(runs::RunsArgs),
    #[command(subcommand)]
    Db(db::DbCommand),
    DeadLetters(dead_letters::DeadLettersArgs),
    Status(status::StatusArgs),
    Completions(generate::CompletionsArgs),
    Man(generate::ManArgs),
}

/// What every subcommand is called with.
struct Context {
    common: Common,
    environment: Environment,
}

impl Context {
    /// The effective settings.
    fn settings(&self) -> Result<Settings, ConfigError> {
        let flags = [
            ("database_url", "--database", &self.common.database),
            ("pipelines", "--pipelines", &self.common.pipelines_folder),
            ("schedules", "--schedules", &self.common.schedules_folder),
        ];
        let given: Vec<_> = flags
            .into_iter()
            .filter_map(|(key, flag, value)| Some((key, flag, value.clone()?)))
            .collect();
        Settings::load(
            self.common.config.as_deref(),
            self.common.profile.as_deref(),
            &self.environment,
            &given,
        )
    }
}

/// Parses, runs, and tells the exit code.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli) {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report(),
    }
}

fn dispatch(cli: Cli) -> Result<Exit, Failure> {
    let environment = Environment::of_process();
    let color = environment.get("NO_COLOR").is_none();
    let format = match cli.common.log_format {
        LogFormatArg::Text => LogFormat::Text,
        LogFormatArg::Json => LogFormat::Json,
    };
    telemetry::init_logs(&cli.common.log, format, color).map_err(Failure::usage)?;
    let context = Context {
        common: cli.common,
        environment,
    };
    match cli.command {
        Command::Demo(args) => services::block_on(demo::run(args, &context)),
        Command::Run(args) => services::block_on(run::run(args, &context)),
        Command::Check(args) => check::run(&args, &context),
        Command::List(args) => list::run(&args, &context),
        Command::Schema(args) => schema::run(&args),
        Command::Config(command) => config::run(&command, &context),
        Command::Test(args) => services::block_on(test::run(args, &context)),
        Command::Try(args) => services::block_on(try_page::run(args, &context)),
        Command::Extract(args) => extract::run(&args, &context),
        Command::Transform(args) => transform::run(&args),
        Command::Robots(args) => robots::run(&args),
        Command::Terms(args) => terms::run(&args, &context),
        Command::Schedule(command) => schedule::run(command, &context),
        Command::Index(command) => services::block_on(index::run(command, &context)),
        Command::Report(args) => services::block_on(report::run(args, &context)),
        Command::Runs(args) => services::block_on(runs::run(args, &context)),
        Command::Db(command) => services::block_on(db::run(command, &context)),
        Command::DeadLetters(args) => services::block_on(dead_letters::run(args, &context)),
        Command::Status(args) => services::block_on(status::run(args, &context)),
        Command::Completions(args) => generate::completions(&args),
        Command::Man(args) => generate::man(&args),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }
}
