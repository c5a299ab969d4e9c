//! Which documents an index holds, at which revision, without their fields.

use elasticsearch::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Answer, Client, body};
use crate::publish::error::SendError;

/// Documents asked for at a time: half of what a server gives at most by default, some 300 kB.
const PAGE: usize = 5000;

/// How long the server keeps the instant between two pages. A comparison waits for a publisher in between.
const KEEP_ALIVE: &str = "5m";

/// Sorts a document without the field `id`, which trendy did not write, behind all that it wrote.
const BEHIND_ALL: &str = "~";

/// A document of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    /// Its `_id`.
    pub(super) id: String,
    /// What it is sorted by: its field `id`, which is its `_id` wherever trendy wrote it.
    pub(super) key: String,
    pub(super) revision: i64,
    /// The index itself, not its alias.
    pub(super) index: String,
}

/// The documents behind an alias as they were at one instant, in the order of their field `id`, page by page.
///
/// `_id` itself cannot be sorted by: that takes field data, which servers forbid or keep in memory.
pub(super) struct Listing<'a> {
    client: &'a Client,
    /// None where no index is behind the alias.
    pit: Option<String>,
    /// Indices behind the alias that are passed over.
    without: Vec<String>,
    after: Option<Value>,
    is_over: bool,
}

#[derive(Deserialize)]
struct Opened {
    id: String,
}

#[derive(Deserialize)]
struct Found {
    pit_id: Option<String>,
    #[serde(default)]
    hits: Hits,
}

#[derive(Default, Deserialize)]
struct Hits {
    #[serde(default)]
    hits: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_index")]
    index: String,
    #[serde(rename = "_version")]
    version: i64,
    #[serde(default)]
    sort: Value,
}

impl<'a> Listing<'a> {
    /// Notes the instant. What was written before it is listed, unless it stands in one of these indices.
    pub(super) async fn of(
        client: &'a Client,
        alias: &str,
        without: Vec<String>,
    ) -> Result<Self, SendError> {
        refresh(client, alias).await?;
        let query = [("keep_alive", KEEP_ALIVE)];
        let answer = client
            .ask(Method::Post, &format!("{alias}/_pit"), &query, None)
            .await?;
        let pit = match answer.status {
            404 => None,
            _ => Some(answer.json::<Opened>()?.id),
        };
        Ok(Self {
            client,
            pit,
            without,
            after: None,
            is_over: false,
        })
    }

    /// The next page; empty after the last.
    pub(super) async fn next(&mut self) -> Result<Vec<Listed>, SendError> {
        let (Some(pit), false) = (&self.pit, self.is_over) else {
            return Ok(Vec::new());
        };
        let mut search = json!({
            "size": PAGE,
            "pit": {"id": pit, "keep_alive": KEEP_ALIVE},
            // The server sorts equal ids, such as none, by shard and place.
            "sort": [{"id": {"order": "asc", "missing": BEHIND_ALL}}],
        });
        if !self.without.is_empty() {
            search["query"] = json!({"bool": {"must_not": {"terms": {"_index": self.without}}}});
        }
        if let Some(after) = &self.after {
            search["search_after"] = after.clone();
        }
        let found: Found = find(self.client, "_search", search).await?.json()?;
        if found.pit_id.is_some() {
            self.pit = found.pit_id;
        }
        self.is_over = found.hits.hits.len() < PAGE;
        if let Some(last) = found.hits.hits.last() {
            self.after = Some(last.sort.clone());
        }
        Ok(found.hits.hits.into_iter().map(Listed::from).collect())
    }

    /// Lets the server forget the instant; it would by itself later.
    pub(super) async fn close(self) {
        let Some(pit) = self.pit else { return };
        let pit = json!({"id": pit});
        let closed = self
            .client
            .request(Method::Delete, "_pit", &[], Some(body(&pit)))
            .await;
        if let Err(error) = closed {
            tracing::debug!(%error, "a point in time is left to expire");
        }
    }
}

/// The documents of these ids as they are now, everything that was written being visible.
pub(super) async fn look_up(
    client: &Client,
    alias: &str,
    ids: &[&str],
) -> Result<Vec<Listed>, SendError> {
    refresh(client, alias).await?;
    // A month may hold what belongs to another, so an id can be found several times.
    let search = json!({"size": PAGE, "query": {"ids": {"values": ids}}, "sort": ["_doc"]});
    let answer = find(client, &format!("{alias}/_search"), search).await?;
    if answer.status == 404 {
        return Ok(Vec::new());
    }
    let found: Found = answer.json()?;
    Ok(found.hits.hits.into_iter().map(Listed::from).collect())
}

/// Makes visible what was written.
pub(super) async fn refresh(client: &Client, alias: &str) -> Result<(), SendError> {
    let path = format!("{alias}/_refresh");
    let answer = client.ask(Method::Post, &path, &[], None).await?;
    if answer.is_success() || answer.status == 404 {
        Ok(())
    } else {
        Err(answer.error())
    }
}

async fn find(client: &Client, path: &str, mut search: Value) -> Result<Answer, SendError> {
    search["_source"] = json!(false);
    search["version"] = json!(true);
    search["track_total_hits"] = json!(false);
    let query = [
        // A shard that does not answer must not look like documents that are not there.
        ("allow_partial_search_results", "false"),
        (
            "filter_path",
            "pit_id,hits.hits._id,hits.hits._index,hits.hits._version,hits.hits.sort",
        ),
    ];
    client
        .ask(Method::Post, path, &query, Some(body(&search)))
        .await
}

impl From<Hit> for Listed {
    fn from(hit: Hit) -> Self {
        Self {
            key: hit.sort[0].as_str().unwrap_or(BEHIND_ALL).to_owned(),
            id: hit.id,
            revision: hit.version,
            index: hit.index,
        }
    }
}
