//! A page that asks search engines not to show it is read all the same, and its record says so.

use std::collections::BTreeMap;

use serde_json::Value;
use trendy::load::Store;
use trendy::record::Kind;

use crate::site::{Site, html, page};
use crate::support::scratch::{Scratch, on_sqlite};
use crate::support::trendy::Workspace;

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
[defaults]
board = "board"
[politeness]
delay = "1ms"
"#;

async fn workspace() -> (Workspace, Site) {
    let site = Site::start(|path, _| {
        let tagged = |tag| page("200 OK", &[("Content-Type", "text/html"), ("X-Robots-Tag", tag)], "<h1>Tagged</h1>");
        Some(match path {
            // What the list asks for itself says nothing of its entries.
            "/jobs" => page(
                "200 OK",
                &[("Content-Type", "text/html"), ("X-Robots-Tag", "noindex")],
                "<li><a href=/plain>1<li><a href=/header>2<li><a href=/named>3<li><a href=/other>4<li><a href=/markup>5",
            ),
            "/plain" => html("<h1>Plain</h1>"),
            "/header" => tagged("nofollow, noindex"),
            "/named" => tagged("trendy: noindex"),
            "/other" => tagged("otherbot: noindex"),
            "/markup" => html("<meta name=robots content='noindex'><h1>Marked</h1>"),
            _ => return None,
        })
    })
    .await;
    let workspace = Workspace::empty();
    workspace.write("pipelines/board.toml", BOARD);
    let twins = format!(
        "archive = \"archive\"\n[twins]\n\"https://board.example\" = \"{}\"\n",
        site.url("/")
    );
    workspace.write("trendy.toml", &twins);
    (workspace, site)
}

/// What each posting of the store says of itself.
async fn stored(database: &Scratch) -> BTreeMap<String, Value> {
    let store = Store::open(&database.url).await.unwrap();
    let records = store.records_after(Kind::Job, None, 10).await.unwrap();
    let said = records.into_iter().map(|record| {
        let url = record.document()["url"].as_str().unwrap().to_owned();
        (
            url.rsplit_once('/').unwrap().1.to_owned(),
            record.document()["noindex"].clone(),
        )
    });
    said.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_a_page_that_asks_not_to_be_indexed_says_so_on_its_record() {
    on_sqlite(async |database: Scratch| {
        let (mut workspace, _site) = workspace().await;
        workspace.set("DATABASE_URL", &database.url);
        assert_eq!(workspace.trendy(&["run", "board"]).await.status, 0);
        let expected: BTreeMap<String, Value> = [
            ("header", true.into()),
            ("markup", true.into()),
            ("named", true.into()),
            ("other", Value::Null),
            ("plain", Value::Null),
        ]
        .map(|(name, said)| (name.to_owned(), said))
        .into();
        assert_eq!(stored(&database).await, expected);

        // The archive has the header too: a replay gives the same records.
        let said = workspace
            .trendy(&["run", "board", "--replay", "archive", "--format", "json"])
            .await;
        let row = &said.json()[0];
        assert_eq!(
            (&row["outcome"], &row["unchanged"]),
            (&"ok".into(), &5.into())
        );

        let tried = workspace
            .trendy(&[
                "try",
                "board",
                "https://board.example/named",
                "--detail",
                "--format",
                "json",
            ])
            .await;
        assert_eq!(
            tried.json()["records"][0]["body"]["noindex"],
            true,
            "{tried:#?}"
        );
        let tried = workspace
            .trendy(&["try", "board", "https://board.example/markup", "--detail"])
            .await;
        assert!(tried.stdout.contains("noindex"), "{tried:#?}");
    })
    .await;
}
