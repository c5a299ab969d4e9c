//! From what a batch changes to the tables.
//!
//! Rows are staged, and written from there, in the order of ids. The keys of `records` stand in it, so that a page of them is
//! written once a batch, and numbers are given in it, so that what hangs on a record comes to the end of its table. The
//! log alone has the order of the source.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;

use super::staging::Staging;
use super::{Bind, StoreError, Transaction, binds};
use crate::record::{Body, Op, Record, RecordId, RunId, WeatherKind};

/// The rows of [`Staging::Changed`] and [`Staging::Terms`].
#[derive(Default)]
pub(super) struct Changes {
    rows: BTreeMap<RecordId, Vec<Bind>>,
    terms: BTreeMap<RecordId, Vec<Vec<Bind>>>,
    has: Has,
}

/// Which statements have something to do.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each with a statement of its own"
)]
struct Has {
    /// Records that were not there.
    new: bool,
    /// Some of them were deleted and are back.
    revived: bool,
    /// Some of them are forecasts.
    forecasts: bool,
    /// Records that were there, with their content.
    known: bool,
    /// Closed records of which the source shows only that they are still there.
    sighted: bool,
}

impl Changes {
    /// The number of the row to come.
    pub(super) fn next(&self) -> i64 {
        i64::try_from(self.rows.len()).unwrap_or(i64::MAX)
    }

    /// A record that is new, or whose content is.
    pub(super) fn put(&mut self, record: &Record, op: Op, revision: i64, row: Vec<Bind>) {
        let is_new = op == Op::Added;
        self.has.new |= is_new;
        self.has.revived |= is_new && revision > 1;
        self.has.forecasts |= is_new && is_forecast(&record.body);
        self.has.known |= !is_new;
        self.rows.insert(record.id, row);
        self.terms.insert(record.id, term_rows(record));
    }

    /// A closed record of which the source shows only that it is still there.
    pub(super) fn reopen(&mut self, id: RecordId, row: Vec<Bind>) {
        self.has.sighted = true;
        self.rows.insert(id, row);
    }

    pub(super) async fn write(
        self,
        transaction: &mut Transaction<'_>,
        run: RunId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let rows = self.rows.into_values().collect();
        transaction.stage(Staging::Changed, rows).await?;
        let terms: Vec<_> = self.terms.into_values().flatten().collect();
        let has_terms = !terms.is_empty();
        transaction.stage(Staging::Terms, terms).await?;
        let statements = [
            (self.has.new, ADD),
            (self.has.known, UPDATE),
            (self.has.sighted, REOPEN),
            (self.has.revived, FORGET_TOMBSTONES),
            (self.has.forecasts, NOTE_FORECASTS),
            (self.has.known, FORGET_TERMS),
            (has_terms, WRITE_TERMS),
        ];
        for (_, statement) in statements.into_iter().filter(|(has_work, _)| *has_work) {
            transaction.write(statement, binds![]).await?;
        }
        transaction
            .write(
                "INSERT INTO changes (run_id, kind, record_id, revision, op, at, diff)
                 SELECT $1, kind, id, revision, op, $2, diff FROM staged_changed ORDER BY ord",
                binds![run, at],
            )
            .await?;
        Ok(())
    }
}

/// From the staged changes to the tables. Whoever has the lock of the log knows which records are new, so nothing asks
/// again whether one is there: in Postgres that costs each row another look into an index and two notes in its log.
const ADD: &str = "
    INSERT INTO records (id, kind, scope, pipeline, url, first_seen_at, dated_at, content_hash, revision, active, terms,
                         document)
    SELECT id, kind, scope, pipeline, url, seen_at, dated_at, content_hash, revision, true, terms, document
      FROM staged_changed WHERE op = 'added'";

const UPDATE: &str = "
    UPDATE records
       SET scope = s.scope, pipeline = s.pipeline, url = s.url, dated_at = s.dated_at, content_hash = s.content_hash,
           revision = s.revision, active = true, closed_at = NULL, terms = s.terms, document = s.document
      FROM staged_changed AS s WHERE records.id = s.id AND s.op <> 'added' AND s.document IS NOT NULL";

const REOPEN: &str = "
    UPDATE records SET active = true, closed_at = NULL, revision = s.revision
       FROM staged_changed AS s WHERE records.id = s.id AND s.document IS NULL";

const FORGET_TOMBSTONES: &str =
    "DELETE FROM tombstones WHERE record_id IN (SELECT id FROM staged_changed WHERE op = 'added')";

/// A forecast never becomes an observation: that would be another record.
const NOTE_FORECASTS: &str = "
    INSERT INTO forecasts (number, dated_at)
    SELECT r.number, r.dated_at FROM staged_changed AS s JOIN records AS r ON r.id = s.id
     WHERE s.op = 'added' AND s.kind = 'weather' AND s.document ->> 'weather_kind' = 'forecast'";

const FORGET_TERMS: &str = "
    DELETE FROM record_terms
     WHERE number IN (SELECT r.number FROM staged_changed AS s JOIN records AS r ON r.id = s.id
                       WHERE s.op <> 'added' AND s.document IS NOT NULL)";

const WRITE_TERMS: &str = "
    INSERT INTO record_terms (number, term, type, kind, dated_at)
    SELECT r.number, t.term, t.type, r.kind, r.dated_at
      FROM staged_terms AS t JOIN records AS r ON r.id = t.record_id";

fn is_forecast(body: &Body) -> bool {
    matches!(body, Body::Weather(weather) if weather.kind == WeatherKind::Forecast)
}

/// The terms of a record, each once.
fn term_rows(record: &Record) -> Vec<Vec<Bind>> {
    let mut names = HashSet::new();
    let mut rows = Vec::with_capacity(record.terms.len());
    for term in &record.terms {
        let name = Bind::from(term.name.as_str());
        if let Bind::Text(Some(text)) = &name
            && names.insert(text.clone())
        {
            rows.push(vec![record.id.into(), name, Bind::from(term.kind.as_str())]);
        }
    }
    rows
}
