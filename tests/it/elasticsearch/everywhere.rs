//! The same run over the same sites gives the same records in SQLite, Postgres and Elasticsearch.

use std::collections::BTreeMap;

use serde_json::Value;
use trendy::load::Store;
use trendy::record::Kind;

use super::scratch::Scratch;
use crate::support::scratch::{Scratch as Place, on_postgres, on_sqlite};
use crate::support::trendy::Workspace;

const PIPELINES: [&str; 5] = [
    "python-jobs",
    "daangn-greenhouse",
    "toss-tech",
    "naver-d2",
    "kma-observation",
];

/// What is compared of a record: its content hash, whether it is open, and its terms.
type Seen = BTreeMap<String, (String, bool, Vec<String>)>;

async fn run(database: &str, elasticsearch: Option<&Scratch>) -> Seen {
    let mut workspace = Workspace::shipped(&PIPELINES, 1).await;
    workspace.set("KMA_SERVICE_KEY", "not-asked-for");
    workspace.set("DATABASE_URL", database);
    if let Some(scratch) = elasticsearch {
        workspace.set("ELASTICSEARCH_URL", scratch.server.as_str());
        workspace.set("TRENDY_INDEX_PREFIX", &scratch.prefix);
        // The saved weather grows old.
        workspace.set("TRENDY_WEATHER_INDEX_KEEP", "forever");
        let said = workspace.trendy(&["index", "setup"]).await;
        assert_eq!(said.status, 0, "{said:#?}");
    }
    let said = workspace
        .trendy(&["run", "--all", "--format", "json"])
        .await;
    assert_eq!(said.status, 0, "{said:#?}");

    let store = Store::open(database).await.unwrap();
    let mut seen = Seen::new();
    for kind in Kind::ALL {
        for record in store.records_after(kind, None, 1000).await.unwrap() {
            seen.insert(record.id.to_string(), of_document(&record.document()));
        }
    }
    seen
}

fn of_document(document: &Value) -> (String, bool, Vec<String>) {
    let mut terms: Vec<String> = document["terms"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|term| {
            term["name"]
                .as_str()
                .or_else(|| term.as_str())
                .unwrap()
                .to_owned()
        })
        .collect();
    terms.sort();
    let hash = document["content_hash"].as_str().unwrap().to_owned();
    (hash, document["active"].as_bool().unwrap_or(true), terms)
}

/// Every document behind the aliases of a prefix.
async fn indexed(scratch: &Scratch) -> Seen {
    let prefix = &scratch.prefix;
    scratch
        .ask("POST", &format!("{prefix}-*/_refresh"), None)
        .await;
    let mut seen = Seen::new();
    for kind in Kind::ALL {
        let answer = scratch
            .ask("GET", &format!("{prefix}-{kind}/_search?size=1000"), None)
            .await;
        for hit in answer["hits"]["hits"].as_array().unwrap() {
            seen.insert(
                hit["_id"].as_str().unwrap().to_owned(),
                of_document(&hit["_source"]),
            );
        }
    }
    seen
}

async fn compare(in_sqlite: Place, in_postgres: Place) {
    let scratch = Scratch::new();
    let sqlite = run(&in_sqlite.url, None).await;
    assert!(sqlite.len() > 50, "{} records", sqlite.len());
    assert_eq!(run(&in_postgres.url, Some(&scratch)).await, sqlite);
    assert_eq!(indexed(&scratch).await, sqlite);
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_postgres_and_elasticsearch_hold_the_same_ids_terms_and_counts() {
    on_postgres(|in_postgres| on_sqlite(|in_sqlite| compare(in_sqlite, in_postgres))).await;
}
