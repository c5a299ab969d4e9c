//! Publishing after a run: every configured target, one after the other.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;
use url::Url;

use super::retention::weather_index_keep;
use crate::cause::with_causes;
use crate::config::{Settings, addresses};
use crate::load::{Store, StoreError};
use crate::publish::elasticsearch::{ElasticsearchSettings, ElasticsearchTarget, InvalidSettings};
use crate::publish::{PublishEnd, Tally, Target, Timed, lag, publish_counting, until_stopped};

/// How far a target came.
#[derive(Debug, Clone, Serialize)]
pub struct PublishSummary {
    /// The target.
    pub target: String,
    /// Records that were written or deleted.
    pub sent: u64,
    /// Records that are past the age that the target keeps, so that they were not sent.
    pub expired: u64,
    /// Records that it refused for good; now dead letters.
    pub refused: u64,
    /// How far it is behind, in numbers of the log; 0 of a target that has everything, though it may be away.
    pub lag: i64,
    /// Why it was sent no more.
    pub ended: Ended,
}

/// Why a target was sent no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Ended {
    /// It has everything.
    CaughtUp,
    /// Another process publishes to it, and goes on.
    Elsewhere,
    /// We were asked to stop.
    Interrupted,
    /// It took no more, or not in time, for this reason; a later call goes on.
    Behind(String),
    /// It holds what is not of this store, which this says, so that no later call helps.
    NeedsRebuild(String),
}

/// A target that cannot be made from the settings.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The address is none.
    #[error("`elasticsearch_url` is no address: {0}")]
    Address(#[from] url::ParseError),
    /// The certificates cannot be read.
    #[error("`elasticsearch_ca_file`: cannot read `{}`: {problem}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What the system says.
        problem: std::io::Error,
    },
    /// An age is none.
    #[error("{0}")]
    Age(String),
    /// A setting does not fit.
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
}

/// The Elasticsearch of the settings, where they name one.
pub fn elasticsearch(
    settings: &Settings,
    store: &Store,
) -> Result<Option<ElasticsearchTarget>, TargetError> {
    let Some(urls) = settings.get("elasticsearch_url") else {
        return Ok(None);
    };
    let mut nodes = Vec::new();
    for url in addresses(urls) {
        nodes.push(Url::parse(url)?);
    }
    let authorities = match settings.get("elasticsearch_ca_file") {
        None => None,
        Some(path) => Some(
            std::fs::read(path).map_err(|problem| TargetError::Authorities {
                path: PathBuf::from(path),
                problem,
            })?,
        ),
    };
    let mut target = ElasticsearchSettings {
        api_key: settings.get("elasticsearch_api_key").map(str::to_owned),
        authorities,
        weather_keep: weather_index_keep(settings).map_err(TargetError::Age)?,
        ..ElasticsearchSettings::of(nodes)
    };
    if let Some(prefix) = settings.get("index_prefix") {
        prefix.clone_into(&mut target.index_prefix);
    }
    Ok(Some(ElasticsearchTarget::new(&target, store.identity())?))
}

/// Sends each target what it does not have yet, for at most this long each, and hardly any longer once `stop` is true. A
/// target that is down is told in its summary: its data is kept, and the next call goes on.
pub async fn publish_all(
    store: &Store,
    targets: &[&dyn Target],
    limit: Duration,
    stop: &watch::Receiver<bool>,
) -> Result<Vec<PublishSummary>, StoreError> {
    let mut stop = stop.clone();
    let mut summaries = Vec::with_capacity(targets.len());
    for target in targets {
        let mut tally = Tally::default();
        let timed = Timed::of(*target);
        let publishing = Box::pin(publish_counting(store, &timed, limit, &mut tally));
        let ended = match until_stopped(&mut stop, publishing).await {
            None => Ended::Interrupted,
            Some(Ok(PublishEnd::CaughtUp)) => Ended::CaughtUp,
            Some(Ok(PublishEnd::Deadline)) => Ended::Behind(out_of_time(limit, timed.silence())),
            Some(Ok(PublishEnd::Elsewhere)) => Ended::Elsewhere,
            Some(Err(error)) if error.needs_rebuild() => Ended::NeedsRebuild(with_causes(&error)),
            Some(Err(error)) => Ended::Behind(with_causes(&error)),
        };
        summaries.push(PublishSummary {
            target: target.name().to_owned(),
            sent: tally.sent,
            expired: tally.expired,
            refused: tally.refused,
            lag: lag(store, target.name()).await?,
            ended,
        });
    }
    Ok(summaries)
}

/// Says that the time was up, and where it went if the target acknowledged nothing for long.
fn out_of_time(limit: Duration, silence: Option<Duration>) -> String {
    let limit = limit.as_secs();
    match silence.map(|silence| silence.as_secs_f64().round()) {
        Some(seconds) if seconds >= 1.0 => {
            format!(
                "{limit} s were not enough, and nothing was acknowledged in the last {seconds}; is the server away, or too busy?"
            )
        }
        _ => format!("{limit} s were not enough"),
    }
}
