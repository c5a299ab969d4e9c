//! What the store lets go of, the same on SQLite and Postgres, and what a target makes of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use trendy::load::{Pruned, Retention, Store};
use trendy::publish::{PublishEnd, SendError, SendReport, Target, lag, publish};
use trendy::record::{Body, Change, Kind, Op, Record, RecordId, StoredRecord, WeatherKind};

use crate::support::records::{batch, job, job_id, job_with, minute, pipeline, post, weather};
use crate::support::scratch::{Scratch, on_both};

on_both! {
    log_is_cut_by_age_at_its_beginning_alone
    active_cursor_holds_the_log_and_a_silent_one_does_not
    cursor_that_fell_off_is_sent_everything_and_every_deletion
    cut_while_a_target_follows_costs_it_nothing
    forecasts_go_with_a_change_and_a_tombstone_and_observations_stay
    tombstone_outlives_the_change_that_tells_of_it
}

const DAY: i64 = 24 * 60;
const PATIENCE: Duration = Duration::from_mins(1);

/// Changes for ten days, forecasts for thirty; a target is silent after five.
fn retention() -> Retention {
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    Retention {
        log: Some(days(10)),
        forecasts: Some(days(30)),
        targets: days(5),
    }
}

async fn load(store: &Store, at: i64, records: Vec<Record>) {
    let run = store.begin_run(&pipeline(), minute(0)).await.unwrap().id;
    store.load(run, &batch(at, records)).await.unwrap();
}

async fn prune_all(store: &Store, at: i64) -> Pruned {
    let mut total = Pruned::default();
    loop {
        let piece = store.prune(&retention(), minute(at)).await.unwrap();
        total += piece;
        if piece.is_empty() {
            return total;
        }
    }
}

async fn changes(store: &Store) -> Vec<(i64, Op)> {
    let changes = store.changes_after(0, 10_000).await.unwrap();
    let seq_and_op = |(change, _): (Change, _)| (change.seq, change.op);
    changes.into_iter().map(seq_and_op).collect()
}

/// A target that keeps what it is sent as an index does: of two revisions the newer one.
#[derive(Default)]
struct Copy {
    held: Mutex<BTreeMap<RecordId, (i64, Option<StoredRecord>)>>,
    /// A store to be cut while the first batch is on its way, as of this minute.
    cut: Mutex<Option<(Store, i64)>>,
    /// Held until it is cut.
    cutting: Arc<tokio::sync::Mutex<()>>,
}

impl Copy {
    /// What it holds, deletions aside.
    fn records(&self) -> Vec<StoredRecord> {
        let held = self.held.lock().unwrap();
        held.values()
            .filter_map(|(_, record)| record.clone())
            .collect()
    }
}

#[async_trait]
impl Target for Copy {
    fn name(&self) -> &'static str {
        "copy"
    }

    async fn check(&self) -> Result<(), SendError> {
        Ok(())
    }

    async fn send(
        &self,
        batch: &[(Change, Option<StoredRecord>)],
    ) -> Result<SendReport, SendError> {
        let cut = self.cut.lock().unwrap().take();
        if let Some((store, at)) = cut {
            // A publisher that sees the cut at once lets go of this batch, and the rest is to be cut all the same.
            let whole = Arc::clone(&self.cutting).lock_owned().await;
            let cutting = tokio::spawn(async move {
                prune_all(&store, at).await;
                drop(whole);
            });
            cutting.await.unwrap();
        }
        let mut held = self.held.lock().unwrap();
        for (change, record) in batch {
            let revision = record
                .as_ref()
                .map_or(change.revision, |record| record.revision);
            if held
                .get(&change.record_id)
                .is_none_or(|(known, _)| *known <= revision)
            {
                held.insert(change.record_id, (revision, record.clone()));
            }
        }
        let sent = batch.len() as u64;
        Ok(SendReport {
            sent,
            ..SendReport::default()
        })
    }
}

async fn stored(store: &Store) -> Vec<StoredRecord> {
    let mut records = Vec::new();
    for kind in Kind::ALL {
        records.extend(store.records_after(kind, None, 10_000).await.unwrap());
    }
    records.sort_by_key(|record| record.id);
    records
}

async fn log_is_cut_by_age_at_its_beginning_alone(scratch: Scratch) {
    let store = scratch.open().await;
    load(&store, 0, vec![job(1), job(2)]).await;
    load(&store, 8 * DAY, vec![job(3)]).await;
    // A machine whose clock is late.
    load(&store, 1, vec![job(4)]).await;

    assert!(prune_all(&store, 9 * DAY).await.is_empty());
    let pruned = prune_all(&store, 12 * DAY).await;
    assert_eq!(
        pruned,
        Pruned {
            changes: 2,
            ..Pruned::default()
        }
    );
    let kept: Vec<i64> = changes(&store).await.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(kept, [3, 4]);
    assert!(store.follows_on(2).await.unwrap());
    assert!(!store.follows_on(1).await.unwrap());

    assert_eq!(prune_all(&store, 99 * DAY).await.changes, 2);
    assert_eq!(store.head().await.unwrap(), 4);
    load(&store, 99 * DAY, vec![job(5)]).await;
    assert_eq!(changes(&store).await, [(5, Op::Added)]);
    assert_eq!(stored(&store).await.len(), 5);
}

