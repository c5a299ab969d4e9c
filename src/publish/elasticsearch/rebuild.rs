//! New indices from the store, in place of those that are read, while they are read.
//!
//! The rebuild holds the lease of the target, so that nothing else is published meanwhile; readers go on with the old
//! indices as they are. New ones are filled behind aliases of their own (see [`Names`]) with every record, catch up with the
//! log, become visible, catch up once more, and take over in a single call. Only then the cursor moves to where they stand.
//!
//! Stopped before the swap, it takes the new indices away again; so it does where the store is empty and the old indices are
//! not. Killed at any moment before the swap, it leaves the old indices in place and new ones that the next rebuild knows by
//! their aliases, and drops; killed after it, a cursor that is too old, so that the next publish tells the new indices a few
//! things twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use elasticsearch::http::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::client::body;
use super::indices::{Index, Indices};
use super::listing::refresh;
use super::mapping::REPLICAS;
use super::names::Names;
use super::{ElasticsearchTarget, PublishError, SendError};
use crate::load::{Store, StoreError};
use crate::publish::publisher::{Brought, catch_up, fill, hold_lease, move_cursor, take_lease};
use crate::publish::stop::GRACE;
use crate::publish::{Tally, Target};
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
    /// Aliases that are not trendy's, which went along to the new indices with their filters and routing.
    pub carried: Vec<String>,
    /// Such aliases that stay where they are, each with its index: a month that has no successor.
    pub left: Vec<(String, String)>,
    /// Documents that the new indices were filled with.
    pub filled: u64,
    /// Documents that changed meanwhile.
    pub caught_up: u64,
    /// Documents that the server refused; now dead letters.
    pub refused: u64,
    /// Readings that are past the age that the index keeps.
    pub expired: u64,
    /// How long filling took.
    pub filling: Duration,
    /// How long catching up and becoming visible took.
    pub catching_up: Duration,
    /// How long the swap took.
    pub swap: Duration,
}

/// Fills new indices with what the store holds, and swaps them in; whatever the old ones are: of another store, of another
/// schema, or not there. Asked to stop before the new ones are full, it takes them away: everything is as it was, and there
/// is no report.
pub async fn rebuild(
    store: &Store,
    target: &ElasticsearchTarget,
    stop: impl Future<Output = ()>,
) -> Result<Option<RebuildReport>, PublishError> {
    let lease = take_lease(store, target).await?;
    let rebuilt = Rebuild {
        store: &store.under(&lease),
        target,
        new: target.filling(),
    }
    .run(stop)
    .await;
    lease.release().await;
    rebuilt
}

/// Deletes the indices that rebuilds have swapped out, unless they have any alias, and the months of weather that are past
/// their age; tells each that is gone. Where the indices that are read are not of this store, none is deleted.
pub async fn prune(
    store: &Store,
    target: &ElasticsearchTarget,
    deleted: impl FnMut(&str) + Send,
) -> Result<(), PublishError> {
    let lease = take_lease(store, target).await?;
    let pruned = prune_indices(target, deleted).await;
    lease.release().await;
    pruned.map_err(|source| failed(target, source))
}

async fn prune_indices(
    target: &ElasticsearchTarget,
    mut deleted: impl FnMut(&str) + Send,
) -> Result<(), SendError> {
    let indices = &target.indices;
    indices.verify().await?;
    let is_old = |index: &Index| index.aliases.is_empty() && Indices::is_of_trendy(index);
    for (name, index) in indices.named().await? {
        if is_old(&index) || indices.is_past(&index) {
            indices.delete(std::slice::from_ref(&name)).await?;
            deleted(&name);
        }
    }
    indices.forget_months().await;
    Ok(())
}

fn failed(target: &ElasticsearchTarget, source: SendError) -> PublishError {
    PublishError::Target {
        target: target.name().to_owned(),
        source,
    }
}

/// New indices that only lack the aliases.
struct Filled {
    leftovers: Vec<String>,
    /// By the snapshot, and twice by the log.
    brought: [Brought; 3],
    filling: Duration,
    catching_up: Duration,
}

/// What a swap did.
struct Swapped {
    created: Vec<String>,
    replaced: Vec<String>,
    carried: BTreeSet<String>,
    left: Vec<(String, String)>,
}

struct Rebuild<'a> {
    store: &'a Store,
    target: &'a ElasticsearchTarget,
    /// The indices that are filled.
    new: ElasticsearchTarget,
}

