//! A run that is killed or interrupted loses nothing and doubles nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use trendy::load::Store;
use trendy::record::{Kind, Op};

use crate::site::{Site as SlowSite, html, late};
use crate::support::scratch::{Scratch, on_postgres, on_sqlite};
use crate::support::trendy::Workspace;

/// Entries of the list: enough that a run is somewhere in the middle for a while.
const ENTRIES: usize = 500;

const PIPELINE: &str = r#"
id = "board"
kind = "job"
description = "A long list"
[source]
url = "https://board.example/jobs"
[list]
item = "li"
link = { css = "a", attr = "href" }
[detail]
extract = "css"
[fields]
title = { css = "h1", required = true }
description = { css = "p" }
[defaults]
board = "board"
[politeness]
delay = "1ms"
concurrency = 4
"#;

async fn workspace(database: &Scratch) -> Workspace {
    let mut workspace = Workspace::empty();
    workspace.write("pipelines/board.toml", PIPELINE);
    let links: Vec<String> = (0..ENTRIES)
        .map(|n| format!("<li><a href='/jobs/{n}'>{n}</a></li>"))
        .collect();
    workspace.write(
        "sites/board/day-1/jobs/index.html",
        &format!("<ul>{}</ul>", links.concat()),
    );
    for n in 0..ENTRIES {
        workspace.write(
            &format!("sites/board/day-1/jobs/{n}.html"),
            &format!("<h1>Engineer {n}</h1><p>Rust and PostgreSQL</p>"),
        );
    }
    workspace.serve_own("board").await;
    workspace.set("DATABASE_URL", &database.url);
    workspace
}

