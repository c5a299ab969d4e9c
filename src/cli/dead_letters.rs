use std::io::Write;
use std::sync::Arc;

use serde::Serialize;
use trendy::cause::printable;
use trendy::config::Pipeline;
use trendy::load::{DeadLetter, DeadLetterFilter, DeadLetterState, Store};
use trendy::publish::Target;
use trendy::record::{PipelineId, Stage};
use trendy::run::{Away, Retried, elasticsearch, retry as try_again};
use uuid::Uuid;

use super::Context;
use super::exit::{Exit, Failure, with_causes};
use super::output::{Format, FormatArgs, print_json, print_rows};
use super::services;

/// Show what was rejected or refused, newest first; try it again, or drop it
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct DeadLettersArgs {
    #[command(subcommand)]
    command: Option<DeadLettersCommand>,
    #[command(flatten)]
    list: ListArgs,
}

#[derive(Debug, clap::Subcommand)]
enum DeadLettersCommand {
    /// Show them, newest first; the same as no subcommand
    List(ListArgs),
    /// Show one with all that was at hand, as JSON
    Show(ShowArgs),
    /// Try again: fetch and read the entry's page anew, or send the document as it is now; exit 3 if some fail again
    Retry(ChosenArgs),
    /// Mark as not worth it; they stay under `--state discarded`
    Drop(ChosenArgs),
    /// Print them whole, one JSON object a line
    Export(FilterArgs),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// Most of them
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    #[command(flatten)]
    output: FormatArgs,
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// Its id
    id: Uuid,
}

#[derive(Debug, clap::Args)]
struct ChosenArgs {
    /// Their ids; or choose by at least one of the options below
    #[arg(value_name = "ID")]
    ids: Vec<Uuid>,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    output: FormatArgs,
}

