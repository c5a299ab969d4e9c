//! A run without a store and a collector: what a fetcher gives, through the very stages of a run, into memory.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use super::checkpoint::Checkpoint;
use super::loader::Sink;
use super::stages::{self, CHANNEL_ROOM};
use super::visits::Visits;
use super::walk::{Walk, World};
use super::{Ending, RunOptions};
use crate::collect::Fetcher;
use crate::config::Pipeline;
use crate::normalize::Dictionaries;
use crate::record::{Outcome, Record};
use crate::telemetry::ProgressBars;

/// What a rehearsal gave.
#[derive(Debug)]
pub struct Rehearsed {
    /// The records that a run would load, in the order in which they came about.
    pub records: Vec<Record>,
    /// How a run would end.
    pub outcome: Option<Outcome>,
    /// Why, where it is not `ok`.
    pub reason: Option<String>,
    /// What did not become a record; each is logged with its reason.
    pub rejected: u64,
}

/// Runs a pipeline over what a fetcher gives, as of `now`. All its records are held in memory: this is for sites that
/// somebody saved by hand.
pub async fn rehearse(
    pipeline: &Arc<Pipeline>,
    fetcher: &dyn Fetcher,
    dictionaries: &Arc<Dictionaries>,
    stop: watch::Receiver<bool>,
    now: Timestamp,
) -> Rehearsed {
    let (options, loaded) = (RunOptions::default(), Checkpoint::none());
    let progress = ProgressBars::hidden().of_pipeline(pipeline.id.as_str());
    let visits = Visits::new(pipeline, fetcher, None, dictionaries, &options).await;
    let Ok(visits) = visits else {
        unreachable!("there is no store to fail");
    };
    let world = World {
        dictionaries,
        stop,
        now,
    };
    let walk = Walk::new(pipeline, &visits, world, &options, &progress, &loaded);
    let (sender, mut receiver) = mpsc::channel(CHANNEL_ROOM);
    let mut records = Vec::new();
    let gather = async {
        while let Some(record) = receiver.recv().await {
            records.push(record);
        }
    };
    let (ended, ()) = tokio::join!(
        stages::join(&walk, Sink::Channel(sender), &progress),
        gather
    );
    let Ok((walked, done)) = ended else {
        unreachable!("there is no store to fail, and every record is waited for");
    };
    let ending = Ending::of_walk(&walked.end, &done, true);
    Rehearsed {
        records,
        outcome: ending.outcome,
        reason: ending.reason,
        rejected: done.counts.rejected,
    }
}
