//! `trendy try`: what it says of pages as they are, and of pages that are not as the pipeline thinks.

use serde_json::Value;

use crate::support::trendy::{Said, Workspace, root};

const PIPELINE: &str = r#"
id = "board"
kind = "job"
description = "A board"
[source]
url = "https://board.example/jobs"
[source.pages]
next_link = "a.next"
[list]
item = "ul.jobs > li"
link = { css = "a", attr = "href" }
id = { css = "a", attr = "href", regex = '/jobs/(\d+)' }
[detail]
extract = "css"
[fields]
title = { css = "h1.job-title", required = true }
posted_at = { css = "time", attr = "datetime" }
description = { css = ".text" }
[defaults]
board = "board"
"#;

const POSTING: &str = "<h1 class='job-title'>Rust Engineer</h1><time datetime='2026-11-02'>2 Nov</time>\
     <div class='text'>We use PostgreSQL.</div>";

async fn board(posting: &str) -> Workspace {
    let mut workspace = Workspace::empty();
    workspace.write("pipelines/board.toml", PIPELINE);
    workspace.write(
        "sites/board/day-1/jobs/index.html",
        "<ul class='jobs'><li><a href='/jobs/1'>One</a><li><a href='/jobs/2'>Two</a></ul>\
         <a class='next' href='?page=2'>Next</a>",
    );
    workspace.write("sites/board/day-1/jobs/1.html", posting);
    workspace.serve_own("board").await;
    workspace
}

async fn json(workspace: &Workspace, arguments: &[&str]) -> (Said, Value) {
    let said = workspace
        .trendy(&[&["try"], arguments, &["--format", "json"]].concat())
        .await;
    let value = said.json();
    (said, value)
}

fn field<'a>(tried: &'a Value, name: &str) -> &'a Value {
    let mut fields = tried["fields"].as_array().unwrap().iter();
    fields.find(|report| report["field"] == name).unwrap()
}