async fn active_cursor_holds_the_log_and_a_silent_one_does_not(scratch: Scratch) {
    let store = scratch.open().await;
    load(&store, 0, (1..=5).map(job).collect()).await;
    store
        .move_cursor("slow", 3, minute(19 * DAY))
        .await
        .unwrap();
    store
        .move_cursor("fallen", -1, minute(19 * DAY))
        .await
        .unwrap();
    store.move_cursor("gone", 1, minute(DAY)).await.unwrap();

    assert_eq!(prune_all(&store, 20 * DAY).await.changes, 3);
    assert!(store.follows_on(3).await.unwrap());
    // The target acknowledged nothing for five days.
    assert_eq!(prune_all(&store, 25 * DAY).await.changes, 2);
    assert!(!store.follows_on(3).await.unwrap());
}

async fn cursor_that_fell_off_is_sent_everything_and_every_deletion(scratch: Scratch) {
    let store = scratch.open().await;
    let copy = Copy::default();
    load(&store, 0, vec![job(1), job(2), job(3), post(1)]).await;
    publish(&store, &copy, PATIENCE).await.unwrap();
    // Targets acknowledge by the real clock.
    let cursor = store.cursor("copy").await.unwrap().unwrap();
    store
        .move_cursor("copy", cursor.seq, minute(0))
        .await
        .unwrap();

    let renamed = job_with(1, |job| job.title = "Staff engineer".into());
    load(&store, DAY, vec![renamed, job(4)]).await;
    store.delete(&[job_id(2)], minute(2 * DAY)).await.unwrap();
    assert_eq!(prune_all(&store, 13 * DAY).await.changes, 7);
    load(&store, 13 * DAY, vec![job(5)]).await;

    assert_eq!(lag(&store, "copy").await.unwrap(), 8);
    let report = publish(&store, &copy, PATIENCE).await.unwrap();
    assert_eq!((report.end, report.lag), (PublishEnd::CaughtUp, 0));
    assert_eq!(copy.records(), stored(&store).await);
    assert!(copy.records().iter().all(|record| record.id != job_id(2)));
}

async fn cut_while_a_target_follows_costs_it_nothing(scratch: Scratch) {
    let store = scratch.open().await;
    let copy = Copy::default();
    publish(&store, &copy, PATIENCE).await.unwrap();
    load(&store, 0, (0..1_200).map(job).collect()).await;
    store.delete(&[job_id(1_199)], minute(1)).await.unwrap();
    store.move_cursor("copy", 0, minute(0)).await.unwrap();
    *copy.cut.lock().unwrap() = Some((store.clone(), 13 * DAY));

    let report = publish(&store, &copy, PATIENCE).await.unwrap();
    drop(copy.cutting.lock().await);
    assert_eq!(
        changes(&store).await,
        [],
        "cut before the second piece was read"
    );
    assert_eq!((report.end, report.lag), (PublishEnd::CaughtUp, 0));
    assert_eq!(copy.records(), stored(&store).await);
    assert_eq!(copy.records().len(), 1_199);
}

fn observation(hour: u32) -> Record {
    let mut record = weather(hour);
    if let Body::Weather(weather) = &mut record.body {
        weather.kind = WeatherKind::Observation;
    }
    let key = ["kma", "seoul", "observation", &hour.to_string()];
    record.id = RecordId::of(Kind::Weather, &key);
    record
}

async fn forecasts_go_with_a_change_and_a_tombstone_and_observations_stay(scratch: Scratch) {
    let store = scratch.open().await;
    let mut records: Vec<Record> = (0..20 * 24).map(weather).collect();
    records.extend([observation(0), job(1)]);
    load(&store, 0, records).await;

    let at = 31 * DAY;
    let piece = store.prune(&retention(), minute(at)).await.unwrap();
    // Hours before day one.
    assert_eq!(piece.forecasts, 24);
    assert_eq!(stored(&store).await.len(), 19 * 24 + 2);
    let pruned = prune_all(&store, 50 * DAY).await;
    assert_eq!(pruned.forecasts, 19 * 24);
    let left: Vec<RecordId> = stored(&store)
        .await
        .iter()
        .map(|record| record.id)
        .collect();
    assert_eq!(left.len(), 2);
    assert!(left.contains(&observation(0).id) && left.contains(&job_id(1)));
    assert!(
        changes(&store)
            .await
            .iter()
            .all(|(_, op)| *op == Op::Deleted)
    );
    let tombstones = store.tombstones_after(None, 10_000).await.unwrap();
    assert_eq!(tombstones.len(), 20 * 24);
    assert!(tombstones.iter().all(|tombstone| tombstone.revision == 2));
}

async fn tombstone_outlives_the_change_that_tells_of_it(scratch: Scratch) {
    let store = scratch.open().await;
    load(&store, 0, vec![job(1)]).await;
    store.delete(&[job_id(1)], minute(0)).await.unwrap();
    prune_all(&store, 19 * DAY).await;
    assert_eq!(changes(&store).await, []);
    assert_eq!(store.tombstones_after(None, 10).await.unwrap().len(), 1);
    assert_eq!(prune_all(&store, 21 * DAY).await.tombstones, 1);
    assert_eq!(store.tombstones_after(None, 10).await.unwrap(), []);
}
