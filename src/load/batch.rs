use std::borrow::Cow;
use std::cell::LazyCell;
use std::collections::{HashMap, HashSet};
use std::iter::Sum;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

use super::dead_letters::{NewDeadLetter, insert_letters};
use super::sql::json_without_nul;
use super::staging::Staging;
use super::verdict::{self, Held, HeldRow, Verdict};
use super::{At, Bind, Purpose, Store, StoreError, Transaction, binds, retrying};
use crate::record::{Body, Counts, Op, Record, RecordId, Rejection, RunId, Stage};

/// What one transaction loads.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Records; of several with one id the last counts.
    pub records: Vec<Record>,
    /// Ids that the list still shows, but whose content was not read: unchanged, or reopened. What was never loaded is
    /// passed over.
    pub seen: Vec<RecordId>,
    /// What could not become a record.
    pub rejections: Vec<Rejection>,
    /// Pages that this came from.
    pub pages: u64,
    /// When it is loaded.
    pub at: Timestamp,
}

/// What a load did. Each record and each known sighting is counted once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadReport {
    /// Seen for the first time.
    pub added: u64,
    /// Content differs.
    pub updated: u64,
    /// Nothing but `last_seen_at` is new.
    pub unchanged: u64,
    /// Had been closed.
    pub reopened: u64,
    /// Terms differ, or the recipe of the hash.
    pub derived: u64,
    /// Refused by the store; now dead letters of the stage `load`.
    pub refused: u64,
}

impl Sum for LoadReport {
    fn sum<I: Iterator<Item = Self>>(reports: I) -> Self {
        reports.fold(Self::default(), |sum, report| Self {
            added: sum.added + report.added,
            updated: sum.updated + report.updated,
            unchanged: sum.unchanged + report.unchanged,
            reopened: sum.reopened + report.reopened,
            derived: sum.derived + report.derived,
            refused: sum.refused + report.refused,
        })
    }
}

impl Store {
    /// Loads a batch into an open run, in one transaction. The same batch twice is the same as once.
    ///
    /// A record whose values the server refuses must not cost the others their place: the batch is then cut in halves
    /// until that record stands alone, and becomes a dead letter. Each piece is a transaction of its own.
    pub async fn load(&self, run: RunId, batch: &Batch) -> Result<LoadReport, StoreError> {
        let mut parts = vec![Part::whole(batch)];
        let mut reports = Vec::new();
        while let Some(part) = parts.pop() {
            match retrying(|| self.try_load(run, &part)).await {
                Ok(report) => reports.push(report),
                Err(error) if error.is_about_data() => parts.extend(part.cut(error)?),
                Err(error) => return Err(error),
            }
        }
        Ok(reports.into_iter().sum())
    }

    async fn try_load(&self, run: RunId, part: &Part<'_>) -> Result<LoadReport, StoreError> {
        let mut transaction = self.begin(Purpose::Log).await?;
        transaction.stage(Staging::Seen, &part.seen_rows()).await?;
        let plan = Plan::of(part, held(&mut transaction, run).await?);
        plan.write(&mut transaction, run, part.at).await?;
        transaction
            .execute(
                "UPDATE records SET last_seen_at = s.seen_at FROM staged_seen AS s
                  WHERE records.id = s.id AND records.last_seen_at < s.seen_at",
                binds![],
            )
            .await?;
        transaction
            .execute(
                "INSERT INTO sightings (run_id, record_id)
                 SELECT $1, s.id FROM staged_seen AS s JOIN records AS r ON r.id = s.id WHERE true
                 ON CONFLICT DO NOTHING",
                binds![run],
            )
            .await?;
        let rejected = insert_letters(&mut transaction, &part.letters(run)).await?;
        let mut counts = Counts {
            rejected,
            ..plan.counts
        };
        // The pages of a batch that the run has already had were counted with it.
        if part.is_blank() || counts != Counts::default() {
            counts.pages = part.pages;
        }
        add_counts(&mut transaction, run, counts).await?;
        transaction.commit().await?;
        Ok(LoadReport {
            refused: u64::from(part.refused),
            ..plan.report
        })
    }
}

