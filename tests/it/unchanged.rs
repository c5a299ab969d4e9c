//! Pages that have not changed are neither sent nor read again, and count as if they were.

use serde_json::{Value, json};
use trendy::load::Store;

use crate::support::scratch::Scratch;
use crate::support::trendy::Workspace;

/// A board whose postings have pages of their own.
const BOARD: &str = r#"
id = "board"
kind = "job"
description = "A board"
[source]
url = "https://board.example/jobs?key=${BOARD_KEY}"
[list]
item = "li"
link = { css = "a", attr = "href" }
[list.fields]
title = { css = "a", required = true }
[detail]
extract = "css"
[fields]
description = { css = "p", required = true }
[defaults]
board = "board"
[politeness]
delay = "1ms"
concurrency = 2
"#;

/// A board whose list says everything, on two pages.
const LIST: &str = r#"
id = "board"
kind = "job"
description = "A board"
[source]
url = "https://board.example/jobs?key=${BOARD_KEY}"
[source.pages]
next_link = "a.next"
[list]
item = "li"
link = { css = "a", attr = "href" }
[fields]
title = { css = "a", required = true }
posted_at = { css = "a", regex = '(\d{4}-\d\d-\d\d)' }
[defaults]
board = "board"
"#;

/// The title of a posting that is rejected: there is no such day.
const REJECTED: &str = "Two, since 2026-02-30";

fn workspace(database: &Scratch, pipeline: &str) -> Workspace {
    let mut workspace = Workspace::empty();
    workspace.write("pipelines/board.toml", pipeline);
    workspace.set("DATABASE_URL", &database.url);
    workspace.set("BOARD_KEY", "a-secret-key");
    workspace
}

fn entries(titles: &[(u32, &str)]) -> String {
    let entry = |(n, title): &(u32, &str)| format!("<li><a href='/jobs/{n}'>{title}</a></li>");
    titles.iter().map(entry).collect::<Vec<_>>().concat()
}

/// Serves a list with these titles; the page of each posting is always the same.
async fn serve(workspace: &mut Workspace, titles: &[(u32, &str)]) {
    workspace.write("sites/board/day-1/jobs/index.html", &entries(titles));
    for (n, _) in titles {
        workspace.write(
            &format!("sites/board/day-1/jobs/{n}.html"),
            &format!("<p>Posting {n}: Rust</p>"),
        );
    }
    workspace.serve_own("board").await;
}

/// Serves a first page with these titles, which leads to a second with one more.
async fn serve_pages(workspace: &mut Workspace, titles: &[(u32, &str)]) {
    let next = "<a class='next' href='/jobs/2'>2</a>";
    workspace.write(
        "sites/board/day-1/jobs/index.html",
        &format!("{}{next}", entries(titles)),
    );
    workspace.write("sites/board/day-1/jobs/2.html", &entries(&[(9, "Nine")]));
    workspace.serve_own("board").await;
}

/// Runs the board, and gives the row of its summary and the statuses of the answers, sorted.
async fn run(workspace: &Workspace, arguments: &[&str]) -> (Value, Vec<u16>) {
    let before = workspace.asked("board").len();
    let said = workspace
        .trendy(&[&["run", "board", "--format", "json"], arguments].concat())
        .await;
    let mut statuses = workspace.statuses("board", before);
    statuses.sort_unstable();
    (said.json()[0].clone(), statuses)
}

#[track_caller]
fn assert_counts(row: &Value, expected: &Value) {
    for (name, count) in expected.as_object().unwrap() {
        assert_eq!(&row[name], count, "{name} in {row}");
    }
}

const THREE: &[(u32, &str)] = &[(1, "One"), (2, "Two"), (3, "Three")];

