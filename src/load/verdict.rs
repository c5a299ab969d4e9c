//! What a batch means for what the store holds. Pure: the transaction asks, this answers.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::diff::diff;
use super::news;
use crate::record::{Op, Record};

/// What the store holds of an id of the batch.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Of its row, else of its tombstone, else 0.
    pub(super) revision: i64,
    /// None where there is no row.
    pub(super) row: Option<HeldRow>,
}

#[derive(Debug)]
pub(super) struct HeldRow {
    pub(super) active: bool,
    pub(super) first_seen_at: Timestamp,
    pub(super) content_hash: Vec<u8>,
    /// The document, where anything in it may differ from the batch's: hash, terms or place do, or the record is closed.
    pub(super) other_document: Option<Value>,
    /// The terms, where they differ from the batch's.
    pub(super) other_terms: Option<Value>,
    /// The address, where it differs from the batch's.
    pub(super) other_url: Option<String>,
    /// The pipeline, where it differs from the batch's.
    pub(super) other_pipeline: Option<String>,
}

/// A real change.
#[derive(Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) op: Op,
    pub(super) revision: i64,
    pub(super) diff: Option<Value>,
}

impl HeldRow {
    /// Where the record is, and where the store has it, as far as targets must hear of it.
    fn moved<'a>(
        &'a self,
        record: &'a Record,
    ) -> impl Iterator<Item = (&'static str, [&'a str; 2])> {
        let url = self.other_url.as_deref();
        let url = url.filter(|url| leads_elsewhere(url, &record.url));
        let pipeline = self.other_pipeline.as_deref();
        let url = url.map(|before| ("url", [before, record.url.as_str()]));
        url.into_iter()
            .chain(pipeline.map(|before| ("pipeline", [before, record.pipeline.as_str()])))
    }
}

/// Whether an address is another place. Values in a query alone are not: many lists put the place in the list, or the
/// number of the search, into every link, and each run would be told of every record. The row has the newest all the same.
fn leads_elsewhere(before: &str, after: &str) -> bool {
    fn place(url: &str) -> (&str, impl Iterator<Item = &str>) {
        let url = url.split('#').next().unwrap_or(url);
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let names = query
            .split('&')
            .map(|pair| pair.split('=').next().unwrap_or(pair));
        (path, names)
    }
    let ((old_path, old_names), (path, names)) = (place(before), place(after));
    old_path != path || !old_names.eq(names)
}

