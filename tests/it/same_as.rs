//! The same posting on two boards: two records, one link, counted once. The same on SQLite and Postgres.

use jiff::tz::TimeZone;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use trendy::load::{Batch, Store};
use trendy::record::{
    Body, Change, ContentHash, Job, Kind, Likeness, Op, PipelineId, Post, Record, RecordId, RunId,
    StoredRecord,
};
use trendy::trends::queries::{TermLimits, job_flow, newest, open_jobs, term_trend, totals};
use trendy::trends::{Buckets, Step};

use crate::store::sql;
use crate::support::records::{batch, job_with, minute, pipeline, post, term};
use crate::support::scratch::{Scratch, on_both};
use crate::support::trendy::Workspace;

on_both! {
    newer_is_linked_to_the_older_once
    links_do_not_depend_on_the_order_of_loading
    two_boards_loaded_at_once_are_linked
    all_are_linked_to_the_oldest_and_there_is_no_chain
    an_edit_of_either_unlinks_and_its_undoing_links_again
    two_listings_of_one_board_are_two_openings
    openings_are_counted_alike_whichever_board_came_first
    what_frees_an_opening_gives_it_to_the_next
    a_job_that_cannot_be_compared_is_looked_at_once
    a_posting_that_comes_back_after_a_year_is_another_opening
    deletion_of_the_oldest_makes_the_next_the_oldest
    posts_are_linked_across_sites
    a_post_that_moves_to_another_site_is_decided_anew
    what_was_stored_without_a_likeness_is_linked_when_it_is_seen
    crowds_are_bounded
    the_same_job_counts_once
    closed_from_one_board_it_is_open_until_the_last
}

const DUTIES: &str = "결제 시스템을 설계하고 운영합니다. 하루 백만 건의 거래를 안정적으로 처리합니다. 정산 배치를 개선하고 \
    장애에 대응합니다. Kotlin으로 서비스를 만든 경험이 있는 분을 찾습니다. 테스트를 즐겨 쓰는 분이면 더 좋습니다.";
const OTHER_DUTIES: &str = "추천 모델을 만들어 첫 화면에 보여 줍니다. 수억 개의 게시글을 색인하고 순위를 정합니다. 실험을 \
    설계하고 결과를 해석합니다. Python으로 데이터를 다뤄 본 분을 찾습니다. 통계를 좋아하는 분이면 더 좋습니다.";

fn id(board: &str, number: u32) -> RecordId {
    RecordId::of(Kind::Job, &[board, &number.to_string()])
}

/// A listing that every board shows alike.
fn listing(board: &str, number: u32) -> Record {
    listing_with(board, number, |_| {})
}

fn listing_with(board: &str, number: u32, change: impl FnOnce(&mut Job)) -> Record {
    let record = job_with(number, |job| {
        board.clone_into(&mut job.board);
        "백엔드 개발자".clone_into(&mut job.title);
        job.description = Some(DUTIES.to_owned());
        change(job);
    });
    Record {
        id: id(board, number),
        content_hash: ContentHash::of(&record.body, &[]),
        ..record
    }
}

async fn begin(store: &Store) -> RunId {
    store.begin_run(&pipeline(), minute(0)).await.unwrap().id
}

/// Loads records as they were seen at this minute.
async fn load(store: &Store, minute_of: i64, records: Vec<Record>) {
    let run = begin(store).await;
    store.load(run, &batch(minute_of, records)).await.unwrap();
}

async fn stored(store: &Store, kind: Kind) -> Vec<StoredRecord> {
    store.records_after(kind, None, 10_000).await.unwrap()
}

async fn document(store: &Store, id: RecordId) -> Value {
    let records = stored(store, Kind::Job).await;
    let found = records.into_iter().find(|record| record.id == id);
    found.unwrap().document()
}

