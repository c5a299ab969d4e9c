//! What is news of a posting, and what only looks like it.

use serde_json::{Value, json};
use trendy::load::Store;
use trendy::record::{Op, RunId, Subject};

use crate::support::scratch::Scratch;
use crate::support::trendy::Workspace;

const PIPELINE: &str = r#"
id = "board"
kind = "job"
description = "A board whose list says everything"
[source]
url = "https://board.example/jobs"
timezone = "Asia/Seoul"
[list]
item = "li"
link = { css = "a", attr = "href" }
[fields]
title = { css = "a", required = true }
posted_at = { css = "time" }
description = { css = "p" }
[defaults]
board = "board"
[snapshot]
ignore = ["description"]
"#;

struct Board {
    workspace: Workspace,
    store: Store,
}

impl Board {
    async fn new(database: &Scratch) -> Self {
        let mut workspace = Workspace::empty();
        workspace.write("pipelines/board.toml", PIPELINE);
        workspace.set("DATABASE_URL", &database.url);
        let store = database.open().await;
        Self { workspace, store }
    }

    /// Collects a list of one posting; gives what the log then says of it.
    async fn list(
        &mut self,
        title: &str,
        posted_at: &str,
        description: &str,
    ) -> Option<(Op, Value)> {
        let list = format!(
            "<li><a href='/jobs/1'>{title}</a><time>{posted_at}</time><p>{description}</p></li>"
        );
        self.workspace
            .write("sites/board/day-1/jobs/index.html", &list);
        self.workspace.serve_own("board").await;
        let said = self
            .workspace
            .trendy(&["run", "board", "--format", "json"])
            .await;
        assert_eq!(said.status, 0, "{said:#?}");
        let run = RunId(said.json()[0]["run_id"].as_i64().unwrap());
        let changes = self.store.changes_of(run).await.unwrap();
        let change = changes
            .into_iter()
            .find(|change| change.kind != Subject::Run)?;
        Some((change.op, change.diff.unwrap_or_default()))
    }
}

async fn a_date_told_from_now_is_no_news_by_itself(database: Scratch) {
    let mut board = Board::new(&database).await;
    let (op, _) = board.list("Engineer", "3일 전", "").await.unwrap();
    assert_eq!(op, Op::Added);
    for told in ["4일 전", "5 days ago", "6일 전", "1주 전"] {
        assert_eq!(board.list("Engineer", told, "").await, None, "{told}");
    }
    // With real news the first reading stays: it was the best one.
    let (op, diff) = board.list("Senior engineer", "1주 전", "").await.unwrap();
    assert_eq!(op, Op::Updated);
    assert_eq!(diff, json!({"title": ["Engineer", "Senior engineer"]}));
}

async fn a_day_that_was_told_from_now_and_is_named_later_is_no_update(database: Scratch) {
    let mut board = Board::new(&database).await;
    board.list("Engineer", "6일 전", "").await;
    let (op, diff) = board.list("Engineer", "2026-11-02", "").await.unwrap();
    assert_eq!(op, Op::Derived);
    assert_eq!(diff["posted_at"][1], "2026-11-01T15:00:00Z");
    assert_eq!(board.list("Engineer", "2026-11-02", "").await, None);
    // From here on the date is the board's own word.
    let (op, _) = board.list("Engineer", "2026-11-03", "").await.unwrap();
    assert_eq!(op, Op::Updated);
}

async fn an_ignored_field_is_stored_with_the_next_news(database: Scratch) {
    let mut board = Board::new(&database).await;
    board.list("Engineer", "2026-11-02", "1 view").await;
    assert_eq!(board.list("Engineer", "2026-11-02", "2 views").await, None);
    let (op, diff) = board
        .list("Senior engineer", "2026-11-02", "3 views")
        .await
        .unwrap();
    assert_eq!(op, Op::Updated);
    assert_eq!(diff["description"], json!(["1 view", "3 views"]));
}

async fn ignoring_a_field_is_no_news_and_counting_it_again_shows_what_was_missed(
    database: Scratch,
) {
    let mut board = Board::new(&database).await;
    let counted = PIPELINE.replace("ignore = [\"description\"]", "");
    board.workspace.write("pipelines/board.toml", &counted);
    board.list("Engineer", "2026-11-02", "1 view").await;
    let (op, _) = board
        .list("Engineer", "2026-11-02", "2 views")
        .await
        .unwrap();
    assert_eq!(op, Op::Updated);
    board.workspace.write("pipelines/board.toml", PIPELINE);
    let (op, _) = board
        .list("Engineer", "2026-11-02", "3 views")
        .await
        .unwrap();
    assert_eq!(op, Op::Derived);
    assert_eq!(board.list("Engineer", "2026-11-02", "4 views").await, None);
    board.workspace.write("pipelines/board.toml", &counted);
    let (op, diff) = board
        .list("Engineer", "2026-11-02", "5 views")
        .await
        .unwrap();
    assert_eq!(
        (op, &diff["description"]),
        (Op::Updated, &json!(["3 views", "5 views"]))
    );
}

async fn a_run_tells_the_part_of_a_long_text_that_was_edited(database: Scratch) {
    let mut board = Board::new(&database).await;
    let counted = PIPELINE.replace("ignore = [\"description\"]", "");
    board.workspace.write("pipelines/board.toml", &counted);
    let text = |word: &str| format!("{}{word}{}", "before ".repeat(500), " after".repeat(500));
    board.list("Engineer", "2026-11-02", &text("Kotlin")).await;
    board.list("Engineer", "2026-11-02", &text("Kafka")).await;
    let show = ["runs", "show", "2", "--changes", "--format", "ndjson"];
    let change = board.workspace.trendy(&show).await.json();
    // Both name technologies: terms are shown too.
    let fields = change["fields"].as_array().unwrap();
    let field = |name: &str| fields.iter().find(|field| field["field"] == name).unwrap();
    let difference = field("description")["difference"].as_str().unwrap();
    assert!(
        difference.contains("before [-Kotlin-]{+Kafka+} after"),
        "{difference}"
    );
    assert!(difference.chars().count() < 100, "{difference}");
    assert_eq!(field("terms")["difference"], "Kotlin → Apache Kafka");

    let said = board.workspace.trendy(&["runs", "show", "2"]).await;
    assert!(said.stdout.contains("board"), "{said:#?}");
    let said = board
        .workspace
        .trendy(&["runs", "show", "99", "--changes"])
        .await;
    assert_eq!(said.status, 2, "{said:#?}");
    assert!(said.stderr.contains("there is no run 99"), "{said:#?}");
}

macro_rules! on_both_stores {
    ($($test:ident)*) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    crate::support::scratch::on_sqlite(super::$test).await;
                }
            )*
        }

        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    crate::support::scratch::on_postgres(super::$test).await;
                }
            )*
        }
    };
}

on_both_stores! {
    a_date_told_from_now_is_no_news_by_itself
    a_day_that_was_told_from_now_and_is_named_later_is_no_update
    an_ignored_field_is_stored_with_the_next_news
    ignoring_a_field_is_no_news_and_counting_it_again_shows_what_was_missed
    a_run_tells_the_part_of_a_long_text_that_was_edited
}
