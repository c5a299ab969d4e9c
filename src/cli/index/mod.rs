mod rebuild;
mod verify;

use std::io::Write;
use std::time::Duration;

use trendy::publish::elasticsearch::{ElasticsearchTarget, set_up};
use trendy::publish::{PublishError, Tally, Target, follow};
use trendy::run::{elasticsearch, publish_all};

use super::exit::{Exit, Failure, with_causes};
use super::run::report_published;
use super::{Context, services};

/// The Elasticsearch index
#[derive(Debug, clap::Subcommand)]
pub(super) enum IndexCommand {
    /// Install the templates, and the indices behind their aliases; twice is once
    Setup,
    /// Send what the index does not have yet
    Sync(SyncArgs),
    Verify(verify::VerifyArgs),
    Rebuild(rebuild::RebuildArgs),
    /// Delete the indices that rebuilds have swapped out and kept, and months of weather past `weather_index_keep`
    Prune,
}

#[derive(Debug, clap::Args)]
pub(super) struct SyncArgs {
    /// Longest time, such as `10m`
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = trendy::config::parse_duration)]
    limit: Duration,
    /// Stay and send each change soon after it was loaded, through outages of the store and the server, until interrupted
    #[arg(long, conflicts_with = "limit")]
    follow: bool,
}

pub(super) async fn run(command: IndexCommand, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    let store = match command {
        IndexCommand::Setup => services::open_store(&settings).await?,
        _ => services::existing_store(&settings).await?,
    };
    let target: ElasticsearchTarget = elasticsearch(&settings, &store).map_err(Failure::usage)?.ok_or_else(|| {
        Failure::usage("no Elasticsearch is configured\n  hint: set ELASTICSEARCH_URL, or `elasticsearch_url` in trendy.toml")
    })?;
    match command {
        IndexCommand::Setup => {
            let report = set_up(&store, &target).await?;
            let mut out = std::io::stdout().lock();
            for name in &report.created {
                writeln!(out, "created {name}")?;
            }
            writeln!(
                out,
                "templates are in place; text is analysed by `{}`",
                report.analyzer
            )?;
            Ok(Exit::Done)
        }
        IndexCommand::Sync(SyncArgs { follow: true, .. }) => {
            let stop = services::stop_on_signal()?;
            let Tally {
                sent,
                expired,
                refused,
                ..
            } = follow(&store, &target, stop).await?;
            let name = target.name();
            let mut out = std::io::stdout().lock();
            write!(out, "{name}: {sent} sent, {refused} refused")?;
            if expired > 0 {
                write!(out, ", {expired} past `weather_index_keep`")?;
            }
            writeln!(out)?;
            Ok(Exit::Interrupted)
        }
        IndexCommand::Sync(args) => {
            let stop = services::stop_on_signal()?;
            let published = publish_all(&store, &[&target], args.limit, &stop).await?;
            for summary in &published {
                writeln!(
                    std::io::stdout(),
                    "{}: {} sent, {} refused, lag {}",
                    summary.target,
                    summary.sent,
                    summary.refused,
                    summary.lag
                )?;
            }
            report_published(&published, &stop)
        }
        IndexCommand::Verify(args) => verify::run(&args, &store, &target).await,
        IndexCommand::Rebuild(args) => rebuild::run(&args, &store, &target).await,
        IndexCommand::Prune => rebuild::run_prune(&store, &target).await,
    }
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        let message = with_causes(&error);
        if error.needs_rebuild() {
            Self::Usage(message)
        } else {
            Self::Run(message)
        }
    }
}
