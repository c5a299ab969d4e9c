use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use elasticsearch::http::Method;
use futures_util::future::try_join_all;
use serde::Deserialize;
use serde::de::Error as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::client::{self, Answer, Client};
use super::document::Document;
use super::flight::Flight;
use super::settings::ElasticsearchSettings;
use crate::publish::Refused;
use crate::publish::error::SendError;
use crate::record::{RecordId, StoredRecord};

/// Only what judging needs: a thousand whole items are half a megabyte.
const FILTER: [(&str, &str); 1] = [("filter_path", "items.*.status,items.*.error")];

/// Full requests whose bytes may be under way together.
const REQUESTS_IN_MEMORY: usize = 3;

/// One line of work in a bulk request: to write a document, or to delete it.
pub(super) struct Action {
    record_id: RecordId,
    alias: String,
    header: Vec<u8>,
    source: Option<Vec<u8>>,
}

/// What became of records, apart from those that arrived.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    pub(super) superseded: HashSet<RecordId>,
    pub(super) refused: Vec<Refused>,
}

/// The `_bulk` call: cuts, sends several requests at a time, judges, and sends again what the server could not take yet.
#[derive(Clone)]
pub(super) struct Bulk {
    client: Client,
    flight: Arc<Flight>,
    request_bytes: usize,
    request_documents: usize,
}

#[derive(Deserialize)]
struct BulkAnswer {
    items: Vec<HashMap<String, Item>>,
}

#[derive(Deserialize)]
struct Item {
    status: u16,
    #[serde(default)]
    error: Value,
}

impl Action {
    pub(super) fn index(alias: &str, record: &StoredRecord, document: Document) -> Self {
        let source = Value::Object(document.fields).to_string().into_bytes();
        Self::new("index", alias, record.id, record.revision, Some(source))
    }

    pub(super) fn delete(alias: &str, record_id: RecordId, revision: i64) -> Self {
        Self::new("delete", alias, record_id, revision, None)
    }

    /// Deletes a document that stands for no record, under whatever id, where it was found: unless it is newer by now.
    pub(super) fn drop_stray(index: &str, document_id: &str, revision: i64) -> Self {
        let header = json!({"delete": {
            "_index": index, "_id": document_id, "version": revision, "version_type": "external_gte",
        }});
        Self {
            record_id: RecordId(Uuid::nil()),
            alias: index.to_owned(),
            header: header.to_string().into_bytes(),
            source: None,
        }
    }

    fn new(
        verb: &str,
        alias: &str,
        record_id: RecordId,
        revision: i64,
        source: Option<Vec<u8>>,
    ) -> Self {
        let header = json!({verb: {
            "_index": alias,
            "_id": record_id,
            "version": revision,
            // Not `external`, which calls the same revision again a conflict: a replay is none.
            "version_type": "external_gte",
            "require_alias": true,
        }});
        Self {
            record_id,
            alias: alias.to_owned(),
            header: header.to_string().into_bytes(),
            source,
        }
    }

    fn bytes(&self) -> usize {
        self.header.len() + self.source.as_ref().map_or(0, |source| source.len() + 1) + 1
    }

    fn write(&self, body: &mut Vec<u8>) {
        for line in std::iter::once(&self.header).chain(&self.source) {
            body.extend_from_slice(line);
            body.push(b'\n');
        }
    }

    fn refused(&self, reason: String) -> Refused {
        let payload = self
            .source
            .as_ref()
            .and_then(|source| serde_json::from_slice(source).ok());
        Refused {
            record_id: self.record_id,
            reason,
            payload,
        }
    }
}

impl Bulk {
    pub(super) fn new(client: Client, settings: &ElasticsearchSettings) -> Self {
        Self {
            client,
            flight: Arc::new(Flight::new(
                settings.request_bytes.saturating_mul(REQUESTS_IN_MEMORY),
            )),
            request_bytes: settings.request_bytes,
            request_documents: settings.request_documents,
        }
    }

