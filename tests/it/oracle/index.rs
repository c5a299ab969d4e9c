//! What the index holds, asked for over its REST API: no line of the program judges itself here.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::truth::Held;
use crate::elasticsearch::scratch::Scratch;

/// Most documents that a search without pages gives.
const MOST: usize = 10_000;

/// Documents, by the number of their posting.
pub(super) struct Documents(BTreeMap<u32, Document>);

#[derive(Debug, PartialEq)]
struct Document {
    version: i64,
    is_active: bool,
    title: String,
    description: String,
}

impl Documents {
    pub(super) async fn of(index: &Scratch) -> Self {
        let alias = format!("{}-job", index.prefix);
        index.ask("POST", &format!("{alias}/_refresh"), None).await;
        let all = json!({"size": MOST, "version": true, "track_total_hits": true, "query": {"match_all": {}}});
        let answer = index
            .ask("POST", &format!("{alias}/_search"), Some(all))
            .await;
        let hits = answer["hits"]["hits"]
            .as_array()
            .unwrap_or_else(|| panic!("{answer}"));
        let documents: BTreeMap<u32, Document> = hits.iter().map(document).collect();
        assert_eq!(documents.len(), hits.len(), "a posting has two documents");
        assert_eq!(
            answer["hits"]["total"]["value"],
            hits.len(),
            "more than {MOST} documents"
        );
        Self(documents)
    }

    /// What the target has acknowledged is here, in this revision or a newer one, and nothing is newer than the store.
    pub(super) fn assert_holds(&self, acknowledged: &[(u32, i64)], store: &[Held]) {
        for (number, revision) in acknowledged {
            let version = self.0.get(number).map(|document| document.version);
            assert!(
                version >= Some(*revision),
                "posting {number}: revision {revision} was acknowledged, {version:?} is there"
            );
        }
        for held in store {
            let version = self.0.get(&held.number).map(|document| document.version);
            assert!(
                version <= Some(held.revision),
                "posting {}: {version:?} is newer than the store",
                held.number
            );
        }
    }

    pub(super) fn assert_same(&self, store: &[Held]) {
        for held in store {
            let expected = Document {
                version: held.revision,
                is_active: held.is_active,
                title: held.title.clone(),
                description: held.description.clone(),
            };
            assert_eq!(
                self.0.get(&held.number),
                Some(&expected),
                "posting {}",
                held.number
            );
        }
        assert_eq!(
            self.0.len(),
            store.len(),
            "documents that the store does not have"
        );
    }
}

fn document(hit: &Value) -> (u32, Document) {
    let source = &hit["_source"];
    let text = |field: &str| {
        source[field]
            .as_str()
            .unwrap_or_else(|| panic!("no {field} in {hit}"))
            .to_owned()
    };
    let document = Document {
        version: hit["_version"].as_i64().unwrap(),
        is_active: source["active"].as_bool().unwrap(),
        title: text("title"),
        description: text("description"),
    };
    assert_eq!(source["revision"], hit["_version"], "{hit}");
    (text("external_id").parse().unwrap(), document)
}
