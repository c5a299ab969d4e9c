//! What a pipeline expects of the records of a run together: values that no two share, and fill rates. Pure.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::config::Quality;
use crate::normalize::quality::value;
use crate::record::{Field, Record, Rejection, Stage};

/// The records of a run so far, as far as the rules ask.
pub(super) struct Expectations<'a> {
    rules: &'a Quality,
    /// Hashes of the values that were seen, by field: 8 bytes each, however long the values are. That two values among a
    /// million share one is less likely than a disk that lies.
    seen: HashSet<(Field, u64)>,
    records: u64,
    /// How many records have each field of `rules.fill`.
    filled: Vec<u64>,
}

impl<'a> Expectations<'a> {
    pub(super) fn new(rules: &'a Quality) -> Self {
        Self {
            rules,
            seen: HashSet::new(),
            records: 0,
            filled: vec![0; rules.fill.len()],
        }
    }

    /// Counts a record in, unless it has a value that another one has.
    pub(super) fn admit(&mut self, record: &Record) -> Result<(), Rejection> {
        let mut own = Vec::new();
        for &field in &self.rules.unique {
            let Some(value) = value(&record.body, field) else {
                continue;
            };
            let text = value.to_string();
            let key = (field, hash(&text));
            if self.seen.contains(&key) {
                return Err(Rejection {
                    stage: Stage::Normalize,
                    url: record.url.clone(),
                    reason: format!(
                        "quality `unique`: another record of this run has the `{field}` `{text}`"
                    ),
                    payload: serde_json::to_value(record).ok(),
                });
            }
            own.push(key);
        }
        self.seen.extend(own);
        self.records += 1;
        for ((field, _), filled) in self.rules.fill.iter().zip(&mut self.filled) {
            *filled += u64::from(value(&record.body, *field).is_some());
        }
        Ok(())
    }

    /// Counts in records whose pages have not changed. They were judged when they were read: without them, one new
    /// record without a field would look like a source that has lost it.
    pub(super) fn admit_unchanged(&mut self, records: usize) {
        self.records += records as u64;
        for filled in &mut self.filled {
            *filled += records as u64;
        }
    }

    /// The fill rates that are not reached.
    pub(super) fn shortfall(&self) -> Option<String> {
        let records = self.records;
        #[expect(
            clippy::cast_precision_loss,
            reason = "a run has far fewer than 2^52 records"
        )]
        let short = |filled: u64, share: f64| (filled as f64) < share * records as f64;
        let reasons: Vec<String> = self
            .rules
            .fill
            .iter()
            .zip(&self.filled)
            .filter(|((_, share), filled)| short(**filled, *share))
            .map(|((field, share), filled)| {
                format!("quality `fill`: {filled} of {records} records have `{field}`, less than {share}")
            })
            .collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
