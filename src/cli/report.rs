use std::path::PathBuf;

use jiff::Timestamp;
use trendy::trends;

use super::Context;
use super::exit::{Exit, Failure};
use super::services;

/// Write the dashboard as one HTML file that needs nothing else
#[derive(Debug, clap::Args)]
pub(super) struct ReportArgs {
    /// The file
    #[arg(long, short, value_name = "FILE", default_value = "report.html")]
    output: PathBuf,
}

pub(super) async fn run(args: ReportArgs, context: &Context) -> Result<Exit, Failure> {
    let store = services::existing_store(&context.settings()?).await?;
    let html = trends::report(&store, Timestamp::now())
        .await
        .map_err(Failure::run)?;
    std::fs::write(&args.output, html).map_err(|error| {
        Failure::run(format!("cannot write `{}`: {error}", args.output.display()))
    })?;
    Ok(Exit::Done)
}
