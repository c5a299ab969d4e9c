use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::names::Month;
use crate::record::{ContentHash, Kind, PipelineId, RecordId, StoredRecord, TermType};

/// What an index shows of a record, and where: the store's document, with three fields made for charts.
///
/// - `terms` holds names alone (`["Kotlin", "Spring"]`), since a chart counts values of one keyword field;
/// - `terms_by_type` holds them again by type (`{"language": ["Kotlin"]}`), to chart languages or databases alone;
/// - `dated_at` is the one date that every record has: what its source says, else when it was first seen.
///
/// It is written from the record's own text, without a tree of it in between: that took most of a publisher's time.
pub(super) struct Document<'a> {
    pub(super) place: Place,
    record: &'a StoredRecord,
    /// The inner part of the fields' JSON object.
    fields: &'a str,
    terms: Vec<NamedTerm<'a>>,
    dated_at: Option<Timestamp>,
}

/// Where a document stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the one index of its kind.
    Kind(Kind),
    /// Among the weather of a month: the month that the reading is valid in, which is part of its identity.
    Month(Month),
}

#[derive(Deserialize)]
struct NamedTerm<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(rename = "type")]
    kind: TermType,
}

/// The dates that sources say; of any type, as the server is the judge of what stands in a field.
#[derive(Default, Deserialize)]
#[serde(default)]
#[expect(
    clippy::struct_field_names,
    reason = "these are the names in the document"
)]
struct Dates {
    posted_at: Value,
    published_at: Value,
    valid_at: Value,
}

/// The part of a document that its kind does not decide.
#[derive(Serialize)]
struct Common<'a> {
    id: RecordId,
    kind: Kind,
    pipeline: &'a PipelineId,
    url: &'a str,
    first_seen_at: Timestamp,
    dated_at: Option<Timestamp>,
    content_hash: ContentHash,
    revision: i64,
    active: bool,
    closed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[expect(
        clippy::option_option,
        reason = "absent in a reading, null in a job or post that is the oldest"
    )]
    same_as: Option<Option<RecordId>>,
    terms: Vec<&'a str>,
    terms_by_type: BTreeMap<&'static str, Vec<&'a str>>,
}

impl<'a> Document<'a> {
    pub(super) fn of(record: &'a StoredRecord) -> Result<Self, Misfit> {
        let fields = inner(&record.fields).ok_or(Misfit::NoObject)?;
        let dates: Dates = serde_json::from_str(&record.fields).map_err(Misfit::Fields)?;
        let terms = serde_json::from_str(&record.terms).map_err(Misfit::Terms)?;
        let (place, said) = match record.kind {
            Kind::Job => (Place::Kind(Kind::Job), dates.posted_at),
            Kind::Post => (Place::Kind(Kind::Post), dates.published_at),
            Kind::Weather => {
                let month = instant(&dates.valid_at).and_then(Month::of);
                (Place::Month(month.ok_or(Misfit::NoMonth)?), dates.valid_at)
            }
        };
        // A date that cannot be is not repeated: the server then names the field that is wrong.
        let dated_at = [instant(&said), Some(record.first_seen_at)]
            .into_iter()
            .flatten()
            .find(|at| Month::of(*at).is_some());
        Ok(Self {
            place,
            record,
            fields,
            terms,
            dated_at,
        })
    }

    /// Appends it as one line of JSON, without the end of the line.
    pub(super) fn write(&self, line: &mut Vec<u8>) {
        serde_json::to_writer(&mut *line, &self.common())
            .expect("texts, numbers and lists of them can be written to memory");
        if self.fields.is_empty() {
            return;
        }
        line.pop();
        line.push(b',');
        let start = line.len();
        line.extend_from_slice(self.fields.as_bytes());
        line.push(b'}');
        // Between tokens alone, as a text escapes its own: so a document that somebody laid out by hand is one line, too.
        for byte in &mut line[start..] {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
    }

    fn common(&self) -> Common<'_> {
        let record = self.record;
        let mut terms_by_type: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for term in &self.terms {
            let names = terms_by_type.entry(term.kind.as_str()).or_default();
            names.push(&term.name);
        }
        Common {
            id: record.id,
            kind: record.kind,
            pipeline: &record.pipeline,
            url: &record.url,
            first_seen_at: record.first_seen_at,
            dated_at: self.dated_at,
            content_hash: record.content_hash,
            revision: record.revision,
            active: record.active,
            closed_at: record.closed_at,
            same_as: (record.kind != Kind::Weather).then_some(record.same_as),
            terms: self.terms.iter().map(|term| &*term.name).collect(),
            terms_by_type,
        }
    }
}

