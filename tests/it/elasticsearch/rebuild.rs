//! New indices behind the aliases of old ones.

use std::future::pending;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use trendy::load::{Pool, Store, StoreIdentity, StoreOptions};
use trendy::publish::elasticsearch::{ElasticsearchTarget, RebuildReport, prune, rebuild, verify};
use trendy::publish::{PublishEnd, PublishError, PublishReport, SendError, Target, publish};
use trendy::record::Kind;

use super::front::{Fate, Front};
use super::publisher::{PATIENCE, index_of};
use super::scratch::Scratch;
use crate::leases::cut;
use crate::support::records::{batch, job, job_with, minute, pipeline, post, weather};
use crate::support::scratch::{Scratch as Place, on_postgres, on_sqlite};
use crate::support::trendy::{Said, Workspace};

async fn fill(store: &Store, jobs: u32) {
    let run = store.begin_run(&pipeline(), minute(0)).await.unwrap().id;
    let mut records: Vec<_> = (0..jobs).map(job).collect();
    records.extend([post(1), weather(0), weather(31 * 24)]);
    store.load(run, &batch(0, records)).await.unwrap();
}

/// The indices that a prune deletes.
pub(super) async fn pruned(
    store: &Store,
    target: &ElasticsearchTarget,
) -> Result<Vec<String>, PublishError> {
    let mut deleted = Vec::new();
    prune(store, target, |index| deleted.push(index.to_owned())).await?;
    Ok(deleted)
}

/// A rebuild that nobody asks to stop.
pub(super) async fn rebuilt(
    store: &Store,
    target: &ElasticsearchTarget,
) -> Result<RebuildReport, PublishError> {
    let report = rebuild(store, target, pending()).await?;
    Ok(report.unwrap())
}

async fn is_equal(store: &Store, target: &ElasticsearchTarget) -> bool {
    verify(store, target, |_| ()).await.unwrap().is_equal()
}

/// What a reader sees through an alias: how many documents, of which indices.
async fn seen(scratch: &Scratch, kind: Kind) -> (u64, Vec<String>) {
    let search = json!({"size": 0, "track_total_hits": true, "aggs": {"of": {"terms": {"field": "_index"}}}});
    let path = format!("{}-{kind}/_search", scratch.prefix);
    let answer = scratch.ask("POST", &path, Some(search)).await;
    let buckets = answer["aggregations"]["of"]["buckets"].as_array();
    let indices = buckets
        .unwrap_or_else(|| panic!("{answer}"))
        .iter()
        .map(|bucket| bucket["key"].as_str().unwrap().to_owned())
        .collect();
    (answer["hits"]["total"]["value"].as_u64().unwrap(), indices)
}