/// Starts a run and waits until it has asked for this many pages.
async fn start_until(workspace: &Workspace, pages: usize) -> tokio::process::Child {
    let before = workspace.asked("board").len();
    let child = workspace.start(&["run", "board"]);
    let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
    while workspace.asked("board").len() < before + pages {
        assert!(
            tokio::time::Instant::now() < deadline,
            "the run asks for no more pages"
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    child
}

/// Every posting is there once, added once, and nothing else happened to it.
async fn assert_whole(database: &Scratch) {
    let store = Store::open(&database.url).await.unwrap();
    let records = store.records_after(Kind::Job, None, 10_000).await.unwrap();
    let titles: BTreeSet<String> = records
        .iter()
        .map(|record| record.document()["title"].to_string())
        .collect();
    assert_eq!((records.len(), titles.len()), (ENTRIES, ENTRIES));
    assert!(records.iter().all(|record| record.revision == 1));
    let changes = store.changes_after(0, 10_000).await.unwrap();
    let added = changes
        .iter()
        .filter(|(change, record)| change.op == Op::Added && record.is_some())
        .count();
    assert!(added >= ENTRIES, "{added} of {ENTRIES} in the change log");
}

async fn killed_at(database: Scratch, points: &[usize]) {
    let workspace = workspace(&database).await;
    for pages in points {
        let mut child = start_until(&workspace, *pages).await;
        child.kill().await.unwrap();
    }
    let said = workspace
        .trendy(&["run", "board", "--format", "json"])
        .await;
    assert_eq!(said.status, 0, "{said:#?}");
    assert_whole(&database).await;
    let summary: Value = said.json();
    assert_eq!(summary[0]["outcome"], "ok");

    // Every page that is known now has its record in the store.
    let before = workspace.asked("board").len();
    let said = workspace
        .trendy(&["run", "board", "--format", "json"])
        .await;
    assert_eq!(said.json()[0]["unchanged"], ENTRIES);
    assert_eq!(workspace.statuses("board", before), [304; ENTRIES + 1]);
    assert_whole(&database).await;
}

/// Pages behind entries that the site was asked for from the arrival of this number on.
fn details(workspace: &Workspace, from: usize) -> usize {
    let asked = workspace.asked("board").into_iter().skip(from);
    asked.filter(|path| path.starts_with("/jobs/")).count()
}

async fn stored(database: &Scratch) -> usize {
    let store = Store::open(&database.url).await.unwrap();
    let records = store.records_after(Kind::Job, None, 10_000).await.unwrap();
    store.shutdown().await;
    records.len()
}

async fn killed_again_and_again(database: Scratch, kills: usize) {
    // Four workers, two channels of four, a page a core that is being read, and a batch: see `run::loader`.
    let cores = std::thread::available_parallelism().unwrap().get();
    let in_flight = 4 + 2 * 4 + cores + 32;
    let workspace = workspace(&database).await;
    workspace.write("pipelines/board.toml", &PIPELINE.replace("1ms", "0s"));
    for kill in 0..kills {
        let (arrived, before) = (workspace.asked("board").len(), stored(&database).await);
        // robots.txt, the list, and from none to some dozens of pages behind entries.
        let mut child = start_until(&workspace, 2 + kill * 7 % 30).await;
        child.kill().await.unwrap();
        let lost = details(&workspace, arrived) - (stored(&database).await - before);
        assert!(lost <= in_flight, "kill {kill} cost {lost} pages");
    }
    let before = stored(&database).await;
    assert!(before < ENTRIES, "there was nothing left to kill");
    let arrived = workspace.asked("board").len();
    let said = workspace
        .trendy(&["run", "board", "--format", "json"])
        .await;
    assert_eq!((said.status, &said.json()[0]["outcome"]), (0, &"ok".into()));
    assert_eq!(details(&workspace, arrived), ENTRIES - before);
    assert_whole(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_fetches_again_what_was_in_flight_and_no_more_wherever_a_run_is_killed() {
    on_postgres(|database| killed_again_and_again(database, 5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_fetches_again_what_was_in_flight_and_no_more_wherever_a_run_is_killed() {
    on_sqlite(|database| killed_again_and_again(database, 20)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_loses_no_record_and_doubles_none_when_a_run_is_killed() {
    on_postgres(|database| killed_at(database, &[3, 60, 150])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_loses_no_record_and_doubles_none_when_a_run_is_killed() {
    on_sqlite(|database| killed_at(database, &[3, 60, 150])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_keeps_what_an_interrupted_run_had_loaded_and_the_next_goes_on() {
    on_sqlite(async |database: Scratch| {
        let workspace = workspace(&database).await;
        let child = start_until(&workspace, 100).await;
        let pid = child.id().unwrap().to_string();
        let interrupted = std::process::Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap();
        assert!(interrupted.success());
        let output = child.wait_with_output().await.unwrap();
        assert_eq!(
            output.status.code(),
            Some(130),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );

        let loaded = Store::open(&database.url)
            .await
            .unwrap()
            .records_after(Kind::Job, None, 10_000)
            .await
            .unwrap()
            .len();
        assert!(loaded > 50 && loaded < ENTRIES, "{loaded} loaded");
        let before = workspace.asked("board").len();
        let said = workspace.trendy(&["run", "board"]).await;
        assert_eq!(said.status, 0, "{said:#?}");
        // robots.txt, the list, and the pages that were missing.
        assert_eq!(
            workspace.asked("board").len() - before,
            2 + ENTRIES - loaded
        );
        assert_whole(&database).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_locks_out_a_second_run_of_a_pipeline() {
    on_sqlite(async |database: Scratch| {
        let workspace = workspace(&database).await;
        let mut first = start_until(&workspace, 10).await;
        let second = workspace.trendy(&["run", "board"]).await;
        assert_eq!(second.status, 1, "{second:#?}");
        assert!(
            second.stderr.contains("being run by another process"),
            "{}",
            second.stderr
        );
        first.kill().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_takes_up_a_run_that_was_interrupted_after_its_list_was_read() {
    on_sqlite(async |database: Scratch| {
        let list: String = (0..5)
            .map(|n| format!("<li><a href='/jobs/{n}'>{n}</a></li>"))
            .collect::<Vec<_>>()
            .concat();
        let slow = SlowSite::start(move |path, _| match path {
            "/robots.txt" => None,
            "/jobs" => Some(html(&list)),
            detail => Some(late(
                Duration::from_millis(300),
                &format!("<h1>Engineer {detail}</h1>"),
            )),
        })
        .await;
        let mut workspace = Workspace::empty();
        workspace.write(
            "pipelines/board.toml",
            &PIPELINE.replace("concurrency = 4", "concurrency = 1"),
        );
        workspace.write(
            "trendy.toml",
            &format!(
                "[twins]\n\"https://board.example\" = \"{}\"\n",
                slow.url("/")
            ),
        );
        workspace.set("DATABASE_URL", &database.url);

        let child = workspace.start(&["run", "board"]);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        while slow.visits().len() < 3 {
            assert!(
                tokio::time::Instant::now() < deadline,
                "the run asks for no details"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let pid = child.id().unwrap().to_string();
        std::process::Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap();
        let output = child.wait_with_output().await.unwrap();
        assert_eq!(
            output.status.code(),
            Some(130),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );

        let said = workspace.trendy(&["run", "board"]).await;
        assert_eq!(said.status, 0, "{said:#?}");
        let store = Store::open(&database.url).await.unwrap();
        assert_eq!(
            store
                .records_after(Kind::Job, None, 100)
                .await
                .unwrap()
                .len(),
            5
        );
    })
    .await;
}
