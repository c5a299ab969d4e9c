//! Dead letters tried again: each goes once more through what failed, as it would today.
//!
//! The page behind an entry is fetched anew; an entry that says everything itself is read again from what was kept of it,
//! as nobody knows which page of the list it would stand on today. What a target refused is sent by [`super::resend`].
//! Letters of one entry, as many runs leave them, cost one request. A pipeline's letters are tried under its lock and as a
//! run of their own, which ends as the run before it did: it says nothing of the list.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::loader::Load;
use super::resend::{Away, Resending};
use super::transform::{ListPage, Page as PageWork, blocking, one};
use super::visits::Kept;
use super::walk::stopped;
use super::{Locked, RunError, Services};
use crate::cause::with_causes;
use crate::collect::Fetcher;
use crate::config::{Fetch, ListFormat, Pipeline};
use crate::load::{Batch, DeadLetter, DeadLetterState, LoadReport, StoreError};
use crate::normalize;
use crate::publish::Target;
use crate::record::{Item, Outcome, PipelineId, Record, RecordId, Request, Role, Stage, Values};

/// What became of a letter: its state now, and why.
pub(super) type Tried = (DeadLetterState, String);

/// What came of a retry.
#[derive(Debug)]
pub struct Retried {
    /// The letters that were tried, as they are now.
    pub letters: Vec<DeadLetter>,
    /// The targets that take nothing now, whose other letters were left as they are.
    pub away: Vec<Away>,
}

/// Tries dead letters again and notes what became of each. Ends early, with those that were tried, when the process is
/// asked to stop. A target that holds what is not of this store is an error, and nothing was sent to it.
pub async fn retry(
    letters: &[Uuid],
    pipelines: &[Arc<Pipeline>],
    services: &Services,
    targets: &[&dyn Target],
) -> Result<Retried, RunError> {
    let store = &services.store;
    let is_stopped = || *services.stop.borrow();
    let mut resending = Resending::to(services, targets);
    let mut of_pipelines: BTreeMap<Option<PipelineId>, Vec<DeadLetter>> = BTreeMap::new();
    let mut tried = Vec::new();
    for id in letters {
        if is_stopped() {
            break;
        }
        let Some(letter) = store.dead_letter(*id).await? else {
            continue;
        };
        if letter.stage == Stage::Publish {
            if let Some(result) = resending.attempt(&letter).await? {
                tried.push(note(letter, result, services).await?);
            }
        } else {
            let pipeline = letter.pipeline.clone();
            of_pipelines.entry(pipeline).or_default().push(letter);
        }
    }
    for (id, letters) in of_pipelines {
        if is_stopped() {
            break;
        }
        let pipeline = pipelines
            .iter()
            .find(|pipeline| Some(&pipeline.id) == id.as_ref());
        let mut session = match pipeline {
            Some(pipeline) => Session::open(pipeline, services)
                .await
                .map_err(|error| with_causes(&error)),
            None => Err("its pipeline is not among the files any more".to_owned()),
        };
        for letter in letters {
            if is_stopped() {
                break;
            }
            let result = match &mut session {
                Ok(session) => session.attempt(&letter).await?,
                Err(reason) => Some(open(reason.clone())),
            };
            let Some(result) = result else {
                break;
            };
            tried.push(note(letter, result, services).await?);
        }
        if let Ok(session) = session {
            session.close().await?;
        }
    }
    Ok(Retried {
        letters: tried,
        away: resending.away(),
    })
}

async fn note(
    letter: DeadLetter,
    (state, result): Tried,
    services: &Services,
) -> Result<DeadLetter, StoreError> {
    let at = Timestamp::now();
    services
        .store
        .note_retry(letter.id, state, &result, at)
        .await?;
    Ok(DeadLetter {
        state,
        retries: letter.retries + 1,
        retried_at: Some(at),
        result: Some(result),
        ..letter
    })
}

pub(super) fn open(reason: impl Into<String>) -> Tried {
    (DeadLetterState::Open, reason.into())
}

pub(super) fn redriven(result: impl Into<String>) -> Tried {
    (DeadLetterState::Redriven, result.into())
}

/// The letters of one pipeline, tried under its lock.
struct Session<'a> {
    pipeline: &'a Arc<Pipeline>,
    services: &'a Services,
    fetcher: Arc<dyn Fetcher>,
    locked: Locked,
    /// How the run before ended.
    before: (Outcome, Option<String>),
    tried: HashMap<RecordId, Tried>,
}

impl<'a> Session<'a> {
    async fn open(pipeline: &'a Arc<Pipeline>, services: &'a Services) -> Result<Self, RunError> {
        let fetcher = services.collector.fetcher(pipeline)?;
        let store = &services.store;
        let last = store.runs(Some(pipeline.id.as_str()), 1).await?.pop();
        let before = last.and_then(|run| Some((run.outcome?, run.reason)));
        let locked = Locked::open(pipeline, store).await?;
        let now = Timestamp::now();
        services
            .collector
            .restore_hosts(&store.hosts(now).await?, now);
        Ok(Self {
            pipeline,
            services,
            fetcher,
            locked,
            before: before.unwrap_or((Outcome::Ok, None)),
            tried: HashMap::new(),
        })
    }

