//! From a store to an index, and what happens when one of them is not there.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::sync::watch;
use trendy::load::{DeadLetterFilter, Store};
use trendy::publish::elasticsearch::{ElasticsearchSettings, ElasticsearchTarget, set_up};
use trendy::publish::{
    PublishEnd, PublishError, SendError, Tally, Target, follow, lag, publish, start_over,
};
use trendy::record::{Kind, Stage};

use super::front::{Fate, Front};
use super::scratch::Scratch;
use crate::support::records::{batch, job, job_id, job_with, minute, pipeline, post, weather};
use crate::support::scratch::on_sqlite;
use crate::support::trendy::{Said, Workspace};

pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// An index for this store, and the target to it.
pub(super) async fn index_of(store: &Store) -> (Scratch, ElasticsearchTarget) {
    let scratch = Scratch::of(store.identity());
    let target = scratch.target();
    set_up(store, &target).await.unwrap();
    (scratch, target)
}

async fn count(scratch: &Scratch, target: &ElasticsearchTarget, kind: Kind) -> u64 {
    scratch
        .ask("POST", &format!("{}-*/_refresh", scratch.prefix), None)
        .await;
    target.count(kind).await.unwrap()
}

#[tokio::test]
async fn snapshot_and_then_changes_reach_the_index() {
    on_sqlite(|place| async move {
        let store = place.open().await;
        let run = store.begin_run(&pipeline(), minute(0)).await.unwrap().id;
        let mut records: Vec<_> = (0..600).map(job).collect();
        records.extend([post(1), weather(0), weather(1)]);
        store.load(run, &batch(0, records)).await.unwrap();

        let (scratch, target) = index_of(&store).await;
        let first = publish(&store, &target, PATIENCE).await.unwrap();
        assert_eq!(
            (first.sent, first.refused, first.lag, first.end),
            (603, 0, 0, PublishEnd::CaughtUp)
        );
        assert_eq!(count(&scratch, &target, Kind::Job).await, 600);
        assert_eq!(count(&scratch, &target, Kind::Post).await, 1);
        assert_eq!(count(&scratch, &target, Kind::Weather).await, 2);

        let renamed = job_with(7, |job| job.title = "Staff engineer".to_owned());
        store
            .load(run, &batch(1, vec![renamed, job(8), job(700)]))
            .await
            .unwrap();
        store.close(run, &[job_id(9)], minute(2)).await.unwrap();
        store.delete(&[job_id(10)], minute(2)).await.unwrap();
        let second = publish(&store, &target, PATIENCE).await.unwrap();
        assert_eq!(
            (second.sent, second.lag, second.end),
            (4, 0, PublishEnd::CaughtUp)
        );
        assert_eq!(count(&scratch, &target, Kind::Job).await, 600);
        let document = scratch.document(Kind::Job, job_id(7)).await;
        assert_eq!(
            (&document["_source"]["title"], &document["_version"]),
            (&json!("Staff engineer"), &json!(2))
        );
        assert_eq!(
            scratch.document(Kind::Job, job_id(9)).await["_source"]["active"],
            false
        );
        assert_eq!(
            scratch.document(Kind::Job, job_id(10)).await["found"],
            false
        );

        let third = publish(&store, &target, PATIENCE).await.unwrap();
        assert_eq!((third.sent, third.end), (0, PublishEnd::CaughtUp));
    })
    .await;
}

#[tokio::test]
async fn every_field_of_the_store_is_mapped() {
    on_sqlite(|place| async move {
        let store = place.open().await;
        let run = store.begin_run(&pipeline(), minute(0)).await.unwrap().id;
        store
            .load(run, &batch(0, vec![job(1), post(1), weather(1)]))
            .await
            .unwrap();
        let (_scratch, target) = index_of(&store).await;
        publish(&store, &target, PATIENCE).await.unwrap();
        let letters = store
            .dead_letters(&DeadLetterFilter::default(), 10)
            .await
            .unwrap();
        assert_eq!(letters, []);
    })
    .await;
}

