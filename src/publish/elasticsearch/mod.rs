//! Elasticsearch as a target: one document a record, under the record's own id and revision.
//!
//! Invariants:
//! - `_id` is the record's id and the version its revision (`external_gte`), so a batch sent twice is one batch and an
//!   older revision never wins over a newer one.
//! - Every write goes through an alias, with `require_alias`; indices come to be by [`ElasticsearchTarget::setup`] or a rebuild, and
//!   those of a month of weather before the first write to it, never by a write. Templates forbid it to the server too.
//! - Readers see an index through its alias, and a whole one: [`rebuild()`] fills another and swaps the alias at once.
//! - A month of weather whose last reading is past its age has no index: it is dropped whole, never filled again, and not
//!   compared. The store still has it.
//! - An index carries the identity of its store. Another store's revisions are incomparable, so it is left alone.
//! - Answers are judged item by item and by status: types of errors differ between servers.
//!
//! Runs go through the change log too; no index shows them yet, so their changes are passed over.

mod analysis;
mod bulk;
mod client;
mod comparison;
mod document;
mod flight;
mod indices;
mod listing;
mod mapping;
mod mend;
mod names;
mod nodes;
mod rebuild;
mod request;
mod settings;
mod verify;

use std::collections::HashMap;

use async_trait::async_trait;
use elasticsearch::http::Method;
use serde::Deserialize;

use crate::load::{Store, StoreIdentity};
use crate::record::{Change, Kind, RecordId, StoredRecord, Subject};

use super::{PublishError, Refused, SendError, SendReport, Target, start_over};
use bulk::{Bulk, Delivery};
use client::Client;
use document::{Document, Place};
use indices::Indices;
use names::Names;
use request::Requests;

pub use comparison::{Comparison, Difference, Fault, KindCounts};
pub use indices::SetupReport;
pub use rebuild::{RebuildReport, prune, rebuild};
pub use settings::{ElasticsearchSettings, InvalidSettings};
pub use verify::{repair, verify};

/// One cluster, under one index prefix, for one store.
pub struct ElasticsearchTarget {
    name: String,
    client: Client,
    indices: Indices,
    bulk: Bulk,
}

impl ElasticsearchTarget {
    /// The target that these settings describe. Nothing is sent yet.
    pub fn new(
        settings: &ElasticsearchSettings,
        store: StoreIdentity,
    ) -> Result<Self, InvalidSettings> {
        settings.validate()?;
        let client = Client::new(settings)?;
        let names = Names::new(&settings.index_prefix);
        Ok(Self {
            name: format!("elasticsearch/{}", settings.index_prefix),
            indices: Indices::new(client.clone(), names, store, settings.weather_keep),
            bulk: Bulk::new(client.clone(), settings),
            client,
        })
    }

    /// Installs the index templates, and the indices of jobs and posts behind their aliases. Twice is once.
    pub async fn setup(&self) -> Result<SetupReport, SendError> {
        self.indices.setup().await
    }

    /// The same for the indices that are filled to succeed these.
    fn filling(&self) -> Self {
        Self {
            name: self.name.clone(),
            client: self.client.clone(),
            indices: self.indices.filling(),
            bulk: self.bulk.clone(),
        }
    }

    /// Documents of a kind, as far as the index was refreshed.
    pub async fn count(&self, kind: Kind) -> Result<u64, SendError> {
        #[derive(Deserialize)]
        struct Count {
            count: u64,
        }
        let path = format!("{}/_count", self.indices.names.alias(kind));
        let query = [("ignore_unavailable", "true")];
        let answer = self.client.ask(Method::Get, &path, &query, None).await?;
        Ok(answer.json::<Count>()?.count)
    }

