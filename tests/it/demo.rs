//! `trendy demo` counts what the saved sites imply. The browser's pipeline is among them, so these need Chromium.

use std::collections::BTreeMap;

use serde_json::Value;
use trendy::load::Store;
use trendy::record::{Counts, Kind};

use crate::support::trendy::{Workspace, root};

type Expected = BTreeMap<String, BTreeMap<String, Counts>>;

fn expected() -> Expected {
    let text = std::fs::read_to_string(root().join("fixtures/expected.toml")).unwrap();
    toml_edit::de::from_str(&text).unwrap()
}

/// Runs a day of the demo and compares every row of its summary.
async fn day(workspace: &Workspace, day: &str, case: &str) {
    let said = workspace.trendy(&["demo", "--day", day, "--format", "json"]).await;
    assert_eq!(said.status, 0, "{said:#?}");
    let rows: Vec<Value> = serde_json::from_str(&said.stdout).unwrap();
    let expected = expected();
    assert_eq!(rows.len(), expected.len());
    for row in rows {
        let name = row["pipeline"].as_str().unwrap();
        let counts: Counts = serde_json::from_value(row.clone()).unwrap();
        assert_eq!(counts, expected[name][case], "{name} on {case}");
        assert_eq!(row["outcome"], "ok", "{name} on {case}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn browser_and_sqlite_count_what_two_days_of_the_saved_sites_imply() {
    let workspace = Workspace::empty();
    day(&workspace, "1", "day-1").await;
    day(&workspace, "1", "day-1-again").await;
    day(&workspace, "2", "day-2").await;

    let store = Store::open(workspace.path("trendy.db").to_str().unwrap()).await.unwrap();
    for kind in Kind::ALL {
        assert!(!store.records_after(kind, None, 1).await.unwrap().is_empty(), "no {kind}");
    }
    let report = std::fs::read_to_string(workspace.path("report.html")).unwrap();
    assert!(report.contains("<svg"), "a report without a chart");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_a_browser_is_told_what_is_left_out() {
    let mut workspace = Workspace::empty();
    workspace.set("PATH", "");
    let said = workspace.trendy(&["demo", "--format", "json"]).await;
    assert_eq!(said.status, 0, "{said:#?}");
    assert_eq!(said.json().as_array().unwrap().len(), expected().len() - 1);
    assert!(said.stderr.contains("pipeline `daangn-careers` is left out"), "{}", said.stderr);
    assert!(said.stderr.contains("apt-get install chromium chromium-driver"), "{}", said.stderr);
}
