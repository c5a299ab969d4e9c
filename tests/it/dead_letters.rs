//! `trendy dead-letters`: looked at, tried again, dropped, exported.

use serde_json::Value;

use crate::elasticsearch::scratch::Scratch as Index;
use crate::support::scratch::{Scratch, on_postgres};
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
id = { css = "a", attr = "data-id" }
[detail]
extract = "css"
[fields]
title = { css = "h1", required = true }
[defaults]
board = "board"
[politeness]
delay = "1ms"
"#;

/// A board of four postings: the page of 1 is missing, that of 2 has no title.
async fn broken_board(workspace: &mut Workspace) {
    workspace.write("pipelines/board.toml", PIPELINE);
    let links: Vec<String> = (0..4)
        .map(|n| format!("<li><a data-id='no-{n}' href='/jobs/{n}'>{n}</a></li>"))
        .collect();
    workspace.write("sites/board/day-1/jobs/index.html", &links.concat());
    for n in [0, 3] {
        serve_page(workspace, n, "<h1>Engineer</h1>");
    }
    serve_page(workspace, 2, "<h2>Engineer</h2>");
    workspace.serve_own("board").await;
}

fn serve_page(workspace: &Workspace, number: u32, html: &str) {
    workspace.write(&format!("sites/board/day-1/jobs/{number}.html"), html);
}

async fn letters(workspace: &Workspace, arguments: &[&str]) -> Vec<Value> {
    let arguments = [&["dead-letters", "--format", "json"], arguments].concat();
    let said = workspace.trendy(&arguments).await;
    assert_eq!(said.status, 0, "{said:#?}");
    said.json().as_array().unwrap().clone()
}

async fn run(workspace: &Workspace) -> Value {
    let said = workspace
        .trendy(&["run", "board", "--format", "json"])
        .await;
    said.json()[0].clone()
}

async fn retry(workspace: &Workspace, arguments: &[&str]) -> Said {
    let arguments = [&["dead-letters", "retry", "--format", "json"], arguments].concat();
    workspace.trendy(&arguments).await
}

