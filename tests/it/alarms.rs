//! A pipeline that suddenly finds less than it used to says so, and nothing is closed on its word.

use std::fmt::Write;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::Value;
use trendy::load::{Batch, Store};
use trendy::record::{Fill, Kind, Outcome, PipelineId};

use crate::site::{Answer, Site, html, page};
use crate::support::scratch::{Scratch, on_sqlite};
use crate::support::trendy::{Said, Workspace};

const BOARD: &str = r#"
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
company = { css = ".name" }
[defaults]
board = "board"
[politeness]
delay = "1ms"
concurrency = 4
"#;

const FEED: &str = r#"
id = "board"
kind = "post"
description = "A blog"
[source]
url = "https://board.example/feed"
[list]
extract = "feed"
[defaults]
source = "blog"
"#;

fn workspace(database: &Scratch, pipeline: &str) -> Workspace {
    let mut workspace = Workspace::empty();
    workspace.write("pipelines/board.toml", pipeline);
    workspace.set("DATABASE_URL", &database.url);
    workspace
}

/// Serves a board of so many postings, whose company stands in an element of this class.
async fn serve(workspace: &mut Workspace, postings: u32, class: &str) {
    let mut list = String::new();
    for n in 0..postings {
        write!(list, "<li><a href='/jobs/{n}'>{n}</a></li>").unwrap();
        workspace.write(
            &format!("sites/board/day-1/jobs/{n}.html"),
            &format!("<h1>Engineer {n}</h1><b class='{class}'>Company {n}</b>"),
        );
    }
    workspace.write("sites/board/day-1/jobs/index.html", &list);
    workspace.serve_own("board").await;
}

async fn run(workspace: &Workspace, arguments: &[&str]) -> (Said, Value) {
    let said = workspace
        .trendy(&[&["run", "--format", "json", "--all"], arguments].concat())
        .await;
    let row = said.json()[0].clone();
    (said, row)
}

#[track_caller]
fn assert_ended((said, row): &(Said, Value), status: i32, outcome: &str, closed: u64) {
    assert_eq!(
        (said.status, &row["outcome"], &row["closed"]),
        (status, &outcome.into(), &closed.into()),
        "{said:#?}"
    );
}

const FALLEN: &str = "`company` (`.name`) was found on 100 % of the pages in the last good run, on 0 % of 12 in this one; \
     nothing was closed (if that is true: `--accept` once)";

async fn a_field_that_is_suddenly_missing_is_broken_until_it_is_accepted(database: Scratch) {
    let mut workspace = workspace(&database, BOARD);
    serve(&mut workspace, 14, "name").await;
    assert_ended(&run(&workspace, &[]).await, 0, "ok", 0);

    serve(&mut workspace, 12, "renamed").await;
    let broken = run(&workspace, &[]).await;
    assert_ended(&broken, 1, "broken", 0);
    assert_eq!(broken.1["reason"], FALLEN);
    assert!(broken.0.stderr.contains(FALLEN), "{}", broken.0.stderr);
    let runs = workspace.trendy(&["runs", "--format", "json"]).await.json();
    assert_eq!(
        (&runs[0]["outcome"], &runs[0]["reason"]),
        (&"broken".into(), &FALLEN.into())
    );
    assert_eq!(workspace.trendy(&["status"]).await.status, 1);

    // The pages have not changed since, and nothing is read: that makes it no better.
    let again = run(&workspace, &[]).await;
    assert_ended(&again, 1, "broken", 0);
    assert_eq!(again.1["unchanged"], 12);

    assert_ended(&run(&workspace, &["--accept"]).await, 0, "ok", 2);
    serve(&mut workspace, 12, "renamed again").await;
    assert_ended(&run(&workspace, &[]).await, 0, "ok", 0);
}

async fn a_mended_rule_ends_the_alarm(database: Scratch) {
    let mut workspace = workspace(&database, BOARD);
    serve(&mut workspace, 12, "name").await;
    run(&workspace, &[]).await;
    serve(&mut workspace, 12, "renamed").await;
    assert_ended(&run(&workspace, &[]).await, 1, "broken", 0);

    workspace.write("pipelines/board.toml", &BOARD.replace(".name", ".renamed"));
    assert_ended(&run(&workspace, &[]).await, 0, "ok", 0);
}

async fn a_rule_that_was_taken_out_is_not_missed(database: Scratch) {
    let mut workspace = workspace(&database, BOARD);
    serve(&mut workspace, 12, "name").await;
    run(&workspace, &[]).await;
    let without = BOARD.replace("company = { css = \".name\" }\n", "");
    workspace.write("pipelines/board.toml", &without);
    assert_ended(&run(&workspace, &[]).await, 0, "ok", 0);
}