#[tokio::test]
async fn what_the_index_refuses_becomes_one_dead_letter_and_the_rest_goes_on() {
    on_sqlite(|place| async move {
        let store = place.open().await;
        let run = store.begin_run(&pipeline(), minute(0)).await.unwrap().id;
        // A year that Elasticsearch does not read.
        let poison = job_with(2, |job| job.posted_at = Some(Timestamp::MIN));
        store
            .load(run, &batch(0, vec![job(1), poison, job(3)]))
            .await
            .unwrap();
        let (_scratch, target) = index_of(&store).await;
        for _ in 0..2 {
            let report = publish(&store, &target, PATIENCE).await.unwrap();
            assert_eq!((report.sent, report.refused, report.lag), (2, 1, 0));
            start_over(&store, &target).await.unwrap();
        }
        let letters = store
            .dead_letters(&DeadLetterFilter::default(), 10)
            .await
            .unwrap();
        let [letter] = letters.as_slice() else {
            panic!("{letters:?}")
        };
        assert_eq!(
            (letter.stage, letter.target.as_deref()),
            (Stage::Publish, Some(target.name()))
        );
        assert_eq!(letter.pipeline, Some(pipeline()));
        assert_eq!(letter.url, format!("https://source.example/{}", job_id(2)));
        assert!(letter.reason.contains("[posted_at]"), "{}", letter.reason);
        assert_eq!(letter.payload.as_ref().unwrap()["id"], json!(job_id(2)));
    })
    .await;
}

#[tokio::test]
async fn target_that_is_down_keeps_its_place() {
    on_sqlite(|place| async move {
        let store = place.open().await;
        let run = store.begin_run(&pipeline(), minute(0)).await.unwrap().id;
        let (scratch, target) = index_of(&store).await;
        publish(&store, &target, PATIENCE).await.unwrap();
        store
            .load(run, &batch(0, vec![job(1), job(2)]))
            .await
            .unwrap();

        let busy = || Fate::Answer(503, "down for maintenance");
        // One for the probe of the check, one for the documents.
        let front = Front::of(&scratch.server, [Fate::Pass, busy()]).await;
        let settings = ElasticsearchSettings {
            attempts: 1,
            ..scratch.settings_at(&front.url)
        };
        let away = ElasticsearchTarget::new(&settings, store.identity()).unwrap();
        let error = publish(&store, &away, PATIENCE).await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
        assert_eq!(lag(&store, away.name()).await.unwrap(), 2);

        let report = publish(&store, &target, PATIENCE).await.unwrap();
        assert_eq!((report.sent, report.lag), (2, 0));
    })
    .await;
}

#[tokio::test]
async fn time_that_is_up_leaves_the_rest_for_the_next() {
    on_sqlite(|place| async move {
        let store = place.open().await;
        let run = store.begin_run(&pipeline(), minute(0)).await.unwrap().id;
        let (_scratch, target) = index_of(&store).await;
        publish(&store, &target, PATIENCE).await.unwrap();
        store.load(run, &batch(0, vec![job(1)])).await.unwrap();
        let report = publish(&store, &target, Duration::ZERO).await.unwrap();
        assert_eq!(
            (report.sent, report.lag, report.end),
            (0, 1, PublishEnd::Deadline)
        );
    })
    .await;
}

#[tokio::test]
async fn second_publisher_of_a_target_leaves_it_to_the_first() {
    on_sqlite(|place| async move {
        let store = place.open().await;
        let (_scratch, target) = index_of(&store).await;
        let lease = store
            .lock(&format!("target:{}", target.name()))
            .await
            .unwrap()
            .unwrap();
        let report = publish(&store, &target, PATIENCE).await.unwrap();
        assert_eq!(report.end, PublishEnd::Elsewhere);
        let started_over = start_over(&store, &target).await;
        assert!(matches!(started_over, Err(PublishError::Leased { .. })));
        lease.release().await;
    })
    .await;
}

#[tokio::test]
async fn index_that_was_lost_and_set_up_again_gets_everything_again() {
    on_sqlite(|place| async move {
        let store = place.open().await;
        let run = store.begin_run(&pipeline(), minute(0)).await.unwrap().id;
        store
            .load(run, &batch(0, vec![job(1), job(2)]))
            .await
            .unwrap();
        let (scratch, target) = index_of(&store).await;
        publish(&store, &target, PATIENCE).await.unwrap();

        scratch
            .ask("DELETE", &format!("{}-job-000001", scratch.prefix), None)
            .await;
        let error = publish(&store, &target, PATIENCE).await.unwrap_err();
        assert!(
            matches!(
                &error,
                PublishError::Target {
                    source: SendError::NotSetUp { .. },
                    ..
                }
            ),
            "{error}"
        );
        set_up(&store, &target).await.unwrap();
        publish(&store, &target, PATIENCE).await.unwrap();
        assert_eq!(count(&scratch, &target, Kind::Job).await, 2);
    })
    .await;
}

