//! The program itself behind wires that break and servers that are busy: whatever happens on the way, the index is the
//! store in the end, and until then the exit code and a warning say that it is not.
//!
//! No server is started again here, since other tests are at it: [`Wire`] does to the program what that would do.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use trendy::load::Store;
use trendy::publish::elasticsearch::set_up;
use trendy::record::{Kind, Record};
use url::Url;

use super::front::{Fate, Front};
use super::scratch::Scratch as Index;
use super::wire::{Trouble, Wire};
use crate::support::records::{batch, job, job_id, job_with, minute, pipeline, post};
use crate::support::trendy::{Said, Workspace};

/// More than one piece of the log, and of several hundred kB.
const JOBS: u32 = 600;

/// A store with jobs in it, as the program finds it in its folder.
struct Loaded {
    workspace: Workspace,
    store: Store,
}

impl Loaded {
    async fn with(jobs: &[Record]) -> Self {
        let workspace = Workspace::empty();
        let store = Store::open(workspace.path("trendy.db").to_str().unwrap())
            .await
            .unwrap();
        let run = store.begin_run(&pipeline(), minute(0)).await.unwrap().id;
        for jobs in jobs.chunks(1000) {
            store.load(run, &batch(0, jobs.to_vec())).await.unwrap();
        }
        Self { workspace, store }
    }

    async fn jobs() -> Self {
        let jobs: Vec<Record> = (0..JOBS).map(job).collect();
        Self::with(&jobs).await
    }

    /// An empty index of its own.
    async fn index(&self) -> Index {
        let index = Index::of(self.store.identity());
        set_up(&self.store, &index.target()).await.unwrap();
        index
    }

    /// Publishes to an index by way of this address.
    async fn sync(&mut self, index: &Index, by: &Url, arguments: &[&str]) -> Said {
        self.workspace.set("ELASTICSEARCH_URL", by.as_str());
        self.workspace.set("TRENDY_INDEX_PREFIX", &index.prefix);
        let arguments = [&["index", "sync"], arguments].concat();
        self.workspace.trendy(&arguments).await
    }

    /// Publishes what is missing once the way is free, and then the index is the store.
    async fn recovers(&mut self, index: &Index) {
        let said = self.sync(index, &index.server, &[]).await;
        assert_eq!(said.status, 0, "{said:#?}");
        self.assert_same(index).await;
    }

    async fn assert_same(&self, index: &Index) {
        let most = 20_000;
        let records = self
            .store
            .records_after(Kind::Job, None, most)
            .await
            .unwrap();
        let stored: BTreeMap<String, i64> = records
            .iter()
            .map(|record| (record.id.to_string(), record.revision))
            .collect();
        assert_eq!(indexed(index).await, stored);
    }
}

/// Id and version of every job in the index, page by page.
async fn indexed(index: &Index) -> BTreeMap<String, i64> {
    const PAGE: usize = 5_000;
    let alias = format!("{}-job", index.prefix);
    index.ask("POST", &format!("{alias}/_refresh"), None).await;
    let mut found = BTreeMap::new();
    let mut page =
        json!({"size": PAGE, "version": true, "_source": false, "sort": ["first_seen_at", "url"]});
    loop {
        let answer = index
            .ask("POST", &format!("{alias}/_search"), Some(page.clone()))
            .await;
        let hits = answer["hits"]["hits"]
            .as_array()
            .unwrap_or_else(|| panic!("{answer}"));
        for hit in hits {
            let id = hit["_id"].as_str().unwrap().to_owned();
            let before = found.insert(id, hit["_version"].as_i64().unwrap());
            assert_eq!(before, None, "there twice: {hit}");
        }
        let Some(last) = hits.last().filter(|_| hits.len() == PAGE) else {
            return found;
        };
        page["search_after"] = last["sort"].clone();
    }
}