async fn a_required_field_that_most_pages_lost_is_broken(database: Scratch) {
    let mut workspace = workspace(&database, BOARD);
    serve(&mut workspace, 12, "name").await;
    run(&workspace, &[]).await;
    for n in 0..9 {
        let page = "<h2>Engineer</h2><b class='name'>Company</b>";
        workspace.write(&format!("sites/board/day-1/jobs/{n}.html"), page);
    }
    for n in 9..12 {
        let page = format!("<h1>Senior engineer {n}</h1><b class='name'>Company</b>");
        workspace.write(&format!("sites/board/day-1/jobs/{n}.html"), &page);
    }
    workspace.serve_own("board").await;
    let ended = run(&workspace, &[]).await;
    assert_ended(&ended, 1, "broken", 0);
    let reason = ended.1["reason"].as_str().unwrap();
    assert!(
        reason.starts_with(
            "`title` (`h1`) was found on 100 % of the pages in the last good run, on 25 % of 12"
        ),
        "{reason}"
    );
}

fn feed(posts: std::ops::Range<u32>) -> String {
    let items = posts.fold(String::new(), |mut items, n| {
        write!(
            items,
            "<item><title>Post {n}</title><link>https://board.example/{n}</link></item>"
        )
        .unwrap();
        items
    });
    format!("<rss version='2.0'><channel><title>Blog</title>{items}</channel></rss>")
}

async fn a_feed_that_lost_half_of_its_usual_entries_is_partial(database: Scratch) {
    let mut workspace = workspace(&database, FEED);
    let mut serve = async |posts| {
        workspace.write("sites/board/day-1/feed.xml", &feed(posts));
        workspace.serve_own("board").await;
        run(&workspace, &[]).await
    };
    assert_ended(&serve(0..20).await, 0, "ok", 0);
    assert_ended(&serve(1..21).await, 0, "ok", 0);
    let shrunk = serve(17..22).await;
    assert_ended(&shrunk, 1, "partial", 0);
    assert_eq!(
        shrunk.1["reason"],
        "the source names 5 entries, where 20 are usual (if that is true: `--accept` once)"
    );
    assert_eq!(shrunk.1["added"], 1);
    assert_ended(&run(&workspace, &[]).await, 1, "partial", 0);
    assert_ended(&run(&workspace, &["--accept"]).await, 0, "ok", 0);
    assert_ended(&run(&workspace, &[]).await, 0, "ok", 0);
}

async fn the_store_counts_what_was_read_once_and_gives_good_runs_as_the_measure(database: Scratch) {
    let store = Store::open(&database.url).await.unwrap();
    let pipeline = PipelineId("board".to_owned());
    let run = async |read: u64, outcome, accepted| {
        let run = store
            .begin_run(&pipeline, Timestamp::now())
            .await
            .unwrap()
            .id;
        let batch = Batch {
            fill: Fill {
                read,
                found: [("company".to_owned(), read / 2)].into(),
            },
            at: Timestamp::now(),
            ..Batch::default()
        };
        for _ in 0..2 {
            store.load(run, &batch).await.unwrap();
        }
        let fill = store.fill(run).await.unwrap();
        assert_eq!(
            (fill.read, fill.found.get("company").copied().unwrap_or(0)),
            (read, read / 2)
        );
        store.note_entries(run, Some(read), accepted).await.unwrap();
        let now = Timestamp::now();
        store.finish_run(run, outcome, None, now).await.unwrap();
    };
    let measure = async || {
        let read = |fills: Vec<Fill>| -> Vec<u64> { fills.iter().map(|fill| fill.read).collect() };
        (
            read(store.last_fills(&pipeline, 10).await.unwrap()),
            read(store.broken_fills(&pipeline, 10).await.unwrap()),
            store.last_entries(&pipeline, 10).await.unwrap(),
        )
    };
    run(10, Outcome::Ok, false).await;
    run(12, Outcome::Ok, false).await;
    run(20, Outcome::Broken, false).await;
    run(40, Outcome::Failed, false).await;
    assert_eq!(measure().await, (vec![12, 10], vec![20], vec![12, 10]));
    run(30, Outcome::Ok, true).await;
    run(0, Outcome::Ok, false).await;
    assert_eq!(measure().await, (vec![30], vec![], vec![0, 30]));
}

