//! Wrong usage and configuration: what is said, and with which exit code.

use crate::support::trendy::{Said, Workspace};

const PIPELINE: &str = r#"id = "blog"
kind = "post"
description = "A blog"
[source]
url = "https://blog.example/feed?key=${BLOG_KEY}"
[list]
extract = "feed"
[defaults]
source = "blog"
"#;

async fn check(change: impl FnOnce(&str) -> String) -> Said {
    let workspace = Workspace::empty();
    workspace.write("pipelines/blog.toml", &change(PIPELINE));
    workspace.trendy(&["check"]).await
}

#[tokio::test]
async fn check_places_an_unknown_key_and_names_the_near_one() {
    let said = check(|text| text.replace("[list]", "timzone = \"UTC\"\n[list]")).await;
    assert_eq!(said.status, 2, "{said:#?}");
    assert!(said.stderr.contains("pipelines/blog.toml:6:1: unknown field `timzone`"), "{}", said.stderr);
    assert!(said.stderr.contains("hint: did you mean `timezone`?"), "{}", said.stderr);
}

#[tokio::test]
async fn check_places_a_bad_selector() {
    let said = check(|text| {
        text.replace("\"post\"", "\"job\"")
            .replace("extract = \"feed\"", "item = \"ul >> li\"\nlink = { css = \"a\", attr = \"href\" }")
            .replace("source = \"blog\"", "board = \"blog\"\ntitle = \"x\"")
    })
    .await;
    assert_eq!(said.status, 2, "{said:#?}");
    assert!(said.stderr.contains("pipelines/blog.toml:7:1: bad CSS selector `ul >> li`"), "{}", said.stderr);
}

#[tokio::test]
async fn check_places_a_bad_cron_expression() {
    let workspace = Workspace::empty();
    workspace.write("pipelines/blog.toml", PIPELINE);
    workspace.write("schedules/s.toml", "[[schedule]]\nid = \"s\"\ncron = \"61 * * * *\"\npipelines = [\"blgo\"]\n");
    let said = workspace.trendy(&["check"]).await;
    assert_eq!(said.status, 2, "{said:#?}");
    assert!(said.stderr.contains("schedules/s.toml:3:1: bad cron expression `61 * * * *`"), "{}", said.stderr);
    assert!(said.stderr.contains("schedules/s.toml:4:1: there is no pipeline `blgo`"), "{}", said.stderr);
    assert!(said.stderr.contains("hint: did you mean `blog`?"), "{}", said.stderr);
}

#[tokio::test]
async fn a_missing_variable_stops_a_run_before_it_starts() {
    let workspace = Workspace::empty();
    workspace.write("pipelines/blog.toml", PIPELINE);
    let said = workspace.trendy(&["run", "blog"]).await;
    assert_eq!(said.status, 2, "{said:#?}");
    assert!(said.stderr.contains("environment variable `BLOG_KEY` is not set"), "{}", said.stderr);
    assert!(!workspace.path("trendy.db").exists(), "something was written");
}

#[tokio::test]
async fn an_unknown_pipeline_is_answered_with_the_near_one() {
    let workspace = Workspace::empty();
    workspace.write("pipelines/blog.toml", PIPELINE);
    let said = workspace.trendy(&["run", "blgo"]).await;
    assert_eq!(said.status, 2, "{said:#?}");
    assert!(said.stderr.contains("there is no pipeline `blgo`") && said.stderr.contains("did you mean `blog`?"), "{}", said.stderr);
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named_without_its_password() {
    let mut workspace = Workspace::empty();
    workspace.write("pipelines/blog.toml", PIPELINE);
    workspace.set("BLOG_KEY", "k");
    workspace.set("DATABASE_URL", "postgres://me:s3cret@127.0.0.1:1/trendy");
    let said = workspace.trendy(&["run", "blog"]).await;
    assert_eq!(said.status, 1, "{said:#?}");
    assert!(said.stderr.contains("127.0.0.1:1"), "{}", said.stderr);
    assert!(!said.stderr.contains("s3cret"), "{}", said.stderr);
}

#[tokio::test]
async fn every_shipped_file_is_right() {
    let workspace = Workspace::empty();
    let root = crate::support::trendy::root();
    let (pipelines, schedules) = (root.join("pipelines"), root.join("schedules"));
    let said = workspace
        .trendy(&["check", "--pipelines", pipelines.to_str().unwrap(), "--schedules", schedules.to_str().unwrap()])
        .await;
    assert_eq!(said.status, 0, "{said:#?}");
}

#[tokio::test]
async fn a_reader_that_leaves_early_is_no_failure() {
    let workspace = Workspace::empty();
    let mut child = workspace.start(&["schema", "pipeline"]);
    drop(child.stdout.take());
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}
