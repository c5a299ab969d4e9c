//! Weather, of which each month has an index.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use trendy::load::Store;
use trendy::publish::elasticsearch::{
    Comparison, ElasticsearchSettings, ElasticsearchTarget, repair, verify,
};
use trendy::publish::{PublishReport, SendError, Target, publish};
use trendy::record::Kind;

use super::publisher::{PATIENCE, index_of};
use super::rebuild::{pruned, rebuilt};
use super::scratch::{Scratch, deleted, reading};
use super::sent;
use crate::support::records::{batch, minute, pipeline, weather};
use crate::support::scratch::{on_both, on_sqlite};
use crate::support::trendy::Workspace;

/// Hours from the fixed midnight of the records, that of the first of March 2026, to the first of April and of May.
const APRIL: u32 = 31 * 24;
const MAY: u32 = APRIL + 30 * 24;

/// How old by now what was valid in the middle of April is.
fn since_mid_april() -> SignedDuration {
    Timestamp::now().duration_since(minute(i64::from(APRIL + 15 * 24) * 60))
}

/// A target that keeps the weather since the middle of April, hence all of April.
fn forgetful(scratch: &Scratch) -> ElasticsearchTarget {
    let settings = ElasticsearchSettings {
        weather_keep: Some(since_mid_april()),
        ..scratch.settings_at(&scratch.server)
    };
    ElasticsearchTarget::new(&settings, scratch.store).unwrap()
}

async fn load(store: &Store, hours: &[u32]) {
    let run = store.begin_run(&pipeline(), minute(0)).await.unwrap().id;
    let records = hours.iter().copied().map(weather).collect();
    store.load(run, &batch(0, records)).await.unwrap();
}

async fn published(store: &Store, target: &dyn Target) -> (u64, u64, u64) {
    let PublishReport {
        sent,
        expired,
        refused,
        ..
    } = publish(store, target, PATIENCE).await.unwrap();
    (sent, expired, refused)
}

/// The months that have an index, each with its number.
async fn months(scratch: &Scratch) -> Vec<String> {
    let prefix = format!("{}-weather-", scratch.prefix);
    let indices = scratch.indices().await;
    let months = indices
        .iter()
        .filter_map(|index| index.strip_prefix(&prefix));
    months.map(str::to_owned).collect()
}

/// Whether they are equal, and of weather the records, documents and expired records, and the documents that are missing.
async fn compared(store: &Store, target: &ElasticsearchTarget) -> (bool, [u64; 4]) {
    let comparison: Comparison = verify(store, target, |_| ()).await.unwrap();
    let weather = comparison
        .kinds
        .iter()
        .find(|counts| counts.kind == Kind::Weather)
        .unwrap();
    let counts = [
        weather.records,
        weather.documents,
        weather.expired,
        weather.missing,
    ];
    (comparison.is_equal(), counts)
}

on_both! {
    months_past_their_age_are_dropped_whole_and_neither_filled_nor_compared
}

async fn months_past_their_age_are_dropped_whole_and_neither_filled_nor_compared(
    place: crate::support::scratch::Scratch,
) {
    let store = place.open().await;
    load(&store, &[0, 1, APRIL - 1, APRIL, MAY - 1, MAY]).await;
    let (scratch, target) = index_of(&store).await;
    assert_eq!(published(&store, &target).await, (6, 0, 0));
    let all = ["2026.03-000001", "2026.04-000001", "2026.05-000001"];
    assert_eq!(months(&scratch).await, all);

    let forgetful = forgetful(&scratch);
    load(&store, &[2, APRIL + 1]).await;
    assert_eq!(published(&store, &forgetful).await, (1, 1, 0));
    assert_eq!(months(&scratch).await, all[1..]);
    assert_eq!(compared(&store, &forgetful).await, (true, [4, 4, 4, 0]));

    rebuilt(&store, &forgetful).await.unwrap();
    pruned(&store, &forgetful).await.unwrap();
    assert_eq!(months(&scratch).await, ["2026.04-000002", "2026.05-000002"]);
    assert_eq!(compared(&store, &forgetful).await, (true, [4, 4, 4, 0]));

    // Whoever keeps more again finds in the store what the index let go of.
    let target = scratch.target();
    assert_eq!(compared(&store, &target).await, (false, [8, 4, 0, 4]));
    repair(&store, &target, |_| ()).await.unwrap();
    assert_eq!(compared(&store, &target).await, (true, [8, 8, 0, 0]));
}

