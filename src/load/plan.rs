use std::cell::OnceCell;
use std::collections::HashMap;
use std::mem::take;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use sqlx::FromRow;
use sqlx::types::Json;

use super::likeness::Look;
use super::merge::Changes;
use super::news;
use super::part::Part;
use super::sql::{json_text, json_without_nul};
use super::verdict::{self, Held, HeldRow, Verdict};
use super::{At, Bind, LoadReport, StoreError, Transaction, binds, likeness, same_as};
use crate::record::{Body, Counts, Likeness, Op, Record, RunId};

/// What is to be written, and what is to be counted.
#[derive(Default)]
pub(super) struct Plan {
    changes: Changes,
    looks: Vec<Look>,
    pub(super) report: LoadReport,
    pub(super) counts: Counts,
}

impl Plan {
    /// Of what is staged, by its number: records first, then sightings.
    pub(super) fn of(part: &Part<'_>, mut stored: Stored) -> Self {
        let mut plan = Self::default();
        for (ord, record) in (0..).zip(&part.records) {
            if let Some(sighted) = stored.unchanged.get(&ord) {
                plan.count(None, *sighted);
                continue;
            }
            let mut known = stored.other.remove(&ord).unwrap_or_default();
            let body = news::settled(record, &known.held);
            let document = OnceCell::new();
            let verdict = verdict::of_record(&known.held, record, || {
                document.get_or_init(|| json_without_nul(to_json(&*body)))
            });
            plan.count(verdict.as_ref(), known.sighted);
            if verdict.is_some() || !known.compared {
                plan.look(record, &mut known, &body);
            }
            let Some(verdict) = verdict else { continue };
            let first_seen_at = known
                .held
                .row
                .map_or(record.seen_at, |row| row.first_seen_at);
            let dated_at = dated_at(&body).unwrap_or(first_seen_at);
            let mut changed: Vec<Bind> = binds![
                plan.changes.next(),
                record.id,
                record.kind(),
                record.body.scope(),
                &record.pipeline,
                record.url.as_str(),
                record.seen_at,
                dated_at,
                record.content_hash,
                verdict.revision,
                verdict.op,
            ]
            .into();
            let document = match document.into_inner() {
                Some(document) => document.to_string(),
                None => json_text(&*body),
            };
            changed.extend([
                Bind::JsonText(Some(json_text(&record.terms))),
                Bind::JsonText(Some(document)),
                Bind::from(verdict.diff),
            ]);
            plan.changes
                .put(record, verdict.op, verdict.revision, changed);
        }
        for (ord, id) in (part.records.len()..).zip(&part.seen) {
            let ord = i64::try_from(ord).unwrap_or(i64::MAX);
            if let Some(sighted) = stored.unchanged.get(&ord) {
                plan.count(None, *sighted);
                continue;
            }
            let known = stored.other.remove(&ord);
            let Some(known) = known.filter(|known| known.held.row.is_some()) else {
                continue;
            };
            let verdict = verdict::of_sighting(&known.held);
            plan.count(verdict.as_ref(), known.sighted);
            let Some(verdict) = verdict else { continue };
            let (text, time, json) = (Bind::Text(None), Bind::Time(None), Bind::JsonText(None));
            let row = vec![
                Bind::from(plan.changes.next()),
                Bind::from(*id),
                Bind::from(known.kind),
                text.clone(),
                text.clone(),
                text,
                time.clone(),
                time,
                Bind::Bytes(None),
                Bind::from(verdict.revision),
                Bind::from(verdict.op),
                json.clone(),
                json,
                Bind::Json(None),
            ];
            plan.changes.reopen(*id, row);
        }
        plan.looks.sort_unstable_by_key(|look| look.id);
        same_as::divide(&mut plan.looks);
        plan
    }