    /// Delivers every action, or fails; then what is noted in `delivery` is not all.
    pub(super) async fn deliver(
        &self,
        actions: Vec<Action>,
        delivery: &mut Delivery,
    ) -> Result<(), SendError> {
        let requests = cut(actions, self.request_bytes, self.request_documents);
        let delivered = requests
            .into_iter()
            .map(|request| self.deliver_request(request));
        for part in try_join_all(delivered).await? {
            delivery.superseded.extend(part.superseded);
            delivery.refused.extend(part.refused);
        }
        Ok(())
    }

    /// Whether documents could be written: updates one that no record can be, which changes nothing.
    pub(super) async fn probe(&self, aliases: &[String]) -> Result<(), SendError> {
        let mut body = Vec::new();
        for alias in aliases {
            let header =
                json!({"update": {"_index": alias, "_id": Uuid::nil(), "require_alias": true}});
            body.extend_from_slice(format!("{header}\n{{\"doc\":{{}}}}\n").as_bytes());
        }
        let answer = self
            .client
            .ask(Method::Post, "_bulk", &FILTER, Some(body.into()))
            .await?;
        for item in items(&answer, aliases.len())? {
            // 404: there is no such document.
            if !matches!(item.status, 200..=299 | 404) {
                return Err(self.failure(item.status, &item.error));
            }
        }
        Ok(())
    }

    async fn deliver_request(&self, actions: Vec<Action>) -> Result<Delivery, SendError> {
        let mut delivery = Delivery::default();
        let mut backoff = self.client.backoff();
        let mut parts = vec![actions];
        while let Some(part) = parts.pop() {
            let (error, asked) = match self.request(&part).await {
                Ok(answer) if answer.status == 413 => {
                    parts.extend(halved(part, &answer, &mut delivery));
                    continue;
                }
                Ok(answer) if answer.is_busy() => {
                    parts.push(part);
                    (answer.error(), answer.retry_after)
                }
                Ok(answer) => match self.judge(part, &answer, &mut delivery)? {
                    None => continue,
                    Some((error, pending)) => {
                        parts.push(pending);
                        (error, None)
                    }
                },
                Err(error) => {
                    parts.push(part);
                    (error, None)
                }
            };
            self.flight.overloaded();
            let Some(wait) = backoff.next(asked) else {
                return Err(error);
            };
            tracing::debug!(%error, wait_ms = wait.as_millis(), "sending again");
            tokio::time::sleep(wait).await;
        }
        Ok(delivery)
    }

    async fn request(&self, actions: &[Action]) -> Result<Answer, SendError> {
        let bytes = actions.iter().map(Action::bytes).sum();
        let permit = self.flight.take_off(bytes).await;
        let mut body = Vec::with_capacity(bytes);
        for action in actions {
            action.write(&mut body);
        }
        let start = Instant::now();
        let answer = self
            .client
            .request(Method::Post, "_bulk", &FILTER, Some(Bytes::from(body)))
            .await?;
        if answer.is_success() {
            permit.landed(start.elapsed());
        }
        Ok(answer)
    }

    /// Judges each item by its status; gives back those that the server could not take yet.
    fn judge(
        &self,
        actions: Vec<Action>,
        answer: &Answer,
        delivery: &mut Delivery,
    ) -> Result<Option<(SendError, Vec<Action>)>, SendError> {
        let mut busy = None;
        let mut pending = Vec::new();
        for (item, action) in items(answer, actions.len())?.into_iter().zip(actions) {
            match item.status {
                200..=299 => {}
                // A deletion of what was not there. Of an index that is not there, it has an error.
                404 if item.error.is_null() => {}
                404 => {
                    return Err(SendError::NotSetUp {
                        address: self.client.address().to_owned(),
                        index: action.alias,
                    });
                }
                409 => {
                    delivery.superseded.insert(action.record_id);
                }
                // Rights and blocks are those of the index: no document is to blame.
                401 | 403 => return Err(self.failure(item.status, &item.error)),
                status if client::is_busy(status) => {
                    busy = Some(self.failure(status, &item.error));
                    pending.push(action);
                }
                _ => delivery
                    .refused
                    .push(action.refused(client::reason(&item.error))),
            }
        }
        Ok(busy.map(|error| (error, pending)))
    }

