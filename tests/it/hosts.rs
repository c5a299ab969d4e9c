//! What is owed to a host: by three pipelines of one process together, by the next process, and after a no.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};
use trendy::load::Store;
use trendy::record::HostMemory;

use crate::site::{Answer, Site, html, late, moved, page};
use crate::support::scratch::{Scratch, on_postgres, on_sqlite};
use crate::support::trendy::{Said, Workspace};

const RUN: [&str; 4] = ["run", "board", "--format", "json"];

/// A pipeline with a detail page behind each entry.
fn pipeline(id: &str, url: &str, politeness: &str) -> String {
    format!(
        r#"
id = "{id}"
kind = "job"
description = "A board"
[source]
url = "{url}"
[list]
item = "li"
link = {{ css = "a", attr = "href" }}
[detail]
extract = "css"
[fields]
title = {{ css = "h1", required = true }}
[defaults]
board = "{id}"
[politeness]
{politeness}
"#
    )
}

fn list(details: impl IntoIterator<Item = String>) -> Answer {
    let mut entries = String::new();
    for path in details {
        write!(entries, "<li><a href='{path}'>{path}</a></li>").unwrap();
    }
    html(&entries)
}

/// The program with one pipeline, for which this site is `https://board.example`.
fn board_at(site: &Site) -> Workspace {
    let workspace = Workspace::empty();
    let text = pipeline("board", "https://board.example/jobs", "");
    workspace.write("pipelines/board.toml", &text);
    let twin = format!(
        "[twins]\n\"https://board.example\" = \"{}\"\n",
        site.url("")
    );
    workspace.write("trendy.toml", &twin);
    workspace
}

/// A site that answers 429 with this `Retry-After` while it is busy.
async fn busy_site(retry_after: String) -> (Site, Arc<AtomicBool>) {
    let busy = Arc::new(AtomicBool::new(true));
    let site = Site::start({
        let busy = Arc::clone(&busy);
        move |path, _| match path {
            "/jobs" if busy.load(Ordering::SeqCst) => {
                let headers = [("Retry-After", retry_after.as_str())];
                Some(page("429 Too Many Requests", &headers, ""))
            }
            "/jobs" => Some(list(["/jobs/1".to_owned()])),
            "/jobs/1" => Some(html("<h1>One</h1>")),
            _ => None,
        }
    })
    .await;
    (site, busy)
}

#[track_caller]
fn assert_blocked(said: &Said, words: &[&str]) {
    assert_ended(said, "blocked", words);
}

#[track_caller]
fn assert_ended(said: &Said, outcome: &str, words: &[&str]) {
    assert_eq!(said.status, 1, "{said:#?}");
    let row = &said.json()[0];
    assert_eq!(row["outcome"], outcome, "{said:#?}");
    let reason = row["reason"].as_str().unwrap();
    for word in words {
        assert!(reason.contains(word), "no `{word}` in {reason}");
    }
}

fn in_an_hour() -> String {
    let later = Timestamp::now() + SignedDuration::from_hours(1);
    DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&later)
        .unwrap()
}

