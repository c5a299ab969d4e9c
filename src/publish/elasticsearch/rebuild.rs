//! New indices from the store, in place of those that are read, while they are read.
//!
//! The rebuild holds the lease of the target, so that nothing else is published meanwhile; readers go on with the old
//! indices as they are. New ones are filled behind aliases of their own (see [`Names`]) with every record, catch up with the
//! log, become visible, catch up once more, and take over in a single call. Only then the cursor moves to where they stand.
//!
//! Killed at any moment before the swap, it leaves the old indices in place and new ones that the next rebuild knows by
//! their aliases, and drops; killed after it, a cursor that is too old, so that the next publish tells the new indices a
//! few things twice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use elasticsearch::http::Method;
use serde_json::{Value, json};

use super::client::{Client, body};
use super::indices::{Index, Indices};
use super::mapping::REPLICAS;
use super::names::Names;
use super::{ElasticsearchTarget, PublishError, SendError};
use crate::load::Store;
use crate::publish::Target;
use crate::publish::publisher::{Brought, catch_up, fill, move_cursor, require_lease, take_lease};
use crate::record::Kind;

/// What [`rebuild()`] did, and how long readers' indices stood still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RebuildReport {
    /// Indices that an earlier rebuild left half filled; dropped.
    pub leftovers: Vec<String>,
    /// The new indices.
    pub created: Vec<String>,
    /// The old indices: out of the aliases, and kept.
    pub replaced: Vec<String>,
    /// Documents that the new indices were filled with.
    pub filled: u64,
    /// Documents that changed meanwhile.
    pub caught_up: u64,
    /// Documents that the server refused; now dead letters.
    pub refused: u64,
    /// How long filling took.
    pub filling: Duration,
    /// How long catching up and becoming visible took.
    pub catching_up: Duration,
    /// How long the swap took.
    pub swap: Duration,
}

/// Fills new indices with what the store holds, and swaps them in; whatever the old ones are: of another store, of another
/// schema, or not there.
pub async fn rebuild(
    store: &Store,
    target: &ElasticsearchTarget,
) -> Result<RebuildReport, PublishError> {
    let lease = take_lease(store, target).await?;
    let rebuilt = Rebuild {
        store: &store.under(&lease),
        target,
        new: target.filling(),
    }
    .run()
    .await;
    lease.release().await;
    rebuilt
}

/// Deletes the indices that rebuilds have swapped out; gives their names. An index with any alias stays.
pub async fn prune(
    store: &Store,
    target: &ElasticsearchTarget,
) -> Result<Vec<String>, PublishError> {
    let lease = take_lease(store, target).await?;
    let pruned = prune_indices(target).await;
    lease.release().await;
    pruned.map_err(|source| failed(target, source))
}

async fn prune_indices(target: &ElasticsearchTarget) -> Result<Vec<String>, SendError> {
    let named = target.indices.named().await?;
    let old: Vec<String> = named
        .into_iter()
        .filter(|(_, index)| index.aliases.is_empty() && Indices::is_of_trendy(index))
        .map(|(name, _)| name)
        .collect();
    delete(&target.client, &old).await?;
    Ok(old)
}

fn failed(target: &ElasticsearchTarget, source: SendError) -> PublishError {
    PublishError::Target {
        target: target.name().to_owned(),
        source,
    }
}

struct Rebuild<'a> {
    store: &'a Store,
    target: &'a ElasticsearchTarget,
    /// The indices that are filled.
    new: ElasticsearchTarget,
}