    /// Notes what the record is compared by, where that is another than before.
    fn look(&mut self, record: &Record, known: &mut Known, body: &Body) {
        if matches!(body, Body::Weather(_)) {
            return;
        }
        let now = Likeness::of(body);
        let before = known.likeness.take();
        let is_as_before = before.as_ref() == Some(&likeness::stored(now.as_ref()));
        let scope = body.scope();
        let moved = known.scope.as_deref().is_some_and(|before| before != scope);
        if !is_as_before || !known.compared || moved {
            let row = known.held.row.as_ref();
            self.looks.push(Look {
                id: record.id,
                scope: scope.to_owned(),
                moved,
                first_seen_at: row.map_or(record.seen_at, |row| row.first_seen_at),
                fresh: row.is_none(),
                before,
                now,
                part: 0,
            });
        }
    }

    fn count(&mut self, verdict: Option<&Verdict>, sighted: bool) {
        let fresh = u64::from(!sighted);
        self.counts.records += fresh;
        match verdict.map(|verdict| verdict.op) {
            Some(Op::Added) => {
                self.report.added += 1;
                self.counts.added += 1;
            }
            Some(Op::Updated) => {
                self.report.updated += 1;
                self.counts.updated += 1;
            }
            Some(Op::Reopened) => {
                self.report.reopened += 1;
                self.counts.reopened += 1;
            }
            Some(_) => {
                self.report.derived += 1;
                self.counts.unchanged += fresh;
            }
            None => {
                self.report.unchanged += 1;
                self.counts.unchanged += fresh;
            }
        }
    }

    pub(super) async fn write(
        &mut self,
        transaction: &mut Transaction<'_>,
        run: RunId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        take(&mut self.changes).write(transaction, run, at).await?;
        if self.looks.is_empty() {
            return Ok(());
        }
        likeness::note(transaction, &self.looks).await?;
        let due = same_as::due_to(&take(&mut self.looks));
        same_as::relink(transaction, Some(run), at, due).await
    }
}

/// What the store holds of what is staged, by its number. Of what has no entry it holds nothing.
#[derive(Default)]
pub(super) struct Stored {
    /// What is as it was; and whether this run has already had it. Most of most runs, so it comes in one row.
    unchanged: HashMap<i64, bool>,
    /// What may be a change.
    other: HashMap<i64, Known>,
}

impl Stored {
    /// Whether a record is at another place, or of another pipeline.
    pub(super) fn has_moved(&self) -> bool {
        let mut rows = self
            .other
            .values()
            .filter_map(|known| known.held.row.as_ref());
        rows.any(|row| row.other_url.is_some() || row.other_pipeline.is_some())
    }
}

/// What the store holds of an id, and whether this run has already had it.
#[derive(Default)]
struct Known {
    held: Held,
    kind: Option<String>,
    scope: Option<String>,
    sighted: bool,
    /// Whether it has a likeness of the recipe of now.
    compared: bool,
    /// Its likeness, where the record or the recipe may be another.
    likeness: Option<Vec<u8>>,
}

#[derive(FromRow)]
struct UnchangedRow {
    sighted: bool,
    ords: String,
}

#[derive(FromRow)]
struct KnownRow {
    ord: i64,
    kind: Option<String>,
    scope: Option<String>,
    revision: i64,
    active: Option<bool>,
    first_seen_at: Option<At>,
    held_hash: Option<Vec<u8>>,
    other_document: Option<Json<Value>>,
    other_terms: Option<Json<Value>>,
    other_url: Option<String>,
    other_pipeline: Option<String>,
    sighted: bool,
    compared: bool,
    likeness: Option<Vec<u8>>,
}