#[tokio::test]
async fn month_that_cannot_be_dropped_keeps_nothing_from_being_published() {
    on_sqlite(|place| async move {
        let store = place.open().await;
        load(&store, &[0, APRIL]).await;
        let (scratch, target) = index_of(&store).await;
        published(&store, &target).await;
        let read_only = |is: bool| json!({"index.blocks.read_only": is});
        let path = format!("{}-weather-2026.03/_settings", scratch.prefix);
        scratch.ask("PUT", &path, Some(read_only(true))).await;

        let forgetful = forgetful(&scratch);
        load(&store, &[1, APRIL + 1]).await;
        assert_eq!(published(&store, &forgetful).await, (1, 1, 0));
        assert_eq!(months(&scratch).await, ["2026.03-000001", "2026.04-000001"]);
        assert_eq!(compared(&store, &forgetful).await, (true, [2, 2, 2, 0]));

        scratch.ask("PUT", &path, Some(read_only(false))).await;
        load(&store, &[APRIL + 2]).await;
        assert_eq!(published(&store, &forgetful).await, (1, 0, 0));
        assert_eq!(months(&scratch).await, ["2026.04-000001"]);
    })
    .await;
}

#[tokio::test]
async fn months_of_another_store_are_not_dropped() {
    on_sqlite(|place| async move {
        let store = place.open().await;
        load(&store, &[0, APRIL]).await;
        let (scratch, target) = index_of(&store).await;
        rebuilt(&store, &target).await.unwrap();
        let before = scratch.indices().await;
        let of_another = Scratch {
            store: Scratch::new().store,
            server: scratch.server.clone(),
            prefix: scratch.prefix.clone(),
        };
        let pruned = pruned(&store, &forgetful(&of_another)).await;
        assert!(pruned.is_err_and(|error| error.needs_rebuild()));
        assert_eq!(scratch.indices().await, before);
    })
    .await;
}

#[tokio::test]
async fn alias_that_somebody_gave_a_month_does_not_keep_it_past_its_age() {
    on_sqlite(|place| async move {
        let store = place.open().await;
        load(&store, &[0, APRIL]).await;
        let (scratch, target) = index_of(&store).await;
        published(&store, &target).await;
        let path = format!(
            "{p}-weather-2026.03-000001/_alias/{p}-march",
            p = scratch.prefix
        );
        scratch.ask("PUT", &path, None).await;

        let forgetful = forgetful(&scratch);
        let report = rebuilt(&store, &forgetful).await.unwrap();
        assert_eq!(
            (report.filled, report.expired, report.left),
            (1, 1, Vec::new())
        );
        pruned(&store, &forgetful).await.unwrap();
        assert_eq!(months(&scratch).await, ["2026.04-000002"]);
    })
    .await;
}

#[tokio::test]
async fn stray_that_calls_itself_old_is_found_in_a_month_that_is_kept() {
    on_sqlite(|place| async move {
        let store = place.open().await;
        load(&store, &[0, APRIL]).await;
        let (scratch, target) = index_of(&store).await;
        published(&store, &target).await;
        let path = format!("{}-weather-2026.04/_doc/stray", scratch.prefix);
        let stray = json!({"kind": "weather", "valid_at": "2020-01-01T00:00:00Z"});
        scratch.ask("PUT", &path, Some(stray)).await;

        let forgetful = forgetful(&scratch);
        assert_eq!(compared(&store, &forgetful).await, (false, [1, 2, 1, 0]));
        repair(&store, &forgetful, |_| ()).await.unwrap();
        assert_eq!(compared(&store, &forgetful).await, (true, [1, 1, 1, 0]));
    })
    .await;
}

