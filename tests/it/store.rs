//! The contract of the store, the same on SQLite and Postgres: what a load, a run and a reader of the change log may rely
//! on.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::SqlSafeStr;
use trendy::load::{
    Batch, DeadLetterFilter, DeadLetterState, LoadReport, NewDeadLetter, Pool, Store, StoreError,
};
use trendy::record::{
    Change, Counts, Kind, Op, Outcome, PipelineId, Record, RecordId, Rejection, RunId, Stage,
    Subject,
};

use crate::support::records::{
    BOARD, PIPELINE, batch, job, job_id, job_with, minute, pipeline, post, term, weather,
};
use crate::support::scratch::{Scratch, on_both, postgres_url};

on_both! {
    keeps_its_identity_when_opened_again
    empty_batch_counts_its_pages_only
    same_batch_twice_is_the_same_as_once
    page_walked_again_counts_though_it_says_the_same
    update_logs_what_differs
    document_holds_fields_and_what_stands_beside_them
    close_is_logged_once_and_reopening_too
    sighting_touches_and_reopens_without_content
    other_terms_are_derived
    another_link_or_pipeline_is_derived
    values_in_the_query_of_a_link_are_stored_without_a_revision
    terms_follow_their_record
    last_of_duplicates_counts
    odd_texts_are_kept_and_lose_nothing
    record_that_the_store_refuses_becomes_a_dead_letter_among_good_ones
    record_that_breaks_the_staging_costs_no_other
    last_seen_never_goes_back
    deleted_record_comes_back_with_a_higher_revision
    unfinished_run_goes_on_where_it_died
    interrupted_run_goes_on
    finished_run_is_told_by_the_log_once
    load_into_a_run_that_is_not_open_writes_nothing
    reader_skips_nothing_while_two_write
    lock_excludes_until_it_is_released
    rejections_are_kept_once
    dead_letters_are_filtered_and_settled
    one_retry_of_a_dead_letter_is_counted_once
    what_is_refused_again_opens_its_letter_again_unless_it_was_dropped
    cursor_remembers_store_and_number
    snapshot_streams_a_kind_in_order_of_ids
    views_show_fields_as_columns
    newer_schema_is_refused
    opens_from_several_processes_at_once
}

async fn begin(store: &Store) -> RunId {
    store.begin_run(&pipeline(), minute(0)).await.unwrap().id
}

async fn load(store: &Store, run: RunId, batch: &Batch) -> LoadReport {
    store.load(run, batch).await.unwrap()
}

async fn changes(store: &Store) -> Vec<Change> {
    let changes = store.changes_after(0, 10_000).await.unwrap();
    changes.into_iter().map(|(change, _)| change).collect()
}

async fn ops(store: &Store) -> Vec<(RecordId, Op, i64)> {
    let row = |change: Change| (change.record_id, change.op, change.revision);
    changes(store).await.into_iter().map(row).collect()
}

async fn documents(store: &Store) -> Vec<Value> {
    let records = store.records_after(Kind::Job, None, 10_000).await.unwrap();
    records
        .into_iter()
        .map(|record| record.document())
        .collect()
}

async fn document(store: &Store, id: RecordId) -> Value {
    let documents = documents(store).await;
    documents
        .into_iter()
        .find(|document| document["id"] == json!(id))
        .unwrap()
}

async fn counts(store: &Store, run: RunId) -> Counts {
    store.run(run).await.unwrap().unwrap().counts
}

/// One number of a query that both servers understand.
async fn number(store: &Store, sql: &'static str) -> i64 {
    store.rows::<(i64,)>(sql, []).await.unwrap()[0].0
}

/// Schema changes and the like, beside the store's own interface.
pub(crate) async fn sql(store: &Store, scratch: &Scratch, sql: impl SqlSafeStr) {
    match store.pool() {
        Pool::Postgres(pool) => {
            sqlx::raw_sql(sql).execute(pool).await.unwrap();
        }
        Pool::Sqlite(_) => {
            let pool = sqlx::SqlitePool::connect(&scratch.url).await.unwrap();
            sqlx::raw_sql(sql).execute(&pool).await.unwrap();
            pool.close().await;
        }
    }
}

async fn keeps_its_identity_when_opened_again(scratch: Scratch) {
    let first = scratch.open().await;
    assert_eq!(first.identity().epoch, 1);
    first.shutdown().await;
    let again = scratch.open().await;
    assert_eq!(again.identity(), first.identity());
    let shown = format!("{again:?}");
    assert!(
        shown.contains(again.place()) && !shown.contains("password"),
        "{shown}"
    );
}

async fn empty_batch_counts_its_pages_only(scratch: Scratch) {
    let store = scratch.open().await;
    let run = begin(&store).await;
    let report = load(&store, run, &batch(1, vec![])).await;
    assert_eq!(report, LoadReport::default());
    assert_eq!(
        counts(&store, run).await,
        Counts {
            pages: 1,
            ..Counts::default()
        }
    );
    assert_eq!(store.head().await.unwrap(), 0);
}