#[track_caller]
fn assert_lags(said: &Said, why: &str) {
    assert_eq!(said.status, 3, "{said:#?}");
    for part in ["lags by", why, "the data is kept"] {
        assert!(said.stderr.contains(part), "no `{part}` in {said:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_that_breaks_in_a_request_loses_nothing() {
    let mut loaded = Loaded::jobs().await;
    // In the first request's head, in a document, and near the end of the first full request.
    for bytes in [40, 20_000, 250_000] {
        let index = loaded.index().await;
        let wire = Wire::to(&index.server, [Trouble::CutInRequest(bytes); 2]).await;
        let said = loaded.sync(&index, &wire.url, &[]).await;
        assert_eq!((said.status, wire.broken()), (0, 2), "{bytes}: {said:#?}");
        loaded.assert_same(&index).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_that_breaks_off_loses_nothing_and_doubles_nothing() {
    let mut loaded = Loaded::jobs().await;
    // In the first answer's head, and in its body.
    for bytes in [10, 300] {
        let index = loaded.index().await;
        let wire = Wire::to(&index.server, [Trouble::CutInAnswer(bytes); 2]).await;
        let said = loaded.sync(&index, &wire.url, &[]).await;
        assert_eq!((said.status, wire.broken()), (0, 2), "{bytes}: {said:#?}");
        loaded.assert_same(&index).await;
    }
    // In what the server says of documents that it has written.
    let index = loaded.index().await;
    let fates = [
        Fate::HalfAnswer,
        Fate::Pass,
        Fate::HalfAnswer,
        Fate::HalfAnswer,
    ];
    let front = Front::of(&index.server, fates).await;
    let said = loaded.sync(&index, &front.url, &[]).await;
    assert_eq!(said.status, 0, "{said:#?}");
    assert!(
        front.bulk_bodies().len() >= 6,
        "{}",
        front.bulk_bodies().len()
    );
    loaded.assert_same(&index).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_is_gone_for_some_seconds_in_mid_publish_is_waited_for() {
    let mut loaded = Loaded::jobs().await;
    let index = loaded.index().await;
    let gone = Trouble::Gone(200_000, Duration::from_millis(1500));
    let wire = Wire::to(&index.server, [gone]).await;
    let said = loaded.sync(&index, &wire.url, &[]).await;
    assert_eq!((said.status, wire.broken()), (0, 1), "{said:#?}");
    loaded.assert_same(&index).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_stays_away_in_mid_publish_is_told_and_gets_the_rest_later() {
    let mut loaded = Loaded::jobs().await;
    let index = loaded.index().await;
    let wire = Wire::to(
        &index.server,
        [Trouble::Gone(200_000, Duration::from_mins(5))],
    )
    .await;
    let said = loaded.sync(&index, &wire.url, &[]).await;
    assert_lags(&said, "cannot reach");
    assert_eq!(wire.broken(), 1);
    loaded.recovers(&index).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_answers_are_waited_for_as_long_as_the_time_lasts() {
    let mut loaded = Loaded::jobs().await;
    let index = loaded.index().await;
    let slow = |delay| [Trouble::Slow(Duration::from_millis(delay))];
    let wire = Wire::to(&index.server, slow(60_000)).await;
    let said = loaded.sync(&index, &wire.url, &["--limit", "1s"]).await;
    assert_lags(&said, "1 s were not enough");

    let wire = Wire::to(&index.server, slow(100)).await;
    let said = loaded.sync(&index, &wire.url, &[]).await;
    assert_eq!(said.status, 0, "{said:#?}");
    loaded.assert_same(&index).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn target_that_another_process_publishes_to_is_left_to_it_without_a_warning() {
    let mut loaded = Loaded::with(&[job(1), job(2)]).await;
    let index = loaded.index().await;
    let (url, prefix) = (index.server.as_str(), index.prefix.as_str());
    loaded.workspace.set("ELASTICSEARCH_URL", url);
    loaded.workspace.set("TRENDY_INDEX_PREFIX", prefix);
    let lease = format!("target:elasticsearch/{prefix}");
    let lease = loaded.store.lock(&lease).await.unwrap().unwrap();
    for arguments in [["run", "--all"], ["index", "sync"]] {
        let said = loaded.workspace.trendy(&arguments).await;
        assert_eq!(said.status, 0, "{said:#?}");
        let told = "another process is publishing to it";
        assert!(said.stderr.contains(told), "{said:#?}");
        assert!(!said.stderr.contains("warning"), "{said:#?}");
    }
    lease.release().await;
    loaded.recovers(&index).await;
}

/// Ends once the program has connected to a server that never answers; it does for as long as the connection is held.
async fn waits_for(silent: &TcpListener) -> TcpStream {
    let accepted = tokio::time::timeout(Duration::from_secs(30), silent.accept());
    accepted.await.unwrap().unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupt_is_heard_while_a_server_is_silent_and_the_data_is_kept() {
    let mut loaded = Loaded::with(&[job(1), job(2)]).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    loaded.workspace.set("ELASTICSEARCH_URL", &url);
    let (mut started, mut held) = (Vec::new(), Vec::new());
    for (prefix, arguments) in [("a", ["run", "--all"]), ("b", ["index", "sync"])] {
        // Two targets: neither is published to elsewhere.
        loaded.workspace.set("TRENDY_INDEX_PREFIX", prefix);
        started.push(loaded.workspace.start(&arguments));
        held.push(waits_for(&silent).await);
    }
    for child in &started {
        let id = child.id().unwrap().to_string();
        let told = std::process::Command::new("kill")
            .args(["-INT", &id])
            .status();
        assert!(told.unwrap().success());
    }
    for child in started {
        // Far less than an answer is waited for.
        let ended = tokio::time::timeout(Duration::from_secs(20), child.wait_with_output());
        let said = Said::from(ended.await.expect("it goes on").unwrap());
        assert_eq!(said.status, 130, "{said:#?}");
        let told = "lags by 2 changes: interrupted; the data is kept";
        assert!(said.stderr.contains(told), "{said:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn time_that_was_up_tells_how_long_nothing_was_acknowledged() {
    let mut loaded = Loaded::with(&[job(1), job(2)]).await;
    let index = loaded.index().await;
    let place = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}", place.local_addr().unwrap())
        .parse()
        .unwrap();
    let waited = "1 s were not enough, and nothing was acknowledged in the last 1; is the server away, or too busy?";
    // Connections wait in its backlog; nobody answers.
    let said = loaded.sync(&index, &url, &["--limit", "1s"]).await;
    assert_lags(&said, waited);
    // Nobody is there any more.
    drop(place);
    let said = loaded.sync(&index, &url, &["--limit", "1s"]).await;
    assert_lags(&said, waited);

    loaded.recovers(&index).await;
    let said = loaded.sync(&index, &url, &["--limit", "1s"]).await;
    assert_eq!(said.status, 3, "{said:#?}");
    let told = format!("{waited}; no change waits for it");
    assert!(said.stderr.contains(&told), "{said:#?}");
}

/// What a server says that has too much to do, and what stands before one that is away.
fn busy() -> Fate {
    let reason = r#"{"error": {"type": "es_rejected_execution_exception", "reason": "queue is full"}, "status": 429}"#;
    Fate::Answer(429, reason)
}

fn away() -> Fate {
    Fate::Answer(503, "no healthy upstream")
}

#[tokio::test(flavor = "multi_thread")]
async fn storm_of_429_and_503_is_sat_out() {
    let mut loaded = Loaded::jobs().await;
    let index = loaded.index().await;
    // The first bulk request is the check's.
    let storm = [
        busy(),
        Fate::Pass,
        busy(),
        away(),
        Fate::LostAnswer,
        busy(),
        Fate::Pass,
        away(),
        Fate::CutInRequest,
    ];
    let front = Front::of(&index.server, storm).await;
    let said = loaded.sync(&index, &front.url, &[]).await;
    assert_eq!(said.status, 0, "{said:#?}");
    assert!(
        front.bulk_bodies().len() >= 10,
        "{}",
        front.bulk_bodies().len()
    );
    loaded.assert_same(&index).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn storm_that_does_not_end_is_told_and_the_rest_gets_there_later() {
    let mut loaded = Loaded::jobs().await;
    let index = loaded.index().await;
    let storm = std::iter::once(Fate::Pass).chain((0..50).map(|_| busy()));
    let front = Front::of(&index.server, storm).await;
    let said = loaded.sync(&index, &front.url, &[]).await;
    assert_lags(&said, "queue is full");
    loaded.recovers(&index).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_before_an_error_is_told_and_what_lags_is_true() {
    let denied = || Fate::Answer(401, r#"{"error": {"reason": "key has expired"}}"#);
    let mut loaded = Loaded::with(&[job(1), job(2), job(3), post(1)]).await;
    let index = loaded.index().await;
    // Posts go once the jobs are there; the first bulk request is the check's.
    let front = Front::of(&index.server, [Fate::Pass, Fate::Pass, denied()]).await;
    let said = loaded.sync(&index, &front.url, &[]).await;
    assert_lags(&said, "key has expired");
    let summary = ": 3 sent, 0 refused, lag 4\n";
    assert!(said.stdout.ends_with(summary), "{said:#?}");

    loaded.recovers(&index).await;
    let front = Front::of(&index.server, [denied()]).await;
    let said = loaded.sync(&index, &front.url, &[]).await;
    assert_eq!(said.status, 3, "{said:#?}");
    assert!(said.stdout.ends_with(", lag 0\n"), "{said:#?}");
    assert!(!said.stderr.contains("lags"), "{said:#?}");
    assert!(said.stderr.contains("no change waits for it"), "{said:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_poison_document_among_10000_costs_no_other() {
    const MANY: u32 = 10_000;
    const POISON: u32 = 6_543;
    let mut jobs: Vec<_> = (0..MANY).map(job).collect();
    // A year that Elasticsearch does not read.
    jobs[POISON as usize] = job_with(POISON, |job| job.posted_at = Some(Timestamp::MIN));
    let mut loaded = Loaded::with(&jobs).await;
    let index = loaded.index().await;
    let said = loaded.sync(&index, &index.server, &[]).await;
    assert_eq!(said.status, 3, "{said:#?}");
    assert!(said.stderr.contains("refused 1 documents"), "{said:#?}");

    let found = indexed(&index).await;
    assert_eq!(found.len(), MANY as usize - 1);
    assert!(!found.contains_key(&job_id(POISON).to_string()));
    let letters = loaded
        .workspace
        .trendy(&["dead-letters", "--format", "json"])
        .await
        .json();
    assert_eq!(letters.as_array().unwrap().len(), 1, "{letters}");
    let reason = letters[0]["reason"].as_str().unwrap();
    assert!(
        reason.contains("failed to parse field [posted_at] of type [date]"),
        "{reason}"
    );
}