async fn the_next_process_honours_a_pause(database: Scratch, retry_after: String) {
    let (site, busy) = busy_site(retry_after).await;
    let mut workspace = board_at(&site);
    workspace.set("DATABASE_URL", &database.url);
    assert_blocked(&workspace.trendy(&RUN).await, &["answered 429"]);
    assert_eq!(site.visits().len(), 1);
    let asked = site.all_visits().len();
    busy.store(false, Ordering::SeqCst);

    let words = ["wants no request before 20", "it answered 429"];
    let said = workspace.trendy(&RUN).await;
    assert_blocked(&said, &words);
    let seconds = said.json()[0]["seconds"].as_f64().unwrap();
    assert!(seconds < 2.0, "{seconds} s");
    assert_eq!(site.all_visits().len(), asked, "not even for robots.txt");

    let store = database.open().await;
    let now = Timestamp::now();
    let hosts = store.hosts(now).await.unwrap();
    assert_eq!(hosts[0].host, "board.example");
    let left = hosts[0].not_before.unwrap().duration_since(now).as_secs();
    assert!((3400..=3600).contains(&left), "{left} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_keeps_a_retry_after_in_seconds_for_the_next_process() {
    on_sqlite(|scratch| the_next_process_honours_a_pause(scratch, "3600".to_owned())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_keeps_a_retry_after_that_is_a_date_for_the_next_process() {
    on_postgres(|scratch| the_next_process_honours_a_pause(scratch, in_an_hour())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_honours_what_is_kept_and_keeps_nothing() {
    let (site, busy) = busy_site("3600".to_owned()).await;
    let workspace = board_at(&site);
    let said = workspace.trendy(&["run", "board", "--dry-run"]).await;
    assert!(said.stderr.contains("answered 429"), "{said:#?}");
    busy.store(false, Ordering::SeqCst);
    let said = workspace.trendy(&RUN).await;
    assert_eq!(said.json()[0]["outcome"], "ok", "{said:#?}");

    busy.store(true, Ordering::SeqCst);
    workspace.trendy(&RUN).await;
    let asked = site.all_visits().len();
    let said = workspace.trendy(&["run", "board", "--dry-run"]).await;
    assert!(said.stderr.contains("wants no request before"), "{said:#?}");
    assert_eq!(site.all_visits().len(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_asks_nobody_and_so_need_not_wait() {
    let (site, busy) = busy_site("3600".to_owned()).await;
    let workspace = board_at(&site);
    let settings = std::fs::read_to_string(workspace.path("trendy.toml")).unwrap();
    workspace.write("trendy.toml", &format!("archive = \"raw\"\n{settings}"));
    busy.store(false, Ordering::SeqCst);
    workspace.trendy(&RUN).await;
    workspace.write("trendy.toml", &settings);
    busy.store(true, Ordering::SeqCst);
    assert_blocked(&workspace.trendy(&RUN).await, &["answered 429"]);

    let replay = [&RUN[..], &["--replay", "raw"]].concat();
    let said = workspace.trendy(&replay).await;
    assert_eq!(said.json()[0]["outcome"], "ok", "{said:#?}");
    let said = workspace.trendy(&RUN).await;
    assert_blocked(&said, &["wants no request before"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_was_dead_for_the_last_process_gets_one_request_once_it_has_rested() {
    let site = Site::start(|_, _| Some(page("503 Service Unavailable", &[], ""))).await;
    let workspace = board_at(&site);
    let url = format!("sqlite://{}", workspace.path("trendy.db").display());
    let mut workspace = workspace;
    workspace.set("DATABASE_URL", &url);
    let store = Store::open(&url).await.unwrap();
    let now = Timestamp::now();
    let dead = |not_before| HostMemory {
        host: "board.example".to_owned(),
        not_before: Some(not_before),
        reason: String::new(),
        failures: 12,
        delay: Duration::ZERO,
        noted_at: now,
    };
    let resting = [dead(now + SignedDuration::from_mins(10))];
    store.remember_hosts(&resting, now).await.unwrap();
    let said = workspace.trendy(&RUN).await;
    let words = ["failed 12 times in a row", "left alone until 20"];
    assert_ended(&said, "failed", &words);
    assert!(site.all_visits().is_empty());

    let url = format!("sqlite://{}", workspace.path("rested.db").display());
    let store = Store::open(&url).await.unwrap();
    let rested = [dead(now - SignedDuration::from_mins(1))];
    store.remember_hosts(&rested, now).await.unwrap();
    workspace.set("DATABASE_URL", &url);
    let said = workspace.trendy(&RUN).await;
    assert_eq!(said.status, 1, "{said:#?}");
    assert_eq!(site.all_visits().len(), 1, "one trial");
    assert_eq!(store.hosts(now).await.unwrap()[0].failures, 13);
}

async fn later_of_two_instants_is_kept_and_a_day_old_host_is_forgotten(database: Scratch) {
    let store = database.open().await;
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let now = at("2026-03-01T00:00:00Z");
    let memory = |host: &str, not_before: Option<&str>, reason: &str| HostMemory {
        host: host.to_owned(),
        not_before: not_before.map(at),
        reason: reason.to_owned(),
        failures: 2,
        delay: Duration::from_millis(1500),
        noted_at: now,
    };
    let late = memory("a.example", Some("2026-03-05T00:00:00Z"), "late");
    let slow = memory("b.example", None, "");
    let first = [late.clone(), slow.clone()];
    store.remember_hosts(&first, now).await.unwrap();
    assert_eq!(store.hosts(now).await.unwrap(), first);
    for early in [Some("2026-03-02T00:00:00Z"), None] {
        let early = memory("a.example", early, "early");
        store.remember_hosts(&[early], now).await.unwrap();
        assert_eq!(store.hosts(now).await.unwrap()[0], late);
    }
    let tomorrow = at("2026-03-02T00:00:01Z");
    assert_eq!(store.hosts(tomorrow).await.unwrap(), [late]);
    let other = HostMemory {
        noted_at: tomorrow,
        ..memory("c.example", None, "")
    };
    store.remember_hosts(&[other], tomorrow).await.unwrap();
    let hosts = store.hosts(now).await.unwrap();
    let names: Vec<_> = hosts.iter().map(|host| host.host.as_str()).collect();
    assert_eq!(names, ["a.example", "c.example"]);
}

#[tokio::test]
async fn sqlite_keeps_hosts_as_long_as_they_matter() {
    on_sqlite(later_of_two_instants_is_kept_and_a_day_old_host_is_forgotten).await;
}

#[tokio::test]
async fn postgres_keeps_hosts_as_long_as_they_matter() {
    on_postgres(later_of_two_instants_is_kept_and_a_day_old_host_is_forgotten).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_pipelines_keep_the_gentlest_delay_and_concurrency_of_their_host_together() {
    const DELAY: Duration = Duration::from_millis(150);
    let site = Site::start(|path, _| {
        let name = path.trim_start_matches('/');
        Some(match path {
            "/robots.txt" => return None,
            "/a" | "/b" | "/c" => list((0..2).map(|number| format!("/{name}/{number}"))),
            // Long enough for three to be under way, were it not for the concurrency.
            _ => late(Duration::from_millis(450), "<h1>Engineer</h1>"),
        })
    })
    .await;
    let workspace = Workspace::empty();
    for (id, politeness) in [
        ("a", "delay = \"0s\"\nconcurrency = 4"),
        ("b", "delay = \"150ms\"\nconcurrency = 8"),
        ("c", "delay = \"20ms\"\nconcurrency = 2"),
    ] {
        let text = pipeline(id, &site.url(&format!("/{id}")), politeness);
        workspace.write(&format!("pipelines/{id}.toml"), &text);
    }
    let said = workspace
        .trendy(&["run", "--all", "--format", "json"])
        .await;
    assert_eq!(said.status, 0, "{said:#?}");
    let visits = site.all_visits();
    assert_eq!(visits.len(), 1 + 3 + 6, "{visits:?}");
    assert!(
        visits.iter().all(|visit| visit.under_way <= 2),
        "{visits:?}"
    );
    // A busy machine logs an arrival late, which makes the next gap look shorter.
    let slack = Duration::from_millis(60);
    for pair in visits.windows(2) {
        let apart = pair[1].at - pair[0].at;
        assert!(apart + slack >= DELAY, "{apart:?}");
    }
    let whole = visits[9].at - visits[0].at;
    assert!(whole + slack >= 9 * DELAY, "{whole:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crawl_delay_outlasts_the_process() {
    let site = Site::start(|path, _| {
        Some(match path {
            "/robots.txt" => page("200 OK", &[], "user-agent: *\ncrawl-delay: 0.4"),
            "/jobs" => list(["/jobs/1".to_owned()]),
            _ => html("<h1>One</h1>"),
        })
    })
    .await;
    let workspace = Workspace::empty();
    let text = pipeline("board", &site.url("/jobs"), "delay = \"0s\"");
    workspace.write("pipelines/board.toml", &text);
    for _ in 0..2 {
        let said = workspace.trendy(&RUN).await;
        assert_eq!(said.status, 0, "{said:#?}");
    }
    let visits = site.all_visits();
    assert_eq!(visits.len(), 6);
    // The first process learns it after robots.txt, the second knows it before.
    for pair in visits[1..3].windows(2).chain(visits[3..].windows(2)) {
        let apart = pair[1].at - pair[0].at;
        assert!(apart >= Duration::from_millis(350), "{apart:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_refuses_five_pages_in_a_row_is_asked_no_more() {
    for status in ["401 Unauthorized", "403 Forbidden"] {
        let refusing = Arc::new(AtomicBool::new(false));
        let site = Site::start({
            let refusing = Arc::clone(&refusing);
            move |path, _| match path {
                "/robots.txt" => None,
                "/jobs" => Some(list((0..20).map(|number| format!("/jobs/{number}")))),
                _ if refusing.load(Ordering::SeqCst) => Some(page(status, &[], "")),
                _ => Some(html("<h1>Engineer</h1>")),
            }
        })
        .await;
        let workspace = board_at(&site);
        let said = workspace.trendy(&RUN).await;
        assert_eq!(said.json()[0]["added"], 20, "{said:#?}");
        let asked = site.visits().len();
        refusing.store(true, Ordering::SeqCst);

        let said = workspace.trendy(&RUN).await;
        let words = ["5 pages in a row were refused", &status[..3]];
        assert_blocked(&said, &words);
        assert_eq!(site.visits().len() - asked, 1 + 5);
        let row = &said.json()[0];
        assert_eq!((&row["closed"], &row["rejected"]), (&0.into(), &5.into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_wants_a_pause_midway_ends_the_run_at_once() {
    let site = Site::start(|path, _| match path {
        "/robots.txt" => None,
        "/jobs" => Some(list((0..500).map(|number| format!("/jobs/{number}")))),
        "/jobs/0" | "/jobs/1" => Some(html("<h1>Engineer</h1>")),
        _ => Some(page("503 Busy", &[("Retry-After", "86400")], "")),
    })
    .await;
    let start = Instant::now();
    let said = board_at(&site).trendy(&RUN).await;
    assert_blocked(&said, &["wants no request before", "it answered 503"]);
    assert_eq!(said.json()[0]["records"], 2);
    assert_eq!(site.visits().len(), 1 + 3);
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_sends_every_posting_to_its_login_changes_no_posting_but_the_first() {
    let walled = Arc::new(AtomicBool::new(false));
    let site = Site::start({
        let walled = Arc::clone(&walled);
        move |path, _| match path {
            "/robots.txt" => None,
            "/jobs" => Some(list((0..20).map(|number| format!("/jobs/{number}")))),
            "/login" => Some(html("<h1>Log in</h1>")),
            _ if walled.load(Ordering::SeqCst) => Some(moved("/login")),
            _ => Some(html("<h1>Engineer</h1>")),
        }
    })
    .await;
    let workspace = board_at(&site);
    let said = workspace.trendy(&RUN).await;
    assert_eq!(said.json()[0]["added"], 20, "{said:#?}");
    walled.store(true, Ordering::SeqCst);

    let said = workspace.trendy(&RUN).await;
    assert_blocked(&said, &["5 pages in a row were refused", "/login"]);
    let row = &said.json()[0];
    assert_eq!((&row["closed"], &row["updated"]), (&0.into(), &1.into()));
}