    fn failure(&self, status: u16, error: &Value) -> SendError {
        let (address, reason) = (self.client.address().to_owned(), client::reason(error));
        match status {
            401 | 403 => SendError::Denied {
                address,
                status,
                reason,
            },
            status if client::is_busy(status) => SendError::Busy {
                address,
                status,
                reason,
            },
            status => SendError::Refused {
                address,
                request: "POST _bulk".to_owned(),
                status,
                reason,
            },
        }
    }
}

/// One item an action, in their order.
fn items(answer: &Answer, expected: usize) -> Result<Vec<Item>, SendError> {
    let items: Vec<Item> = answer
        .json::<BulkAnswer>()?
        .items
        .into_iter()
        .flat_map(HashMap::into_values)
        .collect();
    if items.len() == expected {
        return Ok(items);
    }
    let problem = format!("{} items answer {expected} actions", items.len());
    Err(answer.unreadable(serde_json::Error::custom(problem)))
}

/// Requests of at most so many bytes and documents; a larger document goes alone.
fn cut(actions: Vec<Action>, bytes: usize, documents: usize) -> Vec<Vec<Action>> {
    let mut requests: Vec<Vec<Action>> = Vec::new();
    let mut size = 0;
    for action in actions {
        size += action.bytes();
        match requests.last_mut() {
            Some(request) if size <= bytes && request.len() < documents => request.push(action),
            _ => {
                size = action.bytes();
                requests.push(vec![action]);
            }
        }
    }
    requests
}

/// A request that something on the way calls too large, in two; a document that is too large by itself is refused.
fn halved(mut actions: Vec<Action>, answer: &Answer, delivery: &mut Delivery) -> Vec<Vec<Action>> {
    if let [action] = actions.as_slice() {
        delivery
            .refused
            .push(action.refused(format!("too large (413): {}", answer.reason())));
        return Vec::new();
    }
    let rest = actions.split_off(actions.len() / 2);
    vec![actions, rest]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Kind;

    fn action(number: usize, bytes: usize) -> Action {
        let id = RecordId::of(Kind::Job, &[&number.to_string()]);
        Action::new("index", "trendy-job", id, 1, Some(vec![b' '; bytes]))
    }

    #[test]
    fn requests_are_cut_by_bytes_and_by_count() {
        let lengths = |actions: Vec<Action>, bytes, documents| {
            cut(actions, bytes, documents)
                .iter()
                .map(Vec::len)
                .collect::<Vec<_>>()
        };
        let header = action(1, 0).bytes();
        assert_eq!(
            lengths((0..5).map(|n| action(n, 100)).collect(), 1 << 20, 2),
            [2, 2, 1]
        );
        assert_eq!(
            lengths(
                (0..5).map(|n| action(n, 100)).collect(),
                2 * (header + 100),
                9
            ),
            [2, 2, 1]
        );
        assert_eq!(
            lengths(
                vec![action(1, 9000), action(2, 1), action(3, 9000)],
                1000,
                9
            ),
            [1, 1, 1]
        );
        assert_eq!(lengths(Vec::new(), 1, 1), [0; 0]);
    }

    #[test]
    fn action_line_carries_id_revision_and_the_rule_of_versions() {
        let id = RecordId::of(Kind::Job, &["1"]);
        let mut body = Vec::new();
        Action::delete("trendy-job", id, 7).write(&mut body);
        let line: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            line,
            json!({"delete": {"_index": "trendy-job", "_id": id, "version": 7,
                "version_type": "external_gte", "require_alias": true}})
        );
    }
}
