use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch;
use trendy::config::{Pipeline, suggestion};
use trendy::demo::{Case, CaseError, Difference, Expected, differences};
use trendy::normalize::Dictionaries;
use trendy::record::{Outcome, PipelineId};
use trendy::run::rehearse;

use super::Context;
use super::exit::{Exit, Failure, with_causes};
use super::output::print_json;
use super::services;

mod text;

/// Put saved pages through pipelines, and compare the records with those saved beside the pages
///
/// A case is a folder `fixtures/<pipeline>/<case>/` with pages, named as fixtures/README.md says, and the records expected
/// of them in `expected.json`. They go through the very stages of a run; nothing is asked and nothing stored. `--update`
/// accepts what is found: it makes a case of every folder of a pipeline that has none yet, or of the one that is named.
/// What a browser does is not repeated: its pages are saved as it left them, with `trendy try --save`.
///
/// Exit code 0 if all records are as expected, 1 if not, 2 if a pipeline has no case.
#[derive(Debug, clap::Args)]
pub(super) struct TestArgs {
    /// Pipelines, or single cases of them [default: every pipeline]
    #[arg(value_name = "PIPELINE[/CASE]")]
    names: Vec<String>,
    /// Expect what is found from now on
    #[arg(long)]
    update: bool,
    /// Folder of the saved pages
    #[arg(long, value_name = "DIR", default_value = "fixtures")]
    fixtures: PathBuf,
    /// Form of the result
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// What differs, for people.
    Table,
    /// One array of cases.
    Json,
}

/// What became of a case.
#[derive(Debug, Serialize)]
struct Tested {
    pipeline: PipelineId,
    case: String,
    /// How many records were found.
    records: usize,
    /// How many things did not become records; each is logged with its reason.
    rejected: u64,
    /// Why a run over the case would not end well.
    problem: Option<String>,
    differences: Vec<Difference>,
    /// Whether what was found is expected from now on.
    updated: bool,
}

impl Tested {
    fn is_passed(&self) -> bool {
        self.problem.is_none() && (self.updated || self.differences.is_empty())
    }
}

pub(super) async fn run(args: TestArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    let pipelines = services::pipelines(&settings)?;
    let dictionaries = Arc::new(services::dictionaries(&settings)?);
    let chosen = choose(pipelines, &args)?;
    let stop = services::stop_on_signal()?;
    let mut exit = Exit::Done;
    let mut tested = Vec::new();
    for (pipeline, case) in &chosen {
        let case = test(pipeline, case, &dictionaries, stop.clone(), args.update)
            .await
            .map_err(|error| Failure::usage(with_causes(&error)))?;
        if *stop.borrow() {
            return Ok(Exit::Interrupted);
        }
        if !case.is_passed() {
            exit = Exit::Failed;
        }
        if matches!(args.format, Format::Table) {
            text::print(&case)?;
        }
        tested.push(case);
    }
    if matches!(args.format, Format::Json) {
        print_json(&tested)?;
    }
    Ok(exit)
}

/// The cases that are named, or every case of every pipeline.
fn choose(
    pipelines: Vec<Pipeline>,
    args: &TestArgs,
) -> Result<Vec<(Arc<Pipeline>, Case)>, Failure> {
    let pipelines: Vec<Arc<Pipeline>> = pipelines.into_iter().map(Arc::new).collect();
    let ids = || pipelines.iter().map(|pipeline| pipeline.id.as_str());
    let names: Vec<&str> = if args.names.is_empty() {
        ids().collect()
    } else {
        args.names.iter().map(String::as_str).collect()
    };
    let mut chosen = Vec::new();
    let mut without = Vec::new();
    for name in names {
        let (id, case) = match name.trim_end_matches('/').split_once('/') {
            Some((id, case)) => (id, Some(case)),
            None => (name.trim_end_matches('/'), None),
        };
        let Some(pipeline) = pipelines.iter().find(|pipeline| pipeline.id.as_str() == id) else {
            let hint = suggestion(id, ids())
                .unwrap_or_else(|| "`trendy list` prints the known ones".to_owned());
            return Err(Failure::usage(format!(
                "there is no pipeline `{id}`\n  hint: {hint}"
            )));
        };
        let folders =
            Case::all(&args.fixtures, id).map_err(|error| Failure::usage(with_causes(&error)))?;
        let cases = match case {
            Some(case) => vec![named(&folders, id, case, args)?],
            None => cases(folders, args),
        };
        if cases.is_empty() {
            without.push(id.to_owned());
        }
        chosen.extend(cases.into_iter().map(|case| (Arc::clone(pipeline), case)));
    }
    if without.is_empty() {
        return Ok(chosen);
    }
    let fixtures = args.fixtures.display();
    Err(Failure::usage(format!(
        "no case of pipeline `{}`\n  hint: save pages under `{fixtures}/{}/day-1/`, look at `trendy try`, then accept with `trendy test {} --update`",
        without.join("`, `"),
        without[0],
        without[0],
    )))
}