/// Which board's record is linked to which board's.
async fn links(store: &Store) -> Vec<(String, String)> {
    let records = stored(store, Kind::Job).await;
    let board = |id: &Value| {
        let found = records.iter().find(|record| json!(record.id) == *id);
        found.unwrap().document()["board"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let mut links: Vec<(String, String)> = records
        .iter()
        .map(StoredRecord::document)
        .filter(|document| !document["same_as"].is_null())
        .map(|document| (board(&document["id"]), board(&document["same_as"])))
        .collect();
    links.sort();
    links
}

fn pairs(links: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = links
        .iter()
        .map(|(one, two)| ((*one).to_owned(), (*two).to_owned()));
    owned.collect()
}

async fn changes(store: &Store) -> Vec<Change> {
    let changes = store.changes_after(0, 10_000).await.unwrap();
    changes.into_iter().map(|(change, _)| change).collect()
}

async fn newer_is_linked_to_the_older_once(scratch: Scratch) {
    let store = scratch.open().await;
    load(&store, 0, vec![listing("saramin", 1)]).await;
    let run = begin(&store).await;
    let newer = batch(
        1,
        vec![listing_with("wanted", 7, |job| {
            "[당근마켓] 백엔드 개발자 채용 (경력)".clone_into(&mut job.title);
        })],
    );
    for _ in 0..2 {
        store.load(run, &newer).await.unwrap();
    }

    let (older, newer) = (id("saramin", 1), id("wanted", 7));
    let linked = document(&store, newer).await;
    assert_eq!(linked["same_as"], json!(older));
    assert_eq!(linked["revision"], 2);
    assert_eq!(
        linked["content_hash"],
        json!(
            listing_with("wanted", 7, |job| "[당근마켓] 백엔드 개발자 채용 (경력)"
                .clone_into(&mut job.title))
            .content_hash
        )
    );
    let root = document(&store, older).await;
    assert_eq!(
        (&root["same_as"], &root["revision"]),
        (&Value::Null, &json!(1))
    );
    let log: Vec<(RecordId, Op, i64)> = changes(&store)
        .await
        .iter()
        .map(|change| (change.record_id, change.op, change.revision))
        .collect();
    assert_eq!(
        log,
        [
            (older, Op::Added, 1),
            (newer, Op::Added, 1),
            (newer, Op::Derived, 2)
        ]
    );
    let diff = changes(&store).await.pop().unwrap().diff.unwrap();
    assert_eq!(diff, json!({"same_as": [null, older]}));
}

async fn links_do_not_depend_on_the_order_of_loading(scratch: Scratch) {
    let store = scratch.open().await;
    let boards = [("a", 1), ("b", 2), ("c", 3)];
    let orders = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ];
    for (company, order) in orders.iter().enumerate() {
        for index in order {
            let (board, minute) = boards[*index];
            let number = u32::try_from(company).unwrap();
            let record = listing_with(board, number, |job| {
                job.company = Some(format!("회사{company}"));
            });
            load(&store, minute, vec![record]).await;
        }
    }
    let each = [("b", "a"), ("c", "a")];
    let expected: Vec<(&str, &str)> = each
        .iter()
        .flat_map(|link| vec![*link; orders.len()])
        .collect();
    assert_eq!(links(&store).await, pairs(&expected));
}

async fn two_boards_loaded_at_once_are_linked(scratch: Scratch) {
    let loads = ["a", "b"].map(|board| {
        let scratch = scratch.clone();
        tokio::spawn(async move {
            let store = scratch.open().await;
            let pipeline = PipelineId(board.to_owned());
            let run = store.begin_run(&pipeline, minute(0)).await.unwrap().id;
            for number in 0..10 {
                let record = listing_with(board, number, |job| {
                    job.company = Some(format!("회사{number}"));
                });
                store.load(run, &batch(0, vec![record])).await.unwrap();
            }
        })
    });
    for load in loads {
        load.await.unwrap();
    }
    assert_eq!(links(&scratch.open().await).await.len(), 10);
}

async fn all_are_linked_to_the_oldest_and_there_is_no_chain(scratch: Scratch) {
    let store = scratch.open().await;
    let boards = ["a", "b", "c", "d"];
    load(&store, 0, boards.map(|board| listing(board, 1)).into()).await;
    let linked = links(&store).await;
    assert_eq!(linked.len(), 3);
    assert!(
        linked.iter().all(|(_, root)| *root == linked[0].1),
        "{linked:?}"
    );
    // Seen at the same instant, the smallest id is the oldest.
    let oldest = boards.into_iter().min_by_key(|board| id(board, 1)).unwrap();
    assert_eq!(linked[0].1, oldest);
}

async fn an_edit_of_either_unlinks_and_its_undoing_links_again(scratch: Scratch) {
    let store = scratch.open().await;
    for (minute, board) in (0..).zip(["a", "b", "c"]) {
        load(&store, minute, vec![listing(board, 1)]).await;
    }
    let all = pairs(&[("b", "a"), ("c", "a")]);
    assert_eq!(links(&store).await, all);

    let other = |board| {
        listing_with(board, 1, |job| {
            job.description = Some(OTHER_DUTIES.to_owned());
        })
    };
    load(&store, 10, vec![other("b")]).await;
    assert_eq!(links(&store).await, pairs(&[("c", "a")]));
    load(&store, 11, vec![listing("b", 1)]).await;
    assert_eq!(links(&store).await, all);

    load(&store, 12, vec![other("a")]).await;
    assert_eq!(links(&store).await, pairs(&[("c", "b")]));
    let unlinked = changes(&store).await.into_iter().rev();
    let unlinked = unlinked.take(2).map(|change| (change.op, change.diff));
    let (a, b) = (id("a", 1), id("b", 1));
    assert_eq!(
        unlinked.collect::<Vec<_>>(),
        [
            (Op::Derived, Some(json!({"same_as": [a, b]}))),
            (Op::Derived, Some(json!({"same_as": [a, null]}))),
        ]
    );
    load(&store, 13, vec![listing("a", 1)]).await;
    assert_eq!(links(&store).await, all);

    let silent = listing_with("a", 1, |job| job.description = None);
    load(&store, 14, vec![silent]).await;
    assert_eq!(links(&store).await, pairs(&[("c", "b")]));
}

async fn two_listings_of_one_board_are_two_openings(scratch: Scratch) {
    let store = scratch.open().await;
    load(&store, 0, vec![listing("a", 1)]).await;
    load(&store, 1, vec![listing("a", 2), listing("b", 1)]).await;
    assert_eq!(links(&store).await, pairs(&[("b", "a")]));
}

/// How many openings there are: what is linked is one with what it is linked to.
async fn openings(store: &Store) -> i64 {
    open_jobs(store, 10).await.unwrap().jobs
}

async fn openings_are_counted_alike_whichever_board_came_first(scratch: Scratch) {
    let store = scratch.open().await;
    let three = || (1..=3).map(|number| listing("b", number)).collect();
    let boards = [
        vec![("a", vec![listing("a", 1)]), ("b", three())],
        vec![("b", three()), ("a", vec![listing("a", 1)])],
        vec![
            ("b", vec![listing("b", 1)]),
            ("a", vec![listing("a", 1)]),
            ("b", three()),
        ],
    ];
    for (company, orders) in boards.into_iter().enumerate() {
        for (minute, (_, records)) in (0..).zip(orders) {
            let records = records
                .into_iter()
                .map(|record| of_company(record, company));
            load(&store, minute, records.collect()).await;
        }
    }
    assert_eq!(openings(&store).await, 3 * 3);
    assert_eq!(links(&store).await.len(), 3);
    // A third board that lists all three of each joins them all.
    for company in 0..3 {
        let three = (1..=3).map(|number| of_company(listing("c", number), company));
        load(&store, 10, three.collect()).await;
    }
    assert_eq!(openings(&store).await, 3 * 3);
    assert_eq!(links(&store).await.len(), 3 + 3 * 3);
}

/// A record as it is of another company: with an id and a name of its own.
fn of_company(record: Record, company: usize) -> Record {
    let mut record = record;
    if let Body::Job(job) = &mut record.body {
        job.company = Some(format!("회사{company}"));
        record.id = RecordId::of(Kind::Job, &[&record.id.to_string(), &company.to_string()]);
    }
    Record {
        content_hash: ContentHash::of(&record.body, &[]),
        ..record
    }
}

async fn what_frees_an_opening_gives_it_to_the_next(scratch: Scratch) {
    let store = scratch.open().await;
    load(&store, 0, vec![listing("a", 1)]).await;
    for number in 1..=3 {
        load(&store, i64::from(number), vec![listing("b", number)]).await;
    }
    let linked = |store| async move {
        let records = stored(store, Kind::Job).await;
        let linked = records
            .into_iter()
            .filter(|record| !record.document()["same_as"].is_null());
        linked.map(|record| record.id).collect::<Vec<_>>()
    };
    assert_eq!(linked(&store).await, [id("b", 1)]);

    let other = listing_with("b", 1, |job| {
        "데이터 분석가".clone_into(&mut job.title);
    });
    load(&store, 10, vec![other]).await;
    assert_eq!(linked(&store).await, [id("b", 2)]);
    load(&store, 11, vec![listing("b", 1)]).await;
    assert_eq!(linked(&store).await, [id("b", 1)]);

    store.delete(&[id("b", 1)], minute(12)).await.unwrap();
    assert_eq!(linked(&store).await, [id("b", 2)]);

    // One that came when the one before it was gone from its board is that opening again.
    let run = begin(&store).await;
    store
        .close(run, &[id("b", 2), id("b", 3)], minute(13))
        .await
        .unwrap();
    load(&store, 14, vec![listing("b", 4)]).await;
    let mut expected = [id("b", 2), id("b", 4)];
    expected.sort_unstable();
    assert_eq!(linked(&store).await, expected);
}

async fn a_job_that_cannot_be_compared_is_looked_at_once(scratch: Scratch) {
    let store = scratch.open().await;
    let silent = || listing_with("a", 1, |job| job.description = None);
    let looked_at = || async {
        let sql = "SELECT COUNT(*), MAX(recipe) FROM likenesses";
        store.rows::<(i64, Option<i64>)>(sql, []).await.unwrap()[0]
    };
    for minute in 0..2 {
        load(&store, minute, vec![silent()]).await;
        assert_eq!(looked_at().await, (1, Some(Likeness::RECIPE)));
    }
    load(&store, 2, vec![listing("a", 1)]).await;
    load(&store, 3, vec![listing("b", 1)]).await;
    assert_eq!(links(&store).await, pairs(&[("b", "a")]));
    load(&store, 4, vec![silent()]).await;
    assert_eq!(links(&store).await, pairs(&[]));
    assert_eq!(looked_at().await, (2, Some(Likeness::RECIPE)));
}

async fn a_posting_that_comes_back_after_a_year_is_another_opening(scratch: Scratch) {
    let store = scratch.open().await;
    let day = 24 * 60;
    for (day_of, board) in [(0, "a"), (300, "b")] {
        load(&store, day_of * day, vec![listing(board, 1)]).await;
    }
    let ids = [id("a", 1), id("b", 1)];
    let run = begin(&store).await;
    store.close(run, &ids, minute(310 * day)).await.unwrap();
    for (day_of, board) in [(600, "c"), (605, "d")] {
        load(&store, day_of * day, vec![listing(board, 1)]).await;
    }
    let expected = [("b", "a"), ("d", "c")];
    assert_eq!(
        links(&store).await,
        pairs(&expected),
        "b was added while a was open"
    );
}

async fn deletion_of_the_oldest_makes_the_next_the_oldest(scratch: Scratch) {
    let store = scratch.open().await;
    for (minute, board) in (0..).zip(["a", "b", "c"]) {
        load(&store, minute, vec![listing(board, 1)]).await;
    }
    store.delete(&[id("a", 1)], minute(5)).await.unwrap();
    assert_eq!(links(&store).await, pairs(&[("c", "b")]));
    load(&store, 6, vec![listing("a", 1)]).await;
    assert_eq!(links(&store).await, pairs(&[("a", "b"), ("c", "b")]));
    let ids = ["a", "b", "c"].map(|board| id(board, 1));
    store.delete(&ids, minute(7)).await.unwrap();
    for table in ["likenesses", "likeness_keys"] {
        let sql = AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        assert_eq!(
            store.rows::<(i64,)>(sql, []).await.unwrap()[0].0,
            0,
            "{table}"
        );
    }
}

fn article(number: u32, source: &str, title: &str) -> Record {
    let mut record = post(number);
    if let Body::Post(post) = &mut record.body {
        **post = Post {
            title: title.to_owned(),
            source: source.to_owned(),
            text: Some(format!("{DUTIES} {OTHER_DUTIES}")),
            ..Post::default()
        };
    }
    record.content_hash = ContentHash::of(&record.body, &[]);
    record
}

async fn posts_are_linked_across_sites(scratch: Scratch) {
    let store = scratch.open().await;
    load(&store, 0, vec![article(1, "blog", "색인기를 다시 쓰다")]).await;
    load(
        &store,
        1,
        vec![article(2, "magazine", "[기고] 우리는 왜 다시 썼는가")],
    )
    .await;
    load(&store, 2, vec![article(3, "blog", "색인기를 다시 쓰다")]).await;
    let posts = stored(&store, Kind::Post).await;
    let linked: Vec<(Value, Value)> = posts
        .iter()
        .map(StoredRecord::document)
        .map(|post| (post["source"].clone(), post["same_as"].clone()))
        .filter(|(_, same_as)| !same_as.is_null())
        .collect();
    let first = json!(post(1).id);
    assert_eq!(linked, [(json!("magazine"), first)]);
}

async fn a_post_that_moves_to_another_site_is_decided_anew(scratch: Scratch) {
    let store = scratch.open().await;
    let title = "색인기를 다시 쓰다";
    let linked = async || {
        let posts = stored(&store, Kind::Post).await;
        let links = posts.iter().map(|post| post.document()["same_as"].clone());
        links.filter(|link| !link.is_null()).collect::<Vec<_>>()
    };
    load(&store, 0, vec![article(1, "blog", title)]).await;
    load(&store, 1, vec![article(2, "blog", title)]).await;
    assert_eq!(linked().await, [] as [Value; 0]);
    load(&store, 2, vec![article(2, "magazine", title)]).await;
    assert_eq!(linked().await, [json!(post(1).id)]);
    load(&store, 3, vec![article(2, "blog", title)]).await;
    assert_eq!(linked().await, [] as [Value; 0]);
}

async fn what_was_stored_without_a_likeness_is_linked_when_it_is_seen(scratch: Scratch) {
    let store = scratch.open().await;
    load(&store, 0, vec![listing("a", 1)]).await;
    for statement in ["DELETE FROM likenesses", "DELETE FROM likeness_keys"] {
        sql(&store, &scratch, statement).await;
    }
    load(&store, 1, vec![listing("b", 1)]).await;
    assert_eq!(links(&store).await, pairs(&[]));
    load(&store, 2, vec![listing("a", 1)]).await;
    assert_eq!(links(&store).await, pairs(&[("b", "a")]));
    assert_eq!(document(&store, id("a", 1)).await["revision"], 1);
}

async fn crowds_are_bounded(scratch: Scratch) {
    let store = scratch.open().await;
    // More than are decided at once.
    let crowd = |board| (0..300).map(move |number| listing(board, number)).collect();
    load(&store, 0, crowd("a")).await;
    load(&store, 1, crowd("b")).await;
    let members =
        "SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM likeness_keys GROUP BY key) AS counted";
    assert_eq!(store.rows::<(i64,)>(members, []).await.unwrap()[0].0, 32);
    let linked = links(&store).await;
    assert_eq!(linked, vec![("b".to_owned(), "a".to_owned()); 300]);
    let log = changes(&store).await;
    assert_eq!(
        log.len(),
        900,
        "each is added once, and each of `b` linked once"
    );
}

async fn the_same_job_counts_once(scratch: Scratch) {
    let store = scratch.open().await;
    let named = |board, names: &[&str]| Record {
        terms: names.iter().map(|name| term(name)).collect(),
        ..listing(board, 1)
    };
    load(&store, 0, vec![named("a", &["Kotlin"])]).await;
    load(
        &store,
        1,
        vec![
            named("b", &["Go", "Kotlin"]),
            listing_with("b", 2, |job| {
                "데이터 분석가".clone_into(&mut job.title);
            }),
        ],
    )
    .await;

    let open = open_jobs(&store, 10).await.unwrap();
    assert_eq!(
        (open.jobs, open.companies, open.by_company[0].jobs),
        (2, 1, 2)
    );
    let jobs = totals(&store).await.unwrap()[0];
    assert_eq!((jobs.records, jobs.active), (2, 2));
    let listed = newest(&store, Kind::Job, minute(10), 10).await.unwrap();
    assert_eq!(listed.len(), 2);
    let now = minute(10).to_zoned(TimeZone::UTC);
    let months = Buckets::back_from(&now, Step::Month, 1);
    let flow = job_flow(&store, &months).await.unwrap();
    assert_eq!((flow[0].opened, flow[0].closed), (2, 0));
    let limits = TermLimits {
        overall: 10,
        per_type: 0,
    };
    let trend = term_trend(&store, Kind::Job, &months, limits)
        .await
        .unwrap();
    let counted: Vec<(&str, i64)> = trend
        .terms
        .iter()
        .map(|series| (series.term.name.as_str(), series.total))
        .collect();
    assert_eq!(
        (trend.records.as_slice(), counted),
        (&[2][..], vec![("Kotlin", 2), ("Go", 1)])
    );
}

async fn closed_from_one_board_it_is_open_until_the_last(scratch: Scratch) {
    let store = scratch.open().await;
    let numbers = || async {
        let open = open_jobs(&store, 10).await.unwrap().jobs;
        let total = totals(&store).await.unwrap()[0];
        let listed = newest(&store, Kind::Job, minute(10), 10).await.unwrap();
        let months = Buckets::back_from(&minute(10).to_zoned(TimeZone::UTC), Step::Month, 1);
        let flow = job_flow(&store, &months).await.unwrap()[0];
        (open, total.active, listed.len(), flow.closed)
    };
    for (minute, board) in (0..).zip(["a", "b", "c"]) {
        load(&store, minute, vec![listing(board, 1)]).await;
    }
    let run = begin(&store).await;
    assert_eq!(numbers().await, (1, 1, 1, 0));
    for (board, expected) in [
        ("a", (1, 1, 1, 0)),
        ("b", (1, 1, 1, 0)),
        ("c", (0, 0, 0, 1)),
    ] {
        let at = minute(i64::from(board.as_bytes()[0]));
        assert_eq!(store.close(run, &[id(board, 1)], at).await.unwrap(), 1);
        assert_eq!(numbers().await, expected, "{board}");
    }
    let again = Batch {
        seen: vec![id("b", 1)],
        ..batch(200, vec![])
    };
    store.load(run, &again).await.unwrap();
    let (open, active, listed, _) = numbers().await;
    assert_eq!((open, active, listed), (1, 1, 1));
    assert_eq!(links(&store).await, pairs(&[("b", "a"), ("c", "a")]));
}

/// A board of one company whose list says everything.
async fn board(workspace: &mut Workspace, name: &str, postings: &[(u32, &str, &str)]) {
    let pipeline = format!(
        r#"
id = "{name}"
kind = "job"
description = "A board"
[source]
url = "https://{name}.example/jobs"
[list]
item = "li"
link = {{ css = "a", attr = "href" }}
[fields]
title = {{ css = "b", required = true }}
description = {{ css = "p" }}
[defaults]
board = "{name}"
company = "(주)당근마켓"
[snapshot]
allow_empty = true
"#
    );
    workspace.write(&format!("pipelines/{name}.toml"), &pipeline);
    let entries: Vec<String> = postings
        .iter()
        .map(|(number, title, text)| {
            format!("<li><a href=/{number}><b>{title}</b></a><p>{text}</p></li>")
        })
        .collect();
    workspace.write(
        &format!("sites/{name}/day-1/jobs/index.html"),
        &format!("<ul>{}</ul>", entries.concat()),
    );
    workspace.serve_own(name).await;
}

async fn run(workspace: &Workspace, pipeline: &str) -> Value {
    let said = workspace
        .trendy(&["run", pipeline, "--format", "json"])
        .await;
    said.json()[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_board_closes_its_own_record_of_a_posting_and_no_other() {
    let mut workspace = Workspace::empty();
    board(&mut workspace, "saramin", &[(1, "백엔드 개발자", DUTIES)]).await;
    board(
        &mut workspace,
        "wanted",
        &[
            (9, "[당근마켓] 백엔드 개발자 모집", DUTIES),
            (10, "시니어 백엔드 개발자", DUTIES),
        ],
    )
    .await;
    assert_eq!(run(&workspace, "saramin").await["added"], 1);
    let newer = run(&workspace, "wanted").await;
    assert_eq!((&newer["added"], &newer["updated"]), (&json!(2), &json!(0)));

    let shown = ["runs", "show", "2", "--changes", "--format", "json"];
    let shown = workspace.trendy(&shown).await.json();
    let derived: Vec<&Value> = shown
        .as_array()
        .unwrap()
        .iter()
        .filter(|change| change["op"] == "derived")
        .collect();
    assert_eq!(derived.len(), 1, "{shown}");
    assert_eq!(derived[0]["url"], "https://wanted.example/9");
    assert_eq!(derived[0]["fields"][0]["field"], "same_as");

    assert_eq!(run(&workspace, "wanted").await["unchanged"], 2);
    board(&mut workspace, "saramin", &[]).await;
    assert_eq!(run(&workspace, "saramin").await["closed"], 1);
    let report = workspace
        .trendy(&["report", "--output", "report.html"])
        .await;
    assert_eq!(report.status, 0, "{report:#?}");
    let html = std::fs::read_to_string(workspace.path("report.html")).unwrap();
    assert!(html.contains("of 2 ever seen"), "{html}");
    assert_eq!(run(&workspace, "wanted").await["unchanged"], 2);
}
