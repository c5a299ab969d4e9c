//! Saved pages and the records expected of them: `trendy test`.

use crate::support::trendy::{Workspace, root};

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
posted_at = { css = "time" }
[defaults]
board = "board"
"#;

/// A board of two postings with a case of it, whose records are not expected yet.
fn board() -> Workspace {
    let workspace = Workspace::empty();
    workspace.write("pipelines/board.toml", PIPELINE);
    workspace.write(
        "fixtures/board/first/jobs/index.html",
        "<ul><li><a href='/jobs/1'>1</a></li><li><a href='/jobs/2'>2</a></li></ul>",
    );
    workspace.write(
        "fixtures/board/first/case.toml",
        "now = \"2026-11-19T09:00:00Z\"",
    );
    posting(&workspace, 1, "Rust Engineer", "3 days ago");
    posting(&workspace, 2, "Data Engineer", "2026-11-02");
    workspace
}

fn posting(workspace: &Workspace, number: u32, title: &str, posted: &str) {
    workspace.write(
        &format!("fixtures/board/first/jobs/{number}.html"),
        &format!("<h1>{title}</h1><time>{posted}</time>"),
    );
}

#[tokio::test]
async fn every_shipped_pipeline_has_a_case_and_gives_what_is_expected_of_it() {
    let (pipelines, fixtures) = (root().join("pipelines"), root().join("fixtures"));
    let said = Workspace::empty()
        .trendy(&[
            "test",
            "--format",
            "json",
            "--pipelines",
            pipelines.to_str().unwrap(),
            "--fixtures",
            fixtures.to_str().unwrap(),
        ])
        .await;
    assert_eq!(said.status, 0, "{said:#?}");
    let cases = said.json();
    let cases = cases.as_array().unwrap();
    assert!(cases.iter().all(|case| case["records"] != 0), "{cases:#?}");
    for file in std::fs::read_dir(pipelines).unwrap() {
        let path = file.unwrap().path();
        let id = path.file_stem().unwrap().to_str().unwrap();
        assert!(cases.iter().any(|case| case["pipeline"] == id), "{id}");
    }
}

#[tokio::test]
async fn what_is_accepted_is_expected_from_then_on_and_dates_count_from_the_cases_own_time() {
    let workspace = board();
    let said = workspace.trendy(&["test", "board", "--update"]).await;
    assert_eq!(said.status, 0, "{said:#?}");
    assert!(
        said.stdout.starts_with("board/first: accepted: 2 records"),
        "{said:#?}"
    );
    let expected =
        std::fs::read_to_string(workspace.path("fixtures/board/first/expected.json")).unwrap();
    assert!(
        expected.contains("\"posted_at\": \"2026-11-16T"),
        "{expected}"
    );
    assert!(!expected.contains("seen_at"), "{expected}");

    let said = workspace.trendy(&["test"]).await;
    assert_eq!(
        (said.status, said.stdout.as_str()),
        (0, "board/first: 2 records, as expected\n"),
        "{said:#?}"
    );
    assert!(!workspace.path("trendy.db").exists());
}

#[tokio::test]
async fn a_difference_is_shown_field_by_field_with_what_is_missing_and_what_is_surplus() {
    let workspace = board();
    assert_eq!(workspace.trendy(&["test", "--update"]).await.status, 0);
    posting(&workspace, 1, "Go Engineer", "3 days ago");
    posting(&workspace, 3, "New", "2026-11-03");
    workspace.write(
        "fixtures/board/first/jobs/index.html",
        "<ul><li><a href='/jobs/1'>1</a></li><li><a href='/jobs/3'>3</a></li></ul>",
    );
    let said = workspace.trendy(&["test"]).await;
    assert_eq!(said.status, 1, "{said:#?}");
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert_eq!(
        lines[..6],
        [
            "board/first: 2 records, 3 differ",
            "  https://board.example/jobs/1",
            "    - terms: [\"Rust\"]",
            "    + terms: [\"Go\"]",
            "    - title: \"Rust Engineer\"",
            "    + title: \"Go Engineer\"",
        ]
    );
    assert!(
        lines[6].starts_with("- https://board.example/jobs/2 ("),
        "{lines:?}"
    );
    assert!(
        lines[7].starts_with("+ https://board.example/jobs/3 ("),
        "{lines:?}"
    );

    let json = workspace
        .trendy(&["test", "board/first", "--format", "json"])
        .await;
    assert_eq!(json.status, 1);
    let differences = &json.json()[0]["differences"];
    assert_eq!(differences[0]["fields"][1]["expected"], "Rust Engineer");
    assert_eq!(differences[1]["what"], "missing");
    assert_eq!(differences[2]["what"], "surplus");
}

#[tokio::test]
async fn a_page_that_was_not_saved_is_told() {
    let workspace = board();
    assert_eq!(workspace.trendy(&["test", "--update"]).await.status, 0);
    std::fs::remove_file(workspace.path("fixtures/board/first/jobs/2.html")).unwrap();
    let said = workspace.trendy(&["test"]).await;
    assert_eq!(said.status, 1, "{said:#?}");
    assert!(
        said.stderr
            .contains("https://board.example/jobs/2 answered 404"),
        "{said:#?}"
    );

    std::fs::remove_file(workspace.path("fixtures/board/first/jobs/index.html")).unwrap();
    let said = workspace.trendy(&["test", "--update"]).await;
    assert_eq!(said.status, 1, "{said:#?}");
    assert!(
        said.stdout.starts_with("board/first: failed: "),
        "{said:#?}"
    );
    assert!(
        said.stdout.contains("- https://board.example/jobs/1"),
        "{said:#?}"
    );
}

#[tokio::test]
async fn what_has_no_case_is_named_and_nothing_is_started() {
    let workspace = board();
    for (arguments, told) in [
        (&["test"][..], "no case of pipeline `board`"),
        (&["test", "bord"], "did you mean `board`?"),
        (&["test", "board/frist"], "did you mean `first`?"),
        (
            &["test", "board/first"],
            "`trendy test board/first --update`",
        ),
    ] {
        let said = workspace.trendy(arguments).await;
        assert_eq!(said.status, 2, "{said:#?}");
        assert!(said.stderr.contains(told), "{said:#?}");
    }
    workspace.write("fixtures/board/first/expected.json", "{");
    let said = workspace.trendy(&["test"]).await;
    assert_eq!(said.status, 2, "{said:#?}");
    assert!(
        said.stderr.contains("no list of expected records"),
        "{said:#?}"
    );
    std::fs::remove_file(workspace.path("fixtures/board/first/case.toml")).unwrap();
    let said = workspace.trendy(&["test"]).await;
    assert_eq!(said.status, 2, "{said:#?}");
    assert!(
        said.stderr.contains("it says when the pages were saved"),
        "{said:#?}"
    );
    assert_eq!(workspace.trendy(&["test", "--update"]).await.status, 0);
    assert_eq!(workspace.trendy(&["test"]).await.status, 0);
}
