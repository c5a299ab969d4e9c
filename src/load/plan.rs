use std::cell::OnceCell;
use std::collections::HashMap;
use std::mem::take;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use sqlx::FromRow;
use sqlx::types::Json;

use super::likeness::Look;
use super::news;
use super::part::Part;
use super::sql::{json_text, json_without_nul};
use super::staging::Staging;
use super::verdict::{self, Held, HeldRow, Verdict};
use super::{At, Bind, LoadReport, StoreError, Transaction, binds, likeness, same_as};
use crate::record::{Body, Counts, Likeness, Op, RecordId, RunId};

/// What is to be written, and what is to be counted.
#[derive(Default)]
pub(super) struct Plan {
    changed: Vec<Vec<Bind>>,
    terms: Vec<Vec<Bind>>,
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
                plan.look(record.id, &mut known, &body);
            }
            let Some(verdict) = verdict else { continue };
            let first_seen_at = known
                .held
                .row
                .map_or(record.seen_at, |row| row.first_seen_at);
            let dated_at = dated_at(&body).unwrap_or(first_seen_at);
            let mut changed: Vec<Bind> = binds![
                plan.next(),
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
            plan.changed.push(changed);
            for term in &record.terms {
                plan.terms
                    .push(binds![record.id, term.name.as_str(), term.kind.as_str()].into());
            }
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
            plan.changed.push(vec![
                Bind::from(plan.next()),
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
            ]);
        }
        plan
    }

    /// Notes what the record is compared by, where that is another than before.
    fn look(&mut self, id: RecordId, known: &mut Known, body: &Body) {
        let now = Likeness::of(body);
        let before = known.likeness.take();
        let is_as_before = now.as_ref().map(Likeness::to_bytes) == before;
        if !is_as_before || (!known.compared && now.is_some()) {
            self.looks.push(Look {
                id,
                fresh: known.held.row.is_none(),
                before,
                now,
            });
        }
    }

    fn next(&self) -> i64 {
        i64::try_from(self.changed.len()).unwrap_or(i64::MAX)
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
        if !self.changed.is_empty() {
            self.write_changed(transaction, run, at).await?;
        }
        if self.looks.is_empty() {
            return Ok(());
        }
        likeness::note(transaction, &self.looks).await?;
        same_as::relink(transaction, Some(run), at, same_as::due_to(&self.looks)).await
    }

    async fn write_changed(
        &mut self,
        transaction: &mut Transaction<'_>,
        run: RunId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (changed, terms) = (take(&mut self.changed), take(&mut self.terms));
        transaction.stage(Staging::Changed, changed).await?;
        transaction.stage(Staging::Terms, terms).await?;
        for statement in WRITE {
            transaction.execute(statement, binds![]).await?;
        }
        transaction
            .execute(
                "INSERT INTO changes (run_id, kind, record_id, revision, op, at, diff)
                 SELECT $1, kind, id, revision, op, $2, diff FROM staged_changed ORDER BY ord",
                binds![run, at],
            )
            .await?;
        Ok(())
    }
}

/// From the staged changes to the tables. `first_seen_at` is written once; `last_seen_at` never goes back.
const WRITE: [&str; 5] = [
    "INSERT INTO records (id, kind, scope, pipeline, url, first_seen_at, last_seen_at, dated_at, content_hash, revision,
                          active, closed_at, terms, document)
     SELECT id, kind, scope, pipeline, url, seen_at, seen_at, dated_at, content_hash, revision, true, NULL, terms, document
       FROM staged_changed WHERE document IS NOT NULL
     ON CONFLICT (id) DO UPDATE
        SET scope = excluded.scope, pipeline = excluded.pipeline, url = excluded.url, dated_at = excluded.dated_at,
            content_hash = excluded.content_hash, revision = excluded.revision, active = true, closed_at = NULL,
            terms = excluded.terms, document = excluded.document",
    "UPDATE records SET active = true, closed_at = NULL, revision = s.revision
       FROM staged_changed AS s WHERE records.id = s.id AND s.document IS NULL",
    "DELETE FROM tombstones WHERE record_id IN (SELECT id FROM staged_changed WHERE op = 'added')",
    "DELETE FROM record_terms
      WHERE record_id IN (SELECT id FROM staged_changed WHERE op <> 'added' AND document IS NOT NULL)",
    "INSERT INTO record_terms (record_id, term, type, kind, dated_at)
     SELECT t.record_id, t.term, t.type, s.kind, s.dated_at
       FROM staged_terms AS t JOIN staged_changed AS s ON s.id = t.record_id WHERE true
     ON CONFLICT DO NOTHING",
];

/// What the store holds of what is staged, by its number. Of what has no entry it holds nothing.
#[derive(Default)]
pub(super) struct Stored {
    /// What is as it was; and whether this run has already had it. Most of most runs, so it comes in one row.
    unchanged: HashMap<i64, bool>,
    /// What may be a change.
    other: HashMap<i64, Known>,
}

impl Stored {
    /// Whether there is a row to touch.
    pub(super) fn has_rows(&self) -> bool {
        let mut others = self.other.values();
        !self.unchanged.is_empty() || others.any(|known| known.held.row.is_some())
    }
}

/// What the store holds of an id, and whether this run has already had it.
#[derive(Default)]
struct Known {
    held: Held,
    kind: Option<String>,
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
            "SELECT g.record_id IS NOT NULL AS sighted, string_agg(CAST(s.ord AS TEXT), ',') AS ords
               FROM staged_seen AS s
               JOIN records AS r ON r.id = s.id
               LEFT JOIN sightings AS g ON g.run_id = $1 AND g.record_id = s.id
               LEFT JOIN likenesses AS l ON l.record_id = s.id
              WHERE r.active
                AND (s.content_hash IS NULL
                     OR (r.content_hash = s.content_hash AND r.terms = s.terms
                         AND (r.kind NOT IN ('job', 'post')
                              OR (l.recipe = $2 AND r.url = s.url AND r.pipeline = s.pipeline))))
              GROUP BY g.record_id IS NOT NULL",
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
            "SELECT s.ord, r.kind, COALESCE(r.revision, t.revision) AS revision, r.active, r.first_seen_at,
                    r.content_hash AS held_hash,
                    CASE WHEN s.content_hash IS NOT NULL
                              AND (r.content_hash <> s.content_hash OR r.terms <> s.terms OR NOT r.active
                                   OR r.url <> s.url OR r.pipeline <> s.pipeline)
                         THEN r.document END AS other_document,
                    CASE WHEN r.terms <> s.terms THEN r.terms END AS other_terms,
                    CASE WHEN r.url <> s.url THEN r.url END AS other_url,
                    CASE WHEN r.pipeline <> s.pipeline THEN r.pipeline END AS other_pipeline,
                    g.record_id IS NOT NULL AS sighted, l.recipe IS NOT NULL AND l.recipe = $2 AS compared,
                    CASE WHEN r.content_hash <> s.content_hash OR r.terms <> s.terms OR NOT r.active OR l.recipe <> $2
                              OR r.url <> s.url OR r.pipeline <> s.pipeline
                         THEN l.likeness END AS likeness
               FROM staged_seen AS s
               LEFT JOIN records AS r ON r.id = s.id
               LEFT JOIN tombstones AS t ON t.record_id = s.id
               LEFT JOIN sightings AS g ON g.run_id = $1 AND g.record_id = s.id
               LEFT JOIN likenesses AS l ON l.record_id = s.id
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