/// Adds to what the run has counted; fails when the run is not open.
pub(super) async fn add_counts(
    transaction: &mut Transaction<'_>,
    run: RunId,
    counts: Counts,
) -> Result<(), StoreError> {
    let open = transaction
        .execute(
            "UPDATE runs
                SET pages = pages + $2, records = records + $3, added = added + $4, updated = updated + $5,
                    closed = closed + $6, reopened = reopened + $7, unchanged = unchanged + $8, rejected = rejected + $9
              WHERE id = $1 AND finished_at IS NULL",
            binds![
                run, counts.pages, counts.records, counts.added, counts.updated, counts.closed, counts.reopened,
                counts.unchanged, counts.rejected
            ],
        )
        .await?;
    if open == 0 {
        Err(StoreError::RunNotOpen { run })
    } else {
        Ok(())
    }
}

/// A batch without duplicates, or a piece of one.
struct Part<'a> {
    records: Vec<&'a Record>,
    seen: Vec<RecordId>,
    rejections: Cow<'a, [Rejection]>,
    pages: u64,
    at: Timestamp,
    /// Its one rejection is a record that the store refused.
    refused: bool,
}

impl<'a> Part<'a> {
    fn whole(batch: &'a Batch) -> Self {
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
            seen,
            rejections: Cow::Borrowed(&batch.rejections),
            pages: batch.pages,
            at: batch.at,
            refused: false,
        }
    }

    fn only(records: Vec<&'a Record>, at: Timestamp) -> Self {
        let rejections = Cow::Borrowed([].as_slice());
        Self {
            records,
            seen: Vec::new(),
            rejections,
            pages: 0,
            at,
            refused: false,
        }
    }

    /// Two smaller pieces that lack nothing, the one to load first last; or the dead letter that the last record becomes.
    fn cut(mut self, error: StoreError) -> Result<Vec<Self>, StoreError> {
        let alone = self.seen.is_empty() && self.rejections.is_empty() && self.pages == 0;
        match self.records.as_slice() {
            [] => Err(error),
            [record] if alone => {
                let rejections = Cow::Owned(vec![refusal(record, &error)]);
                let refused = Self::only(Vec::new(), self.at);
                Ok(vec![Self {
                    rejections,
                    refused: true,
                    ..refused
                }])
            }
            [_] => {
                let record = Self::only(std::mem::take(&mut self.records), self.at);
                Ok(vec![self, record])
            }
            records => {
                let rest = self.records.split_off(records.len() / 2);
                let rest = Self::only(rest, self.at);
                Ok(vec![rest, self])
            }
        }
    }

    fn is_blank(&self) -> bool {
        self.records.is_empty() && self.seen.is_empty() && self.rejections.is_empty()
    }

    fn seen_rows(&self) -> Vec<Vec<Bind>> {
        let records = self.records.iter().map(|record| {
            let terms = to_json(&record.terms);
            binds![record.id, record.content_hash, terms, record.seen_at].into()
        });
        let nothing = || (Bind::Bytes(None), Bind::Json(None));
        let seen = self.seen.iter().map(|id| {
            let (hash, terms) = nothing();
            vec![Bind::from(*id), hash, terms, Bind::from(self.at)]
        });
        records.chain(seen).collect()
    }

    fn letters(&self, run: RunId) -> Vec<NewDeadLetter> {
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

fn refusal(record: &Record, error: &StoreError) -> Rejection {
    let reason = match error {
        StoreError::Statement { source, .. } => format!("the store refused it: {source}"),
        other => other.to_string(),
    };
    let payload = Some(to_json(record));
    Rejection {
        stage: Stage::Load,
        url: record.url.clone(),
        reason,
        payload,
    }
}

/// What is to be written, and what is to be counted.
#[derive(Default)]
struct Plan {
    changed: Vec<Vec<Bind>>,
    terms: Vec<Vec<Bind>>,
    report: LoadReport,
    counts: Counts,
}

impl Plan {
    fn of(part: &Part<'_>, mut held: HashMap<RecordId, Known>) -> Self {
        let mut plan = Self::default();
        for record in &part.records {
            let known = held.remove(&record.id).unwrap_or_default();
            let document = LazyCell::new(|| json_without_nul(to_json(&record.body)));
            let verdict = verdict::of_record(&known.held, &record.terms, || &document);
            plan.count(verdict.as_ref(), known.sighted);
            let Some(verdict) = verdict else { continue };
            let first_seen_at = known
                .held
                .row
                .map_or(record.seen_at, |row| row.first_seen_at);
            let dated_at = dated_at(&record.body).unwrap_or(first_seen_at);
            plan.changed.push(
                binds![
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
                    to_json(&record.terms),
                    LazyCell::force(&document).clone(),
                    verdict.diff,
                ]
                .into(),
            );
            for term in &record.terms {
                plan.terms
                    .push(binds![record.id, term.name.as_str(), term.kind.as_str()].into());
            }
        }
        for id in &part.seen {
            let Some(known) = held.remove(id).filter(|known| known.held.row.is_some()) else {
                continue;
            };
            let verdict = verdict::of_sighting(&known.held);
            plan.count(verdict.as_ref(), known.sighted);
            let Some(verdict) = verdict else { continue };
            let (text, time, json) = (Bind::Text(None), Bind::Time(None), Bind::Json(None));
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
                json.clone(),
                json,
            ]);
        }
        plan
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

    async fn write(
        &self,
        transaction: &mut Transaction<'_>,
        run: RunId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        if self.changed.is_empty() {
            return Ok(());
        }
        transaction.stage(Staging::Changed, &self.changed).await?;
        transaction.stage(Staging::Terms, &self.terms).await?;
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

/// What the store holds of an id, and whether this run has already had it.
#[derive(Default)]
struct Known {
    held: Held,
    kind: Option<String>,
    sighted: bool,
}

#[derive(FromRow)]
struct KnownRow {
    id: Uuid,
    kind: Option<String>,
    revision: i64,
    active: Option<bool>,
    first_seen_at: Option<At>,
    other_document: Option<Json<Value>>,
    other_terms: Option<Json<Value>>,
    sighted: bool,
}

async fn held(
    transaction: &mut Transaction<'_>,
    run: RunId,
) -> Result<HashMap<RecordId, Known>, StoreError> {
    let rows: Vec<KnownRow> = transaction
        .rows(
            "SELECT s.id, r.kind, COALESCE(r.revision, t.revision, 0) AS revision, r.active, r.first_seen_at,
                    CASE WHEN r.content_hash <> s.content_hash THEN r.document END AS other_document,
                    CASE WHEN r.terms <> s.terms THEN r.terms END AS other_terms,
                    g.record_id IS NOT NULL AS sighted
               FROM staged_seen AS s
               LEFT JOIN records AS r ON r.id = s.id
               LEFT JOIN tombstones AS t ON t.record_id = s.id
               LEFT JOIN sightings AS g ON g.run_id = $1 AND g.record_id = s.id",
            binds![run],
        )
        .await?;
    let known = |row: KnownRow| {
        let held_row = row
            .active
            .zip(row.first_seen_at)
            .map(|(active, first_seen_at)| HeldRow {
                active,
                first_seen_at: first_seen_at.0,
                other_document: row.other_document.map(|json| json.0),
                other_terms: row.other_terms.map(|json| json.0),
            });
        let held = Held {
            revision: row.revision,
            row: held_row,
        };
        (
            RecordId(row.id),
            Known {
                held,
                kind: row.kind,
                sighted: row.sighted,
            },
        )
    };
    Ok(rows.into_iter().map(known).collect())
}

/// The instant that the source gives the record, unless it is absurd: Postgres has no text form for some years.
fn dated_at(body: &Body) -> Option<Timestamp> {
    let at = match body {
        Body::Job(job) => job.posted_at,
        Body::Post(post) => post.published_at,
        Body::Weather(weather) => Some(weather.valid_at),
    }?;
    let year = at.to_zoned(jiff::tz::TimeZone::UTC).year();
    (1000..3000).contains(&year).then_some(at)
}

fn to_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value)
        .expect("records are made of texts, numbers, times, lists and maps with text keys")
}
