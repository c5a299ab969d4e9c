//! Pages behind entries of a list that has no news of them are asked for only when they are due.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use trendy::load::{At, Store};

use crate::store::sql;
use crate::support::scratch::Scratch;
use crate::support::trendy::Workspace;

const PIPELINE: &str = r#"
id = "board"
kind = "job"
description = "A board on two pages"
[source]
url = "https://board.example/jobs"
[source.pages]
next_link = "a.next"
[list]
item = "li"
link = { css = "a", attr = "href" }
[list.fields]
title = { css = "a", required = true }
posted_at = { css = "time" }
[detail]
extract = "css"
refresh = "7d"
[fields]
description = { css = "p", required = true }
[defaults]
board = "board"
[politeness]
delay = "1ms"
concurrency = 4
"#;

const POSTINGS: u32 = 20;

struct Board {
    workspace: Workspace,
    store: Store,
    database: Scratch,
}

impl Board {
    async fn new(database: &Scratch) -> Self {
        let mut workspace = Workspace::empty();
        workspace.write("pipelines/board.toml", PIPELINE);
        workspace.set("DATABASE_URL", &database.url);
        let store = database.open().await;
        let database = database.clone();
        let mut board = Self {
            workspace,
            store,
            database,
        };
        for n in 0..POSTINGS {
            board.page(n, "We write Rust.");
        }
        board.list(0..POSTINGS, &|n| format!("Engineer {n}"), 3);
        board.serve().await;
        board
    }

    /// Writes a list of these postings on two pages, each posted so many days ago.
    fn list(
        &mut self,
        numbers: impl Iterator<Item = u32>,
        title: &dyn Fn(u32) -> String,
        days: u32,
    ) {
        let entry = |n| {
            let title = title(n);
            format!("<li><a href='/jobs/{n}'>{title}</a><time>{days}일 전</time></li>")
        };
        let entries: Vec<String> = numbers.map(entry).collect();
        let (first, second) = entries.split_at(entries.len() / 2);
        let first = format!(
            "{}<a class='next' href='/jobs/more'>more</a>",
            first.concat()
        );
        self.workspace
            .write("sites/board/day-1/jobs/index.html", &first);
        self.workspace
            .write("sites/board/day-1/jobs/more.html", &second.concat());
    }

    fn page(&mut self, number: u32, text: &str) {
        self.workspace.write(
            &format!("sites/board/day-1/jobs/{number}.html"),
            &format!("<p>{text}</p>"),
        );
    }

    async fn serve(&mut self) {
        self.workspace.serve_own("board").await;
    }

    /// Runs the board; gives the row of its summary and the pages that were asked for behind entries, sorted.
    async fn run(&self) -> (Value, Vec<String>) {
        let before = self.workspace.asked("board").len();
        let said = self
            .workspace
            .trendy(&["run", "board", "--format", "json"])
            .await;
        let asked = self.workspace.asked("board").split_off(before);
        let is_detail = |target: &String| target[1..].contains('/') && target != "/jobs/more";
        let mut details: Vec<String> = asked.into_iter().filter(is_detail).collect();
        details.sort_unstable();
        (said.json()[0].clone(), details)
    }

    /// Lets so much time pass since every page was read.
    async fn age(&self, hours: i64) {
        let before = At(Timestamp::now() - SignedDuration::from_hours(hours)).to_text();
        let aged = AssertSqlSafe(format!("UPDATE visits SET read_at = '{before}'"));
        sql(&self.store, &self.database, aged).await;
    }
}

#[track_caller]
fn assert_counts(row: &Value, expected: &Value) {
    for (name, count) in expected.as_object().unwrap() {
        assert_eq!(&row[name], count, "{name} in {row}");
    }
}

async fn an_unchanged_list_is_all_that_is_visited(database: Scratch) {
    let mut board = Board::new(&database).await;
    let (row, details) = board.run().await;
    assert_counts(&row, &json!({"pages": 22, "added": 20}));
    assert_eq!(details.len(), 20);

    for _ in 0..2 {
        let (row, details) = board.run().await;
        let expected =
            json!({"outcome": "ok", "pages": 2, "records": 20, "unchanged": 20, "closed": 0});
        assert_counts(&row, &expected);
        assert_eq!(details, Vec::<String>::new());
    }

    // A day later every entry is told to be a day older: no news.
    board.list(0..POSTINGS, &|n| format!("Engineer {n}"), 4);
    board.serve().await;
    let (row, details) = board.run().await;
    assert_counts(&row, &json!({"pages": 2, "unchanged": 20, "updated": 0}));
    assert_eq!(details, Vec::<String>::new());
}

