use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use elasticsearch::http::Method;
use futures_util::future::try_join_all;
use serde::Deserialize;
use serde::de::Error as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::client::{self, Answer, Client};
use super::flight::Flight;
use super::request::{Action, Request, Requests};
use super::settings::ElasticsearchSettings;
use crate::publish::Refused;
use crate::publish::error::SendError;
use crate::record::RecordId;

/// Only what judging needs: a thousand whole items are half a megabyte.
const FILTER: [(&str, &str); 1] = [("filter_path", "items.*.status,items.*.error")];

/// Full requests whose bytes may be under way together.
const REQUESTS_IN_MEMORY: usize = 3;

/// What became of records, apart from those that arrived.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    pub(super) superseded: HashSet<RecordId>,
    pub(super) refused: Vec<Refused>,
    /// How many were not sent, being past their age.
    pub(super) expired: usize,
}

/// The `_bulk` call: sends several requests at a time, judges, and sends again what the server could not take yet.
#[derive(Clone)]
pub(super) struct Bulk {
    client: Client,
    flight: Arc<Flight>,
    request_bytes: usize,
    request_documents: usize,
}

#[derive(Deserialize)]
struct BulkAnswer {
    items: Vec<Answered>,
}

/// One item, under what was asked for.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answered {
    Index(Item),
    Delete(Item),
    Update(Item),
}

#[derive(Deserialize)]
struct Item {
    status: u16,
    #[serde(default)]
    error: Value,
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

    /// No work yet; requests are cut at the limits of the settings.
    pub(super) fn requests(&self) -> Requests {
        Requests::of_at_most(self.request_bytes, self.request_documents)
    }

    /// Delivers every action, or fails; then what is noted in `delivery` is not all.
    pub(super) async fn deliver(
        &self,
        requests: Requests,
        delivery: &mut Delivery,
    ) -> Result<(), SendError> {
        let delivered = requests
            .cut()
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

    async fn deliver_request(&self, request: Request) -> Result<Delivery, SendError> {
        let mut delivery = Delivery::default();
        let mut backoff = self.client.backoff();
        let mut parts = vec![request];
        while let Some(part) = parts.pop() {
            let (error, asked) = match self.send(&part).await {
                Ok(answer) if answer.status == 413 => {
                    parts.extend(halved(&part, &answer, &mut delivery));
                    continue;
                }
                Ok(answer) if answer.is_busy() => {
                    parts.push(part);
                    (answer.error(), answer.retry_after)
                }
                Ok(answer) => match self.judge(&part, &answer, &mut delivery)? {
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

    async fn send(&self, request: &Request) -> Result<Answer, SendError> {
        let body = request.body();
        let permit = self.flight.take_off(body.len()).await;
        let start = Instant::now();
        let answer = self
            .client
            .request(Method::Post, "_bulk", &FILTER, Some(body))
            .await?;
        if answer.is_success() {
            permit.landed(start.elapsed());
        }
        Ok(answer)
    }

    /// Judges each item by its status; gives back those that the server could not take yet.
    fn judge(
        &self,
        request: &Request,
        answer: &Answer,
        delivery: &mut Delivery,
    ) -> Result<Option<(SendError, Request)>, SendError> {
        let mut busy = None;
        let mut pending = Vec::new();
        let actions = request.actions();
        for (item, action) in items(answer, actions.len())?.into_iter().zip(actions) {
            match item.status {
                200..=299 => {}
                // A deletion of what was not there. Of an index that is not there, it has an error.
                404 if item.error.is_null() => {}
                404 => {
                    return Err(SendError::NotSetUp {
                        address: self.client.address().to_owned(),
                        index: request.alias(action),
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
                _ => {
                    let reason = client::reason(&item.error);
                    delivery.refused.push(refused(request, action, reason));
                }
            }
        }
        Ok(busy.map(|error| (error, request.only(&pending))))
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
    let items = answer.json::<BulkAnswer>()?.items;
    if items.len() == expected {
        let items = items.into_iter().map(|answered| match answered {
            Answered::Index(item) | Answered::Delete(item) | Answered::Update(item) => item,
        });
        return Ok(items.collect());
    }
    let problem = format!("{} items answer {expected} actions", items.len());
    Err(answer.unreadable(serde_json::Error::custom(problem)))
}

/// A request that something on the way calls too large, in two; a document that is too large by itself is refused.
fn halved(request: &Request, answer: &Answer, delivery: &mut Delivery) -> Vec<Request> {
    if let [action] = request.actions() {
        let reason = format!("too large (413): {}", answer.reason());
        delivery.refused.push(refused(request, action, reason));
        return Vec::new();
    }
    request.halves().into()
}

fn refused(request: &Request, action: &Action, reason: String) -> Refused {
    Refused {
        record_id: action.record_id,
        reason,
        payload: request
            .source(action)
            .and_then(|source| serde_json::from_slice(source).ok()),
    }
}
