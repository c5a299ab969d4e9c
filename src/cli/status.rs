use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use trendy::config::parse_duration;
use trendy::load::Store;
use trendy::publish::Target;
use trendy::record::Outcome;
use trendy::run::elasticsearch;

use super::Context;
use super::exit::{Exit, Failure};
use super::output::{FormatArgs, print_rows};
use super::services;

/// Tell whether all is well: exit 0 if it is, 1 if a pipeline's last run or a target is not
#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    output: FormatArgs,
}

/// A pipeline or a target.
#[derive(Serialize)]
struct Row {
    name: String,
    state: String,
    since: Option<Timestamp>,
    reason: Option<String>,
    #[serde(skip)]
    is_well: bool,
}

pub(super) async fn run(args: StatusArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    let max_lag = settings.get("max_lag").unwrap_or_default();
    let max_lag =
        parse_duration(max_lag).map_err(|error| Failure::usage(format!("`max_lag`: {error}")))?;
    let pipelines = services::pipelines(&settings)?;
    let store = services::existing_store(&settings).await?;

    let mut rows = Vec::new();
    for pipeline in pipelines.iter().filter(|pipeline| pipeline.enabled) {
        rows.push(of_pipeline(&store, pipeline.id.as_str()).await?);
    }
    if let Some(target) = elasticsearch(&settings, &store).map_err(Failure::usage)? {
        let max_lag = SignedDuration::try_from(max_lag).unwrap_or(SignedDuration::MAX);
        rows.push(of_target(&store, target.name(), max_lag, Timestamp::now()).await?);
    }
    print_rows(
        &rows,
        &["name", "state", "since", "reason"],
        args.output.format,
    )?;
    Ok(if rows.iter().all(|row| row.is_well) {
        Exit::Done
    } else {
        Exit::Failed
    })
}

/// How the last run ended. One that never ran, or is running, is no trouble.
async fn of_pipeline(store: &Store, name: &str) -> Result<Row, Failure> {
    let last = store.runs(Some(name), 1).await?.pop();
    let name = name.to_owned();
    let Some(last) = last else {
        return Ok(Row {
            name,
            state: "never ran".to_owned(),
            since: None,
            reason: None,
            is_well: true,
        });
    };
    let state = last.outcome.map_or("unfinished", Outcome::as_str);
    Ok(Row {
        name,
        state: state.to_owned(),
        since: last.finished_at.or(Some(last.started_at)),
        reason: last.reason,
        is_well: matches!(last.outcome, Some(Outcome::Ok) | None),
    })
}

/// How far a target is behind: unhealthy once the oldest change that it lacks is too old.
async fn of_target(
    store: &Store,
    name: &str,
    max_lag: SignedDuration,
    now: Timestamp,
) -> Result<Row, Failure> {
    // A cursor of the store before a restore says nothing of this one.
    let cursor = store.cursor(name).await?;
    let cursor = cursor.filter(|cursor| cursor.store == store.identity());
    let moved_at = cursor.as_ref().map(|cursor| cursor.moved_at);
    let seq = cursor.map_or(0, |cursor| cursor.seq);
    if !store.follows_on(seq).await? {
        return Ok(Row {
            name: name.to_owned(),
            state: "lags".to_owned(),
            since: moved_at,
            reason: Some("the log no longer has what comes next for it: `trendy index sync` sends everything anew".to_owned()),
            is_well: false,
        });
    }
    let oldest = store
        .changes_after(seq, 1)
        .await?
        .pop()
        .map(|(change, _)| change.at);
    let is_well = oldest.is_none_or(|oldest| now.duration_since(oldest) <= max_lag);
    let state = match oldest {
        None => "up to date",
        Some(_) if is_well => "behind",
        Some(_) => "lags",
    };
    let reason = (!is_well).then(|| "see why: `trendy index sync`".to_owned());
    Ok(Row {
        name: name.to_owned(),
        state: state.to_owned(),
        since: oldest,
        reason,
        is_well,
    })
}