async fn an_entry_that_its_list_tells_otherwise_is_due(database: Scratch) {
    let mut board = Board::new(&database).await;
    board.run().await;
    let title = |n| match n {
        7 => "Senior engineer".to_owned(),
        n => format!("Engineer {n}"),
    };
    board.list(0..POSTINGS, &title, 3);
    board.serve().await;
    let (row, details) = board.run().await;
    assert_counts(&row, &json!({"pages": 3, "updated": 1, "unchanged": 19}));
    assert_eq!(details, ["/jobs/7"]);
}

async fn a_page_read_long_ago_is_due_and_not_all_in_one_run(database: Scratch) {
    let mut board = Board::new(&database).await;
    board.run().await;
    board.page(7, "We write Kotlin.");
    board.serve().await;
    // Before half of the time nothing is due, and after the whole everything is.
    board.age(83).await;
    assert_eq!(board.run().await.1, Vec::<String>::new());
    board.age(126).await;
    let (_, details) = board.run().await;
    assert!((1..20).contains(&details.len()), "{details:?}");
    board.age(169).await;
    assert_eq!(board.run().await.1.len(), 20);
    assert_eq!(
        board.run().await.1,
        Vec::<String>::new(),
        "a 304 is a visit too"
    );
    let run = board.store.runs(None, 100).await.unwrap();
    let updated: u64 = run.iter().map(|run| run.counts.updated).sum();
    assert_eq!(updated, 1);
}

async fn what_comes_back_is_read_anew(database: Scratch) {
    let mut board = Board::new(&database).await;
    board.run().await;
    board.list(1..POSTINGS, &|n| format!("Engineer {n}"), 3);
    board.serve().await;
    assert_counts(&board.run().await.0, &json!({"closed": 1}));
    board.page(0, "We write Kotlin.");
    board.list(0..POSTINGS, &|n| format!("Engineer {n}"), 3);
    board.serve().await;
    let (row, details) = board.run().await;
    assert_counts(&row, &json!({"reopened": 1, "unchanged": 19}));
    assert_eq!(details, ["/jobs/0"]);
}

async fn a_page_that_failed_is_asked_for_again_at_the_next_run(database: Scratch) {
    let mut board = Board::new(&database).await;
    board.page(3, "");
    let missing = board.workspace.path("sites/board/day-1/jobs/5.html");
    std::fs::remove_file(missing).unwrap();
    board.serve().await;
    assert_counts(&board.run().await.0, &json!({"rejected": 2, "added": 18}));
    let (row, details) = board.run().await;
    assert_counts(&row, &json!({"rejected": 2, "unchanged": 18}));
    assert_eq!(details, ["/jobs/3", "/jobs/5"]);
    board.page(3, "We write Rust.");
    board.page(5, "We write Rust.");
    board.serve().await;
    let (row, details) = board.run().await;
    assert_counts(&row, &json!({"added": 2, "rejected": 0, "unchanged": 18}));
    assert_eq!(details, ["/jobs/3", "/jobs/5"]);
    assert_eq!(board.run().await.1, Vec::<String>::new());
}

async fn another_pipeline_file_makes_every_page_due(database: Scratch) {
    let board = Board::new(&database).await;
    board.run().await;
    board
        .workspace
        .write("pipelines/board.toml", &format!("{PIPELINE}# edited\n"));
    assert_eq!(board.run().await.1.len(), 20);
    assert_eq!(board.run().await.1, Vec::<String>::new());
}

async fn a_dry_run_reads_every_page_and_is_no_visit(database: Scratch) {
    let board = Board::new(&database).await;
    board.workspace.trendy(&["run", "board", "--dry-run"]).await;
    assert_eq!(board.run().await.1.len(), 20);
    let said = board.workspace.trendy(&["run", "board", "--dry-run"]).await;
    assert_eq!(said.stdout.lines().count(), 20, "{said:#?}");
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
    an_unchanged_list_is_all_that_is_visited
    an_entry_that_its_list_tells_otherwise_is_due
    a_page_read_long_ago_is_due_and_not_all_in_one_run
    what_comes_back_is_read_anew
    a_page_that_failed_is_asked_for_again_at_the_next_run
    another_pipeline_file_makes_every_page_due
    a_dry_run_reads_every_page_and_is_no_visit
}