impl Rebuild<'_> {
    async fn run(&self) -> Result<RebuildReport, PublishError> {
        let (store, new) = (self.store, &self.new);
        let failed = |source| failed(self.target, source);
        let leftovers = self.begin().await.map_err(failed)?;

        let start = Instant::now();
        let filled = fill(store, new).await?;
        let filling = start.elapsed();

        let start = Instant::now();
        let first = catch_up(store, new, filled.seq).await?;
        self.finish().await.map_err(failed)?;
        // What came while the indices were made ready: little, and visible before the swap.
        let last = catch_up(store, new, first.seq).await?;
        self.show().await.map_err(failed)?;
        let catching_up = start.elapsed();

        require_lease(store, self.target).await?;
        let start = Instant::now();
        let (created, replaced) = self.swap().await.map_err(failed)?;
        let swap = start.elapsed();
        move_cursor(store, self.target, last.seq).await?;
        Ok(RebuildReport {
            leftovers,
            created,
            replaced,
            filled: filled.sent,
            caught_up: first.sent + last.sent,
            refused: [filled, first, last].map(refused).iter().sum(),
            filling,
            catching_up,
            swap,
        })
    }

    /// Puts empty indices of jobs and posts behind their aliases; those of months come as readings do.
    async fn begin(&self) -> Result<Vec<String>, SendError> {
        self.require_free_names().await?;
        let new = &self.new.indices;
        let leftovers: Vec<String> = new.behind().await?.into_keys().collect();
        delete(&self.new.client, &leftovers).await?;
        self.target.indices.install_templates().await?;
        for alias in new.single() {
            new.create(&alias).await?;
        }
        Ok(leftovers)
    }

    /// Fails where an index has the name of an alias: nothing can be swapped behind it without deleting it.
    async fn require_free_names(&self) -> Result<(), SendError> {
        let names = &self.target.indices.names;
        let behind = self.target.indices.behind().await?;
        match Kind::ALL
            .map(|kind| names.alias(kind))
            .into_iter()
            .find(|alias| behind.contains_key(alias))
        {
            None => Ok(()),
            Some(index) => Err(SendError::NameTaken {
                address: self.target.client.address().to_owned(),
                index,
            }),
        }
    }

    /// Gives full indices what they lacked to be filled fast, and waits until they can be read.
    async fn finish(&self) -> Result<(), SendError> {
        let settings =
            json!({"index": {"refresh_interval": null, "auto_expand_replicas": REPLICAS}});
        for index in self.new.indices.behind().await?.into_keys() {
            let path = format!("{index}/_settings");
            self.ask(Method::Put, &path, &[], Some(settings.clone()))
                .await?;
        }
        self.show().await
    }

    /// Makes visible what was sent.
    async fn show(&self) -> Result<(), SendError> {
        for index in self.new.indices.behind().await?.into_keys() {
            let path = format!("{index}/_refresh");
            self.ask(Method::Post, &path, &[], None).await?;
        }
        Ok(())
    }

    /// Takes the old indices out of the aliases and puts the new ones in, in one step of the cluster; gives the names of
    /// both.
    async fn swap(&self) -> Result<(Vec<String>, Vec<String>), SendError> {
        let old = self.target.indices.behind().await?;
        let new = self.new.indices.behind().await?;
        let mut actions = Vec::new();
        for (index, alias) in ours(&old, &self.target.indices.names) {
            actions.push(json!({"remove": {"index": index, "alias": alias}}));
        }
        let read_only = self.new.indices.names.alias(Kind::Weather);
        for (index, alias) in ours(&new, &self.new.indices.names) {
            let mut add = json!({"index": index, "alias": Names::live(alias)});
            if alias != read_only {
                add["is_write_index"] = json!(true);
            }
            actions.push(json!({"remove": {"index": index, "alias": alias}}));
            actions.push(json!({"add": add}));
        }
        self.ask(
            Method::Post,
            "_aliases",
            &[],
            Some(json!({"actions": actions})),
        )
        .await?;
        self.target.indices.forget_months().await;
        Ok((new.into_keys().collect(), old.into_keys().collect()))
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        json: Option<Value>,
    ) -> Result<Value, SendError> {
        let body = json.as_ref().map(body);
        self.target
            .client
            .ask(method, path, query, body)
            .await?
            .json()
    }
}

const fn refused(brought: Brought) -> u64 {
    brought.refused
}

/// Pairs of an index and an alias of it that is one of these names.
fn ours<'a>(
    indices: &'a BTreeMap<String, Index>,
    names: &'a Names,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    indices.iter().flat_map(|(name, index)| {
        index
            .aliases
            .keys()
            .filter(|alias| names.are_with(alias))
            .map(|alias| (name.as_str(), alias.as_str()))
    })
}

async fn delete(client: &Client, indices: &[String]) -> Result<(), SendError> {
    for index in indices {
        let answer = client.ask(Method::Delete, index, &[], None).await?;
        // 404: an attempt whose answer was lost did it.
        if !answer.is_success() && answer.status != 404 {
            return Err(answer.error());
        }
    }
    Ok(())
}