/// Without the blanks that fill the last column of a table.
fn without_padding(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_shown_without_an_argument_and_nothing_is_stored() {
    let workspace = board(POSTING).await;
    let said = workspace.trendy(&["try", "board"]).await;
    assert_eq!(said.status, 0, "{said:#?}");
    insta::assert_snapshot!(without_padding(&said.stdout), @r"
    list page https://board.example/jobs (200, text/html, 119 bytes)
    2 entries

     ENTRY                         EXTERNAL ID
     https://board.example/jobs/1            1
     https://board.example/jobs/2            2

     FIELD      SELECTOR      MATCHES  VALUE                              NOTE
     item       ul.jobs > li        2
     link       a                   2  /jobs/1
     id         a                   2  1
     next_link  a.next              1  https://board.example/jobs?page=2
    ");
    assert!(!workspace.path("trendy.db").exists(), "a store was made");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_behind_an_entry_becomes_the_record_that_a_run_would_load() {
    let workspace = board(POSTING).await;
    let (said, tried) = json(&workspace, &["board", "https://board.example/jobs/1"]).await;
    assert_eq!(
        (said.status, &tried["page"]),
        (0, &"detail".into()),
        "{said:#?}"
    );
    let dry = workspace
        .trendy(&["run", "board", "--dry-run", "--limit", "1"])
        .await;
    let mut expected: Value = serde_json::from_str(dry.stdout.trim()).unwrap();
    expected["seen_at"] = tried["records"][0]["seen_at"].clone();
    assert_eq!(tried["records"][0], expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_selector_that_matches_nothing_comes_with_what_may_have_been_meant() {
    let workspace = board("<h1 class='job_title'>Rust Engineer</h1><time>2 Nov</time>").await;
    let said = workspace
        .trendy(&["try", "board", "https://board.example/jobs/1"])
        .await;
    assert_eq!(said.status, 3, "{said:#?}");
    insta::assert_snapshot!(without_padding(&said.stdout), @r"
    detail page https://board.example/jobs/1 (200, text/html, 58 bytes)

     FIELD        SELECTOR      MATCHES  VALUE  NOTE
     title        h1.job-title        0         required; the selector matches nothing
     posted_at    time                1         what it matches has no attribute `datetime`
     description  .text               0         the selector matches nothing

    hint: `title`: `h1` matches 1
    hint: `title`: nothing in it has the class `job-title`; did you mean `job_title`?
    hint: `description`: nothing in it has the class `text`
    hint: read as the page behind an entry, for it holds no entry of the list; `--list` reads it as a list

    rejected: https://board.example/jobs/1: required field `title` matched nothing (`h1.job-title`)
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_that_cannot_be_read_is_told_at_its_field_and_rejects_the_record() {
    let page = POSTING.replace("2026-11-02", "2026-02-30");
    let workspace = board(&page).await;
    let (said, tried) = json(&workspace, &["board", "https://board.example/jobs/1"]).await;
    assert_eq!(said.status, 3, "{said:#?}");
    assert_eq!(tried["unreadable"][0]["field"], "posted_at");
    assert_eq!(tried["rejections"][0]["stage"], "normalize");
    assert_eq!(tried["records"].as_array().unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_saved_as_fetched_and_a_saved_page_needs_no_network() {
    let workspace = board(POSTING).await;
    let page = "https://board.example/jobs/1";
    let arguments = ["try", "board", page, "--save", "page.html"];
    assert_eq!(workspace.trendy(&arguments).await.status, 0);
    let saved = std::fs::read_to_string(workspace.path("page.html")).unwrap();
    assert_eq!(saved, POSTING);

    let asked = workspace.asked("board").len();
    let (said, tried) = json(&workspace, &["board", "page.html", "--url", page]).await;
    assert_eq!(
        (said.status, &tried["page"]),
        (0, &"detail".into()),
        "{said:#?}"
    );
    assert_eq!(field(&tried, "title")["values"][0], "Rust Engineer");
    assert_eq!(tried["records"][0]["url"], page);
    assert_eq!(workspace.asked("board").len(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_a_script_fills_is_suspected() {
    let workspace = board("<div id=root></div><script>fill()</script>").await;
    let (said, tried) = json(&workspace, &["board", "https://board.example/jobs/1"]).await;
    assert_eq!(said.status, 3, "{said:#?}");
    let hint = tried["hints"][0].as_str().unwrap();
    assert!(hint.contains("fetch = \"browser\""), "{hint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_not_there_is_a_failure_and_a_wrong_argument_is_usage() {
    let workspace = board(POSTING).await;
    for (arguments, status, message) in [
        (
            &["board", "https://board.example/jobs/9"] as &[&str],
            1,
            "answered 404",
        ),
        (&["bord"], 2, "did you mean `board`?"),
        (&["board", "page.html"], 2, "neither a file nor an address"),
        (&["board", "--detail"], 2, "required"),
        (
            &["board", "pipelines/board.toml", "--save", "x"],
            2,
            "is a file already",
        ),
        (
            &["board", "--save", "pages/page.html"],
            2,
            "there is no folder `pages`; create it first",
        ),
    ] {
        let said = workspace.trendy(&[&["try"], arguments].concat()).await;
        assert_eq!(said.status, status, "{said:#?}");
        assert!(said.stderr.contains(message), "{said:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_explained_of_saved_pages_is_what_is_extracted_from_them() {
    for (name, page, field_name) in [
        ("python-jobs", "jobs/index.html", "title"),
        ("programmers", "api/job_positions@page=1.json", "company"),
        (
            "daangn-greenhouse",
            "v1/boards/daangn/jobs@content=true.json",
            "description",
        ),
        ("toss-tech", "rss.xml", "published_at"),
    ] {
        let workspace = Workspace::shipped(&[name], 1).await;
        let file = root().join("fixtures").join(name).join("day-1").join(page);
        let (said, tried) = json(&workspace, &[name, file.to_str().unwrap()]).await;
        assert_eq!(tried["page"], "list", "{said:#?}");
        let items = tried["items"].as_array().unwrap();
        let extracted = |field: &str| {
            let mut found = items
                .iter()
                .map(|item| item["values"]["fields"][field].clone())
                .filter(Value::is_array);
            found.next().unwrap_or_else(|| Value::Array(Vec::new()))
        };
        assert!(!extracted(field_name).as_array().unwrap().is_empty());
        for report in tried["fields"].as_array().unwrap() {
            let field = report["field"].as_str().unwrap();
            if !["item", "link", "id", "next_link"].contains(&field) {
                assert_eq!(report["values"], extracted(field), "{name}: {field}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_posting_is_joined_with_what_the_list_says_of_it() {
    let workspace = Workspace::shipped(&["python-jobs"], 1).await;
    let page = "https://www.python.org/jobs/7815/";
    let (said, tried) = json(&workspace, &["python-jobs", page]).await;
    let record = &tried["records"][0];
    assert_eq!(record["body"]["external_id"], "7815", "{said:#?}");
    assert!(record["body"]["title"].is_string(), "{record}");

    let file = root().join("fixtures/python-jobs/day-1/jobs/7815/index.html");
    let (_, tried) = json(
        &workspace,
        &["python-jobs", file.to_str().unwrap(), "--detail"],
    )
    .await;
    let left: Vec<_> = tried["left_to_list"].as_array().unwrap().iter().collect();
    assert!(left.contains(&&Value::from("title")), "{left:?}");
    assert!(tried["records"].as_array().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_format_is_told_and_is_no_success() {
    let workspace = Workspace::shipped(&["programmers"], 1).await;
    workspace.write("page.html", "<!doctype html><p>Sorry</p>");
    let (said, tried) = json(&workspace, &["programmers", "page.html"]).await;
    assert_eq!(said.status, 3, "{said:#?}");
    let problem = tried["problem"].as_str().unwrap();
    assert!(problem.contains("is not JSON"), "{problem}");
}

/// A list that a script fills in part, and a page that needs none.
async fn rendered(workspace: &mut Workspace) {
    for name in ["CHROMEDRIVER", "CHROMIUM"] {
        if let Ok(program) = std::env::var(format!("TRENDY_TEST_{name}")) {
            workspace.set(&format!("TRENDY_{name}"), &program);
        }
    }
    let script = "<script>document.querySelector('ul').innerHTML = \
        \"<li><a href='/jobs/1'>One</a></li>\"</script>";
    workspace.write(
        "sites/board/day-1/jobs/index.html",
        &format!("<ul class='jobs'></ul>{script}"),
    );
    workspace.write("sites/board/day-1/jobs/1.html", POSTING);
    let placed = POSTING.replace("We use PostgreSQL.", "Loading");
    let script = "<script>document.querySelector('.text').textContent = 'We use Kafka.'</script>";
    workspace.write(
        "sites/board/day-1/jobs/2.html",
        &format!("{placed}{script}"),
    );
    workspace.serve_own("board").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn comparing_tells_when_a_browser_is_needed() {
    let mut workspace = board(POSTING).await;
    rendered(&mut workspace).await;

    let (said, compared) = json(
        &workspace,
        &["board", "https://board.example/jobs/1", "--compare"],
    )
    .await;
    assert_eq!(said.status, 0, "{said:#?}");
    assert_eq!(
        (&compared["page"], &compared["http_is_enough"]),
        (&"detail".into(), &true.into())
    );

    let (said, compared) = json(
        &workspace,
        &["board", "https://board.example/jobs/2", "--compare"],
    )
    .await;
    assert_eq!(
        (said.status, &compared["http_is_enough"]),
        (3, &false.into()),
        "{said:#?}"
    );
    let description = field(&compared, "description");
    assert_eq!(description["http"], "Loading");
    assert_eq!(description["browser"], "We use Kafka.");
    assert_eq!(field(&compared, "title")["differs"], false);

    let said = workspace.trendy(&["try", "board", "--compare"]).await;
    assert_eq!(said.status, 3, "{said:#?}");
    assert!(
        said.stdout
            .contains("`item`, `link`, `id`: not the same by HTTP"),
        "{}",
        said.stdout
    );
    let file = workspace.path("sites/board/day-1/jobs/1.html");
    let said = workspace
        .trendy(&["try", "board", file.to_str().unwrap(), "--compare"])
        .await;
    assert_eq!(said.status, 2, "{said:#?}");
}