impl Rebuild<'_> {
    async fn run(
        &self,
        stop: impl Future<Output = ()>,
    ) -> Result<Option<RebuildReport>, PublishError> {
        let failed = |source| failed(self.target, source);
        // In a box: the compiler follows futures in futures only so far.
        let filled = tokio::select! {
            biased;
            filled = Box::pin(self.fill()) => Some(filled?),
            () = stop => None,
        };
        let Some(Filled {
            leftovers,
            brought: [filled, first, last],
            filling,
            catching_up,
        }) = filled
        else {
            // A server that does not answer is not waited for.
            if !matches!(timeout(GRACE, self.drop_filling()).await, Ok(Ok(_))) {
                tracing::warn!("what was filled is left on the server; the next rebuild drops it");
            }
            return Ok(None);
        };
        if filled.tally == Tally::default() {
            self.require_nothing_shown().await?;
        }
        // Whoever publishes in between moves the cursor past what the new indices have.
        let hold = hold_lease(self.store, self.target).await?;
        let start = Instant::now();
        let swapped = self.swap().await.map_err(failed)?;
        let swap = start.elapsed();
        self.move_cursor(last.seq).await?;
        drop(hold);
        Ok(Some(RebuildReport {
            leftovers,
            created: swapped.created,
            replaced: swapped.replaced,
            carried: swapped.carried.into_iter().collect(),
            left: swapped.left,
            filled: filled.tally.sent,
            caught_up: first.tally.sent + last.tally.sent,
            refused: [filled, first, last]
                .iter()
                .map(|brought| brought.tally.refused)
                .sum(),
            expired: filled.tally.expired,
            filling,
            catching_up,
            swap,
        }))
    }

    /// Fails where readers see documents, in place of which they would see none.
    async fn require_nothing_shown(&self) -> Result<(), PublishError> {
        let failed = |source| failed(self.target, source);
        let mut documents = 0;
        for kind in Kind::ALL {
            let alias = self.target.indices.names.alias(kind);
            refresh(&self.target.client, &alias).await.map_err(failed)?;
            documents += self.target.count(kind).await.map_err(failed)?;
        }
        if documents == 0 {
            return Ok(());
        }
        self.drop_filling().await.map_err(failed)?;
        Err(PublishError::EmptyStore {
            place: self.store.place().to_owned(),
            target: self.target.name().to_owned(),
            documents,
        })
    }

    /// Lets the next publish go on from where the new indices stand.
    async fn move_cursor(&self, seq: i64) -> Result<(), PublishError> {
        match move_cursor(self.store, self.target, seq).await {
            Err(PublishError::Store {
                source: StoreError::LockLost { .. },
                target,
            }) => Err(PublishError::Overtaken { target }),
            moved => moved,
        }
    }

    /// Everything before the swap, which readers do not notice.
    async fn fill(&self) -> Result<Filled, PublishError> {
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
        Ok(Filled {
            leftovers,
            brought: [filled, first, last],
            filling,
            catching_up: start.elapsed(),
        })
    }

    /// Deletes what is half filled; gives the names.
    async fn drop_filling(&self) -> Result<Vec<String>, SendError> {
        let leftovers: Vec<String> = self.new.indices.behind().await?.into_keys().collect();
        self.new.indices.delete(&leftovers).await?;
        Ok(leftovers)
    }

    /// Puts empty indices of jobs and posts behind their aliases; those of months come as readings do.
    async fn begin(&self) -> Result<Vec<String>, SendError> {
        self.require_free_names().await?;
        let new = &self.new.indices;
        let leftovers = self.drop_filling().await?;
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

    /// Takes the old indices out of the aliases and puts the new ones in, in one step of the cluster. An alias that a person
    /// gave an old index goes along.
    async fn swap(&self) -> Result<Swapped, SendError> {
        let old = self.target.indices.behind().await?;
        let new = self.new.indices.behind().await?;
        let mut actions = Vec::new();
        let (mut carried, mut left) = (BTreeSet::new(), Vec::new());
        for (index, alias, definition) in self.foreign(&old) {
            let Some(successor) = self.successor(&old[index], &new) else {
                if self.target.indices.is_past(&old[index]) {
                    actions.push(json!({"remove": {"index": index, "alias": alias}}));
                } else {
                    left.push((alias.to_owned(), index.to_owned()));
                }
                continue;
            };
            let mut add = definition.clone();
            add["index"] = json!(successor);
            add["alias"] = json!(alias);
            actions.push(json!({"remove": {"index": index, "alias": alias}}));
            actions.push(json!({"add": add}));
            carried.insert(alias.to_owned());
        }
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
        Ok(Swapped {
            created: new.into_keys().collect(),
            replaced: old.into_keys().collect(),
            carried,
            left,
        })
    }

    /// Aliases of these indices that are not ours, each with its index and its definition.
    fn foreign<'a>(
        &'a self,
        indices: &'a BTreeMap<String, Index>,
    ) -> impl Iterator<Item = (&'a str, &'a str, &'a Value)> {
        indices.iter().flat_map(|(name, index)| {
            let foreign = index.aliases.iter();
            foreign
                .filter(|(alias, _)| !self.target.indices.names.are_with(alias))
                .map(|(alias, definition)| (name.as_str(), alias.as_str(), definition))
        })
    }

    /// The new index that is filled for the alias that an old one is written through.
    fn successor<'a>(&self, old: &Index, new: &'a BTreeMap<String, Index>) -> Option<&'a String> {
        let read_only = self.new.indices.names.alias(Kind::Weather);
        let (index, _) = new.iter().find(|(_, index)| {
            let mut written = index.aliases.keys().filter(|alias| **alias != read_only);
            written.any(|alias| old.aliases.contains_key(Names::live(alias)))
        })?;
        Some(index)
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