#[derive(Debug, clap::Args)]
struct FilterArgs {
    /// Those of this pipeline only
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
    /// Where they failed
    #[arg(long)]
    stage: Option<StageArg>,
    /// Whose reason has this text in it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// What happened to them since [default: open]
    #[arg(long)]
    state: Option<StateArg>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum StageArg {
    Collect,
    Extract,
    Normalize,
    Load,
    Publish,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum StateArg {
    /// Nothing yet, or tried again in vain
    Open,
    /// Went through when tried again
    Redriven,
    /// Dropped
    Discarded,
    /// Whatever it was
    All,
}

impl FilterArgs {
    fn is_given(&self) -> bool {
        self.pipeline.is_some()
            || self.stage.is_some()
            || self.reason.is_some()
            || self.state.is_some()
    }

    fn filter(self) -> DeadLetterFilter {
        let failed_at = self.stage.map(|stage| match stage {
            StageArg::Collect => Stage::Collect,
            StageArg::Extract => Stage::Extract,
            StageArg::Normalize => Stage::Normalize,
            StageArg::Load => Stage::Load,
            StageArg::Publish => Stage::Publish,
        });
        let state = match self.state.unwrap_or(StateArg::Open) {
            StateArg::Open => Some(DeadLetterState::Open),
            StateArg::Redriven => Some(DeadLetterState::Redriven),
            StateArg::Discarded => Some(DeadLetterState::Discarded),
            StateArg::All => None,
        };
        DeadLetterFilter {
            pipeline: self.pipeline.map(PipelineId),
            stage: failed_at,
            state,
            reason: self.reason,
            ..DeadLetterFilter::default()
        }
    }
}

pub(super) async fn run(args: DeadLettersArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    let store = services::existing_store(&settings).await?;
    match args.command.unwrap_or(DeadLettersCommand::List(args.list)) {
        DeadLettersCommand::List(args) => {
            let letters = store
                .dead_letters(&args.filter.filter(), args.limit)
                .await?;
            let columns = [
                "id", "at", "state", "stage", "pipeline", "url", "reason", "result",
            ];
            print_rows(&letters, &columns, args.output.format)?;
            Ok(Exit::Done)
        }
        DeadLettersCommand::Show(args) => {
            print_json(&one(&store, args.id).await?)?;
            Ok(Exit::Done)
        }
        DeadLettersCommand::Export(filter) => {
            for id in store.dead_letter_ids(&filter.filter()).await? {
                print_rows(&[one(&store, id).await?], &[], Format::Ndjson)?;
            }
            Ok(Exit::Done)
        }
        DeadLettersCommand::Drop(args) => drop_letters(args, &store).await,
        DeadLettersCommand::Retry(args) => retry(args, &store, context).await,
    }
}

async fn one(store: &Store, id: Uuid) -> Result<DeadLetter, Failure> {
    let letter = store.dead_letter(id).await?;
    letter.ok_or_else(|| {
        Failure::usage(format!(
            "there is no dead letter `{id}`\n  hint: `trendy dead-letters --state all` prints the known ones"
        ))
    })
}

/// The ids that are meant: none by accident.
async fn chosen(ids: Vec<Uuid>, filter: FilterArgs, store: &Store) -> Result<Vec<Uuid>, Failure> {
    if !ids.is_empty() && filter.is_given() {
        return Err(Failure::usage("name ids or a filter, not both"));
    }
    if ids.is_empty() {
        if !filter.is_given() {
            return Err(Failure::usage(
                "nothing is chosen\n  hint: name ids, or `--stage`, `--pipeline` or `--reason`; `--state open` takes all that are open",
            ));
        }
        return Ok(store.dead_letter_ids(&filter.filter()).await?);
    }
    for id in &ids {
        one(store, *id).await?;
    }
    Ok(ids)
}

async fn drop_letters(args: ChosenArgs, store: &Store) -> Result<Exit, Failure> {
    let mut rows = Vec::new();
    for id in chosen(args.ids, args.filter, store).await? {
        store
            .set_dead_letter_state(id, DeadLetterState::Discarded)
            .await?;
        rows.push(Row::of(&one(store, id).await?));
    }
    print_rows(&rows, Row::COLUMNS, args.output.format)?;
    Ok(Exit::Done)
}

/// What became of a letter, without what it holds.
#[derive(Serialize)]
struct Row {
    id: Uuid,
    stage: Stage,
    pipeline: Option<PipelineId>,
    url: String,
    state: DeadLetterState,
    result: Option<String>,
}

impl Row {
    const COLUMNS: &'static [&'static str] = &["id", "stage", "pipeline", "url", "state", "result"];

    fn of(letter: &DeadLetter) -> Self {
        Self {
            id: letter.id,
            stage: letter.stage,
            pipeline: letter.pipeline.clone(),
            url: letter.url.clone(),
            state: letter.state,
            result: letter.result.clone(),
        }
    }
}

async fn retry(args: ChosenArgs, store: &Store, context: &Context) -> Result<Exit, Failure> {
    let ids = chosen(args.ids, args.filter, store).await?;
    let settings = context.settings()?;
    let pipelines: Vec<Arc<Pipeline>> = services::pipelines(&settings)?
        .into_iter()
        .map(Arc::new)
        .collect();
    let services = services::services(&settings, &context.environment).await?;
    let target = elasticsearch(&settings, store).map_err(Failure::usage)?;
    let targets: Vec<&dyn Target> = target.iter().map(|target| target as &dyn Target).collect();
    let tried = try_again(&ids, &pipelines, &services, &targets).await;
    services.collector.close().await;
    let Retried { letters, away } = tried?;
    let rows: Vec<Row> = letters.iter().map(Row::of).collect();
    print_rows(&rows, Row::COLUMNS, args.output.format)?;
    for Away {
        target,
        error,
        left,
    } in &away
    {
        let problem = with_causes(error);
        writeln!(
            std::io::stderr(),
            "warning: target {target}: {}; dead letters of it that were left as they are: {left}",
            printable(&problem)
        )?;
    }
    if *services.stop.borrow() {
        Ok(Exit::Interrupted)
    } else if !away.is_empty() || rows.iter().any(|row| row.state == DeadLetterState::Open) {
        Ok(Exit::Incomplete)
    } else {
        Ok(Exit::Done)
    }
}