#[tokio::test]
async fn commands_tell_what_is_past_its_age() {
    on_sqlite(|place| async move {
        let store = place.open().await;
        load(&store, &[0, APRIL]).await;
        let (scratch, target) = index_of(&store).await;
        published(&store, &target).await;
        let mut workspace = Workspace::empty();
        workspace.set("DATABASE_URL", &place.url);
        workspace.set("ELASTICSEARCH_URL", scratch.server.as_str());
        workspace.set("TRENDY_INDEX_PREFIX", &scratch.prefix);
        for (keep, problem) in [
            ("soon", "`soon` is no age"),
            ("36m", "a month, `31d`, is the least"),
        ] {
            workspace.set("TRENDY_WEATHER_INDEX_KEEP", keep);
            let said = workspace.trendy(&["index", "prune"]).await;
            assert_eq!(said.status, 2, "{said:#?}");
            let problem = format!("`weather_index_keep`: {problem}");
            assert!(said.stderr.contains(&problem), "{said:#?}");
        }

        let keep = format!("{}h", since_mid_april().as_hours());
        workspace.set("TRENDY_WEATHER_INDEX_KEEP", &keep);
        let said = workspace.trendy(&["index", "prune"]).await;
        let dropped = format!("deleted {}-weather-2026.03-000001\n", scratch.prefix);
        assert_eq!((said.status, said.stdout), (0, dropped));
        load(&store, &[1]).await;
        let said = workspace.trendy(&["index", "sync"]).await;
        assert_eq!(said.status, 0, "{said:#?}");
        assert!(
            said.stderr
                .contains("past `weather_index_keep` that target"),
            "{said:#?}"
        );
    })
    .await;
}

#[tokio::test]
async fn weather_of_two_months_goes_to_two_indices() {
    let (scratch, target) = Scratch::set_up().await;
    let temperature = json!({"temperature": {"value": 3.5, "unit": "°C", "raw": "3.5", "min": null, "max": null}});
    let rain = json!({"rain": {"value": null, "unit": "mm", "raw": "30.0~50.0mm", "min": 30.0, "max": 50.0}});
    let november = reading("seoul", "2026-11-30T23:00:00Z", &temperature);
    let december = reading("seoul", "2026-12-01T00:00:00Z", &rain);
    let batch = [november.clone(), december];
    assert_eq!(target.send(&batch).await.unwrap(), sent(2));
    assert_eq!(target.send(&batch).await.unwrap(), sent(2));

    let p = &scratch.prefix;
    let months = [
        format!("{p}-weather-2026.11-000001"),
        format!("{p}-weather-2026.12-000001"),
    ];
    assert_eq!(scratch.indices().await[2..], months);
    for month in ["2026.11", "2026.12"] {
        let path = format!("{p}-weather-{month}/_refresh");
        scratch.ask("POST", &path, None).await;
        let count = scratch
            .ask("GET", &format!("{p}-weather-{month}/_count"), None)
            .await;
        assert_eq!(count["count"], 1, "{month}");
    }
    assert_eq!(target.count(Kind::Weather).await.unwrap(), 2);

    let highest =
        json!({"size": 0, "aggs": {"highest": {"max": {"field": "values.temperature.value"}}}});
    let answer = scratch
        .ask("POST", &format!("{p}-weather/_search"), Some(highest))
        .await;
    assert_eq!(answer["aggregations"]["highest"]["value"], 3.5);

    assert_eq!(
        target.send(&[deleted(&november, 2)]).await.unwrap(),
        sent(1)
    );
    scratch
        .ask("POST", &format!("{p}-weather/_refresh"), None)
        .await;
    assert_eq!(target.count(Kind::Weather).await.unwrap(), 1);
}

#[tokio::test]
async fn month_whose_index_was_dropped_comes_back_at_the_next_attempt() {
    let (scratch, target) = Scratch::set_up().await;
    let batch = [reading("seoul", "2026-11-30T23:00:00Z", &json!({}))];
    target.send(&batch).await.unwrap();
    scratch
        .ask(
            "DELETE",
            &format!("{}-weather-2026.11-000001", scratch.prefix),
            None,
        )
        .await;
    assert!(matches!(
        target.send(&batch).await,
        Err(SendError::NotSetUp { .. })
    ));
    assert_eq!(target.send(&batch).await.unwrap(), sent(1));
}

#[tokio::test]
async fn reading_of_no_month_is_refused_and_the_others_arrive() {
    let (_scratch, target) = Scratch::set_up().await;
    let batch = [
        reading("seoul", "someday", &json!({})),
        reading("busan", "2026-11-30T23:00:00Z", &json!({})),
    ];
    let report = target.send(&batch).await.unwrap();
    assert_eq!((report.sent, report.refused.len()), (1, 1));
}
