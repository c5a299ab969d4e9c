//! A part of the real server under a prefix of its own, emptied at the end.

use jiff::Timestamp;
use serde_json::{Value, json};
use trendy::load::StoreIdentity;
use trendy::publish::elasticsearch::{ElasticsearchSettings, ElasticsearchTarget};
use trendy::record::{Change, ContentHash, Kind, Op, PipelineId, RecordId, StoredRecord, Subject};
use url::Url;
use uuid::Uuid;

pub(super) type Batch = Vec<(Change, Option<StoredRecord>)>;

pub(crate) struct Scratch {
    pub(crate) server: Url,
    pub(crate) prefix: String,
    pub(crate) store: StoreIdentity,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self::of(StoreIdentity {
            store_id: Uuid::new_v4(),
            epoch: 1,
        })
    }

    /// For this store.
    pub(super) fn of(store: StoreIdentity) -> Self {
        let server = std::env::var("TRENDY_TEST_ELASTICSEARCH_URL").expect(
            "TRENDY_TEST_ELASTICSEARCH_URL is not set; start the servers with dev/up, then: . target/dev-services/env",
        );
        Self {
            server: server.parse().unwrap(),
            prefix: format!("t{}", &Uuid::new_v4().simple().to_string()[..12]),
            store,
        }
    }

    /// With the indices set up.
    pub(super) async fn set_up() -> (Self, ElasticsearchTarget) {
        let scratch = Self::new();
        let target = scratch.target();
        target.setup().await.unwrap();
        (scratch, target)
    }

    pub(super) fn settings_at(&self, url: &Url) -> ElasticsearchSettings {
        ElasticsearchSettings {
            index_prefix: self.prefix.clone(),
            ..ElasticsearchSettings::at(url.clone())
        }
    }

    pub(super) fn target(&self) -> ElasticsearchTarget {
        self.target_at(&self.server)
    }

    pub(super) fn target_at(&self, url: &Url) -> ElasticsearchTarget {
        ElasticsearchTarget::new(&self.settings_at(url), self.store).unwrap()
    }

    /// `method path` with an optional body; the answer, of any status.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let client = reqwest::Client::builder().build().unwrap();
        let mut request = client.request(method.parse().unwrap(), self.server.join(path).unwrap());
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.unwrap().json().await.unwrap()
    }

    /// The document of a record, as `_source` and `_version`; null when there is none.
    pub(super) async fn document(&self, kind: Kind, id: RecordId) -> Value {
        self.ask("GET", &format!("{}-{kind}/_doc/{id}", self.prefix), None)
            .await
    }

    /// Ids that a query finds, all that was written being visible to it.
    pub(super) async fn search(&self, kind: Kind, query: Value) -> Vec<String> {
        let index = format!("{}-{kind}", self.prefix);
        self.ask("POST", &format!("{index}/_refresh"), None).await;
        let body = json!({"query": query, "size": 100, "sort": "title.keyword"});
        let found = self
            .ask("POST", &format!("{index}/_search"), Some(body))
            .await;
        let hits = found["hits"]["hits"]
            .as_array()
            .unwrap_or_else(|| panic!("{found}"));
        hits.iter()
            .map(|hit| hit["_source"]["title"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Names of the indices under the prefix, sorted.
    pub(super) async fn indices(&self) -> Vec<String> {
        let path = format!(
            "{}-*?filter_path=*.settings.index.provided_name",
            self.prefix
        );
        let found = self.ask("GET", &path, None).await;
        found.as_object().unwrap().keys().cloned().collect()
    }

    async fn remove(&self) {
        let indices = self.indices().await;
        if !indices.is_empty() {
            self.ask("DELETE", &indices.join(","), None).await;
        }
        // In this order: a component that an index template is composed of is not deleted.
        let names = Kind::ALL.map(|kind| format!("{}-{kind}", self.prefix));
        for name in &names {
            self.ask("DELETE", &format!("_index_template/{name}"), None)
                .await;
            for part in ["mappings", "settings"] {
                self.ask(
                    "DELETE",
                    &format!("_component_template/{name}@{part}"),
                    None,
                )
                .await;
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(self.remove());
            });
        });
    }
}

/// A job of this title, as a change and its row; the title is its key as well.
pub(super) fn job(title: &str, revision: i64, fields: Value) -> (Change, Option<StoredRecord>) {
    let fields = merged(
        json!({"board": "board", "title": title,
            "employment_type": [], "salary": null, "posted_at": "2026-11-02T00:00:00Z"}),
        fields,
    );
    change(Kind::Job, &[title], revision, fields)
}

/// A reading of this station, valid at an instant.
pub(super) fn reading(
    station: &str,
    valid_at: &str,
    values: &Value,
) -> (Change, Option<StoredRecord>) {
    let fields = json!({"provider": "kma", "station": station, "weather_kind": "forecast",
        "issued_at": "2026-11-29T20:00:00Z", "valid_at": valid_at, "values": values});
    change(Kind::Weather, &[station, valid_at], 1, fields)
}

/// The same record, deleted at a later revision.
pub(super) fn deleted(
    pair: &(Change, Option<StoredRecord>),
    revision: i64,
) -> (Change, Option<StoredRecord>) {
    (
        Change {
            revision,
            op: Op::Deleted,
            ..pair.0.clone()
        },
        None,
    )
}

fn change(
    kind: Kind,
    key: &[&str],
    revision: i64,
    mut fields: Value,
) -> (Change, Option<StoredRecord>) {
    let terms = fields
        .as_object_mut()
        .and_then(|fields| fields.remove("terms"));
    let id = RecordId::of(kind, key);
    let change = Change {
        seq: revision,
        run_id: None,
        kind: Subject::Record(kind),
        record_id: id,
        revision,
        op: if revision == 1 {
            Op::Added
        } else {
            Op::Updated
        },
        at: Timestamp::UNIX_EPOCH,
        diff: None,
    };
    (
        change,
        Some(StoredRecord {
            id,
            kind,
            pipeline: PipelineId("pipeline".into()),
            url: "https://example.com/1".into(),
            first_seen_at: "2026-11-03T00:00:00Z".parse().unwrap(),
            content_hash: ContentHash([0; 32]),
            revision,
            active: true,
            closed_at: None,
            same_as: None,
            terms: terms.unwrap_or(json!([])).to_string(),
            fields: fields.to_string(),
        }),
    )
}

fn merged(mut base: Value, fields: Value) -> Value {
    let (Value::Object(all), Value::Object(more)) = (&mut base, fields) else {
        panic!("fields are objects");
    };
    all.extend(more);
    base
}