/// What stands between the braces of a JSON object; none of what is none.
fn inner(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    Some(inner.trim())
}

fn instant(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// Why a record can't stand in an index, found before it is sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum Misfit {
    #[error("the document is no JSON object")]
    NoObject,
    #[error("the document is no JSON object ({0})")]
    Fields(serde_json::Error),
    #[error("`terms` are no list of names and types ({0})")]
    Terms(serde_json::Error),
    #[error("`valid_at` is no instant between 1900 and 2100, so the reading belongs to no month")]
    NoMonth,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SEEN: &str = "2026-11-02T00:00:00Z";

    fn record(kind: Kind, terms: &str, fields: &str) -> StoredRecord {
        StoredRecord {
            id: RecordId::of(kind, &["1"]),
            kind,
            pipeline: PipelineId("pipeline".into()),
            url: "https://example.com/\"1\"".into(),
            first_seen_at: SEEN.parse().unwrap(),
            content_hash: ContentHash([7; 32]),
            revision: 3,
            active: true,
            closed_at: None,
            same_as: None,
            terms: terms.into(),
            fields: fields.into(),
        }
    }

    fn written(record: &StoredRecord) -> Value {
        let mut line = Vec::new();
        Document::of(record).unwrap().write(&mut line);
        assert!(!line.contains(&b'\n'));
        serde_json::from_slice(&line).unwrap()
    }

    fn fields(kind: Kind, fields: &str) -> Value {
        written(&record(kind, "[]", fields))
    }

    #[test]
    fn is_the_stores_document_with_fields_for_charts() {
        let terms = r#"[{"name": "C\"+", "type": "language"}, {"name": "Kotlin", "type": "language"},
            {"name": "PostgreSQL", "type": "database"}]"#;
        for text in ["{\n  \"title\": \"Back\\nend\"\r\n}\n", "{}", " { } "] {
            let record = record(Kind::Job, terms, text);
            let mut expected = record.document();
            expected["terms"] = json!(["C\"+", "Kotlin", "PostgreSQL"]);
            expected["terms_by_type"] =
                json!({"language": ["C\"+", "Kotlin"], "database": ["PostgreSQL"]});
            expected["dated_at"] = json!(SEEN);
            assert_eq!(written(&record), expected);
        }
    }

    #[test]
    fn is_dated_by_its_source_else_by_its_first_sight() {
        let dated_at = |text| fields(Kind::Post, text)["dated_at"].clone();
        let said = "2026-11-01T00:00:00Z";
        assert_eq!(
            dated_at(r#"{"published_at": "2026-11-01T00:00:00Z"}"#),
            said
        );
        for text in [
            r#"{"published_at": null}"#,
            r#"{"published_at": 7}"#,
            r#"{"published_at": "9999-01-01T00:00:00Z"}"#,
            "{}",
        ] {
            assert_eq!(dated_at(text), SEEN, "{text}");
        }
    }

    #[test]
    fn weather_stands_in_the_month_it_is_valid_in() {
        let at = "2026-12-01T00:00:00Z";
        let reading = record(
            Kind::Weather,
            "[]",
            r#"{"valid_at": "2026-12-01T00:00:00Z"}"#,
        );
        let place = Document::of(&reading).unwrap().place;
        assert_eq!(place, Place::Month(Month::of(at.parse().unwrap()).unwrap()));
        assert_eq!(written(&reading).get("same_as"), None);
        let job = record(Kind::Job, "[]", "{}");
        assert_eq!(Document::of(&job).unwrap().place, Place::Kind(Kind::Job));
    }

    #[test]
    fn misfits_say_what_is_wrong() {
        let reason = |kind, terms, fields| {
            let record = record(kind, terms, fields);
            Document::of(&record).err().unwrap().to_string()
        };
        assert!(reason(Kind::Job, r#"["Kotlin"]"#, "{}").starts_with("`terms` are no list"));
        for fields in ["[]", "{", "", "{]}", r#"{"title": }"#] {
            let reason = reason(Kind::Job, "[]", fields);
            assert!(reason.contains("no JSON object"), "{fields}: {reason}");
        }
        assert!(reason(Kind::Weather, "[]", r#"{"valid_at": "soon"}"#).contains("`valid_at`"));
    }
}
