use serde_json::{Map, Value, json};

use super::analysis::{self, Analyzer};
use super::names::Names;
use crate::load::StoreIdentity;
use crate::record::{Kind, TermType};

/// Version of the fields below. A change that an index cannot take while it lives raises it.
pub(super) const SCHEMA: u64 = 2;

/// One replica wherever there is a second node.
pub(super) const REPLICAS: &str = "0-1";

/// How long a deletion is remembered against an older write, which a publisher that was paused might still send.
pub(super) const GC_DELETES: &str = "1h";

/// Above the server's own templates for `logs-*-*` and the like (100), which a prefix might match.
const PRIORITY: u32 = 500;

/// Longest text that a keyword field indexes, in characters: Lucene takes 32,766 bytes, and a character has up to four.
const LONGEST_KEYWORD: u32 = 8191;

/// A template at the server: the path that it is put to, and what it says.
pub(super) struct Template {
    pub(super) path: String,
    pub(super) body: Value,
}

/// What makes an index of a kind, in the order in which the server takes it: a component for the fields, one for the
/// settings, and the index template that is composed of them.
///
/// `dynamic: strict`: a field that nobody mapped is a mistake, and one guessed from its first value refuses the second.
/// No index comes to be by itself under these names: writes go through aliases with `require_alias`, which deletes do
/// not honour (a versioned delete creates a missing index), hence `allow_auto_create: false`.
pub(super) fn templates(
    kind: Kind,
    names: &Names,
    owner: &StoreIdentity,
    analyzer: Analyzer,
) -> [Template; 3] {
    let alias = names.alias(kind);
    let [fields, settings] = ["mappings", "settings"].map(|part| format!("{alias}@{part}"));
    let mut patterns = vec![format!("{alias}-*")];
    let mut of_fields = json!({"mappings": mappings(kind, owner)});
    match kind {
        Kind::Job | Kind::Post => {
            // Beside the fields that name it: the server checks each component by itself.
            of_fields["settings"] = json!({"index": {"analysis": analyzer.settings()}});
            patterns.push(alias.clone());
        }
        // Written through its months alone. The alias that it is read through comes with each index and not from here:
        // one that is being filled must not be read.
        Kind::Weather => {}
    }
    let of_settings = json!({"settings": {"index": {
        "number_of_shards": 1,
        "auto_expand_replicas": REPLICAS,
        "gc_deletes": GC_DELETES,
    }}});
    let component = |name: &str, template| Template {
        path: format!("_component_template/{name}"),
        body: json!({"template": template, "_meta": {"managed_by": "trendy"}}),
    };
    [
        component(&fields, of_fields),
        component(&settings, of_settings),
        Template {
            path: format!("_index_template/{alias}"),
            body: json!({
                "index_patterns": patterns,
                "priority": PRIORITY,
                "allow_auto_create": false,
                "composed_of": [fields, settings],
                "_meta": {"managed_by": "trendy"},
            }),
        },
    ]
}

/// The mapping of a kind, with the mark of its store.
fn mappings(kind: Kind, owner: &StoreIdentity) -> Value {
    let mut properties = common();
    let of_kind = match kind {
        Kind::Job => job(),
        Kind::Post => post(),
        Kind::Weather => weather(),
    };
    properties.extend(
        of_kind
            .into_iter()
            .map(|(name, field)| (name.to_owned(), field)),
    );
    let mut mappings = json!({
        "_meta": {"store_id": owner.store_id, "epoch": owner.epoch, "schema": SCHEMA},
        "dynamic": "strict",
        "properties": properties,
    });
    if kind == Kind::Weather {
        mappings["dynamic_templates"] = json!([{"reading": {
            "path_match": "values.*",
            "match_mapping_type": "object",
            "mapping": reading(),
        }}]);
    }
    mappings
}

fn common() -> Map<String, Value> {
    let by_type: Map<String, Value> = TermType::ALL
        .iter()
        .map(|kind| (kind.as_str().to_owned(), keyword()))
        .collect();
    [
        ("id", keyword()),
        ("kind", keyword()),
        ("pipeline", keyword()),
        ("url", keyword()),
        ("first_seen_at", date()),
        ("dated_at", date()),
        ("content_hash", stored()),
        ("revision", json!({"type": "long"})),
        ("active", json!({"type": "boolean"})),
        ("closed_at", date()),
        ("same_as", keyword()),
        ("terms", keyword()),
        (
            "terms_by_type",
            json!({"type": "object", "dynamic": "strict", "properties": by_type}),
        ),
    ]
    .into_iter()
    .map(|(name, field)| (name.to_owned(), field))
    .collect()
}

