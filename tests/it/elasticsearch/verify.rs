//! An index beside its store.

use serde_json::{Value, json};
use tokio::sync::watch;
use trendy::load::Store;
use trendy::publish::elasticsearch::{Comparison, Difference, Fault, repair, verify};
use trendy::publish::{Target, publish};
use trendy::record::{Kind, RecordId};

use super::publisher::{PATIENCE, index_of};
use super::scratch::Scratch;
use crate::support::records::{batch, job, job_id, job_with, minute, pipeline, post, weather};
use crate::support::scratch::{on_postgres, on_sqlite};
use crate::support::trendy::Workspace;

/// Hours from the fixed midnight of the records to the next month.
const NEXT_MONTH: u32 = 31 * 24;

async fn differences(
    store: &Store,
    target: &trendy::publish::elasticsearch::ElasticsearchTarget,
) -> (Comparison, Vec<Difference>) {
    let mut found = Vec::new();
    let comparison = verify(store, target, |difference| found.push(difference))
        .await
        .unwrap();
    (comparison, found)
}

/// Makes the target believe that it has everything.
async fn skip_to_head(store: &Store, target: &dyn Target) {
    let head = store.head().await.unwrap();
    store
        .move_cursor(target.name(), head, minute(9))
        .await
        .unwrap();
}

async fn write(scratch: &Scratch, index: &str, id: &str, version: i64, source: Value) {
    let path = format!("{index}/_doc/{id}?version={version}&version_type=external");
    let answer = scratch.ask("PUT", &path, Some(source)).await;
    assert!(answer["error"].is_null(), "{answer}");
}

#[tokio::test]
async fn each_fault_is_found_and_mended() {
    on_sqlite(|place| async move {
        let store = place.open().await;
        let run = store.begin_run(&pipeline(), minute(0)).await.unwrap().id;
        let mut records: Vec<_> = (0..8).map(job).collect();
        records.extend([post(1), weather(0), weather(NEXT_MONTH)]);
        let reading = records[9].id;
        store.load(run, &batch(0, records)).await.unwrap();
        let (scratch, target) = index_of(&store).await;
        publish(&store, &target, PATIENCE).await.unwrap();
        let (comparison, found) = differences(&store, &target).await;
        assert!(comparison.is_equal() && found.is_empty(), "{found:?}");
        let read: Vec<_> = comparison
            .kinds
            .iter()
            .map(|counts| (counts.kind, counts.records, counts.documents))
            .collect();
        assert_eq!(
            read,
            [(Kind::Job, 8, 8), (Kind::Post, 1, 1), (Kind::Weather, 2, 2)]
        );

        let p = &scratch.prefix;
        let renamed = job_with(2, |job| job.title = "Renamed".to_owned());
        store
            .load(run, &batch(1, vec![renamed, job(900)]))
            .await
            .unwrap();
        store.delete(&[job_id(3)], minute(2)).await.unwrap();
        skip_to_head(&store, &target).await;
        scratch
            .ask("DELETE", &format!("{p}-job/_doc/{}", job_id(1)), None)
            .await;
        write(
            &scratch,
            &format!("{p}-job"),
            "stray",
            7,
            json!({"title": "?"}),
        )
        .await;
        write(
            &scratch,
            &format!("{p}-job"),
            &job_id(5).to_string(),
            9,
            json!({"id": job_id(5)}),
        )
        .await;
        let path = format!("{p}-weather-2026.04-000001");
        write(
            &scratch,
            &path,
            &reading.to_string(),
            1,
            json!({"id": reading}),
        )
        .await;

        let (comparison, mut found) = differences(&store, &target).await;
        found.sort_by(|a, b| a.id.cmp(&b.id));
        let mut expected = vec![
            (job_id(900).to_string(), Fault::Missing, Some(1), None),
            (job_id(1).to_string(), Fault::Missing, Some(1), None),
            (job_id(2).to_string(), Fault::Stale, Some(2), Some(1)),
            (job_id(3).to_string(), Fault::Surplus, Some(2), Some(1)),
            ("stray".to_owned(), Fault::Surplus, None, Some(7)),
            (job_id(5).to_string(), Fault::Newer, Some(1), Some(9)),
            (reading.to_string(), Fault::Surplus, Some(1), Some(1)),
        ];
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        let told: Vec<_> = found
            .iter()
            .map(|d| (d.id.clone(), d.fault, d.store_revision, d.index_revision))
            .collect();
        assert_eq!(told, expected);
        assert_eq!(comparison.differences(), 7);

        repair(&store, &target, |_| ()).await.unwrap();
        let (comparison, found) = differences(&store, &target).await;
        assert!(comparison.is_equal(), "{found:?}");
        let gc_deletes = format!("{p}-job/_settings/index.gc_deletes");
        let settings = scratch.ask("GET", &gc_deletes, None).await;
        assert!(settings.to_string().contains("1h"), "{settings}");
    })
    .await;
}

