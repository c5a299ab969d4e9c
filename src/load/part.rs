use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use url::Url;

use super::dead_letters::NewDeadLetter;
use super::known::KnownPage;
use super::plan::to_json;
use super::sql::json_text;
use super::{Batch, Bind, StoreError, Visited};
use crate::record::{Fill, Record, RecordId, Rejection, RunId, Stage};

/// A batch without duplicates, or a piece of one. The piece that has the pages is loaded before the others.
pub(super) struct Part<'a> {
    pub(super) records: Vec<&'a Record>,
    places: &'a HashMap<RecordId, String>,
    pub(super) seen: Vec<RecordId>,
    pub(super) rejections: Cow<'a, [Rejection]>,
    pub(super) pages: u64,
    /// None where nothing was read.
    pub(super) fill: Option<&'a Fill>,
    pub(super) read: &'a [Url],
    /// Nothing in a piece: which page the refused record stands on is not told.
    pub(super) known: &'a [KnownPage],
    /// Nothing in a piece, for the same reason.
    pub(super) visited: &'a [Visited],
    pub(super) at: Timestamp,
    /// Its one rejection is a record that the store refused.
    pub(super) refused: bool,
}

impl<'a> Part<'a> {
    pub(super) fn whole(batch: &'a Batch) -> Self {
        let mut ids = HashSet::new();
        let mut records: Vec<&Record> = batch
            .records
            .iter()
            .rev()
            .filter(|record| ids.insert(record.id))
            .collect();
        records.reverse();
        let seen = batch
            .seen
            .iter()
            .copied()
            .filter(|id| ids.insert(*id))
            .collect();
        Self {
            records,
            places: &batch.places,
            seen,
            rejections: Cow::Borrowed(&batch.rejections),
            pages: batch.pages,
            fill: Some(&batch.fill).filter(|fill| fill.read > 0),
            read: &batch.read,
            known: &batch.known,
            visited: &batch.visited,
            at: batch.at,
            refused: false,
        }
    }

    /// Records of this part, and nothing else of it.
    fn only(&self, records: Vec<&'a Record>) -> Self {
        let rejections = Cow::Borrowed([].as_slice());
        Self {
            records,
            places: self.places,
            seen: Vec::new(),
            rejections,
            pages: 0,
            fill: None,
            read: &[],
            known: &[],
            visited: &[],
            at: self.at,
            refused: false,
        }
    }

    /// Two smaller pieces that lack nothing, the one to load first last; or the dead letter that the last record becomes.
    pub(super) fn cut(mut self, error: StoreError) -> Result<Vec<Self>, StoreError> {
        (self.known, self.visited) = (&[], &[]);
        let alone = self.seen.is_empty()
            && self.rejections.is_empty()
            && self.pages == 0
            && self.fill.is_none()
            && self.read.is_empty();
        match self.records.as_slice() {
            [] => Err(error),
            [record] if alone => {
                let place = self.places.get(&record.id);
                let rejections = Cow::Owned(vec![refusal(record, place, &error)]);
                let refused = self.only(Vec::new());
                Ok(vec![Self {
                    rejections,
                    refused: true,
                    ..refused
                }])
            }
            [_] => {
                let records = std::mem::take(&mut self.records);
                let record = self.only(records);
                Ok(vec![record, self])
            }
            records => {
                let rest = self.records.split_off(records.len() / 2);
                let rest = self.only(rest);
                Ok(vec![rest, self])
            }
        }
    }

    /// Records and sightings, numbered in their order, in the order of ids: the keys that they are looked up by stand in it,
    /// so that each page of them is read once.
    pub(super) fn seen_rows(&self) -> Vec<Vec<Bind>> {
        let records = self.records.iter().map(|record| {
            vec![
                Bind::from(record.id),
                Bind::from(record.content_hash),
                Bind::JsonText(Some(json_text(&record.terms))),
                Bind::from(record.seen_at),
                Bind::from(&record.pipeline),
                Bind::from(record.url.as_str()),
            ]
        });
        let seen = self.seen.iter().map(|id| sighting_row(*id, self.at));
        let mut rows = numbered(records.chain(seen));
        rows.sort_unstable_by_key(|row| match row.get(1) {
            Some(Bind::Id(id)) => *id,
            _ => None,
        });
        rows
    }

    pub(super) fn letters(&self, run: RunId) -> Vec<NewDeadLetter> {
        let letter = |rejection: &Rejection| NewDeadLetter {
            run_id: Some(run),
            stage: rejection.stage,
            pipeline: None,
            target: None,
            url: rejection.url.clone(),
            reason: rejection.reason.clone(),
            payload: rejection.payload.clone(),
            at: self.at,
        };
        self.rejections.iter().map(letter).collect()
    }
}

/// Rows of [`Staging::Seen`](super::staging::Staging::Seen), each after its number.
pub(super) fn numbered(rows: impl Iterator<Item = Vec<Bind>>) -> Vec<Vec<Bind>> {
    let number = |(number, mut row): (i64, Vec<Bind>)| {
        row.insert(0, Bind::from(number));
        row
    };
    (0..).zip(rows).map(number).collect()
}

/// What stands in such a row of an id without content.
pub(super) fn sighting_row(id: RecordId, at: Timestamp) -> Vec<Bind> {
    vec![
        Bind::from(id),
        Bind::Bytes(None),
        Bind::JsonText(None),
        Bind::from(at),
        Bind::Text(None),
        Bind::Text(None),
    ]
}

fn refusal(record: &Record, place: Option<&String>, error: &StoreError) -> Rejection {
    let reason = match error {
        StoreError::Statement { source, .. } => format!("the store refused it: {source}"),
        other => other.to_string(),
    };
    let payload = Some(to_json(record));
    Rejection {
        stage: Stage::Load,
        url: place.unwrap_or(&record.url).clone(),
        reason,
        payload,
    }
}