async fn refresh(scratch: &Scratch) {
    let path = format!("{}-*/_refresh", scratch.prefix);
    scratch.ask("POST", &path, None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_never_see_fewer_documents_nor_a_mix() {
    on_postgres(|place| async move {
        let store = place.open().await;
        fill(&store, 1200).await;
        let (scratch, target) = index_of(&store).await;
        publish(&store, &target, PATIENCE).await.unwrap();
        refresh(&scratch).await;

        let (stop, stopped) = watch::channel(false);
        let writes = async {
            let run = store.begin_run(&pipeline(), minute(1)).await.unwrap().id;
            let mut round = 0;
            while !*stopped.borrow() {
                round += 1;
                let changed = job_with(round, |job| job.title = format!("Round {round}"));
                let records = vec![changed, job(10_000 + round)];
                store
                    .load(run, &batch(i64::from(round), records))
                    .await
                    .unwrap();
                let report = publish(&store, &target, PATIENCE).await.unwrap();
                assert!(report.end != PublishEnd::Deadline);
            }
            round
        };
        let reads = async {
            let (mut least, mut reads) = ([0, 0], 0);
            while !*stopped.borrow() {
                for (kind, least) in [Kind::Job, Kind::Weather].into_iter().zip(&mut least) {
                    let (count, indices) = seen(&scratch, kind).await;
                    assert!(count >= *least, "{count} after {least}");
                    let ends: Vec<_> = indices.iter().map(|name| &name[name.len() - 6..]).collect();
                    assert!(ends.windows(2).all(|two| two[0] == two[1]), "{indices:?}");
                    (*least, reads) = (count, reads + 1);
                }
            }
            (least, reads)
        };
        let rebuilds = async {
            // A publisher that holds the lease for a moment is waited for by trying again.
            let report = loop {
                match rebuilt(&store, &target).await {
                    Err(PublishError::Leased { .. }) => tokio::task::yield_now().await,
                    ended => break ended.unwrap(),
                }
            };
            stop.send(true).unwrap();
            report
        };
        let (rounds, (least, reads), report) = tokio::join!(writes, reads, rebuilds);
        assert!(rounds > 1 && reads > 2, "{rounds} rounds, {reads} reads");
        assert!(least[0] >= 1200 && least[1] == 2, "{least:?}");

        let p = &scratch.prefix;
        let named = |number: u32| {
            ["job", "post", "weather-2026.03", "weather-2026.04"]
                .map(|name| format!("{p}-{name}-{number:06}"))
        };
        assert_eq!(report.created, named(2));
        assert_eq!(report.replaced, named(1));
        assert!(report.filled >= 1203, "{report:?}");
        publish(&store, &target, PATIENCE).await.unwrap();
        assert!(is_equal(&store, &target).await);

        let settings = scratch
            .ask("GET", &format!("{p}-job/_settings"), None)
            .await;
        let index = &settings[format!("{p}-job-000002")]["settings"]["index"];
        assert_eq!(index["refresh_interval"], Value::Null);
        assert_eq!(index["auto_expand_replicas"], "0-1");

        assert_eq!(pruned(&store, &target).await.unwrap(), named(1));
        assert_eq!(scratch.indices().await, named(2));
        assert!(is_equal(&store, &target).await);
    })
    .await;
}

#[tokio::test]
async fn whatever_stood_there_is_replaced() {
    on_sqlite(|place| async move {
        let store = place.open().await;
        fill(&store, 3).await;
        let scratch = Scratch::of(store.identity());
        let p = scratch.prefix.clone();
        let target = scratch.target();
        let is_refused = || async { publish(&store, &target, PATIENCE).await.unwrap_err() };

        // Nothing.
        let report = rebuilt(&store, &target).await.unwrap();
        assert_eq!((report.replaced.len(), report.filled), (0, 6));
        assert!(is_equal(&store, &target).await);

        // Another schema.
        let meta = json!({"store_id": scratch.store.store_id, "epoch": 1, "schema": 1});
        let mapping = Some(json!({"_meta": meta}));
        scratch
            .ask("PUT", &format!("{p}-job/_mapping"), mapping)
            .await;
        assert!(is_refused().await.needs_rebuild());
        rebuilt(&store, &target).await.unwrap();
        assert!(is_equal(&store, &target).await);

        // Another epoch.
        let restored = StoreIdentity {
            epoch: 9,
            ..scratch.store
        };
        let other = ElasticsearchTarget::new(&scratch.settings_at(&scratch.server), restored);
        other.unwrap().check().await.unwrap_err();
        let meta = json!({"store_id": scratch.store.store_id, "epoch": 9, "schema": 2});
        let mapping = Some(json!({"_meta": meta}));
        scratch
            .ask("PUT", &format!("{p}-weather/_mapping"), mapping)
            .await;
        assert!(is_refused().await.needs_rebuild());
        rebuilt(&store, &target).await.unwrap();
        assert!(is_equal(&store, &target).await);

        // Documents that nobody can mend, and an alias that is gone.
        scratch
            .ask("DELETE", &format!("{p}-post/_alias/{p}-post"), None)
            .await;
        rebuilt(&store, &target).await.unwrap();
        assert!(is_equal(&store, &target).await);
        pruned(&store, &target).await.unwrap();
        assert_eq!(scratch.indices().await.len(), 4);
    })
    .await;
}

#[tokio::test]
async fn aliases_that_people_added_go_along_with_their_filters() {
    on_sqlite(|place| async move {
        let store = place.open().await;
        fill(&store, 3).await;
        let (scratch, target) = index_of(&store).await;
        publish(&store, &target, PATIENCE).await.unwrap();
        let p = &scratch.prefix;
        // A month that the store no longer knows.
        let emptied = format!("{p}-weather-2020.01-000001");
        let own = json!({format!("{p}-weather"): {}, format!("{p}-weather-2020.01"): {}});
        let body = json!({"aliases": own, "mappings": {"_meta": {
            "store_id": scratch.store.store_id, "epoch": scratch.store.epoch, "schema": 2}}});
        scratch.ask("PUT", &emptied, Some(body)).await;
        let open = json!({"term": {"active": {"value": true}}});
        let everything = format!("{p}.everything");
        let actions = json!([
            {"add": {"index": format!("{p}-job-000001"), "alias": format!("{p}.open"), "filter": open, "routing": "1"}},
            {"add": {"index": format!("{p}-*-000001"), "alias": everything}},
        ]);
        let body = Some(json!({"actions": actions}));
        scratch.ask("POST", "_aliases", body).await;

        let report = rebuilt(&store, &target).await.unwrap();
        assert_eq!(report.carried, [everything.clone(), format!("{p}.open")]);
        assert_eq!(report.left, [(everything.clone(), emptied.clone())]);
        let found = scratch.ask("GET", &format!("_alias/{p}.open"), None).await;
        assert_eq!(
            found,
            json!({format!("{p}-job-000002"): {"aliases": {format!("{p}.open"):
                {"filter": open, "index_routing": "1", "search_routing": "1"}}}})
        );
        let found = scratch.ask("GET", &format!("_alias/{everything}"), None).await;
        let mut indices: Vec<_> = found.as_object().unwrap().keys().cloned().collect();
        indices.retain(|index| *index != emptied);
        assert_eq!(indices.len(), 4, "{found}");
        assert!(indices.iter().all(|index| index.ends_with("-000002")), "{found}");
        // An index that still serves somebody is not pruned.
        pruned(&store, &target).await.unwrap();
        assert!(scratch.indices().await.contains(&emptied));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_rebuild_leaves_everything_as_it_was() {
    on_sqlite(|place| async move {
        let store = place.open().await;
        fill(&store, 50).await;
        let (scratch, target) = index_of(&store).await;
        publish(&store, &target, PATIENCE).await.unwrap();
        let before = scratch.indices().await;

        let busy = std::iter::repeat_with(|| Fate::Answer(503, "busy")).take(5);
        let front = Front::of(&scratch.server, busy).await;
        let mut workspace = Workspace::empty();
        workspace.set("DATABASE_URL", &place.url);
        workspace.set("ELASTICSEARCH_URL", front.url.as_str());
        workspace.set("TRENDY_INDEX_PREFIX", &scratch.prefix);
        let interrupted = workspace.start(&["index", "rebuild"]);
        let asked = async {
            while front.bulk_bodies().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.unwrap();
        let pid = interrupted.id().unwrap().to_string();
        let kill = std::process::Command::new("kill")
            .args(["-INT", &pid])
            .status();
        assert!(kill.unwrap().success());
        let said = Said::from(interrupted.wait_with_output().await.unwrap());
        assert_eq!(said.status, 130, "{said:#?}");
        assert!(
            said.stderr.contains("the indices are as they were"),
            "{said:#?}"
        );
        assert_eq!(scratch.indices().await, before);
        assert!(is_equal(&store, &target).await);
        rebuilt(&store, &target).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn index_in_the_place_of_an_alias_is_not_deleted() {
    on_sqlite(|place| async move {
        let store = place.open().await;
        let scratch = Scratch::of(store.identity());
        let name = format!("{}-job", scratch.prefix);
        scratch.ask("PUT", &name, None).await;
        let error = rebuilt(&store, &scratch.target()).await.unwrap_err();
        assert!(
            matches!(&error, PublishError::Target { source: SendError::NameTaken { index, .. }, .. } if *index == name),
            "{error}"
        );
        assert_eq!(scratch.indices().await, [name]);
    })
    .await;
}

/// What became of a rebuild, of who published beside it, and of the index.
struct Overtaken {
    rebuilt: Result<RebuildReport, PublishError>,
    published: Result<PublishReport, PublishError>,
    is_equal: bool,
}

/// Publishes a change while a rebuild is about to swap whose session with the lease has ended, and what else is lost.
async fn overtake(store: &Store, place: &Place, lose: impl AsyncFnOnce()) -> Overtaken {
    fill(store, 10).await;
    let (scratch, target) = index_of(store).await;
    publish(store, &target, PATIENCE).await.unwrap();
    let (front, pause) = Front::pausing(&scratch.server, "/_aliases").await;
    let rebuilding = scratch.target_at(&front.url);
    let options = StoreOptions {
        lock_timeout: Duration::from_secs(1),
        ..StoreOptions::default()
    };
    let other = Store::open_with(&place.url, &options).await.unwrap();
    let meanwhile = async {
        pause.wait().await;
        cut(&other, place, &format!("target:{}", target.name())).await;
        lose().await;
        let run = other.begin_run(&pipeline(), minute(1)).await.unwrap().id;
        other.load(run, &batch(1, vec![job(99)])).await.unwrap();
        // The server frees the lease of a session a moment after its end.
        let published = loop {
            match publish(&other, &target, PATIENCE).await {
                Ok(report) if report.end == PublishEnd::Elsewhere => {}
                ended => break ended,
            }
        };
        pause.wait().await;
        published
    };
    let (rebuilt, published) = tokio::join!(rebuilt(store, &rebuilding), meanwhile);
    publish(store, &target, PATIENCE).await.unwrap();
    Overtaken {
        rebuilt,
        published,
        is_equal: is_equal(store, &target).await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn publisher_waits_for_a_swap_whose_lease_is_lost() {
    on_postgres(|place| async move {
        let store = place.open().await;
        let ended = overtake(&store, &place, async || ()).await;
        ended.rebuilt.unwrap();
        let error = ended.published.unwrap_err();
        assert!(error.is_retryable(), "{error}");
        assert!(ended.is_equal);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn swap_that_was_overtaken_in_spite_of_all_says_so() {
    on_postgres(|place| async move {
        let store = place.open().await;
        // As a server does that starts again.
        let end_sessions = async || {
            let sql = "SELECT pg_terminate_backend(pid) FROM pg_locks
                        WHERE relation = 'leases'::regclass AND pid <> pg_backend_pid()";
            let Pool::Postgres(pool) = store.pool() else {
                unreachable!("a server");
            };
            sqlx::query(sql).execute(pool).await.unwrap();
        };
        let ended = overtake(&store, &place, end_sessions).await;
        let error = ended.rebuilt.unwrap_err();
        assert!(matches!(error, PublishError::Overtaken { .. }), "{error}");
        assert_eq!(ended.published.unwrap().sent, 1);
        assert!(!ended.is_equal);
    })
    .await;
}

#[tokio::test]
async fn second_rebuild_leaves_it_to_the_first() {
    on_sqlite(|place| async move {
        let store = place.open().await;
        let (_scratch, target) = index_of(&store).await;
        let lease = store
            .lock(&format!("target:{}", target.name()))
            .await
            .unwrap()
            .unwrap();
        for error in [
            rebuilt(&store, &target).await.unwrap_err(),
            pruned(&store, &target).await.unwrap_err(),
        ] {
            assert!(matches!(error, PublishError::Leased { .. }), "{error}");
        }
        lease.release().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rebuild_that_was_killed_is_begun_anew() {
    on_sqlite(|place| async move {
        let store = place.open().await;
        fill(&store, 50).await;
        let (scratch, target) = index_of(&store).await;
        publish(&store, &target, PATIENCE).await.unwrap();
        let p = &scratch.prefix;

        let busy = std::iter::repeat_with(|| Fate::Answer(503, "busy")).take(5);
        let front = Front::of(&scratch.server, busy).await;
        let mut workspace = Workspace::empty();
        workspace.set("DATABASE_URL", &place.url);
        workspace.set("ELASTICSEARCH_URL", front.url.as_str());
        workspace.set("TRENDY_INDEX_PREFIX", p);
        let mut killed = workspace.start(&["index", "rebuild"]);
        let asked = async {
            while front.bulk_bodies().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.unwrap();
        killed.kill().await.unwrap();
        assert!(scratch.indices().await.contains(&format!("{p}-job-000002")));
        assert!(is_equal(&store, &target).await);

        workspace.set("ELASTICSEARCH_URL", scratch.server.as_str());
        let said = workspace.trendy(&["index", "rebuild", "--drop-old"]).await;
        assert_eq!(said.status, 0, "{said:#?}");
        for line in [
            format!("dropped {p}-job-000002, which"),
            format!("created {p}-job-000002"),
            "filled with 53 documents in ".to_owned(),
            format!("deleted {p}-job-000001"),
        ] {
            assert!(said.stdout.contains(&line), "{line} in {said:#?}");
        }
        assert!(is_equal(&store, &target).await);
    })
    .await;
}

#[tokio::test]
async fn empty_store_does_not_replace_what_readers_see() {
    on_sqlite(|place| async move {
        let store = place.open().await;
        fill(&store, 3).await;
        let (scratch, target) = index_of(&store).await;
        publish(&store, &target, PATIENCE).await.unwrap();
        let before = scratch.indices().await;

        let mut workspace = Workspace::empty();
        workspace.set("ELASTICSEARCH_URL", scratch.server.as_str());
        workspace.set("TRENDY_INDEX_PREFIX", &scratch.prefix);
        let rebuild = ["index", "rebuild", "--drop-old", "--database", "typo.db"];
        let said = workspace.trendy(&rebuild).await;
        assert_eq!(said.status, 1, "{said:#?}");
        assert!(
            said.stderr.contains("there is no store at `typo.db`"),
            "{said:#?}"
        );

        drop(
            Store::open(workspace.path("typo.db").to_str().unwrap())
                .await
                .unwrap(),
        );
        let said = workspace.trendy(&rebuild).await;
        assert_eq!(said.status, 1, "{said:#?}");
        let refused = format!("is empty, and `{}` shows 6 documents", target.name());
        assert!(said.stderr.contains(&refused), "{said:#?}");
        assert_eq!(scratch.indices().await, before);
        assert!(is_equal(&store, &target).await);
    })
    .await;
}
