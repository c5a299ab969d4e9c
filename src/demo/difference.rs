use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::record::{Record, RecordId};

/// A record as a case expects it: what a page says, without what is of the run that read it (`seen_at`), of the
/// dictionary (a technology's type) or follows from the rest (the hash). A field that is not there is null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// The record.
    pub id: RecordId,
    /// Its address.
    pub url: String,
    /// Names of the technologies in it.
    #[serde(default)]
    pub terms: Vec<String>,
    /// The fields of its kind.
    #[serde(flatten)]
    pub fields: BTreeMap<String, Value>,
}

impl From<&Record> for Expected {
    fn from(record: &Record) -> Self {
        let body = serde_json::to_value(&record.body).unwrap_or_default();
        let Value::Object(fields) = body else {
            unreachable!("every kind of body is a struct, with texts for keys");
        };
        Self {
            id: record.id,
            url: record.url.clone(),
            terms: record.terms.iter().map(|term| term.name.clone()).collect(),
            fields: fields
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .collect(),
        }
    }
}

impl Expected {
    /// Everything that two of the same id can differ in.
    fn values(&self) -> Map<String, Value> {
        let own = [
            ("url".to_owned(), self.url.clone().into()),
            ("terms".to_owned(), self.terms.clone().into()),
        ];
        own.into_iter().chain(self.fields.clone()).collect()
    }
}

/// How what was found differs from what was expected, for one record.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "lowercase")]
pub enum Difference {
    /// It was expected and not found.
    Missing {
        /// The record.
        id: RecordId,
        /// Its address.
        url: String,
    },
    /// It was found and not expected.
    Surplus {
        /// The record.
        id: RecordId,
        /// Its address.
        url: String,
    },
    /// Some of its fields differ.
    Changed {
        /// The record.
        id: RecordId,
        /// Its address, as found.
        url: String,
        /// The fields, by name.
        fields: Vec<FieldDifference>,
    },
}

/// A field that is not as expected; null where it is not there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldDifference {
    /// Its name.
    pub field: String,
    /// What was expected.
    pub expected: Value,
    /// What was found.
    pub found: Value,
}

/// How two sets of records differ, in the order of the records' addresses. Records are the same by their ids.
pub fn differences(expected: &[Expected], found: &[Expected]) -> Vec<Difference> {
    let by_id: HashMap<RecordId, &Expected> =
        found.iter().map(|record| (record.id, record)).collect();
    let known: BTreeSet<RecordId> = expected.iter().map(|record| record.id).collect();
    let mut differences = Vec::new();
    for record in expected {
        let (id, url) = (record.id, record.url.clone());
        match by_id.get(&id) {
            None => differences.push(Difference::Missing { id, url }),
            Some(found) => {
                let fields = fields(&record.values(), &found.values());
                if !fields.is_empty() {
                    let url = found.url.clone();
                    differences.push(Difference::Changed { id, url, fields });
                }
            }
        }
    }
    for record in found.iter().filter(|record| !known.contains(&record.id)) {
        let (id, url) = (record.id, record.url.clone());
        differences.push(Difference::Surplus { id, url });
    }
    differences.sort_by(|one, other| one.url().cmp(other.url()));
    differences
}

fn fields(expected: &Map<String, Value>, found: &Map<String, Value>) -> Vec<FieldDifference> {
    let names: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    let value = |of: &Map<String, Value>, name: &str| of.get(name).cloned().unwrap_or_default();
    names
        .into_iter()
        .map(|name| FieldDifference {
            field: name.clone(),
            expected: value(expected, name),
            found: value(found, name),
        })
        .filter(|field| field.expected != field.found)
        .collect()
}

impl Difference {
    /// Address of the record.
    pub fn url(&self) -> &str {
        match self {
            Self::Missing { url, .. } | Self::Surplus { url, .. } | Self::Changed { url, .. } => {
                url
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::Kind;

    fn record(key: &str, title: &str) -> Expected {
        Expected {
            id: RecordId::of(Kind::Job, &[key]),
            url: format!("https://board.example/{key}"),
            terms: Vec::new(),
            fields: BTreeMap::from([("title".to_owned(), json!(title))]),
        }
    }

    #[test]
    fn records_are_told_apart_by_id_and_compared_field_by_field() {
        let mut changed = record("2", "B");
        changed.fields.insert("company".to_owned(), json!("C"));
        changed.terms.push("Rust".to_owned());
        let found = [changed, record("3", "new"), record("1", "A")];
        let expected = [record("0", "gone"), record("1", "A"), record("2", "b")];
        let differences = differences(&expected, &found);
        let [
            Difference::Missing { url: missing, .. },
            Difference::Changed { fields, .. },
            Difference::Surplus { url: surplus, .. },
        ] = &differences[..]
        else {
            panic!("{differences:?}");
        };
        assert_eq!(missing, "https://board.example/0");
        assert_eq!(surplus, "https://board.example/3");
        let named: Vec<_> = fields
            .iter()
            .map(|field| (field.field.as_str(), &field.expected, &field.found))
            .collect();
        assert_eq!(
            named,
            [
                ("company", &Value::Null, &json!("C")),
                ("terms", &json!([]), &json!(["Rust"])),
                ("title", &json!("b"), &json!("B")),
            ]
        );
    }
}