async fn a_second_run_is_answered_with_304_and_counts_the_same(database: Scratch) {
    let mut workspace = workspace(&database, BOARD);
    serve(&mut workspace, THREE).await;
    let (row, statuses) = run(&workspace, &[]).await;
    assert_counts(&row, &json!({"pages": 4, "records": 3, "added": 3}));
    assert_eq!(statuses, [200; 4]);

    for _ in 0..2 {
        let (row, statuses) = run(&workspace, &[]).await;
        assert_counts(
            &row,
            &json!({"outcome": "ok", "pages": 4, "records": 3, "unchanged": 3, "closed": 0}),
        );
        assert_eq!(statuses, [304; 4]);
    }
    let urls: Vec<(String,)> = Store::open(&database.url)
        .await
        .unwrap()
        .rows("SELECT url || address FROM validators", [])
        .await
        .unwrap();
    assert_eq!(urls.len(), 4);
    assert!(
        urls.iter().all(|(url,)| !url.contains("a-secret-key")),
        "{urls:?}"
    );
}

async fn a_list_that_says_everything_keeps_its_records_seen(database: Scratch) {
    let mut workspace = workspace(&database, LIST);
    serve_pages(&mut workspace, THREE).await;
    run(&workspace, &[]).await;
    let (row, statuses) = run(&workspace, &[]).await;
    assert_counts(
        &row,
        &json!({"outcome": "ok", "pages": 2, "records": 4, "unchanged": 4, "closed": 0}),
    );
    assert_eq!(statuses, [304; 2]);

    serve_pages(&mut workspace, &[(1, "One"), (2, "Two, edited")]).await;
    let (row, statuses) = run(&workspace, &[]).await;
    assert_counts(
        &row,
        &json!({"records": 3, "unchanged": 2, "updated": 1, "closed": 1}),
    );
    assert_eq!(statuses, [200, 304]);
}

async fn a_page_with_something_rejected_is_read_again(database: Scratch) {
    let mut workspace = workspace(&database, LIST);
    serve_pages(&mut workspace, &[(1, "One"), (2, REJECTED)]).await;
    for unchanged in [0, 2] {
        let (row, statuses) = run(&workspace, &[]).await;
        assert_counts(&row, &json!({"unchanged": unchanged, "rejected": 1}));
        assert_eq!(statuses[0], 200);
        assert_eq!(statuses[1], if unchanged == 0 { 200 } else { 304 });
    }
}

async fn a_rejected_page_behind_an_entry_is_read_again(database: Scratch) {
    let mut workspace = workspace(&database, BOARD);
    serve(&mut workspace, THREE).await;
    workspace.write("sites/board/day-1/jobs/2.html", "<h1>No description</h1>");
    workspace.serve_own("board").await;
    for statuses in [vec![200; 4], vec![200, 304, 304, 304]] {
        let (row, found) = run(&workspace, &[]).await;
        assert_counts(&row, &json!({"rejected": 1}));
        assert_eq!(found, statuses);
    }
}

async fn what_is_known_lapses_when_the_pipeline_file_changes(database: Scratch) {
    let mut workspace = workspace(&database, BOARD);
    serve(&mut workspace, THREE).await;
    run(&workspace, &[]).await;
    workspace.write("pipelines/board.toml", &format!("{BOARD}# edited\n"));
    let (row, statuses) = run(&workspace, &[]).await;
    assert_counts(&row, &json!({"records": 3, "unchanged": 3}));
    assert_eq!(statuses, [200; 4]);
    assert_eq!(run(&workspace, &[]).await.1, [304; 4]);
}

async fn a_posting_that_its_list_renames_is_read_again(database: Scratch) {
    let mut workspace = workspace(&database, BOARD);
    serve(&mut workspace, THREE).await;
    run(&workspace, &[]).await;
    serve(&mut workspace, &[(1, "One"), (2, "Zwei"), (3, "Three")]).await;
    let (row, statuses) = run(&workspace, &[]).await;
    assert_counts(&row, &json!({"records": 3, "unchanged": 2, "updated": 1}));
    assert_eq!(statuses, [200, 200, 304, 304]);
}

