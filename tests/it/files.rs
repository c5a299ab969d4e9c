//! Pipelines that read files in place of a site.

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use sqlx::{Connection, SqliteConnection};

use crate::support::scratch::{Scratch, on_postgres};
use crate::support::trendy::{Said, Workspace};

fn pipeline(url: &str, item: &str) -> String {
    format!(
        r#"
id = "export"
kind = "job"
description = "Jobs of an export"
[source]
fetch = "file"
url = "{url}"
[list]
extract = "json"
item = "{item}"
link = {{ json = "$.url" }}
id = {{ json = "$.id" }}
[fields]
title = {{ json = "$.title", required = true }}
company = {{ json = "$.company" }}
[defaults]
board = "export"
"#
    )
}

fn reading(url: &str) -> Workspace {
    let workspace = Workspace::empty();
    workspace.write("pipelines/export.toml", &pipeline(url, "$"));
    workspace
}

fn line(number: u32) -> String {
    format!(
        "{{\"id\": {number}, \"url\": \"https://jobs.example/{number}\", \"title\": \"Engineer {number}\"}}\n"
    )
}

fn lines(numbers: std::ops::Range<u32>) -> String {
    numbers.map(line).collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn write(workspace: &Workspace, name: &str, bytes: &[u8]) {
    let path = workspace.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

async fn run(workspace: &Workspace) -> (Said, Value) {
    let said = workspace
        .trendy(&["run", "export", "--format", "json"])
        .await;
    let row = said.json()[0].clone();
    (said, row)
}

async fn letters(workspace: &Workspace) -> Vec<(String, String)> {
    let said = workspace
        .trendy(&["dead-letters", "--format", "json"])
        .await;
    let text = |row: &Value, field: &str| row[field].as_str().unwrap().to_owned();
    let rows = said.json();
    let rows = rows.as_array().unwrap().iter();
    let mut letters: Vec<_> = rows
        .map(|row| (text(row, "url"), text(row, "reason")))
        .collect();
    letters.sort();
    letters
}

async fn loads_every_line_of_every_file(workspace: Workspace) {
    workspace.write("pipelines/export.toml", &pipeline("data/*.ndjson*", "$"));
    write(&workspace, "data/a.ndjson", lines(0..1200).as_bytes());
    write(&workspace, "data/b.ndjson.gz", &gzip(&lines(1200..1900)));
    let packed = zstd::encode_all(lines(1900..2000).as_bytes(), 1).unwrap();
    write(&workspace, "data/c.ndjson.zst", &packed);
    write(&workspace, "data/empty.ndjson", b"");
    write(&workspace, "data/other.txt", b"nobody named this");
    let (said, row) = run(&workspace).await;
    assert_eq!((said.status, &row["added"]), (0, &2000.into()), "{said:#?}");
    let (_, row) = run(&workspace).await;
    assert_eq!(
        (&row["added"], &row["unchanged"]),
        (&0.into(), &2000.into()),
        "{row}"
    );

    // A file that is gone says nothing of the jobs in it.
    std::fs::remove_file(workspace.path("data/a.ndjson")).unwrap();
    let (said, row) = run(&workspace).await;
    assert_eq!((said.status, &row["closed"]), (0, &0.into()), "{said:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_loads_every_line_of_every_file() {
    loads_every_line_of_every_file(Workspace::empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_loads_every_line_of_every_file() {
    on_postgres(async |scratch: Scratch| {
        let mut workspace = Workspace::empty();
        workspace.set("DATABASE_URL", &scratch.url);
        loads_every_line_of_every_file(workspace).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_line_is_a_rejection_that_names_it() {
    let workspace = reading("export.ndjson");
    let mut text = lines(0..700);
    text += "{\"id\": 700, \"title\": \n\n\"just a text\"\n";
    text += "{\"id\": 703, \"title\": \"no link\"}\n";
    text += &lines(704..710);
    // No line break at the end.
    write(&workspace, "export.ndjson", text.trim_end().as_bytes());
    let (said, row) = run(&workspace).await;
    assert_eq!(
        (said.status, &row["outcome"]),
        (3, &"ok".into()),
        "{said:#?}"
    );
    assert_eq!(
        (&row["added"], &row["rejected"]),
        (&706.into(), &3.into()),
        "{row}"
    );
    let letters = letters(&workspace).await;
    for ((url, reason), (place, says)) in letters.iter().zip([
        ("export.ndjson#L701", "line 701 is no JSON: EOF"),
        ("export.ndjson#L703", "line 703: just a text"),
        ("export.ndjson#L704", "has no link"),
    ]) {
        assert!(url.starts_with("file:///") && url.ends_with(place), "{url}");
        assert!(reason.contains(says), "{reason}");
    }
}

async fn a_mended_line_settles_its_letter(workspace: Workspace) {
    workspace.write("pipelines/export.toml", &pipeline("export.ndjson", "$"));
    let file = |second: &str, third: &str| format!("{}{second}\n{third}\n", line(1));
    let [second, third] = [2, 3].map(|number| line(number).trim_end().to_owned());
    write(&workspace, "export.ndjson", file("{", "{").as_bytes());
    assert_eq!(run(&workspace).await.1["rejected"], 2);

    write(&workspace, "export.ndjson", file(&second, "{").as_bytes());
    assert_eq!(run(&workspace).await.1["rejected"], 1);
    let open = letters(&workspace).await;
    assert_eq!(open.len(), 1, "{open:?}");
    assert!(open[0].0.ends_with("export.ndjson#L3"), "{open:?}");

    write(
        &workspace,
        "export.ndjson",
        file(&second, &third).as_bytes(),
    );
    assert_eq!(run(&workspace).await.0.status, 0);
    assert_eq!(letters(&workspace).await, []);
    let arguments = ["dead-letters", "--state", "redriven", "--format", "json"];
    let said = workspace.trendy(&arguments).await;
    let settled = said.json();
    assert_eq!(settled.as_array().unwrap().len(), 3, "{settled}");
    for letter in settled.as_array().unwrap() {
        assert_eq!(letter["retries"], 0);
        let result = letter["result"].as_str().unwrap();
        assert!(
            result.ends_with("read the file again, without it"),
            "{result}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_a_mended_line_settles_its_letter() {
    a_mended_line_settles_its_letter(Workspace::empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_a_mended_line_settles_its_letter() {
    on_postgres(async |scratch: Scratch| {
        let mut workspace = Workspace::empty();
        workspace.set("DATABASE_URL", &scratch.url);
        a_mended_line_settles_its_letter(workspace).await;
    })
    .await;
}

async fn an_entry_with_a_link_has_one_letter_until_its_line_is_read_well(workspace: Workspace) {
    workspace.write("pipelines/export.toml", &pipeline("export.ndjson", "$"));
    let untitled = "{\"id\": 2, \"url\": \"https://jobs.example/2\"}\n";
    let good = line(1);
    for (text, status) in [
        (untitled.to_owned(), 1),
        (untitled.to_owned(), 1),
        (format!("{untitled}{good}"), 3),
    ] {
        write(&workspace, "export.ndjson", text.as_bytes());
        assert_eq!(run(&workspace).await.0.status, status);
        let open = letters(&workspace).await;
        let [(url, reason)] = open.as_slice() else {
            panic!("{open:?}");
        };
        assert!(url.ends_with("export.ndjson#L1"), "{url}");
        assert!(reason.contains("required field `title`"), "{reason}");
    }
    let retry = [
        "dead-letters",
        "retry",
        "--state",
        "open",
        "--format",
        "json",
    ];
    let said = workspace.trendy(&retry).await;
    assert_eq!(said.status, 3, "{said:#?}");
    let told = said.json()[0]["result"].to_string();
    assert!(told.contains("a run reads the file as it is now"), "{told}");

    write(&workspace, "export.ndjson", lines(1..3).as_bytes());
    assert_eq!(run(&workspace).await.0.status, 0);
    assert_eq!(letters(&workspace).await, []);

    write(
        &workspace,
        "export.ndjson",
        format!("{good}{untitled}").as_bytes(),
    );
    assert_eq!(run(&workspace).await.0.status, 3);
    write(&workspace, "export.ndjson", good.as_bytes());
    assert_eq!(run(&workspace).await.0.status, 0);
    assert_eq!(letters(&workspace).await, [], "the line is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_an_entry_with_a_link_has_one_letter_until_its_line_is_read_well() {
    an_entry_with_a_link_has_one_letter_until_its_line_is_read_well(Workspace::empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_an_entry_with_a_link_has_one_letter_until_its_line_is_read_well() {
    on_postgres(async |scratch: Scratch| {
        let mut workspace = Workspace::empty();
        workspace.set("DATABASE_URL", &scratch.url);
        an_entry_with_a_link_has_one_letter_until_its_line_is_read_well(workspace).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_an_entry_of_a_file_is_told_at_its_place() {
    let workspace = Workspace::empty();
    let unique = "[quality]\nunique = [\"title\"]\n";
    let file = pipeline("data/*", "$") + unique;
    workspace.write("pipelines/export.toml", &file);
    let twin = line(2).replace("Engineer 2", "Engineer 1");
    write(&workspace, "data/a.ndjson", (line(1) + &twin).as_bytes());
    write(
        &workspace,
        "data/b.json",
        b"{\"id\": 3, \"url\": \"https://jobs.example/3\"}",
    );
    for _ in 0..2 {
        assert_eq!(run(&workspace).await.0.status, 3);
        let open = letters(&workspace).await;
        let [(twin, _), (untitled, _)] = open.as_slice() else {
            panic!("{open:?}");
        };
        assert!(
            twin.ends_with("a.ndjson#L1") || twin.ends_with("a.ndjson#L2"),
            "whichever came second: {twin}"
        );
        assert!(
            untitled.ends_with("b.json#https://jobs.example/3"),
            "{untitled}"
        );
    }
    write(&workspace, "data/a.ndjson", lines(1..3).as_bytes());
    write(&workspace, "data/b.json", line(3).as_bytes());
    assert_eq!(run(&workspace).await.0.status, 0);
    assert_eq!(letters(&workspace).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_of_a_file_goes_on_and_reads_what_comes_twice() {
    let workspace = reading("-");
    let text = lines(0..3000) + &line(1).replace("Engineer 1", "Lead");
    let half = lines(0..2000);
    let mut child = workspace.start_with_input(&["run", "export"]);
    let mut input = child.stdin.take().unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut input, half.as_bytes())
        .await
        .unwrap();
    let url = format!("sqlite://{}", workspace.path("trendy.db").display());
    let deadline = Instant::now() + Duration::from_secs(30);
    while loaded(&url).await < 1000 {
        assert!(Instant::now() < deadline, "nothing is loaded");
    }
    child.kill().await.unwrap();

    write(&workspace, "export.ndjson", text.as_bytes());
    workspace.write("pipelines/export.toml", &pipeline("export.ndjson", "$"));
    let (said, row) = run(&workspace).await;
    assert_eq!(
        (said.status, &row["added"], &row["updated"], &row["records"]),
        (0, &3000.into(), &1.into(), &3000.into()),
        "{said:#?}"
    );
    assert_eq!(loaded(&url).await, 3000);
}

/// Records in the store at a URL; none before there is one.
async fn loaded(url: &str) -> i64 {
    let Ok(pool) = sqlx::SqlitePool::connect(url).await else {
        return 0;
    };
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM records");
    let count = count.fetch_one(&pool).await.unwrap_or(0);
    pool.close().await;
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_csv_is_an_object_and_a_bad_one_keeps_its_line() {
    let workspace = reading("jobs.csv");
    let text = "\u{feff}id,url,title,company\n\
        1,https://jobs.example/1,\"Engineer,\nbackend\",Daangn\n\
        2,https://jobs.example/2,Engineer\n\
        3,https://jobs.example/3,\"\"\"Lead\"\"\",토스\n";
    write(&workspace, "jobs.csv", text.as_bytes());
    let said = workspace.trendy(&["run", "export", "--dry-run"]).await;
    let records: Vec<Value> = said
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut titles: Vec<&str> = records
        .iter()
        .map(|record| record["body"]["title"].as_str().unwrap())
        .collect();
    titles.sort_unstable();
    assert_eq!(titles, ["\"Lead\"", "Engineer, backend"], "{said:#?}");
    let (_, row) = run(&workspace).await;
    assert_eq!(
        (&row["added"], &row["rejected"]),
        (&2.into(), &1.into()),
        "{row}"
    );
    let (url, reason) = &letters(&workspace).await[0];
    assert!(url.ends_with("jobs.csv#L4"), "{url}");
    assert_eq!(reason, "line 4: 3 fields under a header of 4");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_that_is_never_closed_costs_its_line_and_no_memory() {
    let workspace = reading("jobs.csv");
    let row = |number: u32, title: &str| {
        format!("{number},https://jobs.example/{number},{title},Daangn\r\n")
    };
    let mut text = String::from("id,url,title,company\r\n");
    text += &row(1, "Engineer");
    text += &row(2, "\"Engineer");
    text += &row(3, "Engineer");
    text += "4,https://jobs.example/4\r\n";
    // As much again as a row may have: lines of one field.
    for _ in 0..17 {
        text += &"x".repeat(1024 * 1024);
        text += "\r\n";
    }
    text += &row(23, "Engineer");
    write(&workspace, "jobs.csv", text.as_bytes());
    let (said, peak) = workspace
        .trendy_and_peak(&["run", "export", "--format", "json"])
        .await;
    let row = said.json()[0].clone();
    assert_eq!((said.status, &row["added"]), (3, &3.into()), "{said:#?}");
    assert_eq!(row["rejected"], 2 + 17);
    assert!(peak < 128 * 1024, "{peak} KiB");
    let letters = letters(&workspace).await;
    let reason = |line: &str| {
        let found = letters.iter().find(|(url, _)| url.ends_with(line));
        found.map(|(_, reason)| reason.as_str())
    };
    assert!(
        reason("#L3")
            .unwrap()
            .contains("line 3: a quote is opened and not closed within 16 MiB"),
        "{letters:?}"
    );
    assert_eq!(reason("#L5"), Some("line 5: 2 fields under a header of 4"));
    assert_eq!(
        reason("#L22"),
        Some("line 22: 1 fields under a header of 4")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packed_file_that_breaks_off_is_loaded_to_there_and_so_are_the_others() {
    let workspace = reading("data/*");
    let long: String = (0..4000)
        .map(|number| line(number).replace("Engineer", &format!("{:x}", scattered(number))))
        .collect();
    let packed = gzip(&long);
    write(&workspace, "data/a.ndjson.gz", &packed[..packed.len() / 2]);
    write(&workspace, "data/b.ndjson", lines(5000..5100).as_bytes());
    let (said, row) = run(&workspace).await;
    assert_eq!(
        (
            said.status,
            &row["outcome"],
            &row["closed"],
            &row["rejected"]
        ),
        (1, &"partial".into(), &0.into(), &0.into()),
        "{said:#?}"
    );
    let added = row["added"].as_u64().unwrap();
    assert!((1100..4100).contains(&added), "{row}");
    let place = format!("it breaks off after line {}", added - 100);
    let reason = row["reason"].as_str().unwrap();
    assert!(
        reason.contains("a.ndjson.gz`") && reason.contains(&place),
        "{reason}"
    );
}

/// A number that packs badly.
fn scattered(number: u32) -> u128 {
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, &number.to_be_bytes()).as_u128()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_json_file_is_one_document_and_a_broken_one_does_not_end_the_run() {
    let workspace = Workspace::empty();
    workspace.write(
        "pipelines/export.toml",
        &pipeline("d?y/*.json", "$.jobs[*]"),
    );
    let document = |numbers: std::ops::Range<u32>| {
        let jobs: Vec<String> = numbers.map(|n| line(n).trim_end().to_owned()).collect();
        format!("{{\"jobs\": [{}]}}", jobs.join(",\n"))
    };
    write(&workspace, "day/1.json", document(0..2).as_bytes());
    write(&workspace, "day/2.json", b"{\"jobs\": [");
    write(&workspace, "dry/3.json", document(2..5).as_bytes());
    let (said, row) = run(&workspace).await;
    assert_eq!(said.status, 3, "{said:#?}");
    assert_eq!(
        (&row["added"], &row["rejected"]),
        (&5.into(), &1.into()),
        "{row}"
    );
    assert!(letters(&workspace).await[0].0.ends_with("day/2.json"));
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_input_is_read_to_its_end() {
    let workspace = reading("-");
    let mut child = workspace.start_with_input(&["run", "export", "--format", "json"]);
    let mut input = child.stdin.take().unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut input, &gzip(&lines(0..600)))
        .await
        .unwrap();
    drop(input);
    let said: Said = child.wait_with_output().await.unwrap().into();
    assert_eq!(
        (said.status, &said.json()[0]["added"]),
        (0, &600.into()),
        "{said:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_absent_or_say_nothing_are_no_success() {
    for (url, status, says) in [
        ("-", 1, "standard input holds no entry"),
        ("none.ndjson", 1, "cannot read `none.ndjson`"),
        ("data/*.ndjson", 1, "no file is named `data/*.ndjson`"),
        ("empty.ndjson", 1, "holds no entry"),
        ("bad.ndjson", 1, "line 1 is no JSON"),
    ] {
        let workspace = reading(url);
        write(&workspace, "empty.ndjson", b"");
        write(&workspace, "bad.ndjson", b"<html>\n");
        let (said, _) = run(&workspace).await;
        assert_eq!(said.status, status, "{said:#?}");
        assert!(said.stderr.contains(says), "{said:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn run_of_a_file_that_died_reads_it_anew_and_counts_each_line_once() {
    let workspace = reading("export.ndjson");
    write(&workspace, "export.ndjson", lines(0..5).as_bytes());
    run(&workspace).await;
    // As a process leaves it that is killed before the end.
    let url = format!("sqlite://{}", workspace.path("trendy.db").display());
    let mut store = SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("UPDATE runs SET finished_at = NULL, outcome = NULL")
        .execute(&mut store)
        .await
        .unwrap();
    store.close().await.unwrap();
    write(&workspace, "export.ndjson", lines(0..8).as_bytes());
    let (said, row) = run(&workspace).await;
    assert_eq!(
        (
            &row["run_id"],
            &row["records"],
            &row["added"],
            &row["unchanged"]
        ),
        (&1.into(), &8.into(), &8.into(), &0.into()),
        "{said:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn check_tells_what_files_do_not_have() {
    let workspace = reading("https://jobs.example/export.ndjson");
    let said = workspace.trendy(&["check"]).await;
    assert_eq!(said.status, 2, "{said:#?}");
    assert!(said.stderr.contains("is no path of a file"), "{said:#?}");
    let with_detail = pipeline("a.ndjson", "$") + "[detail]\nextract = \"json\"\n";
    workspace.write("pipelines/export.toml", &with_detail);
    let said = workspace.trendy(&["check"]).await;
    assert!(
        said.stderr.contains("no page stands behind an entry"),
        "{said:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn try_shows_what_is_found_in_the_first_piece() {
    let workspace = reading("export.ndjson");
    write(&workspace, "export.ndjson", lines(0..3).as_bytes());
    let said = workspace.trendy(&["try", "export"]).await;
    assert!(said.stdout.contains("Engineer 0"), "{said:#?}");
}