macro_rules! on_both_stores {
    ($($name:ident)*) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    crate::support::scratch::on_sqlite(super::$name).await;
                }
            )*
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    crate::support::scratch::on_postgres(super::$name).await;
                }
            )*
        }
    };
}

on_both_stores! {
    a_field_that_is_suddenly_missing_is_broken_until_it_is_accepted
    a_mended_rule_ends_the_alarm
    a_rule_that_was_taken_out_is_not_missed
    a_required_field_that_most_pages_lost_is_broken
    a_feed_that_lost_half_of_its_usual_entries_is_partial
    the_store_counts_what_was_read_once_and_gives_good_runs_as_the_measure
}

/// How a site is doing.
#[derive(Debug, Clone, Copy)]
enum Health {
    Well,
    Refusing,
    Failing,
}

/// A board of three postings with one page, which does as it is told.
async fn moody(workspace: &Workspace) -> (Site, Arc<Mutex<Health>>) {
    let health = Arc::new(Mutex::new(Health::Well));
    let told = Arc::clone(&health);
    let site = Site::start(move |path, _| -> Option<Answer> {
        if path == "/robots.txt" {
            return None;
        }
        Some(match *told.lock().unwrap() {
            Health::Well => html(
                "<li><a href='/1'><b>One</b></a></li><li><a href='/2'><b>Two</b></a></li>
                 <li><a href='/3'><b>Three</b></a></li>",
            ),
            Health::Refusing => page("403 Forbidden", &[], "<p>Are you a robot?"),
            Health::Failing => page("500 Internal Server Error", &[], ""),
        })
    })
    .await;
    let twins = format!(
        "[twins]\n\"https://board.example\" = \"{}\"\n",
        site.url("/")
    );
    workspace.write("trendy.toml", &twins);
    (site, health)
}

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

/// Whether each posting of the moody board is still open.
async fn open(database: &Scratch) -> Vec<bool> {
    let store = Store::open(&database.url).await.unwrap();
    let records = store.records_after(Kind::Job, None, 10).await.unwrap();
    let active = records
        .iter()
        .map(|record| record.document()["active"].as_bool().unwrap());
    active.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_a_source_that_fails_again_and_again_is_told_each_time_and_never_abandoned() {
    on_sqlite(async |database: Scratch| {
        let workspace = workspace(&database, WHOLE);
        let (_site, health) = moody(&workspace).await;
        assert_ended(&run(&workspace, &[]).await, 0, "ok", 0);

        *health.lock().unwrap() = Health::Refusing;
        for _ in 0..4 {
            let refused = run(&workspace, &[]).await;
            assert_ended(&refused, 1, "blocked", 0);
            assert!(refused.0.stderr.contains("403"), "{}", refused.0.stderr);
            assert_eq!(workspace.trendy(&["status"]).await.status, 1);
        }
        *health.lock().unwrap() = Health::Well;
        let well = run(&workspace, &[]).await;
        assert_ended(&well, 0, "ok", 0);
        assert_eq!(
            (&well.1["unchanged"], &well.1["reopened"]),
            (&3.into(), &0.into())
        );
        assert_eq!(workspace.trendy(&["status"]).await.status, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_a_site_that_is_down_has_no_posting_closed() {
    on_sqlite(async |database: Scratch| {
        let workspace = workspace(&database, WHOLE);
        let (site, health) = moody(&workspace).await;
        run(&workspace, &[]).await;
        *health.lock().unwrap() = Health::Failing;
        assert_ended(&run(&workspace, &[]).await, 1, "failed", 0);
        drop(site);
        assert_ended(&run(&workspace, &[]).await, 1, "failed", 0);
        assert_eq!(open(&database).await, [true; 3]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_summary_and_the_history_of_runs_keep_their_names() {
    let mut workspace = Workspace::empty();
    workspace.write("pipelines/board.toml", BOARD);
    serve(&mut workspace, 2, "name").await;
    let names = |row: &Value| -> Vec<String> { row.as_object().unwrap().keys().cloned().collect() };
    let (_, row) = run(&workspace, &[]).await;
    insta::assert_snapshot!(names(&row).join(" "), @"added closed outcome pages pipeline reason records rejected reopened run_id seconds unchanged updated");
    let runs = workspace.trendy(&["runs", "--format", "json"]).await.json();
    insta::assert_snapshot!(names(&runs[0]).join(" "), @"added closed duration_ms finished_at id interrupted_at outcome pages pipeline reason records rejected reopened resumed started_at unchanged updated");
}
