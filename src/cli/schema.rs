use schemars::schema_for;
use trendy::config::{PipelineFile, ScheduleFile, SettingsFile};

use super::exit::{Exit, Failure};
use super::output::print_json;

/// Print the JSON Schema of a kind of file, for editors
#[derive(Debug, clap::Args)]
pub(super) struct SchemaArgs {
    /// Kind of file
    file: File,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum File {
    Pipeline,
    Schedule,
    Settings,
}

pub(super) fn run(args: &SchemaArgs) -> Result<Exit, Failure> {
    print_json(&match args.file {
        File::Pipeline => schema_for!(PipelineFile),
        File::Schedule => schema_for!(ScheduleFile),
        File::Settings => schema_for!(SettingsFile),
    })?;
    Ok(Exit::Done)
}
