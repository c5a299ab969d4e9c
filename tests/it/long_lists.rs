//! Lists that name more than memory should hold.

use std::fmt::Write;

use crate::support::trendy::Workspace;

/// Most resident memory of the program, whatever it reads.
const MOST_MEMORY_KIB: u64 = 64 * 1024;

/// What a run may need besides of a program that was not optimized: of a small feed it is 48 MiB in all, most of them
/// pages of the file that the program is.
const SLACK_KIB: u64 = 16 * 1024;

const ENTRIES: usize = 200_000;

/// Entries that the run goes on with: enough for many pieces, as the others wait on their page.
const TAKEN: usize = 3_000;

const BLOG: &str = r#"
id = "blog"
kind = "post"
description = "A blog that never forgets"
[source]
url = "https://blog.example/rss.xml"
[list]
extract = "feed"
[defaults]
source = "blog"
[politeness]
delay = "0s"
"#;

/// A feed that says its language behind its entries: 13 MiB for all of them.
fn feed(entries: usize) -> String {
    let mut text = "<rss version='2.0'><channel><title>T</title>".to_owned();
    for number in 0..entries {
        let link = format!("https://blog.example/{number}");
        write!(
            text,
            "<item><title>{number}</title><link>{link}</link></item>"
        )
        .unwrap();
    }
    text + "<language>ko</language></channel></rss>"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_of_200_000_entries_is_extracted_in_little_memory() {
    let workspace = Workspace::empty();
    workspace.write("rss.xml", &feed(ENTRIES));
    let arguments = ["extract", "rss.xml", "--as", "feed"];
    let (said, peak) = workspace.trendy_and_peak(&arguments).await;
    assert_eq!(said.status, 0, "{}", said.stderr);
    assert_eq!(said.stdout.matches("\"id\":").count(), ENTRIES);
    let head = &said.stdout[..200];
    assert!(head.contains("\"language\": \"ko\""), "{head}");
    assert!(peak < MOST_MEMORY_KIB, "{peak} KiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_a_feed_of_200_000_entries_takes_little_memory() {
    let mut workspace = Workspace::empty();
    workspace.write("pipelines/blog.toml", BLOG);
    workspace.write("sites/blog/day-1/rss.xml", &feed(ENTRIES));
    workspace.serve_own("blog").await;
    let limit = TAKEN.to_string();
    let arguments = ["run", "blog", "--dry-run", "--limit", &limit];
    let (said, peak) = workspace.trendy_and_peak(&arguments).await;
    assert_eq!(said.status, 0, "{}", said.stderr);
    assert_eq!(said.stdout.lines().count(), TAKEN);
    assert_eq!(said.stdout.matches("\"language\":\"ko\"").count(), TAKEN);
    assert!(peak < MOST_MEMORY_KIB + SLACK_KIB, "{peak} KiB");
}

/// Entries of a run that loads them all: as many as an unoptimized program loads in some ten seconds.
const LOADED: usize = 20_000;

/// What a run of so many entries may need more than one of a fifth: their part of the feed, an id of each, and what the
/// threads of a run differ by.
const GROWTH_KIB: u64 = 8 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_loads_a_long_feed_takes_no_more_memory_than_one_of_a_short_one() {
    let peak_of = async |entries: usize| {
        let mut workspace = Workspace::empty();
        workspace.write("pipelines/blog.toml", BLOG);
        workspace.write("sites/blog/day-1/rss.xml", &feed(entries));
        workspace.serve_own("blog").await;
        let arguments = ["run", "blog", "--format", "json"];
        let (said, peak) = workspace.trendy_and_peak(&arguments).await;
        assert_eq!(said.status, 0, "{}", said.stderr);
        assert_eq!(said.json()[0]["added"], entries);
        peak
    };
    let (few, many) = (peak_of(LOADED / 5).await, peak_of(LOADED).await);
    assert!(many < MOST_MEMORY_KIB + SLACK_KIB, "{many} KiB");
    assert!(many < few + GROWTH_KIB, "{many} KiB, {few} KiB before");
}

const BOARD: &str = r#"
id = "board"
kind = "job"
description = "A board that never forgets"
[source]
url = "https://board.example/jobs.json"
[source.pages]
cursor_param = "after"
cursor = "$.next"
[list]
extract = "json"
item = "$.jobs[*]"
link = { json = "$.url" }
[fields]
title = { json = "$.title" }
[defaults]
board = "board"
[politeness]
delay = "0s"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_a_json_list_of_100_000_entries_takes_little_memory() {
    let mut text = "{\"jobs\": [".to_owned();
    for number in 0..ENTRIES / 2 {
        let url = format!("https://board.example/{number}");
        write!(text, "{{\"url\": \"{url}\", \"title\": \"{number}\"}},").unwrap();
    }
    text += "{\"url\": \"/last\", \"title\": \"last\"}], \"next\": null}";
    let mut workspace = Workspace::empty();
    workspace.write("pipelines/board.toml", BOARD);
    workspace.write("sites/board/day-1/jobs.json", &text);
    workspace.serve_own("board").await;
    let limit = TAKEN.to_string();
    let arguments = ["run", "board", "--dry-run", "--limit", &limit];
    let (said, peak) = workspace.trendy_and_peak(&arguments).await;
    assert_eq!(said.status, 0, "{}", said.stderr);
    assert_eq!(said.stdout.lines().count(), TAKEN);
    assert!(peak < MOST_MEMORY_KIB + SLACK_KIB, "{peak} KiB");
}