#[tokio::test]
async fn more_than_a_page_is_compared_and_mended() {
    on_sqlite(|place| async move {
        let store = place.open().await;
        let run = store.begin_run(&pipeline(), minute(0)).await.unwrap().id;
        let records = (0..5200).map(job).collect();
        store.load(run, &batch(0, records)).await.unwrap();
        let (_scratch, target) = index_of(&store).await;
        skip_to_head(&store, &target).await;
        let (comparison, _) = differences(&store, &target).await;
        assert_eq!((comparison.kinds[0].missing, comparison.lag), (5200, 0));
        let mut told = 0;
        repair(&store, &target, |_| told += 1).await.unwrap();
        assert_eq!(told, 5200);
        let (comparison, _) = differences(&store, &target).await;
        assert!(comparison.is_equal());
        assert_eq!(comparison.kinds[0].documents, 5200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_meanwhile_is_no_difference() {
    on_postgres(|place| async move {
        let store = place.open().await;
        let run = store.begin_run(&pipeline(), minute(0)).await.unwrap().id;
        store
            .load(run, &batch(0, (0..2000).map(job).collect()))
            .await
            .unwrap();
        let (_scratch, target) = index_of(&store).await;
        publish(&store, &target, PATIENCE).await.unwrap();

        let (stop, stopped) = watch::channel(false);
        let writes = async {
            let mut round: u32 = 0;
            while !*stopped.borrow() {
                round += 1;
                let changed = (0..40).map(|n| {
                    job_with(n * 50 + round % 50, |job| {
                        job.title = format!("Round {round}");
                    })
                });
                let number = u64::from(round);
                store
                    .load(run, &batch(number.try_into().unwrap(), changed.collect()))
                    .await
                    .unwrap();
                let gone: [RecordId; 1] = [job_id(round % 2000)];
                store.delete(&gone, minute(3)).await.unwrap();
                publish(&store, &target, PATIENCE).await.unwrap();
            }
            round
        };
        let verifies = async {
            for _ in 0..4 {
                let (comparison, found) = differences(&store, &target).await;
                assert!(comparison.is_equal(), "{found:?}");
            }
            stop.send(true).unwrap();
        };
        let (rounds, ()) = tokio::join!(writes, verifies);
        assert!(rounds > 1, "{rounds} rounds of writes");
    })
    .await;
}

#[tokio::test]
async fn command_tells_by_its_exit_code_and_says_what_to_do() {
    on_sqlite(|place| async move {
        let store = place.open().await;
        let run = store.begin_run(&pipeline(), minute(0)).await.unwrap().id;
        store
            .load(run, &batch(0, vec![job(1), job(2)]))
            .await
            .unwrap();
        let (scratch, target) = index_of(&store).await;
        publish(&store, &target, PATIENCE).await.unwrap();
        let mut workspace = Workspace::empty();
        workspace.set("DATABASE_URL", &place.url);
        workspace.set("ELASTICSEARCH_URL", scratch.server.as_str());
        workspace.set("TRENDY_INDEX_PREFIX", &scratch.prefix);

        let said = workspace.trendy(&["index", "verify"]).await;
        assert_eq!((said.status, said.stderr.as_str()), (0, ""), "{said:#?}");

        store.load(run, &batch(1, vec![job(3)])).await.unwrap();
        skip_to_head(&store, &target).await;
        let said = workspace
            .trendy(&["index", "verify", "--format", "json"])
            .await;
        assert_eq!(said.status, 1, "{said:#?}");
        assert!(said.stderr.contains("--repair"), "{said:#?}");
        let report = said.json();
        assert_eq!(
            (&report["equal"], &report["kinds"][0]["missing"]),
            (&json!(false), &json!(1))
        );
        assert_eq!(
            report["differences"],
            json!([{"kind": "job", "id": job_id(3), "fault": "missing", "store_revision": 1,
                "index_revision": null, "index": null}])
        );

        let arguments = ["index", "verify", "--repair", "--format", "json"];
        let said = workspace.trendy(&arguments).await;
        assert_eq!(said.status, 0, "{said:#?}");
        assert_eq!(
            (&said.json()["mended"], &said.json()["equal"]),
            (&json!(1), &json!(true))
        );
    })
    .await;
}
