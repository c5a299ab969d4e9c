//! What a run makes of lists and pages that are not as they were.

use serde_json::Value;

use crate::support::trendy::{Said, Workspace};

const PIPELINE: &str = r#"
id = "board"
kind = "job"
description = "A board"
[source]
url = "https://board.example/jobs"
[list]
item = "li"
link = { css = "a", attr = "href" }
[detail]
extract = "css"
[fields]
title = { css = "h1", required = true }
posted_at = { css = "time", attr = "datetime" }
[defaults]
board = "board"
"#;

/// A board whose list names these postings, each with a page of its own.
async fn board(workspace: &mut Workspace, postings: std::ops::Range<u32>) {
    workspace.write("pipelines/board.toml", PIPELINE);
    let links: Vec<String> = postings
        .clone()
        .map(|n| format!("<li><a href='/jobs/{n}'>{n}</a></li>"))
        .collect();
    workspace.write(
        "sites/board/day-1/jobs/index.html",
        &format!("<ul>{}</ul>", links.concat()),
    );
    for n in postings {
        workspace.write(
            &format!("sites/board/day-1/jobs/{n}.html"),
            &format!("<h1>Engineer {n}</h1>"),
        );
    }
    workspace.serve_own("board").await;
}

async fn run(workspace: &Workspace, arguments: &[&str]) -> (Said, Value) {
    let said = workspace
        .trendy(&[&["run", "board", "--format", "json"], arguments].concat())
        .await;
    let row = said.json()[0].clone();
    (said, row)
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_closes_nothing_when_a_list_is_empty_unless_that_is_accepted() {
    let mut workspace = Workspace::empty();
    board(&mut workspace, 0..12).await;
    assert_eq!(run(&workspace, &[]).await.1["added"], 12);

    board(&mut workspace, 0..0).await;
    let (said, row) = run(&workspace, &[]).await;
    assert_eq!(
        (said.status, &row["outcome"], &row["closed"]),
        (1, &"empty".into(), &0.into()),
        "{said:#?}"
    );
    assert!(
        said.stderr
            .contains("the list is empty; nothing was closed"),
        "{}",
        said.stderr
    );

    let (said, row) = run(&workspace, &["--accept"]).await;
    assert_eq!(
        (said.status, &row["outcome"], &row["closed"]),
        (0, &"ok".into(), &12.into()),
        "{said:#?}"
    );

    board(&mut workspace, 0..12).await;
    let (_, row) = run(&workspace, &[]).await;
    assert_eq!(
        (&row["reopened"], &row["added"]),
        (&12.into(), &0.into()),
        "{row}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_closes_nothing_when_a_list_lost_half() {
    let mut workspace = Workspace::empty();
    board(&mut workspace, 0..12).await;
    run(&workspace, &[]).await;
    board(&mut workspace, 0..6).await;
    let (said, row) = run(&workspace, &[]).await;
    assert_eq!(
        (said.status, &row["outcome"], &row["closed"]),
        (1, &"partial".into(), &0.into()),
        "{said:#?}"
    );
    board(&mut workspace, 0..10).await;
    let (said, row) = run(&workspace, &[]).await;
    assert_eq!(
        (said.status, &row["outcome"], &row["closed"]),
        (0, &"ok".into(), &2.into()),
        "{said:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_without_its_required_field_is_a_dead_letter_and_the_run_goes_on() {
    let mut workspace = Workspace::empty();
    board(&mut workspace, 0..3).await;
    workspace.write("sites/board/day-1/jobs/1.html", "<h2>Engineer</h2>");
    workspace.serve_own("board").await;
    let (said, row) = run(&workspace, &[]).await;
    assert_eq!(
        (
            said.status,
            &row["outcome"],
            &row["added"],
            &row["rejected"]
        ),
        (3, &"ok".into(), &2.into(), &1.into()),
        "{said:#?}"
    );

    let letters = workspace
        .trendy(&["dead-letters", "--format", "json"])
        .await
        .json();
    assert_eq!(letters[0]["url"], "https://board.example/jobs/1");
    assert_eq!(
        letters[0]["reason"],
        "required field `title` matched nothing (`h1`)"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_that_cannot_be_is_a_rejection_and_never_today() {
    let mut workspace = Workspace::empty();
    board(&mut workspace, 0..2).await;
    workspace.write(
        "sites/board/day-1/jobs/1.html",
        "<h1>Engineer</h1><time datetime='2026-02-30'>",
    );
    workspace.serve_own("board").await;
    let (said, row) = run(&workspace, &[]).await;
    assert_eq!((said.status, &row["rejected"]), (3, &1.into()), "{said:#?}");
    let letters = workspace
        .trendy(&["dead-letters", "--format", "json"])
        .await
        .json();
    assert!(
        letters[0]["reason"]
            .as_str()
            .unwrap()
            .starts_with("field `posted_at`: "),
        "{letters}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_changed_its_pages_is_broken_not_empty() {
    let mut workspace = Workspace::empty();
    board(&mut workspace, 0..3).await;
    for n in 0..3 {
        workspace.write(
            &format!("sites/board/day-1/jobs/{n}.html"),
            "<h2>Engineer</h2>",
        );
    }
    workspace.serve_own("board").await;
    let (said, row) = run(&workspace, &[]).await;
    assert_eq!(
        (said.status, &row["outcome"], &row["rejected"]),
        (1, &"broken".into(), &3.into()),
        "{said:#?}"
    );
    assert!(
        said.stderr
            .contains("required field `title` matched nothing"),
        "{}",
        said.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vanished_detail_page_is_told_and_its_entry_stays_present() {
    let mut workspace = Workspace::empty();
    board(&mut workspace, 0..3).await;
    run(&workspace, &[]).await;
    std::fs::remove_file(workspace.path("sites/board/day-1/jobs/1.html")).unwrap();
    workspace.serve_own("board").await;
    let (said, row) = run(&workspace, &[]).await;
    assert_eq!(
        (said.status, &row["closed"], &row["rejected"]),
        (3, &0.into(), &1.into()),
        "{said:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limited_run_closes_nothing_and_a_dry_run_writes_nothing() {
    let mut workspace = Workspace::empty();
    board(&mut workspace, 0..12).await;
    let said = workspace.trendy(&["run", "board", "--dry-run"]).await;
    assert_eq!(
        (said.status, said.stdout.lines().count()),
        (0, 12),
        "{said:#?}"
    );
    assert_eq!(
        workspace
            .trendy(&["runs", "--format", "json"])
            .await
            .json()
            .as_array()
            .unwrap()
            .len(),
        0
    );

    assert_eq!(run(&workspace, &[]).await.1["added"], 12);
    let (said, row) = run(&workspace, &["--limit", "2"]).await;
    assert_eq!(
        (said.status, &row["unchanged"], &row["closed"]),
        (0, &2.into(), &0.into()),
        "{said:#?}"
    );
}

/// A board whose list says everything.
const WHOLE: &str = r#"
id = "board"
kind = "job"
description = "A board"
[source]
url = "https://board.example/jobs"
[list]
item = "li"
link = { css = "a", attr = "href" }
[fields]
title = { css = "b", required = true }
[defaults]
board = "board"
"#;

async fn whole(workspace: &mut Workspace, entry_of_two: &str) {
    workspace.write("pipelines/board.toml", WHOLE);
    let list = format!("<li><a href=/1><b>One</b></a><li>{entry_of_two}");
    workspace.write("sites/board/day-1/jobs/index.html", &list);
    workspace.serve_own("board").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_lacks_a_field_is_rejected_but_present() {
    let mut workspace = Workspace::empty();
    whole(&mut workspace, "<a href=/2><b>Two</b></a>").await;
    assert_eq!(run(&workspace, &[]).await.1["added"], 2);
    whole(&mut workspace, "<a href=/2><i>Two</i></a>").await;
    let (said, row) = run(&workspace, &[]).await;
    assert_eq!(
        (said.status, &row["rejected"], &row["closed"]),
        (3, &1.into(), &0.into()),
        "{said:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_with_an_entry_that_cannot_be_told_apart_closes_nothing() {
    let mut workspace = Workspace::empty();
    whole(&mut workspace, "<a href=/2><b>Two</b></a>").await;
    run(&workspace, &[]).await;
    whole(&mut workspace, "<b>Two</b>").await;
    let (said, row) = run(&workspace, &[]).await;
    assert_eq!(
        (said.status, &row["outcome"], &row["closed"]),
        (1, &"partial".into(), &0.into()),
        "{said:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_page_behind_a_link_is_no_end_of_the_list() {
    let mut workspace = Workspace::empty();
    let paged = WHOLE.replace("[list]", "[source.pages]\nnext_link = \"a.next\"\n[list]");
    workspace.write("pipelines/board.toml", &paged);
    workspace.write(
        "sites/board/day-1/jobs/index.html",
        "<li><a href=/1><b>One</b></a></li><a class=next href=/more>",
    );
    workspace.write(
        "sites/board/day-1/more.html",
        "<li><a href=/2><b>Two</b></a></li>",
    );
    workspace.serve_own("board").await;
    assert_eq!(run(&workspace, &[]).await.1["added"], 2);
    workspace.write("sites/board/day-1/more.html", "<ul></ul>");
    workspace.serve_own("board").await;
    let (said, row) = run(&workspace, &[]).await;
    assert_eq!(
        (said.status, &row["outcome"], &row["closed"]),
        (1, &"partial".into(), &0.into()),
        "{said:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_beyond_the_list_closes_nothing_too() {
    let mut workspace = Workspace::empty();
    board(&mut workspace, 0..12).await;
    run(&workspace, &[]).await;
    board(&mut workspace, 0..11).await;
    let (said, row) = run(&workspace, &["--limit", "100"]).await;
    assert_eq!((said.status, &row["closed"]), (0, &0.into()), "{said:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_ends_when_its_reader_has_gone() {
    let mut workspace = Workspace::empty();
    board(&mut workspace, 0..300).await;
    let mut child = workspace.start(&["run", "board", "--dry-run"]);
    drop(child.stdout.take());
    let ended = tokio::time::timeout(std::time::Duration::from_secs(30), child.wait()).await;
    assert!(ended.is_ok(), "it goes on for nobody");
}
