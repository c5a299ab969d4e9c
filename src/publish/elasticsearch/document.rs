use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::names::Month;
use crate::record::{Kind, StoredRecord, Term};

/// What an index shows of a record, and where.
pub(super) struct Document {
    pub(super) place: Place,
    pub(super) fields: Map<String, Value>,
}

/// Where a document stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the one index of its kind.
    Kind(Kind),
    /// Among the weather of a month: the month that the reading is valid in, which is part of its identity.
    Month(Month),
}

impl Document {
    /// The store's document, with three fields made for charts:
    ///
    /// - `terms` holds names alone (`["Kotlin", "Spring"]`), since a chart counts values of one keyword field;
    /// - `terms_by_type` holds them again by type (`{"language": ["Kotlin"]}`), to chart languages or databases alone;
    /// - `dated_at` is the one date that every record has: what its source says, else when it was first seen.
    pub(super) fn of(record: &StoredRecord) -> Result<Self, Misfit> {
        let Value::Object(mut fields) = record.document.clone() else {
            return Err(Misfit::NoObject);
        };
        let place = match record.kind {
            Kind::Job | Kind::Post => Place::Kind(record.kind),
            Kind::Weather => {
                let month = instant(&fields, "valid_at").and_then(Month::of);
                Place::Month(month.ok_or(Misfit::NoMonth)?)
            }
        };
        let terms: Vec<Term> = match fields.remove("terms") {
            None | Some(Value::Null) => Vec::new(),
            Some(terms) => serde_json::from_value(terms).map_err(Misfit::Terms)?,
        };
        let mut by_type: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for term in &terms {
            by_type
                .entry(term.kind.as_str())
                .or_default()
                .push(&term.name);
        }
        let names: Vec<&str> = terms.iter().map(|term| term.name.as_str()).collect();
        // A date that cannot be is not repeated: the server then names the field that is wrong.
        let dated_at = [date_field(record.kind), "first_seen_at"]
            .into_iter()
            .filter_map(|field| instant(&fields, field))
            .find(|at| Month::of(*at).is_some());

        fields.insert("terms".to_owned(), json!(names));
        fields.insert("terms_by_type".to_owned(), json!(by_type));
        fields.insert("dated_at".to_owned(), json!(dated_at));
        Ok(Self { place, fields })
    }
}

fn instant(fields: &Map<String, Value>, field: &str) -> Option<Timestamp> {
    fields.get(field)?.as_str()?.parse().ok()
}

/// The field that says when a thing was, by its source.
const fn date_field(kind: Kind) -> &'static str {
    match kind {
        Kind::Job => "posted_at",
        Kind::Post => "published_at",
        Kind::Weather => "valid_at",
    }
}

/// Why a record can't stand in an index, found before it is sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum Misfit {
    #[error("the document is no JSON object")]
    NoObject,
    #[error("`terms` are no list of names and types ({0})")]
    Terms(serde_json::Error),
    #[error("`valid_at` is no instant between 1900 and 2100, so the reading belongs to no month")]
    NoMonth,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RecordId;

    fn document(kind: Kind, document: Value) -> Result<Document, Misfit> {
        Document::of(&StoredRecord {
            id: RecordId::of(kind, &["1"]),
            kind,
            revision: 1,
            document,
        })
    }

    #[test]
    fn terms_stand_by_name_and_by_type() {
        let record = json!({"title": "Backend", "terms": [
            {"name": "C++", "type": "language"},
            {"name": "Kotlin", "type": "language"},
            {"name": "PostgreSQL", "type": "database"},
        ]});
        let fields = document(Kind::Job, record).unwrap().fields;
        assert_eq!(fields["terms"], json!(["C++", "Kotlin", "PostgreSQL"]));
        let by_type = json!({"language": ["C++", "Kotlin"], "database": ["PostgreSQL"]});
        assert_eq!(fields["terms_by_type"], by_type);
        assert_eq!(fields["title"], "Backend");
    }

    #[test]
    fn is_dated_by_its_source_else_by_its_first_sight() {
        let (seen, said) = ("2026-11-02T00:00:00Z", "2026-11-01T00:00:00Z");
        let dated_at = |record| document(Kind::Post, record).unwrap().fields["dated_at"].clone();
        assert_eq!(
            dated_at(json!({"first_seen_at": seen, "published_at": said})),
            said
        );
        assert_eq!(
            dated_at(json!({"first_seen_at": seen, "published_at": null})),
            seen
        );
    }

    #[test]
    fn weather_stands_in_the_month_it_is_valid_in() {
        let at = "2026-12-01T00:00:00Z";
        let place = document(Kind::Weather, json!({"valid_at": at}))
            .unwrap()
            .place;
        assert_eq!(place, Place::Month(Month::of(at.parse().unwrap()).unwrap()));
        assert_eq!(
            document(Kind::Job, json!({})).unwrap().place,
            Place::Kind(Kind::Job)
        );
    }

    #[test]
    fn misfits_say_what_is_wrong() {
        let reason = |kind, record| document(kind, record).err().unwrap().to_string();
        assert!(reason(Kind::Job, json!({"terms": ["Kotlin"]})).starts_with("`terms` are no list"));
        assert!(reason(Kind::Job, json!([])).contains("no JSON object"));
        assert!(reason(Kind::Weather, json!({"valid_at": "soon"})).contains("`valid_at`"));
    }
}