/// What a record with this document means; none when nothing has changed. The document is asked for only where it is
/// needed: most records of most runs are unchanged.
pub(super) fn of_record<'a>(
    held: &Held,
    record: &Record,
    document: impl FnOnce() -> &'a Value,
) -> Option<Verdict> {
    let revision = held.revision + 1;
    let Some(row) = &held.row else {
        return Some(Verdict {
            op: Op::Added,
            revision,
            diff: None,
        });
    };
    let content = row
        .other_document
        .as_ref()
        .and_then(|before| diff(before, document()));
    let changed_terms = row
        .other_terms
        .as_ref()
        .map(|before| json!([before, record.terms]));
    let mut moved = row.moved(record).peekable();
    let op = match (row.active, &content) {
        (false, _) => Op::Reopened,
        (true, Some(diff)) if news::is_update(record, &row.content_hash, diff) => Op::Updated,
        // Another hash of what says the same is a new recipe of the hash, not news.
        (true, _) if row.other_document.is_some() && row.content_hash != record.content_hash.0 => {
            Op::Derived
        }
        (true, _) if changed_terms.is_some() || moved.peek().is_some() => Op::Derived,
        (true, _) => return None,
    };
    let mut fields = match content {
        Some(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    if let Some(terms) = changed_terms {
        fields.insert("terms".to_owned(), terms);
    }
    for (name, before_and_after) in moved {
        fields.insert(name.to_owned(), json!(before_and_after));
    }
    let diff = (!fields.is_empty()).then_some(Value::Object(fields));
    Some(Verdict { op, revision, diff })
}

/// What it means that a list still shows an id.
pub(super) fn of_sighting(held: &Held) -> Option<Verdict> {
    let row = held.row.as_ref()?;
    (!row.active).then_some(Verdict {
        op: Op::Reopened,
        revision: held.revision + 1,
        diff: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Body, ContentHash, Field, Kind, PipelineId, RecordId, Term, TermType};

    fn held(active: bool, other_document: Option<Value>, other_terms: Option<Value>) -> Held {
        let first_seen_at = Timestamp::UNIX_EPOCH;
        Held {
            revision: 4,
            row: Some(HeldRow {
                active,
                first_seen_at,
                content_hash: vec![0; 32],
                other_document,
                other_terms,
                other_url: None,
                other_pipeline: None,
            }),
        }
    }

    fn record(uncounted: &[Field], terms: Vec<Term>) -> Record {
        let body = Body::Job(Box::default());
        Record {
            id: RecordId::of(Kind::Job, &["board", "1"]),
            pipeline: PipelineId("board".to_owned()),
            url: "https://board.example/1".to_owned(),
            content_hash: ContentHash::of(&body, uncounted),
            uncounted: uncounted.to_vec(),
            terms,
            body,
            seen_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn op_ignoring(held: &Held, uncounted: &[Field]) -> Option<Op> {
        let document = json!({"title": "new"});
        of_record(held, &record(uncounted, Vec::new()), || &document).map(|verdict| verdict.op)
    }

    fn op(held: &Held) -> Option<Op> {
        op_ignoring(held, &[])
    }

    #[test]
    fn unknown_is_added_and_goes_on_after_a_tombstone() {
        let record = record(&[], Vec::new());
        let fresh = of_record(&Held::default(), &record, || &Value::Null).unwrap();
        assert_eq!((fresh.op, fresh.revision), (Op::Added, 1));
        let back = of_record(
            &Held {
                revision: 7,
                row: None,
            },
            &record,
            || &Value::Null,
        )
        .unwrap();
        assert_eq!((back.op, back.revision), (Op::Added, 8));
    }

    #[test]
    fn same_is_no_change() {
        assert_eq!(op(&held(true, None, None)), None);
    }

    #[test]
    fn other_content_is_updated_and_the_same_under_another_hash_derived() {
        assert_eq!(
            op(&held(true, Some(json!({"title": "old"})), None)),
            Some(Op::Updated)
        );
        assert_eq!(
            op(&held(true, Some(json!({"title": "new"})), None)),
            Some(Op::Derived)
        );
    }

    #[test]
    fn what_is_not_counted_is_derived_where_the_recipe_of_the_hash_is_another() {
        let held = held(true, Some(json!({"title": "old"})), None);
        assert_eq!(op_ignoring(&held, &[Field::Title]), Some(Op::Derived));
        assert_eq!(op_ignoring(&held, &[Field::Category]), Some(Op::Updated));
    }

    #[test]
    fn a_date_told_from_now_that_is_told_exactly_is_derived() {
        let mut exact = record(&[], Vec::new());
        exact.body.date(Timestamp::UNIX_EPOCH);
        exact.content_hash = ContentHash::of(&exact.body, &[]);
        let mut held = held(
            true,
            Some(json!({"posted_at": "1970-01-01T09:00:00Z"})),
            None,
        );
        let document = json!({"posted_at": "1970-01-01T00:00:00Z"});
        let op = |held: &Held| of_record(held, &exact, || &document).map(|verdict| verdict.op);
        assert_eq!(op(&held), Some(Op::Updated));
        let undated = ContentHash::of(&exact.body, &[Field::PostedAt]);
        held.row.as_mut().unwrap().content_hash = undated.0.to_vec();
        assert_eq!(op(&held), Some(Op::Derived));
    }

    #[test]
    fn other_terms_are_derived_and_shown() {
        let terms = vec![Term {
            name: "Go".into(),
            kind: TermType::Language,
        }];
        let record = record(&[], terms);
        let held = held(true, None, Some(json!([])));
        let verdict = of_record(&held, &record, || &Value::Null).unwrap();
        assert_eq!(verdict.op, Op::Derived);
        let terms = json!({"terms": [[], [{"name": "Go", "type": "language"}]]});
        assert_eq!(verdict.diff.unwrap(), terms);
    }

    #[test]
    fn another_link_or_pipeline_is_derived_and_shown() {
        let record = record(&[], Vec::new());
        let mut held = held(true, None, None);
        let row = held.row.as_mut().unwrap();
        row.other_url = Some("https://board.example/old/1".to_owned());
        row.other_pipeline = Some("old-board".to_owned());
        let verdict = of_record(&held, &record, || &Value::Null).unwrap();
        assert_eq!((verdict.op, verdict.revision), (Op::Derived, 5));
        let moved = json!({
            "url": ["https://board.example/old/1", "https://board.example/1"],
            "pipeline": ["old-board", "board"],
        });
        assert_eq!(verdict.diff.unwrap(), moved);
    }

    #[test]
    fn values_in_the_query_of_a_link_lead_nowhere_else() {
        let elsewhere = |after| leads_elsewhere("https://a.example/view?id=1&search=x#top", after);
        assert!(!elsewhere("https://a.example/view?id=1&search=y"));
        assert!(elsewhere("https://a.example/view?job=1&search=x"));
        assert!(elsewhere("https://a.example/view?id=1"));
        assert!(elsewhere("https://a.example/show?id=1&search=x"));
        assert!(elsewhere("https://b.example/view?id=1&search=x"));
    }

    #[test]
    fn closed_is_reopened_whether_its_content_changed_or_not() {
        assert_eq!(op(&held(false, None, None)), Some(Op::Reopened));
        assert_eq!(
            op(&held(false, Some(json!({"title": "old"})), None)),
            Some(Op::Reopened)
        );
        assert_eq!(
            of_sighting(&held(false, None, None)).unwrap().op,
            Op::Reopened
        );
    }

    #[test]
    fn sighting_of_what_was_never_loaded_says_nothing() {
        assert_eq!(of_sighting(&Held::default()), None);
        assert_eq!(of_sighting(&held(true, None, None)), None);
    }
}