async fn a_dry_run_reads_every_page_and_keeps_nothing(database: Scratch) {
    let mut workspace = workspace(&database, BOARD);
    serve(&mut workspace, THREE).await;
    let dry = async |workspace: &Workspace| {
        let before = workspace.asked("board").len();
        let said = workspace.trendy(&["run", "board", "--dry-run"]).await;
        assert_eq!(said.stdout.lines().count(), 3, "{said:#?}");
        assert_eq!(workspace.statuses("board", before), [200; 4]);
    };
    dry(&workspace).await;
    assert_eq!(run(&workspace, &[]).await.1, [200; 4]);
    dry(&workspace).await;
    assert_eq!(run(&workspace, &[]).await.1, [304; 4]);
}

async fn a_closed_posting_whose_page_has_not_changed_is_reopened(database: Scratch) {
    let mut workspace = workspace(&database, BOARD);
    serve(&mut workspace, THREE).await;
    run(&workspace, &[]).await;
    serve(&mut workspace, &THREE[1..]).await;
    assert_counts(&run(&workspace, &[]).await.0, &json!({"closed": 1}));
    serve(&mut workspace, THREE).await;
    let (row, statuses) = run(&workspace, &[]).await;
    assert_counts(&row, &json!({"records": 3, "reopened": 1, "unchanged": 2}));
    assert_eq!(statuses, [200, 304, 304, 304]);
}

async fn a_limited_run_knows_only_what_it_took(database: Scratch) {
    let mut workspace = workspace(&database, LIST);
    serve_pages(&mut workspace, THREE).await;
    let (row, _) = run(&workspace, &["--limit", "2"]).await;
    assert_counts(&row, &json!({"records": 2, "added": 2}));
    let (row, statuses) = run(&workspace, &[]).await;
    assert_counts(&row, &json!({"records": 4, "added": 2, "unchanged": 2}));
    assert_eq!(statuses, [200; 2]);
    let (row, statuses) = run(&workspace, &["--limit", "2"]).await;
    assert_counts(&row, &json!({"records": 2, "unchanged": 2, "closed": 0}));
    assert_eq!(statuses, [304]);
}

async fn a_page_that_is_as_it_once_was_is_not_taken_for_what_is_stored(database: Scratch) {
    let mut workspace = workspace(&database, LIST);
    serve_pages(&mut workspace, THREE).await;
    run(&workspace, &[]).await;
    // Read, but not kept: something in it is rejected.
    serve_pages(&mut workspace, &[(1, "Eins"), (2, REJECTED), (3, "Three")]).await;
    assert_counts(
        &run(&workspace, &[]).await.0,
        &json!({"updated": 1, "rejected": 1}),
    );
    serve_pages(&mut workspace, THREE).await;
    let (row, statuses) = run(&workspace, &[]).await;
    assert_counts(&row, &json!({"updated": 1, "unchanged": 3}));
    assert_eq!(statuses, [200, 304]);
}

macro_rules! on_both_stores {
    ($($test:ident)*) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    crate::support::scratch::on_sqlite(super::$test).await;
                }
            )*
        }

        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    crate::support::scratch::on_postgres(super::$test).await;
                }
            )*
        }
    };
}

on_both_stores! {
    a_second_run_is_answered_with_304_and_counts_the_same
    a_list_that_says_everything_keeps_its_records_seen
    a_page_with_something_rejected_is_read_again
    a_rejected_page_behind_an_entry_is_read_again
    what_is_known_lapses_when_the_pipeline_file_changes
    a_posting_that_its_list_renames_is_read_again
    a_dry_run_reads_every_page_and_keeps_nothing
    a_closed_posting_whose_page_has_not_changed_is_reopened
    a_limited_run_knows_only_what_it_took
    a_page_that_is_as_it_once_was_is_not_taken_for_what_is_stored
}