/// Waits until the target has acknowledged all that is in the log.
async fn caught_up(store: &Store, target: &ElasticsearchTarget) {
    let arrived = async {
        while lag(store, target.name()).await.unwrap() > 0
            || store.cursor(target.name()).await.unwrap().is_none()
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, arrived).await.unwrap();
}

#[tokio::test]
async fn follower_sends_each_change_through_an_outage() {
    on_sqlite(|place| async move {
        let store = place.open().await;
        let run = store.begin_run(&pipeline(), minute(0)).await.unwrap().id;
        let (scratch, target) = index_of(&store).await;
        let busy = || Fate::Answer(503, "restarting");
        let front = Front::of(&scratch.server, [busy(), Fate::Pass, busy(), busy()]).await;
        let settings = ElasticsearchSettings {
            attempts: 1,
            ..scratch.settings_at(&front.url)
        };
        let fronted = ElasticsearchTarget::new(&settings, store.identity()).unwrap();
        let (stop, stopped) = watch::channel(false);
        let loads = async {
            for number in 1..=3 {
                let records = vec![job(u32::try_from(number).unwrap())];
                store.load(run, &batch(number, records)).await.unwrap();
                caught_up(&store, &target).await;
            }
            stop.send(true).unwrap();
        };
        let (followed, ()) = tokio::join!(follow(&store, &fronted, stopped), loads);
        let Tally { sent, refused, .. } = followed.unwrap();
        // What is loaded during the snapshot may be sent twice.
        assert!(sent >= 3 && refused == 0, "{sent} sent, {refused} refused");
        assert_eq!(count(&scratch, &target, Kind::Job).await, 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn follower_ends_with_130_when_it_is_asked_to_stop() {
    on_sqlite(|place| async move {
        let store = place.open().await;
        let run = store.begin_run(&pipeline(), minute(0)).await.unwrap().id;
        store.load(run, &batch(0, vec![job(1)])).await.unwrap();
        let (scratch, target) = index_of(&store).await;
        let mut workspace = Workspace::empty();
        workspace.set("DATABASE_URL", &place.url);
        workspace.set("ELASTICSEARCH_URL", scratch.server.as_str());
        workspace.set("TRENDY_INDEX_PREFIX", &scratch.prefix);
        let follower = workspace.start(&["index", "sync", "--follow"]);
        caught_up(&store, &target).await;
        store.load(run, &batch(1, vec![job(2)])).await.unwrap();
        caught_up(&store, &target).await;

        let id = follower.id().unwrap().to_string();
        let killed = std::process::Command::new("kill").arg(id).status();
        assert!(killed.unwrap().success());
        let ended = tokio::time::timeout(PATIENCE, follower.wait_with_output());
        let said = Said::from(ended.await.unwrap().unwrap());
        assert_eq!(said.status, 130, "{said:#?}");
        assert!(said.stdout.contains(" sent, 0 refused"), "{said:#?}");
        assert_eq!(count(&scratch, &target, Kind::Job).await, 2);
    })
    .await;
}

#[tokio::test]
async fn cursor_stays_before_the_first_piece_that_failed() {
    on_sqlite(|place| async move {
        let store = place.open().await;
        let run = store.begin_run(&pipeline(), minute(0)).await.unwrap().id;
        let (scratch, target) = index_of(&store).await;
        publish(&store, &target, PATIENCE).await.unwrap();
        let records = (0..1500).map(job).collect();
        store.load(run, &batch(0, records)).await.unwrap();

        // One for the probe; then one of three pieces fails, and those behind it arrive.
        let fates = [Fate::Pass, Fate::Answer(503, "restarting")];
        let front = Front::of(&scratch.server, fates).await;
        let settings = ElasticsearchSettings {
            attempts: 1,
            ..scratch.settings_at(&front.url)
        };
        let fronted = ElasticsearchTarget::new(&settings, store.identity()).unwrap();
        publish(&store, &fronted, PATIENCE).await.unwrap_err();
        let behind = lag(&store, target.name()).await.unwrap();
        assert!(behind >= 1000, "{behind}");

        let report = publish(&store, &target, PATIENCE).await.unwrap();
        assert_eq!((report.lag, report.end), (0, PublishEnd::CaughtUp));
        assert_eq!(count(&scratch, &target, Kind::Job).await, 1500);
    })
    .await;
}
