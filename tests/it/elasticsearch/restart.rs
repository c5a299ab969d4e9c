//! A server that is really started again while it is published to. What wires can do to a server that stays is in
//! [`super::faults`].
//!
//! One server and one test, since each start takes some ten seconds.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::process::Child;
use trendy::load::Store;
use trendy::record::{Record, RunId};

use super::publisher::PATIENCE;
use crate::support::node::Node;
use crate::support::records::{batch, job, minute, pipeline};
use crate::support::trendy::{Said, Workspace};

/// Several pieces of the log or of a snapshot, more than are sent ahead.
const MANY: u32 = 3_000;

/// A store with an index of its own.
struct Copy<'a> {
    node: &'a Node,
    workspace: Workspace,
    prefix: &'static str,
    store: Store,
    run: RunId,
    /// How many the store has.
    jobs: AtomicU32,
}

impl<'a> Copy<'a> {
    /// One with jobs in its store, and none in its index.
    async fn of(jobs: u32, node: &'a Node, prefix: &'static str) -> Self {
        let mut workspace = Workspace::empty();
        workspace.set("ELASTICSEARCH_URL", node.url.as_str());
        workspace.set("TRENDY_INDEX_PREFIX", prefix);
        let place = workspace.path("trendy.db");
        let store = Store::open(place.to_str().unwrap()).await.unwrap();
        let run = store.begin_run(&pipeline(), minute(0)).await.unwrap().id;
        let copy = Self {
            node,
            workspace,
            prefix,
            store,
            run,
            jobs: AtomicU32::new(0),
        };
        copy.load(jobs).await;
        copy.succeeds(&["index", "setup"]).await;
        copy
    }

    /// Loads so many more jobs.
    async fn load(&self, jobs: u32) {
        let first = self.jobs.fetch_add(jobs, Ordering::SeqCst);
        let numbers: Vec<u32> = (first..first + jobs).collect();
        for numbers in numbers.chunks(250) {
            let records: Vec<Record> = numbers.iter().copied().map(job).collect();
            self.store.load(self.run, &batch(0, records)).await.unwrap();
        }
    }

    fn jobs(&self) -> Value {
        json!(self.jobs.load(Ordering::SeqCst))
    }

    async fn succeeds(&self, arguments: &[&str]) -> Said {
        let said = self.workspace.trendy(arguments).await;
        assert_eq!(said.status, 0, "{arguments:?}: {said:#?}");
        said
    }

    /// Starts the program and lets it stand still once some of what it sends to an index has arrived.
    async fn stalled(&self, arguments: &[&str], index: u32) -> Child {
        let child = self.workspace.start(arguments);
        let path = format!("{}-job-{index:06}/_stats/indexing", self.prefix);
        until("documents arrive", async || {
            let stats = self.ask(&path).await;
            stats["_all"]["total"]["indexing"]["index_total"].as_u64() > Some(0)
        })
        .await;
        signal("-STOP", &child);
        child
    }

    /// Waits until the index has acknowledged more of the log than this.
    async fn published_past(&self, seq: i64) {
        until("published", async || self.cursor().await > Some(seq)).await;
    }

    /// Waits until the index has acknowledged all of the log.
    async fn caught_up(&self) {
        let head = self.store.head().await.unwrap();
        self.published_past(head - 1).await;
    }

    async fn cursor(&self) -> Option<i64> {
        let target = format!("elasticsearch/{}", self.prefix);
        let cursor = self.store.cursor(&target).await.unwrap();
        cursor.map(|cursor| cursor.seq)
    }

    async fn ask(&self, path: &str) -> Value {
        self.node.get(path).await.unwrap().json().await.unwrap()
    }