fn job() -> Vec<(&'static str, Value)> {
    vec![
        ("board", keyword()),
        ("external_id", keyword()),
        ("title", text_with_keyword()),
        ("company", keyword_with_text()),
        ("category", keyword()),
        ("location", keyword_with_text()),
        ("remote", json!({"type": "boolean"})),
        ("employment_type", keyword()),
        ("experience_min", json!({"type": "short"})),
        ("experience_max", json!({"type": "short"})),
        (
            "salary",
            json!({"type": "object", "dynamic": "strict", "properties": {
                "currency": keyword(), "min": double(), "max": double(), "unit": keyword(),
            }}),
        ),
        ("posted_at", date()),
        ("valid_through", date()),
        ("description", text()),
        ("noindex", json!({"type": "boolean"})),
    ]
}

fn post() -> Vec<(&'static str, Value)> {
    vec![
        ("title", text_with_keyword()),
        ("author", keyword_with_text()),
        ("source", keyword()),
        ("published_at", date()),
        ("summary", text()),
        ("text", text()),
        ("language", keyword()),
        ("tags", keyword()),
        ("noindex", json!({"type": "boolean"})),
    ]
}

fn weather() -> Vec<(&'static str, Value)> {
    vec![
        ("provider", keyword()),
        ("station", keyword()),
        ("weather_kind", keyword()),
        ("issued_at", date()),
        ("valid_at", date()),
        // The variables are the providers'; what each holds is ours.
        ("values", json!({"type": "object", "dynamic": true})),
    ]
}

/// One variable, so that a chart plots `values.temperature.value`.
fn reading() -> Value {
    json!({"type": "object", "dynamic": "strict", "properties": {
        "value": double(), "min": double(), "max": double(), "unit": keyword(), "raw": stored(),
    }})
}

fn keyword() -> Value {
    json!({"type": "keyword", "ignore_above": LONGEST_KEYWORD})
}

/// Shown, never searched or charted.
fn stored() -> Value {
    json!({"type": "keyword", "index": false, "doc_values": false})
}

fn date() -> Value {
    json!({"type": "date", "format": "strict_date_optional_time"})
}

fn double() -> Value {
    json!({"type": "double"})
}

fn text() -> Value {
    json!({"type": "text", "analyzer": analysis::NAME})
}

/// Searched by its words, sorted and charted as it stands under `.keyword`.
fn text_with_keyword() -> Value {
    let mut field = text();
    field["fields"] = json!({"keyword": keyword()});
    field
}

/// Charted as it stands, searched by its words under `.text`.
fn keyword_with_text() -> Value {
    let mut field = keyword();
    field["fields"] = json!({"text": text()});
    field
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Body, Job, Post, Salary, SalaryUnit};

    fn owner() -> StoreIdentity {
        StoreIdentity {
            store_id: uuid::Uuid::from_u128(7),
            epoch: 3,
        }
    }

    /// Names of the fields that serde writes for a value, nested ones with dots.
    fn names(value: &Value, prefix: &str) -> Vec<String> {
        let Value::Object(fields) = value else {
            return vec![prefix.to_owned()];
        };
        let join = |name: &String| match prefix {
            "" => name.clone(),
            prefix => format!("{prefix}.{name}"),
        };
        fields
            .iter()
            .flat_map(|(name, value)| names(value, &join(name)))
            .collect()
    }

    fn is_mapped(mappings: &Value, path: &str) -> bool {
        let pointer = path.replace('.', "/properties/");
        mappings
            .pointer(&format!("/properties/{pointer}"))
            .is_some()
    }

    #[test]
    fn every_field_of_a_job_and_a_post_is_mapped() {
        let salary = Salary {
            currency: Some("KRW".into()),
            min: Some(1.0),
            max: Some(2.0),
            unit: Some(SalaryUnit::Year),
        };
        let bodies = [
            Body::Job(Box::new(Job {
                salary: Some(salary),
                noindex: true,
                ..Job::default()
            })),
            Body::Post(Box::new(Post {
                noindex: true,
                ..Post::default()
            })),
        ];
        for body in bodies {
            let mappings = mappings(body.kind(), &owner());
            for name in names(&serde_json::to_value(&body).unwrap(), "") {
                assert!(is_mapped(&mappings, &name), "{name} of {}", body.kind());
            }
        }
    }

    #[test]
    fn every_kind_is_strict_and_carries_its_store() {
        for kind in Kind::ALL {
            let mappings = mappings(kind, &owner());
            assert_eq!(mappings["dynamic"], "strict");
            assert_eq!(mappings["_meta"]["epoch"], 3);
            assert_eq!(mappings["_meta"]["store_id"], owner().store_id.to_string());
        }
    }
}