async fn tries_again_what_failed(mut workspace: Workspace) {
    broken_board(&mut workspace).await;
    // Two runs leave two letters of each.
    for _ in 0..2 {
        assert_eq!(run(&workspace).await["rejected"], 2);
    }
    assert_eq!(letters(&workspace, &["--stage", "collect"]).await.len(), 2);
    assert_eq!(
        letters(&workspace, &["--reason", "FIELD `title`"])
            .await
            .len(),
        2
    );
    assert_eq!(letters(&workspace, &["--reason", "%"]).await.len(), 0);

    serve_page(&workspace, 1, "<h1>Engineer, found</h1>");
    workspace.serve_own("board").await;
    let said = retry(&workspace, &["--pipeline", "board"]).await;
    assert_eq!(said.status, 3, "{said:#?}");
    let mut results: Vec<String> = said
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|row| format!("{} {}: {}", row["stage"], row["state"], row["result"]).replace('"', ""))
        .collect();
    results.sort();
    let still = "extract open: required field `title` matched nothing (`h1`)";
    assert_eq!(
        results,
        [
            "collect redriven: added",
            "collect redriven: added",
            still,
            still
        ]
    );
    let asked = workspace.asked("board");
    let pages: Vec<&String> = asked.iter().filter(|path| *path != "/robots.txt").collect();
    assert_eq!(
        pages.len(),
        2,
        "letters of one entry cost one request: {pages:?}"
    );

    let open = letters(&workspace, &[]).await;
    assert_eq!(open.len(), 2);
    assert_eq!(
        (&open[0]["stage"], &open[0]["retries"]),
        (&"extract".into(), &1.into())
    );
    assert!(open[0]["retried_at"].is_string());
    assert_eq!(letters(&workspace, &["--state", "redriven"]).await.len(), 2);

    let runs = workspace.trendy(&["runs", "--format", "json"]).await.json();
    assert_eq!(
        (&runs[0]["outcome"], &runs[0]["added"]),
        (&"ok".into(), &1.into()),
        "{runs}"
    );
    // The record is the one that a run makes of the entry, by the id that the list alone gives.
    let row = run(&workspace).await;
    assert_eq!(
        (&row["added"], &row["unchanged"]),
        (&0.into(), &3.into()),
        "{row}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_tries_again_what_failed() {
    tries_again_what_failed(Workspace::empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_tries_again_what_failed() {
    on_postgres(async |scratch: Scratch| {
        let mut workspace = Workspace::empty();
        workspace.set("DATABASE_URL", &scratch.url);
        tries_again_what_failed(workspace).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_does_not_make_a_failed_pipeline_look_well() {
    let mut workspace = Workspace::empty();
    broken_board(&mut workspace).await;
    run(&workspace).await;
    workspace.write(
        "sites/board/day-1/jobs/index.html",
        "<p>under construction</p>",
    );
    workspace.serve_own("board").await;
    assert_eq!(run(&workspace).await["outcome"], "empty");
    serve_page(&workspace, 1, "<h1>Engineer</h1>");
    workspace.serve_own("board").await;
    let said = retry(&workspace, &["--stage", "collect"]).await;
    assert_eq!(said.status, 0, "{said:#?}");
    let said = workspace.trendy(&["status"]).await;
    assert_eq!(said.status, 1, "{said:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn drop_and_retry_take_nothing_by_accident_and_one_by_its_id() {
    let mut workspace = Workspace::empty();
    broken_board(&mut workspace).await;
    run(&workspace).await;
    for command in ["drop", "retry"] {
        let said = workspace.trendy(&["dead-letters", command]).await;
        assert_eq!(said.status, 2, "{said:#?}");
        assert!(said.stderr.contains("nothing is chosen"), "{said:#?}");
    }
    let nobody = "00000000-0000-0000-0000-000000000000";
    let said = workspace.trendy(&["dead-letters", "drop", nobody]).await;
    assert_eq!(said.status, 2, "{said:#?}");

    let extract = letters(&workspace, &["--stage", "extract"]).await;
    let id = extract[0]["id"].as_str().unwrap();
    let said = workspace.trendy(&["dead-letters", "drop", id]).await;
    assert_eq!(said.status, 0, "{said:#?}");
    assert_eq!(letters(&workspace, &[]).await.len(), 1);
    assert_eq!(
        letters(&workspace, &["--state", "discarded"]).await[0]["id"],
        id
    );
    assert_eq!(letters(&workspace, &["--state", "all"]).await.len(), 2);
    let all = ["dead-letters", "--state", "all", "--format", "csv"];
    let said = workspace.trendy(&all).await;
    let mut states: Vec<&str> = said
        .stdout
        .lines()
        .map(|line| line.split(',').nth(2).unwrap())
        .collect();
    states.sort_unstable();
    assert_eq!(states, ["discarded", "open", "state"], "{said:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn show_and_export_give_all_that_was_at_hand() {
    let mut workspace = Workspace::empty();
    broken_board(&mut workspace).await;
    run(&workspace).await;
    let said = workspace.trendy(&["dead-letters", "export"]).await;
    let lines: Vec<Value> = said
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    for line in lines {
        assert!(
            line["payload"]["entry"]["external_id"].is_string(),
            "{line}"
        );
        let shown = workspace
            .trendy(&["dead-letters", "show", line["id"].as_str().unwrap()])
            .await;
        assert_eq!(shown.json(), line);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_whose_pipeline_is_gone_stays_open_and_says_so() {
    let mut workspace = Workspace::empty();
    broken_board(&mut workspace).await;
    run(&workspace).await;
    std::fs::remove_file(workspace.path("pipelines/board.toml")).unwrap();
    let said = retry(&workspace, &["--stage", "extract"]).await;
    assert_eq!(said.status, 3, "{said:#?}");
    let told = said.json()[0]["result"].as_str().unwrap().to_owned();
    assert_eq!(told, "its pipeline is not among the files any more");
}

/// Writes into the store's documents, as a version with a mistake might.
async fn tamper(workspace: &Workspace, sql: &'static str) {
    let url = format!("sqlite://{}", workspace.path("trendy.db").display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    sqlx::query(sql).execute(&pool).await.unwrap();
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_document_is_sent_again_as_it_is_now() {
    let mut workspace = Workspace::empty();
    broken_board(&mut workspace).await;
    run(&workspace).await;
    let index = Index::new();
    workspace.set("ELASTICSEARCH_URL", index.server.as_str());
    workspace.set("TRENDY_INDEX_PREFIX", &index.prefix);
    workspace.trendy(&["index", "setup"]).await;
    tamper(
        &workspace,
        "UPDATE records SET document = json_set(document, '$.experience_min', 99999) WHERE url LIKE '%/3'",
    )
    .await;
    let said = workspace.trendy(&["index", "sync"]).await;
    assert_eq!(said.status, 3, "{said:#?}");
    let refused = letters(&workspace, &["--stage", "publish"]).await;
    assert_eq!(refused.len(), 1);

    let said = retry(&workspace, &["--stage", "publish"]).await;
    assert_eq!(said.status, 3, "it is as it was: {said:#?}");
    let told = said.json()[0]["result"].as_str().unwrap().to_owned();
    assert!(told.contains("experience_min"), "{told}");

    tamper(
        &workspace,
        "UPDATE records SET document = json_set(document, '$.experience_min', 9)",
    )
    .await;
    let said = retry(&workspace, &["--stage", "publish"]).await;
    assert_eq!(said.status, 0, "{said:#?}");
    assert_eq!(said.json()[0]["result"], "sent");
    let id = refused[0]["payload"]["id"].as_str().unwrap();
    let found = index
        .ask("GET", &format!("{}-job/_doc/{id}", index.prefix), None)
        .await;
    assert_eq!(found["_source"]["experience_min"], 9, "{found}");
}