fn named(folders: &[Case], id: &str, name: &str, args: &TestArgs) -> Result<Case, Failure> {
    let Some(case) = folders.iter().find(|case| case.name() == name) else {
        let hint = suggestion(name, folders.iter().map(Case::name)).unwrap_or_else(|| {
            format!(
                "save its pages under `{}/{id}/{name}/`",
                args.fixtures.display()
            )
        });
        return Err(Failure::usage(format!(
            "pipeline `{id}` has no case `{name}`\n  hint: {hint}"
        )));
    };
    if !case.is_expecting() && !args.update {
        return Err(Failure::usage(format!(
            "nothing is expected of case `{id}/{name}` yet\n  hint: `trendy test {id}/{name} --update` expects what is found"
        )));
    }
    Ok(case.clone())
}

/// The folders of which something is expected; with `--update` all of them where that is none.
fn cases(folders: Vec<Case>, args: &TestArgs) -> Vec<Case> {
    let is_new = args.update && !folders.iter().any(Case::is_expecting);
    folders
        .into_iter()
        .filter(|case| is_new || case.is_expecting())
        .collect()
}

async fn test(
    pipeline: &Arc<Pipeline>,
    case: &Case,
    dictionaries: &Arc<Dictionaries>,
    stop: watch::Receiver<bool>,
    update: bool,
) -> Result<Tested, CaseError> {
    let now = match case.now()? {
        Some(now) => now,
        // Whoever accepts the pages has just saved them.
        None if update => {
            case.set_now(Timestamp::now())?;
            case.now()?.ok_or_else(|| case.not_timed())?
        }
        None => return Err(case.not_timed()),
    };
    let expected = if case.is_expecting() {
        case.expected()
    } else {
        Ok(Vec::new())
    };
    // What cannot be read is what an update is there to replace.
    let expected = if update {
        expected.unwrap_or_default()
    } else {
        expected?
    };
    let fetcher = case.fetcher(now)?;
    let rehearsed = rehearse(pipeline, &fetcher, dictionaries, stop, now).await;
    let found: Vec<Expected> = rehearsed.records.iter().map(Expected::from).collect();
    let problem = match rehearsed.reason {
        Some(reason) => {
            let outcome = rehearsed.outcome.map_or("interrupted", Outcome::as_str);
            Some(format!("{outcome}: {reason}"))
        }
        // To expect nothing would make every later change look right.
        None if found.is_empty() && expected.is_empty() => {
            Some("no record was found; `trendy try` shows why".to_owned())
        }
        None => None,
    };
    let mut tested = Tested {
        pipeline: pipeline.id.clone(),
        case: case.name().to_owned(),
        records: found.len(),
        rejected: rehearsed.rejected,
        problem,
        differences: differences(&expected, &found),
        updated: false,
    };
    // A run that broke off says nothing of what its pages hold.
    if update && tested.problem.is_none() {
        tested.updated = !case.is_expecting() || !tested.differences.is_empty();
        if tested.updated {
            case.expect(found)?;
        }
    }
    Ok(tested)
}