async fn same_batch_twice_is_the_same_as_once(scratch: Scratch) {
    let store = scratch.open().await;
    let run = begin(&store).await;
    let mut batch = batch(1, vec![job(1), job(2)]);
    batch.rejections.push(rejection("https://jobs.example/9"));

    assert_eq!(
        load(&store, run, &batch).await,
        LoadReport {
            added: 2,
            ..LoadReport::default()
        }
    );
    let once = (
        documents(&store).await,
        changes(&store).await,
        counts(&store, run).await,
    );
    let again = load(&store, run, &batch).await;

    assert_eq!(
        again,
        LoadReport {
            unchanged: 2,
            ..LoadReport::default()
        }
    );
    assert_eq!(
        once,
        (
            documents(&store).await,
            changes(&store).await,
            counts(&store, run).await
        )
    );
    let expected = Counts {
        pages: 1,
        records: 2,
        added: 2,
        rejected: 1,
        ..Counts::default()
    };
    assert_eq!(once.2, expected);
}

async fn page_walked_again_counts_though_it_says_the_same(scratch: Scratch) {
    let store = scratch.open().await;
    let run = begin(&store).await;
    load(&store, run, &batch(1, vec![job(1)])).await;
    load(&store, run, &batch(2, vec![job(1)])).await;
    let expected = Counts {
        pages: 2,
        records: 1,
        added: 1,
        ..Counts::default()
    };
    assert_eq!(counts(&store, run).await, expected);
}

async fn update_logs_what_differs(scratch: Scratch) {
    let store = scratch.open().await;
    let run = begin(&store).await;
    load(&store, run, &batch(0, vec![job(1), job(2)])).await;
    let changed = job_with(2, |job| {
        job.title = "Staff engineer".into();
        job.remote = Some(true);
    });
    let report = load(&store, run, &batch(30, vec![job(1), changed])).await;

    assert_eq!(
        report,
        LoadReport {
            updated: 1,
            unchanged: 1,
            ..LoadReport::default()
        }
    );
    let last = changes(&store).await.pop().unwrap();
    assert_eq!(
        (last.record_id, last.op, last.revision),
        (job_id(2), Op::Updated, 2)
    );
    assert_eq!(
        (last.run_id, last.kind, last.at),
        (Some(run), Subject::Record(Kind::Job), minute(30))
    );
    assert_eq!(
        last.diff.unwrap(),
        json!({"title": ["Backend engineer 2", "Staff engineer"], "remote": [null, true]})
    );
    assert_eq!(document(&store, job_id(2)).await["title"], "Staff engineer");
    assert_eq!(store.changes_of(run).await.unwrap(), changes(&store).await);
}

async fn document_holds_fields_and_what_stands_beside_them(scratch: Scratch) {
    let store = scratch.open().await;
    let run = begin(&store).await;
    let record = job(1);
    load(&store, run, &batch(5, vec![record.clone()])).await;
    load(&store, run, &batch(35, vec![record.clone()])).await;
    let (_, stored) = store.changes_after(0, 1).await.unwrap().pop().unwrap();
    let stored = stored.unwrap();

    let mut expected = serde_json::to_value(&record.body).unwrap();
    let beside = json!({
        "id": record.id, "kind": "job", "pipeline": PIPELINE, "url": record.url, "first_seen_at": minute(5),
        "content_hash": record.content_hash, "revision": 1, "active": true, "closed_at": null,
        "same_as": null, "terms": record.terms,
    });
    expected
        .as_object_mut()
        .unwrap()
        .extend(beside.as_object().unwrap().clone());
    assert_eq!(stored.document(), expected);
    assert_eq!(
        (stored.id, stored.kind, stored.revision),
        (record.id, Kind::Job, 1)
    );
}