    async fn requests(
        &self,
        records: &[Latest<'_>],
        delivery: &mut Delivery,
    ) -> Result<Requests, SendError> {
        // The id of a deleted reading does not say which month it was valid in, so it is deleted from every one.
        let is_deleted_weather =
            |latest: &Latest<'_>| latest.record.is_none() && latest.kind == Kind::Weather;
        let months = if records.iter().any(is_deleted_weather) {
            self.indices.months().await?
        } else {
            Vec::new()
        };
        let first_month = self.indices.first_month();
        let mut requests = self.bulk.requests();
        requests.reserve(records.iter().map(Latest::size).sum());
        for latest in records {
            let Some(record) = latest.record else {
                let alias = [self.indices.names.alias(latest.kind)];
                let aliases = if latest.kind == Kind::Weather {
                    months.as_slice()
                } else {
                    &alias
                };
                for alias in aliases {
                    requests.delete(alias, latest.id, latest.revision);
                }
                continue;
            };
            match Document::of(record) {
                Ok(Document {
                    place: Place::Month(month),
                    ..
                }) if Some(month) < first_month => delivery.expired += 1,
                Ok(document) => {
                    let alias = self.indices.open(document.place).await?;
                    requests.index(&alias, record.id, record.revision, &document);
                }
                Err(misfit) => delivery.refused.push(Refused {
                    record_id: record.id,
                    reason: misfit.to_string(),
                    payload: Some(record.document()),
                }),
            }
        }
        Ok(requests)
    }
}

#[async_trait]
impl Target for ElasticsearchTarget {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> Result<(), SendError> {
        self.indices.verify().await?;
        self.bulk.probe(&self.indices.single()).await
    }

    async fn expire(&self) -> Result<(), SendError> {
        for index in self.indices.drop_past_months().await? {
            tracing::warn!(
                "index {index} is deleted: its month is past `weather_index_keep`; the store keeps the readings"
            );
        }
        Ok(())
    }

    async fn send(
        &self,
        batch: &[(Change, Option<StoredRecord>)],
    ) -> Result<SendReport, SendError> {
        let records = latest(batch);
        let mut delivery = Delivery::default();
        let requests = self.requests(&records, &mut delivery).await?;
        let delivered = self.bulk.deliver(requests, &mut delivery).await;
        if let Err(SendError::NotSetUp { .. }) = delivered {
            self.indices.forget_months().await;
        }
        delivered?;
        let Delivery {
            superseded,
            refused,
            expired,
        } = delivery;
        let apart = superseded.len() + refused.len() + expired;
        Ok(SendReport {
            sent: records.len().saturating_sub(apart) as u64,
            superseded: superseded.len() as u64,
            expired: expired as u64,
            refused,
        })
    }
}

/// Sets the indices up for a store. Where they were not there, what the target once acknowledged is gone with them, so
/// the next publish sends everything.
pub async fn set_up(
    store: &Store,
    target: &ElasticsearchTarget,
) -> Result<SetupReport, PublishError> {
    if let Err(SendError::NotSetUp { .. }) = target.check().await {
        // Before they are created: a crash in between must not leave empty indices behind a cursor at the head.
        start_over(store, target).await?;
    }
    let named = |source| PublishError::Target {
        target: target.name().to_owned(),
        source,
    };
    target.setup().await.map_err(named)
}

/// A record's last state in a batch.
struct Latest<'a> {
    id: RecordId,
    kind: Kind,
    revision: i64,
    record: Option<&'a StoredRecord>,
}

/// What a document takes besides its fields: its header, and what every document has.
const AROUND: usize = 1024;

impl Latest<'_> {
    /// About how many bytes it takes of a request.
    fn size(&self) -> usize {
        self.record.map_or(0, |record| record.fields.len()) + AROUND
    }
}

/// One entry a record, in the order in which the batch first names them.
fn latest(batch: &[(Change, Option<StoredRecord>)]) -> Vec<Latest<'_>> {
    let mut places: HashMap<RecordId, usize> = HashMap::new();
    let mut records: Vec<Latest<'_>> = Vec::new();
    for (change, record) in batch {
        let Subject::Record(kind) = change.kind else {
            continue;
        };
        let revision = record
            .as_ref()
            .map_or(change.revision, |record| record.revision);
        let entry = Latest {
            id: change.record_id,
            kind,
            revision,
            record: record.as_ref(),
        };
        match places.get(&change.record_id) {
            Some(&place) if records[place].revision <= revision => records[place] = entry,
            Some(_) => {}
            None => {
                places.insert(change.record_id, records.len());
                records.push(entry);
            }
        }
    }
    records
}