/// Both queries tell by the same words what is unchanged: open, and nothing or the same said of its content, by which it
/// is already compared with others, and of where it is. Nobody opens a reading, whose address is that of a request.
pub(super) async fn stored(
    transaction: &mut Transaction<'_>,
    run: RunId,
    staged: usize,
) -> Result<Stored, StoreError> {
    let rows: Vec<UnchangedRow> = transaction
        .rows(
            "SELECT COALESCE(g.run_id = $1, false) AS sighted, string_agg(CAST(s.ord AS TEXT), ',') AS ords
               FROM staged_seen AS s
               JOIN records AS r ON r.id = s.id
               LEFT JOIN seen AS g ON g.number = r.number
               LEFT JOIN likenesses AS l ON l.number = r.number
              WHERE r.active
                AND (s.content_hash IS NULL
                     OR (r.content_hash = s.content_hash AND r.terms = s.terms
                         AND (r.kind NOT IN ('job', 'post')
                              OR (l.recipe = $2 AND r.url = s.url AND r.pipeline = s.pipeline))))
              GROUP BY 1",
            binds![run, Likeness::RECIPE],
        )
        .await?;
    let mut stored = Stored::default();
    for row in &rows {
        let ords = row.ords.split(',').filter_map(|ord| ord.parse().ok());
        stored.unchanged.extend(ords.map(|ord| (ord, row.sighted)));
    }
    if stored.unchanged.len() == staged {
        return Ok(stored);
    }
    let rows: Vec<KnownRow> = transaction
        .rows(
            "SELECT s.ord, r.kind, r.scope, COALESCE(r.revision, t.revision) AS revision, r.active, r.first_seen_at,
                    r.content_hash AS held_hash,
                    CASE WHEN s.content_hash IS NOT NULL
                              AND (r.content_hash <> s.content_hash OR r.terms <> s.terms OR NOT r.active
                                   OR r.url <> s.url OR r.pipeline <> s.pipeline)
                         THEN r.document END AS other_document,
                    CASE WHEN r.terms <> s.terms THEN r.terms END AS other_terms,
                    CASE WHEN r.url <> s.url THEN r.url END AS other_url,
                    CASE WHEN r.pipeline <> s.pipeline THEN r.pipeline END AS other_pipeline,
                    COALESCE(g.run_id = $1, false) AS sighted, l.recipe IS NOT NULL AND l.recipe = $2 AS compared,
                    CASE WHEN r.content_hash <> s.content_hash OR r.terms <> s.terms OR NOT r.active OR l.recipe <> $2
                              OR r.url <> s.url OR r.pipeline <> s.pipeline
                         THEN l.likeness END AS likeness
               FROM staged_seen AS s
               LEFT JOIN records AS r ON r.id = s.id
               LEFT JOIN tombstones AS t ON t.record_id = s.id
               LEFT JOIN seen AS g ON g.number = r.number
               LEFT JOIN likenesses AS l ON l.number = r.number
              WHERE (r.id IS NOT NULL OR t.record_id IS NOT NULL)
                AND (r.active
                     AND (s.content_hash IS NULL
                          OR (r.content_hash = s.content_hash AND r.terms = s.terms
                              AND (r.kind NOT IN ('job', 'post')
                                   OR (l.recipe = $2 AND r.url = s.url AND r.pipeline = s.pipeline))))) IS NOT TRUE",
            binds![run, Likeness::RECIPE],
        )
        .await?;
    stored.other = rows
        .into_iter()
        .map(|row| (row.ord, Known::from(row)))
        .collect();
    Ok(stored)
}

impl From<KnownRow> for Known {
    fn from(row: KnownRow) -> Self {
        let held_row = row
            .active
            .zip(row.first_seen_at)
            .map(|(active, first_seen_at)| HeldRow {
                active,
                first_seen_at: first_seen_at.0,
                content_hash: row.held_hash.unwrap_or_default(),
                other_document: row.other_document.map(|json| json.0),
                other_terms: row.other_terms.map(|json| json.0),
                other_url: row.other_url,
                other_pipeline: row.other_pipeline,
            });
        Self {
            held: Held {
                revision: row.revision,
                row: held_row,
            },
            kind: row.kind,
            scope: row.scope,
            sighted: row.sighted,
            compared: row.compared,
            likeness: row.likeness,
        }
    }
}

/// The instant that the source gives the record, unless it is absurd: Postgres has no text form for some years.
fn dated_at(body: &Body) -> Option<Timestamp> {
    let at = body.dated_at()?;
    let year = at.to_zoned(jiff::tz::TimeZone::UTC).year();
    (1000..3000).contains(&year).then_some(at)
}

pub(super) fn to_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value)
        .expect("records are made of texts, numbers, times, lists and maps with text keys")
}