    /// What became of a letter; none where the process is asked to stop meanwhile.
    async fn attempt(&mut self, letter: &DeadLetter) -> Result<Option<Tried>, StoreError> {
        if letter.stage == Stage::Load {
            let record = letter.payload.clone().map(serde_json::from_value::<Record>);
            return Ok(Some(match record {
                Some(Ok(record)) => self.load(record, Batch::default()).await?,
                _ => open("the letter does not hold its record"),
            }));
        }
        let Some(item) = self.entry(letter) else {
            return Ok(Some(open(
                "the letter does not hold its entry; run the pipeline, which reads its list anew",
            )));
        };
        let id = normalize::identity(self.pipeline, &item);
        if let Some(tried) = self.tried.get(&id) {
            return Ok(Some(tried.clone()));
        }
        let tried = self.attempt_entry(item, id, letter.at).await?;
        if let Some(tried) = &tried {
            self.tried.insert(id, tried.clone());
        }
        Ok(tried)
    }

    /// What the list said of the entry; what its page said besides is read anew.
    fn entry(&self, letter: &DeadLetter) -> Option<Item> {
        let mut item: Item = serde_json::from_value(letter.payload.clone()?).ok()?;
        let by_rules = matches!(self.pipeline.list.format, ListFormat::Items(_));
        if let (Values::Fields(fields), true, true) =
            (&mut item.values, by_rules, self.pipeline.detail.is_some())
        {
            fields.retain(|field, _| self.pipeline.list.fields.contains_key(field));
        }
        Some(item)
    }

    async fn attempt_entry(
        &self,
        item: Item,
        id: RecordId,
        kept_at: Timestamp,
    ) -> Result<Option<Tried>, StoreError> {
        let mut batch = Batch::default();
        let work = if self.pipeline.detail.is_some() {
            let request = Request {
                pipeline: self.pipeline.id.clone(),
                url: item.entry.url.clone(),
                role: Role::Detail {
                    entry: Box::new(item),
                },
                validators: None,
            };
            let fetched = tokio::select! {
                fetched = self.fetcher.fetch(&request) => fetched,
                () = stopped(self.services.stop.clone()) => return Ok(None),
            };
            match fetched {
                Ok(fetched) => {
                    let Some(page) = fetched.page() else {
                        return Ok(Some(open("its page was not sent")));
                    };
                    batch.pages = 1;
                    batch.read.push(request.url);
                    PageWork::Detail(Box::new(page), id, Kept::default())
                }
                Err(error) => return Ok(Some(open(with_causes(&error)))),
            }
        } else {
            // Dates such as "3 days ago" are of then.
            let list = ListPage {
                number: 1,
                fetched_at: kept_at,
            };
            PageWork::Entry(Box::new(item), list)
        };
        let pipeline = Arc::clone(self.pipeline);
        let dictionaries = Arc::clone(&self.services.dictionaries);
        let (_, load) = blocking(move || one(&pipeline, &dictionaries, work)).await;
        Ok(Some(match load {
            Load::Record(record, _) => self.load(*record, batch).await?,
            Load::Rejected { rejection, .. } if self.pipeline.source.fetch == Fetch::File => {
                let reason = rejection.reason;
                open(format!(
                    "{reason}, as it stood in the file then; a run reads the file as it is now"
                ))
            }
            Load::Rejected { rejection, .. } => open(rejection.reason),
            _ => open("it gave neither a record nor a reason"),
        }))
    }

    async fn load(&self, record: Record, mut batch: Batch) -> Result<Tried, StoreError> {
        batch.records.push(record);
        batch.at = Timestamp::now();
        let report = self.locked.store.load(self.locked.run.id, &batch).await?;
        Ok(match report {
            LoadReport { refused: 1.., .. } => open("the store refused it again"),
            LoadReport { added: 1.., .. } => redriven("added"),
            LoadReport { updated: 1.., .. } => redriven("updated"),
            LoadReport { reopened: 1.., .. } => redriven("reopened"),
            _ => redriven("unchanged"),
        })
    }

    async fn close(self) -> Result<(), StoreError> {
        let now = Timestamp::now();
        let store = &self.locked.store;
        let news = self.services.collector.take_host_news(now);
        store.remember_hosts(&news, now).await?;
        let run = self.locked.run.id;
        // One that died is left for a whole run to end.
        if self.locked.run.resumed {
            return store.interrupt_run(run, now).await;
        }
        let (outcome, reason) = &self.before;
        let ended = store.finish_run(run, *outcome, reason.as_deref(), now);
        ended.await.map(drop)
    }
}
