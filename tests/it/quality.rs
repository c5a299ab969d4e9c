//! What a pipeline expects of its records, and what becomes of a run that does not give it.

use crate::support::trendy::Workspace;

const PIPELINE: &str = r#"
id = "board"
kind = "job"
description = "A board"
[source]
url = "https://board.example/jobs.json"
[list]
extract = "json"
item = "$[*]"
link = { json = "$.url" }
[fields]
title = { json = "$.title" }
company = { json = "$.company" }
experience_min = { json = "$.years" }
posted_at = { json = "$.posted" }
[defaults]
board = "board"
[quality]
required = ["company"]
unique = ["title"]
experience_min = { min = 0, max = 40 }
not_before = { posted_at = "2000-01-01" }
"#;

async fn served(pipeline: &str, postings: &str) -> Workspace {
    let mut workspace = Workspace::empty();
    workspace.write("pipelines/board.toml", pipeline);
    workspace.write("sites/board/day-1/jobs.json", postings);
    workspace.serve_own("board").await;
    workspace
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_fails_is_a_dead_letter_with_rule_field_and_value_and_the_others_are_loaded()
{
    let postings = r#"[
        {"url": "/1", "title": "A", "company": "Acme", "years": 3, "posted": "2026-11-01"},
        {"url": "/2", "title": "B"},
        {"url": "/3", "title": "C", "company": "Acme", "years": 41},
        {"url": "/4", "title": "D", "company": "Acme", "posted": "1999-12-31"}
    ]"#;
    let workspace = served(PIPELINE, postings).await;
    let said = workspace
        .trendy(&["run", "board", "--format", "json"])
        .await;
    assert_eq!(said.status, 3, "{said:#?}");
    let row = &said.json()[0];
    assert_eq!((&row["added"], &row["rejected"]), (&1.into(), &3.into()));
    let letters = workspace
        .trendy(&["dead-letters", "--format", "json"])
        .await
        .stdout;
    for reason in [
        "quality `required`: `company` has no value",
        "quality `experience_min`: 41 is above `max`, 40",
        "quality `not_before`: `posted_at` is 1999-12-31T00:00:00Z, before 2000-01-01",
    ] {
        assert!(letters.contains(reason), "{reason}: {letters}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_records_that_share_what_is_unique_one_is_rejected() {
    let postings = r#"[
        {"url": "/1", "title": "A", "company": "Acme"},
        {"url": "/2", "title": "A", "company": "Acme"},
        {"url": "/3", "title": "B", "company": "Acme"}
    ]"#;
    let workspace = served(PIPELINE, postings).await;
    let said = workspace
        .trendy(&["run", "board", "--format", "json"])
        .await;
    assert_eq!(said.json()[0]["added"], 2, "{said:#?}");
    let again = workspace
        .trendy(&["run", "board", "--format", "json"])
        .await;
    assert_eq!(again.json()[0]["rejected"], 1, "{again:#?}");
    let letters = workspace.trendy(&["dead-letters"]).await.stdout;
    assert!(letters.contains("has the `title` `A`"), "{letters}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_below_a_fill_rate_is_broken_and_closes_nothing() {
    let pipeline = PIPELINE.replace("required = [\"company\"]", "fill = { company = 0.5 }");
    let postings = |filled: &str| {
        format!(
            r#"[{{"url": "/1", "title": "A", "company": "Acme"}}, {{"url": "/2", "title": "B"}},
                {{"url": "/3", "title": "C"{filled}}}]"#
        )
    };
    let mut workspace = served(&pipeline, &postings(r#", "company": "Acme""#)).await;
    let run = ["run", "board", "--format", "json"];
    assert_eq!(workspace.trendy(&run).await.status, 0);

    let lost = postings("").replace("/2", "/4");
    workspace.write("sites/board/day-1/jobs.json", &lost);
    workspace.serve_own("board").await;
    let limited = workspace
        .trendy(&[&run[..], &["--limit", "3"]].concat())
        .await;
    assert_eq!(limited.status, 0, "{limited:#?}");
    let said = workspace.trendy(&run).await;
    assert_eq!(said.status, 1, "{said:#?}");
    let row = &said.json()[0];
    assert_eq!(
        (&row["outcome"], &row["closed"]),
        (&"broken".into(), &0.into())
    );
    assert!(
        said.stderr
            .contains("quality `fill`: 1 of 3 records have `company`, less than 0.5"),
        "{said:#?}"
    );
}

#[tokio::test]
async fn check_finds_what_cannot_be_expected() {
    let workspace = Workspace::empty();
    let pipeline = PIPELINE
        .replace(
            "required = [\"company\"]",
            "required = [\"compny\", \"tags\"]",
        )
        .replace("unique = [\"title\"]", "uniqe = []");
    workspace.write("pipelines/board.toml", &pipeline);
    let said = workspace.trendy(&["check"]).await;
    assert_eq!(said.status, 2, "{said:#?}");
    assert!(said.stderr.contains("did you mean `unique`?"), "{said:#?}");

    let rules = r#"fill = { company = 2 }
not_before = { title = "2000-01-01", posted_at = "soon" }
experience_max = { min = 3, max = 1 }"#;
    workspace.write(
        "pipelines/board.toml",
        &pipeline
            .replace("uniqe = []", rules)
            .replace("not_before = { posted_at = \"2000-01-01\" }\n", ""),
    );
    let said = workspace.trendy(&["check"]).await;
    assert_eq!(said.status, 2, "{said:#?}");
    for told in [
        "board.toml:19:13: a job has no field `compny`",
        "did you mean `company`?",
        "board.toml:19:23: a job has no field `tags`",
        "a fill rate is a share from 0 to 1",
        "`title` is no date",
        "dates of a job: `posted_at`, `valid_through`",
        "`soon` does not say since when",
        "a range has a `min`",
    ] {
        assert!(said.stderr.contains(told), "{told}: {}", said.stderr);
    }
}