async fn close_is_logged_once_and_reopening_too(scratch: Scratch) {
    let store = scratch.open().await;
    let run = begin(&store).await;
    load(&store, run, &batch(0, vec![job(1), job(2)])).await;
    let unknown = job_id(99);

    let closed = [job_id(1), job_id(1), unknown];
    assert_eq!(store.close(run, &closed, minute(10)).await.unwrap(), 1);
    assert_eq!(store.close(run, &closed, minute(11)).await.unwrap(), 0);
    assert_eq!(
        store.active_ids(Kind::Job, BOARD).await.unwrap(),
        [job_id(2)]
    );
    let document_closed = document(&store, job_id(1)).await;
    assert_eq!(document_closed["active"], false);
    assert_eq!(document_closed["closed_at"], json!(minute(10)));

    let report = load(&store, run, &batch(20, vec![job(1), job(2)])).await;
    assert_eq!(
        report,
        LoadReport {
            reopened: 1,
            unchanged: 1,
            ..LoadReport::default()
        }
    );
    let document_open = document(&store, job_id(1)).await;
    assert_eq!(
        (&document_open["active"], &document_open["closed_at"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(
        ops(&store).await[2..],
        [(job_id(1), Op::Closed, 2), (job_id(1), Op::Reopened, 3)]
    );
    let counts = counts(&store, run).await;
    assert_eq!((counts.closed, counts.reopened, counts.added), (1, 1, 2));
}

async fn sighting_touches_and_reopens_without_content(scratch: Scratch) {
    let store = scratch.open().await;
    let run = begin(&store).await;
    load(&store, run, &batch(0, vec![job(1), job(2)])).await;
    store.close(run, &[job_id(1)], minute(10)).await.unwrap();
    store
        .finish_run(run, Outcome::Ok, None, minute(11))
        .await
        .unwrap();

    let run = begin(&store).await;
    let seen = vec![job_id(1), job_id(2), job_id(3), job_id(2)];
    let report = load(
        &store,
        run,
        &Batch {
            seen,
            ..batch(20, vec![])
        },
    )
    .await;

    assert_eq!(
        report,
        LoadReport {
            reopened: 1,
            unchanged: 1,
            ..LoadReport::default()
        }
    );
    assert_eq!(document(&store, job_id(1)).await["active"], true);
    assert_eq!(
        ops(&store).await.last().unwrap(),
        &(job_id(1), Op::Reopened, 3)
    );
    assert_eq!(last_seen(&store).await, [minute(20), minute(20)]);
    let expected = Counts {
        pages: 1,
        records: 2,
        reopened: 1,
        unchanged: 1,
        ..Counts::default()
    };
    assert_eq!(counts(&store, run).await, expected);
    let resumed = store.begin_run(&pipeline(), minute(21)).await.unwrap();
    let loaded = store.checkpoint(resumed.id).await.unwrap();
    assert_eq!(loaded, HashSet::from([job_id(1), job_id(2)]));
}

async fn last_seen(store: &Store) -> Vec<Timestamp> {
    let sql = "SELECT s.at FROM seen AS s JOIN records AS r ON r.number = s.number ORDER BY r.id";
    let rows = store.rows::<(trendy::load::At,)>(sql, []).await.unwrap();
    rows.into_iter().map(|row| row.0.0).collect()
}

async fn other_terms_are_derived(scratch: Scratch) {
    let store = scratch.open().await;
    let run = begin(&store).await;
    load(&store, run, &batch(0, vec![job(1)])).await;
    let record = Record {
        terms: vec![term("Rust")],
        ..job(1)
    };
    let report = load(&store, run, &batch(1, vec![record])).await;

    assert_eq!(
        report,
        LoadReport {
            derived: 1,
            ..LoadReport::default()
        }
    );
    assert_eq!(
        ops(&store).await,
        [(job_id(1), Op::Added, 1), (job_id(1), Op::Derived, 2)]
    );
    let document = document(&store, job_id(1)).await;
    assert_eq!(
        document["terms"],
        json!([{"name": "Rust", "type": "language"}])
    );
    assert_eq!(document["revision"], 2);
}

async fn another_link_or_pipeline_is_derived(scratch: Scratch) {
    let store = scratch.open().await;
    let run = begin(&store).await;
    load(&store, run, &batch(0, vec![job(1), job(2), job(3)])).await;
    let moved = Record {
        url: "https://source.example/moved".to_owned(),
        ..job(1)
    };
    let renamed = Record {
        pipeline: PipelineId("renamed".to_owned()),
        ..job(2)
    };
    let again = batch(10, vec![moved, renamed, job(3)]);
    let report = load(&store, run, &again).await;
    let expected = LoadReport {
        derived: 2,
        unchanged: 1,
        ..LoadReport::default()
    };
    assert_eq!(report, expected);

    let document_moved = document(&store, job_id(1)).await;
    assert_eq!(document_moved["url"], "https://source.example/moved");
    assert_eq!(document_moved["content_hash"], json!(job(1).content_hash));
    assert_eq!(document(&store, job_id(2)).await["pipeline"], "renamed");
    let told = changes(&store).await.split_off(3);
    let diffs: Vec<_> = told
        .into_iter()
        .map(|change| {
            (
                change.record_id,
                change.op,
                change.revision,
                change.diff.unwrap(),
            )
        })
        .collect();
    let before = job(1).url;
    assert_eq!(
        diffs,
        [
            (
                job_id(1),
                Op::Derived,
                2,
                json!({"url": [before, "https://source.example/moved"]})
            ),
            (
                job_id(2),
                Op::Derived,
                2,
                json!({"pipeline": [PIPELINE, "renamed"]})
            ),
        ]
    );

    let report = load(
        &store,
        run,
        &Batch {
            at: minute(20),
            ..again
        },
    )
    .await;
    assert_eq!((report.unchanged, report.derived), (3, 0));
}

async fn values_in_the_query_of_a_link_are_stored_without_a_revision(scratch: Scratch) {
    let store = scratch.open().await;
    let run = begin(&store).await;
    for search in 0..2 {
        let found = Record {
            url: format!("https://source.example/view?job=1&search={search}"),
            ..job(1)
        };
        load(&store, run, &batch(search, vec![found])).await;
    }
    let document = document(&store, job_id(1)).await;
    assert_eq!(
        (&document["url"], &document["revision"]),
        (
            &json!("https://source.example/view?job=1&search=1"),
            &json!(1)
        )
    );
}

async fn terms_follow_their_record(scratch: Scratch) {
    let store = scratch.open().await;
    let run = begin(&store).await;
    let posted_at = Some(minute(-100_000));
    let dated = job_with(1, |job| job.posted_at = posted_at);
    load(&store, run, &batch(0, vec![dated, job(2)])).await;
    load(
        &store,
        run,
        &batch(
            9,
            vec![Record {
                terms: vec![term("Rust")],
                ..job(2)
            }],
        ),
    )
    .await;

    let sql = "SELECT term, dated_at FROM record_terms WHERE kind = 'job' ORDER BY dated_at, term";
    let rows = store
        .rows::<(String, trendy::load::At)>(sql, [])
        .await
        .unwrap();
    let rows: Vec<_> = rows.into_iter().map(|(term, at)| (term, at.0)).collect();
    let expected = [("Go", -100_000), ("Kotlin", -100_000), ("Rust", 0)];
    assert_eq!(
        rows,
        expected.map(|(term, at)| (term.to_owned(), minute(at)))
    );
}

async fn last_of_duplicates_counts(scratch: Scratch) {
    let store = scratch.open().await;
    let run = begin(&store).await;
    let later = job_with(1, |job| job.title = "later".into());
    let seen = vec![job_id(1)];
    let report = load(
        &store,
        run,
        &Batch {
            seen,
            ..batch(0, vec![job(1), job(2), later])
        },
    )
    .await;

    assert_eq!(
        report,
        LoadReport {
            added: 2,
            ..LoadReport::default()
        }
    );
    assert_eq!(document(&store, job_id(1)).await["title"], "later");
    assert_eq!(changes(&store).await.len(), 2);
}

async fn odd_texts_are_kept_and_lose_nothing(scratch: Scratch) {
    let store = scratch.open().await;
    let run = begin(&store).await;
    let odd = [
        "'",
        "\"",
        "\\",
        "\\N",
        "\\.",
        "a\tb\r\nc",
        "{}",
        "$1",
        "한글 👩‍👩‍👧",
        "\u{1}\u{1f}\u{7f}\u{2028}\u{feff}",
        "",
    ];
    let mut records: Vec<Record> = (0..)
        .zip(odd)
        .map(|(n, text)| job_with(n, |job| job.title = text.into()))
        .collect();
    let huge = "설명 \\ ' \n".repeat(100_000);
    records.push(job_with(50, |job| job.description = Some(huge.clone())));
    records.push(job_with(51, |job| job.title = "nul\0".into()));
    let report = load(&store, run, &batch(0, records)).await;

    assert_eq!(
        report,
        LoadReport {
            added: 13,
            ..LoadReport::default()
        }
    );
    for (n, text) in (0..).zip(odd) {
        assert_eq!(document(&store, job_id(n)).await["title"], text);
    }
    assert_eq!(document(&store, job_id(50)).await["description"], huge);
    assert_eq!(document(&store, job_id(51)).await["title"], "nul");
}

async fn record_that_the_store_refuses_becomes_a_dead_letter_among_good_ones(scratch: Scratch) {
    let store = scratch.open().await;
    sql(
        &store,
        &scratch,
        "CREATE UNIQUE INDEX test_refuses_this_url ON records (url)",
    )
    .await;
    let run = begin(&store).await;
    let refused = Record {
        url: job(1).url,
        ..job(7)
    };
    let records = vec![job(1), job(2), job(3), refused, job(4)];
    let batch = Batch {
        rejections: vec![rejection("https://jobs.example/9")],
        places: HashMap::from([(job_id(7), "file:///jobs.ndjson#L7".to_owned())]),
        ..batch(0, records)
    };

    for _ in 0..2 {
        let report = load(&store, run, &batch).await;
        assert_eq!((report.added + report.unchanged, report.refused), (4, 1));
        let ids: HashSet<RecordId> = store
            .active_ids(Kind::Job, BOARD)
            .await
            .unwrap()
            .into_iter()
            .collect();
        assert_eq!(ids, HashSet::from([1, 2, 3, 4].map(job_id)));
        let filter = DeadLetterFilter {
            stage: Some(Stage::Load),
            ..DeadLetterFilter::default()
        };
        let letters = store.dead_letters(&filter, 10).await.unwrap();
        assert_eq!(letters.len(), 1);
        assert_eq!(letters[0].payload.as_ref().unwrap()["id"], json!(job_id(7)));
        assert_eq!(letters[0].url, "file:///jobs.ndjson#L7");
        assert!(
            letters[0].reason.starts_with("the store refused it: "),
            "{}",
            letters[0].reason
        );
        let counts = counts(&store, run).await;
        assert_eq!(
            (counts.pages, counts.records, counts.added, counts.rejected),
            (1, 4, 4, 2)
        );
    }
}

/// Postgres has no text form for this year, so the server breaks off the COPY; SQLite keeps it.
async fn record_that_breaks_the_staging_costs_no_other(scratch: Scratch) {
    let store = scratch.open().await;
    let run = begin(&store).await;
    let mut batch = batch(0, (1..=5).map(job).collect());
    batch.records[2].seen_at = "-005000-01-01T00:00:00Z".parse().unwrap();
    let report = load(&store, run, &batch).await;
    assert_eq!(report.added + report.refused, 5);

    let kept = store.active_ids(Kind::Job, BOARD).await.unwrap();
    let letters = store
        .dead_letters(&DeadLetterFilter::default(), 10)
        .await
        .unwrap();
    assert_eq!(kept.len() + letters.len(), 5);
    for number in [1, 2, 4, 5] {
        assert!(kept.contains(&job_id(number)));
    }
}

async fn last_seen_never_goes_back(scratch: Scratch) {
    let store = scratch.open().await;
    let run = begin(&store).await;
    load(&store, run, &batch(60, vec![job(1)])).await;
    load(&store, run, &batch(0, vec![job(1)])).await;
    assert_eq!(last_seen(&store).await, [minute(60)]);
}

async fn deleted_record_comes_back_with_a_higher_revision(scratch: Scratch) {
    let store = scratch.open().await;
    let run = begin(&store).await;
    load(&store, run, &batch(0, vec![job(1)])).await;
    assert_eq!(
        store
            .delete(&[job_id(1), job_id(2)], minute(1))
            .await
            .unwrap(),
        1
    );
    assert_eq!(number(&store, "SELECT COUNT(*) FROM record_terms").await, 0);
    let (change, record) = store.changes_after(1, 1).await.unwrap().pop().unwrap();
    assert_eq!((change.op, change.revision, record), (Op::Deleted, 2, None));

    load(&store, run, &batch(2, vec![job(1)])).await;
    assert_eq!(
        ops(&store).await.last().unwrap(),
        &(job_id(1), Op::Added, 3)
    );
    assert_eq!(number(&store, "SELECT COUNT(*) FROM tombstones").await, 0);
}

async fn unfinished_run_goes_on_where_it_died(scratch: Scratch) {
    let store = scratch.open().await;
    let other = store
        .begin_run(&PipelineId("other".to_owned()), minute(0))
        .await
        .unwrap();
    let run = begin(&store).await;
    load(&store, run, &batch(0, vec![job(1), job(2)])).await;
    drop(store);

    let store = scratch.open().await;
    let resumed = store.begin_run(&pipeline(), minute(5)).await.unwrap();
    assert!(resumed.resumed);
    assert_eq!(resumed.id, run);
    let loaded = store.checkpoint(resumed.id).await.unwrap();
    assert_eq!(loaded, HashSet::from([job_id(1), job_id(2)]));
    let asked = [job_id(2), job_id(3)];
    let among = store.checkpoint_among(run, &asked).await.unwrap();
    assert_eq!(among, HashSet::from([job_id(2)]));
    assert_eq!(
        resumed.counts,
        Counts {
            pages: 1,
            records: 2,
            added: 2,
            ..Counts::default()
        }
    );

    let row = store
        .finish_run(run, Outcome::Ok, None, minute(6))
        .await
        .unwrap();
    assert_eq!(
        (row.started_at, row.resumed, row.duration_ms),
        (minute(0), 1, Some(360_000))
    );
    let next = store.begin_run(&pipeline(), minute(7)).await.unwrap();
    assert!(!next.resumed && next.id != run && next.id != other.id);
    assert_eq!(store.checkpoint(next.id).await.unwrap(), HashSet::new());
}

async fn interrupted_run_goes_on(scratch: Scratch) {
    let store = scratch.open().await;
    let run = begin(&store).await;
    store.interrupt_run(run, minute(3)).await.unwrap();
    assert_eq!(
        store.run(run).await.unwrap().unwrap().interrupted_at,
        Some(minute(3))
    );
    let resumed = store.begin_run(&pipeline(), minute(4)).await.unwrap();
    assert_eq!((resumed.id, resumed.resumed), (run, true));
    let row = store.run(run).await.unwrap().unwrap();
    assert_eq!((row.interrupted_at, row.outcome), (None, None));
}

async fn finished_run_is_told_by_the_log_once(scratch: Scratch) {
    let store = scratch.open().await;
    let run = begin(&store).await;
    load(&store, run, &batch(0, vec![job(1)])).await;
    let reason = Some("the list shrank from 40 to 3");
    let row = store
        .finish_run(run, Outcome::Partial, reason, minute(2))
        .await
        .unwrap();
    let again = store
        .finish_run(run, Outcome::Ok, None, minute(9))
        .await
        .unwrap();

    assert_eq!(row, again);
    assert_eq!(
        (row.outcome, row.reason.as_deref()),
        (Some(Outcome::Partial), reason)
    );
    assert_eq!(store.runs(Some(PIPELINE), 10).await.unwrap(), [row]);
    assert_eq!(store.runs(Some("other"), 10).await.unwrap(), []);
    let (change, record) = store.changes_after(0, 10).await.unwrap().pop().unwrap();
    assert_eq!(
        (change.kind, change.run_id, record),
        (Subject::Run, Some(run), None)
    );
    assert_eq!(change.record_id, store.run_document(run));
    assert_eq!(changes(&store).await.len(), 2);
}

async fn load_into_a_run_that_is_not_open_writes_nothing(scratch: Scratch) {
    let store = scratch.open().await;
    let run = begin(&store).await;
    store
        .finish_run(run, Outcome::Ok, None, minute(1))
        .await
        .unwrap();
    let head = store.head().await.unwrap();
    for run in [run, RunId(77)] {
        let result = store.load(run, &batch(2, vec![job(1)])).await;
        assert!(
            matches!(result, Err(StoreError::RunNotOpen { .. })),
            "{result:?}"
        );
    }
    assert!(documents(&store).await.is_empty());
    assert_eq!(store.head().await.unwrap(), head);
}

/// Each writer has a store of its own, as two processes have.
async fn reader_skips_nothing_while_two_write(scratch: Scratch) {
    const BATCHES: u32 = 30;
    let store = scratch.open().await;
    let mut writers = Vec::new();
    for writer in 0..2 {
        let scratch = scratch.clone();
        writers.push(tokio::spawn(async move {
            let store = scratch.open().await;
            let name = PipelineId(format!("writer-{writer}"));
            let run = store.begin_run(&name, minute(0)).await.unwrap().id;
            for n in 0..BATCHES {
                let first = (writer * BATCHES + n) * 10;
                let records = (first..first + 7).map(job).collect();
                load(&store, run, &batch(0, records)).await;
            }
        }));
    }
    let (mut cursor, mut followed) = (0, Vec::new());
    loop {
        let done = writers.iter().all(tokio::task::JoinHandle::is_finished);
        let changes = store.changes_after(cursor, 5).await.unwrap();
        let Some((last, _)) = changes.last() else {
            if done {
                break;
            }
            tokio::task::yield_now().await;
            continue;
        };
        cursor = last.seq;
        followed.extend(changes.into_iter().map(|(change, _)| change));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(followed.len(), 2 * 30 * 7);
    assert_eq!(followed, changes(&store).await);
    assert_eq!(cursor, store.head().await.unwrap());
}

async fn lock_excludes_until_it_is_released(scratch: Scratch) {
    let (store, other) = (scratch.open().await, scratch.open().await);
    let lock = store.lock("pipeline:a").await.unwrap().unwrap();
    assert!(other.lock("pipeline:a").await.unwrap().is_none());
    assert!(store.lock("pipeline:a").await.unwrap().is_none());
    let beside = other.lock("pipeline:b").await.unwrap();
    assert!(beside.is_some());

    lock.release().await;
    drop(lock_before_deadline(&other, "pipeline:a").await);
    drop(lock_before_deadline(&store, "pipeline:a").await);
}

/// A server notices the end of a connection a moment after it.
async fn lock_before_deadline(store: &Store, name: &str) -> trendy::load::Lock {
    let lock = async {
        loop {
            if let Some(lock) = store.lock(name).await.unwrap() {
                return lock;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), lock)
        .await
        .unwrap()
}

fn rejection(url: &str) -> Rejection {
    Rejection {
        stage: Stage::Normalize,
        url: url.to_owned(),
        reason: "no title".to_owned(),
        payload: Some(json!({"title": ["\0"]})),
    }
}

async fn rejections_are_kept_once(scratch: Scratch) {
    let store = scratch.open().await;
    let run = begin(&store).await;
    let rejections = vec![
        rejection("https://a.example/1"),
        rejection("https://a.example/2"),
    ];
    let batch = Batch {
        rejections,
        ..batch(3, vec![])
    };
    load(&store, run, &batch).await;
    load(&store, run, &batch).await;

    let letters = store
        .dead_letters(&DeadLetterFilter::default(), 10)
        .await
        .unwrap();
    assert_eq!(letters.len(), 2);
    assert_eq!(
        (letters[0].run_id, &letters[0].pipeline),
        (Some(run), &Some(pipeline()))
    );
    assert_eq!(
        (letters[0].stage, letters[0].at),
        (Stage::Normalize, minute(3))
    );
    assert_eq!(letters[0].payload, Some(json!({"title": [""]})));
    let expected = Counts {
        pages: 1,
        rejected: 2,
        ..Counts::default()
    };
    assert_eq!(counts(&store, run).await, expected);
}

async fn dead_letters_are_filtered_and_settled(scratch: Scratch) {
    let store = scratch.open().await;
    let letter = |n: i64, target: &str| NewDeadLetter {
        run_id: None,
        stage: Stage::Publish,
        pipeline: None,
        target: Some(target.to_owned()),
        url: format!("https://jobs.example/{n}"),
        reason: "mapper_parsing_exception".to_owned(),
        payload: Some(json!({"n": n})),
        at: minute(n),
    };
    let letters = [letter(1, "search"), letter(2, "search"), letter(3, "chat")];
    assert_eq!(store.add_dead_letters(&letters).await.unwrap(), 3);
    assert_eq!(store.add_dead_letters(&letters).await.unwrap(), 0);

    let of_search = DeadLetterFilter {
        target: Some("search".to_owned()),
        ..DeadLetterFilter::default()
    };
    let found = store.dead_letters(&of_search, 10).await.unwrap();
    assert_eq!(
        found.iter().map(|letter| letter.at).collect::<Vec<_>>(),
        [minute(2), minute(1)]
    );
    assert_eq!(store.dead_letters(&of_search, 1).await.unwrap().len(), 1);

    assert!(
        store
            .set_dead_letter_state(found[0].id, DeadLetterState::Redriven)
            .await
            .unwrap()
    );
    let open = DeadLetterFilter {
        state: Some(DeadLetterState::Open),
        ..of_search
    };
    let open = store.dead_letters(&open, 10).await.unwrap();
    assert_eq!(
        open.iter().map(|letter| letter.at).collect::<Vec<_>>(),
        [minute(1)]
    );
}

/// A commit whose answer was lost is made again, with the instant of the first attempt.
async fn one_retry_of_a_dead_letter_is_counted_once(scratch: Scratch) {
    let store = scratch.open().await;
    let run = begin(&store).await;
    let mut batch = batch(1, vec![]);
    batch.rejections.push(rejection("https://jobs.example/9"));
    load(&store, run, &batch).await;
    let id = store
        .dead_letter_ids(&DeadLetterFilter::default())
        .await
        .unwrap()[0];
    let at = |minute_of| minute(minute_of) + jiff::SignedDuration::from_nanos(1_234_567);
    for (minute, counted) in [(1, 1), (1, 1), (2, 2)] {
        let open = DeadLetterState::Open;
        store
            .note_retry(id, open, "again", at(minute))
            .await
            .unwrap();
        let letter = store.dead_letter(id).await.unwrap().unwrap();
        assert_eq!(
            (letter.retries, letter.result.as_deref()),
            (counted, Some("again"))
        );
    }
}

async fn what_is_refused_again_opens_its_letter_again_unless_it_was_dropped(scratch: Scratch) {
    let store = scratch.open().await;
    let run = begin(&store).await;
    // The log knows the run of a change, a snapshot does not.
    let refusal = |run_id, at| NewDeadLetter {
        run_id,
        stage: Stage::Publish,
        pipeline: Some(pipeline()),
        target: Some("search".to_owned()),
        url: "https://jobs.example/1".to_owned(),
        reason: "mapper_parsing_exception".to_owned(),
        payload: Some(json!({"title": "x"})),
        at: minute(at),
    };
    let keep = async |letter| store.add_dead_letters(&[letter]).await.unwrap();
    let only = async || {
        let letters = store.dead_letters(&DeadLetterFilter::default(), 10).await;
        let [letter] = letters.unwrap().try_into().unwrap();
        letter
    };
    assert_eq!(keep(refusal(None, 1)).await, 1);
    assert_eq!(keep(refusal(Some(run), 2)).await, 0);
    let id = only().await.id;
    let redriven = DeadLetterState::Redriven;
    store
        .note_retry(id, redriven, "sent", minute(3))
        .await
        .unwrap();
    // What was kept before it went through is no news.
    keep(refusal(Some(run), 2)).await;
    assert_eq!(only().await.state, redriven);

    assert_eq!(keep(refusal(Some(run), 4)).await, 0);
    let letter = only().await;
    assert_eq!(
        (letter.state, letter.run_id, letter.at, letter.retries),
        (DeadLetterState::Open, Some(run), minute(4), 1)
    );

    let discarded = DeadLetterState::Discarded;
    store.set_dead_letter_state(id, discarded).await.unwrap();
    keep(refusal(None, 5)).await;
    assert_eq!(only().await.state, discarded);
    let otherwise = NewDeadLetter {
        reason: "strict_dynamic_mapping_exception".to_owned(),
        ..refusal(None, 6)
    };
    assert_eq!(keep(otherwise).await, 1);
}

async fn cursor_remembers_store_and_number(scratch: Scratch) {
    let store = scratch.open().await;
    assert_eq!(store.cursor("search").await.unwrap(), None);
    store.move_cursor("search", 3, minute(1)).await.unwrap();
    store.move_cursor("search", 9, minute(2)).await.unwrap();
    store.move_cursor("chat", 1, minute(2)).await.unwrap();
    let cursor = store.cursor("search").await.unwrap().unwrap();
    assert_eq!((cursor.seq, cursor.moved_at), (9, minute(2)));
    assert_eq!(cursor.store, store.identity());
}

async fn snapshot_streams_a_kind_in_order_of_ids(scratch: Scratch) {
    let store = scratch.open().await;
    let run = begin(&store).await;
    load(&store, run, &batch(0, (0..25).map(job).collect())).await;
    let mut expected: Vec<RecordId> = (0..25).map(job_id).collect();
    expected.sort();

    let mut ids: Vec<RecordId> = Vec::new();
    loop {
        let next = store
            .records_after(Kind::Job, ids.last().copied(), 10)
            .await
            .unwrap();
        if next.is_empty() {
            break;
        }
        ids.extend(next.into_iter().map(|record| record.id));
    }
    assert_eq!(ids, expected);
    assert!(
        store
            .records_after(Kind::Post, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
}

async fn views_show_fields_as_columns(scratch: Scratch) {
    let store = scratch.open().await;
    let run = begin(&store).await;
    let job = job_with(1, |job| {
        job.posted_at = Some("-005000-01-01T00:00:00Z".parse().unwrap());
        job.remote = Some(false);
        job.experience_min = Some(3);
    });
    load(&store, run, &batch(0, vec![job, post(1), weather(1)])).await;

    for sql in [
        "SELECT COUNT(*) FROM (SELECT * FROM jobs) AS jobs
          WHERE title = 'Backend engineer 1' AND CAST(remote AS INTEGER) = 0 AND experience_min = 3 AND active",
        "SELECT COUNT(*) FROM (SELECT * FROM posts) AS posts WHERE title = 'Post 1' AND published_at IS NOT NULL",
        "SELECT COUNT(*) FROM (SELECT * FROM weather) AS weather WHERE station = 'seoul'",
        "SELECT COUNT(*) FROM weather_values WHERE variable = 'temperature' AND value = 20.5 AND unit = '°C'",
    ] {
        assert_eq!(number(&store, sql).await, 1, "{sql}");
    }
}

async fn newer_schema_is_refused(scratch: Scratch) {
    let store = scratch.open().await;
    sql(
        &store,
        &scratch,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', true, '', 0)",
    )
    .await;
    store.shutdown().await;
    let error = Store::open(&scratch.url).await.unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Newer {
                found: 9999,
                known: 1..9999,
                ..
            }
        ),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(
        text.contains("newer than this program") && text.contains("install"),
        "{text}"
    );
}

async fn opens_from_several_processes_at_once(scratch: Scratch) {
    let opening: Vec<_> = (0..4)
        .map(|_| {
            let scratch = scratch.clone();
            tokio::spawn(async move { scratch.open().await.identity() })
        })
        .collect();
    let mut identities = HashSet::new();
    for opened in opening {
        identities.insert(opened.await.unwrap());
    }
    assert_eq!(identities.len(), 1);
}

#[tokio::test]
async fn server_that_is_not_there_is_named_without_its_password() {
    let mut url = url::Url::parse(&postgres_url()).unwrap();
    url.set_port(Some(1)).unwrap();
    url.set_password(Some("hunter2")).unwrap();
    let error = Store::open(url.as_str()).await.unwrap_err();

    assert!(error.is_retryable());
    let text = format!(
        "{error} {error:?} {}",
        std::error::Error::source(&error).unwrap()
    );
    assert!(text.contains("is the server running"), "{text}");
    assert!(
        text.contains(&format!("@{}:1/", url.host_str().unwrap())),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn folder_that_is_not_there_is_named() {
    let error = Store::open("sqlite:///no-such-folder/trendy.db")
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`/no-such-folder/trendy.db`; does its folder exist"),
        "{error}"
    );
}

#[tokio::test]
async fn file_that_is_no_database_is_left_alone() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("notes.txt");
    let text = "these are notes, and many of them\n".repeat(50);
    std::fs::write(&path, &text).unwrap();
    let error = Store::open(path.to_str().unwrap()).await.unwrap_err();
    assert!(!error.is_retryable());
    assert!(
        error.to_string().contains("is the file a SQLite database"),
        "{error}"
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}