    /// Readers see every job, in the one index of this number.
    async fn assert_served_by(&self, index: u32) {
        let alias = format!("{}-job", self.prefix);
        let behind = self.ask(&format!("_alias/{alias}")).await;
        let behind: BTreeSet<_> = behind.as_object().unwrap().keys().collect();
        assert_eq!(behind, BTreeSet::from([&format!("{alias}-{index:06}")]));
        let found = self.ask(&format!("{alias}/_count")).await;
        assert_eq!(found["count"], self.jobs(), "{found}");
    }

    /// The index holds every job once, as the store does, and refused nothing.
    async fn assert_equal(&self) {
        let verified = self.succeeds(&["index", "verify", "--format", "json"]);
        let verified = verified.await.json();
        let jobs = &verified["kinds"][0];
        assert_eq!(
            (&jobs["kind"], &jobs["records"], &jobs["documents"]),
            (&json!("job"), &self.jobs(), &self.jobs()),
            "{verified}"
        );
        assert_eq!(
            (&verified["equal"], &verified["lag"]),
            (&json!(true), &json!(0))
        );
        let letters = self.succeeds(&["dead-letters", "--format", "json"]).await;
        assert_eq!(letters.json(), json!([]));
    }
}

async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < PATIENCE, "not yet: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn signal(signal: &str, child: &Child) {
    let id = child.id().unwrap().to_string();
    let status = Command::new("kill").args([signal, &id]).status();
    assert!(status.unwrap().success());
}

async fn ended(child: Child) -> Said {
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output());
    output.await.unwrap().unwrap().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_is_started_again_in_mid_publish_gets_everything_once() {
    let node = Node::start().await;
    let followed = Copy::of(1, &node, "followed").await;
    let rebuilt = Copy::of(MANY, &node, "rebuilt").await;
    rebuilt.succeeds(&["index", "sync"]).await;
    let synced = Copy::of(MANY, &node, "synced").await;

    let publisher = followed.workspace.start(&["index", "sync", "--follow"]);
    followed.caught_up().await;

    // Killed while one follows and one rebuilds.
    let rebuilding = rebuilt.stalled(&["index", "rebuild"], 2).await;
    let kill = async {
        followed.published_past(1).await;
        node.kill().await;
    };
    tokio::join!(followed.load(MANY), kill);
    assert!(followed.cursor().await < Some(i64::from(MANY)));
    signal("-CONT", &rebuilding);
    let said = ended(rebuilding).await;
    assert_eq!(said.status, 1, "{said:#?}");
    assert!(said.stderr.contains("cannot reach"), "{said:#?}");
    node.come_back().await;
    rebuilt.assert_served_by(1).await;
    rebuilt.assert_equal().await;
    followed.caught_up().await;
    followed.assert_equal().await;

    // Stopped and started again while one follows, one rebuilds and one sends everything.
    let rebuilding = rebuilt.stalled(&["index", "rebuild"], 2).await;
    let syncing = synced.stalled(&["index", "sync"], 1).await;
    node.stop().await;
    followed.load(MANY).await;
    node.come_back().await;
    rebuilt.assert_served_by(1).await;
    for stalled in [&rebuilding, &syncing] {
        signal("-CONT", stalled);
    }
    let said = ended(rebuilding).await;
    assert_eq!(said.status, 0, "{said:#?}");
    let leftover = "dropped rebuilt-job-000002, which an earlier rebuild left half filled";
    assert!(said.stdout.contains(leftover), "{said:#?}");
    rebuilt.assert_served_by(2).await;
    rebuilt.assert_equal().await;
    let said = ended(syncing).await;
    assert_eq!(said.status, 0, "{said:#?}");
    synced.assert_equal().await;

    followed.caught_up().await;
    signal("-TERM", &publisher);
    let said = ended(publisher).await;
    assert_eq!(said.status, 130, "{said:#?}");
    assert!(said.stdout.ends_with(" sent, 0 refused\n"), "{said:#?}");
    let again = "is published to again";
    assert!(said.stderr.contains(again), "{said:#?}");
    followed.assert_equal().await;
}
