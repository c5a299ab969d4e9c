use std::collections::HashMap;
use std::iter::Sum;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use super::dead_letters::insert_letters;
use super::history::add_fill;
use super::known::{KnownPage, renew};
use super::part::Part;
use super::plan::{Plan, stored};
use super::staging::Staging;
use super::visited::{self, Visited};
use super::{Purpose, Store, StoreError, Transaction, binds, retrying};
use crate::record::{Counts, Fill, Record, RecordId, Rejection, RunId};

/// What one transaction loads.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Records; of several with one id the last counts.
    pub records: Vec<Record>,
    /// Where in a file records stand, for those that the store refuses; none for those of pages.
    #[serde(default, skip_serializing_if = "HashMap::is_empty")]
    pub places: HashMap<RecordId, String>,
    /// Ids that the list still shows, but whose content was not read: unchanged, or reopened. What was never loaded is
    /// passed over.
    pub seen: Vec<RecordId>,
    /// What could not become a record.
    pub rejections: Vec<Rejection>,
    /// Pages that this came from.
    pub pages: u64,
    /// What was read, and which fields were found.
    pub fill: Fill,
    /// Addresses of those among them that were read: what was known of them holds no longer.
    pub read: Vec<Url>,
    /// Pages whose records are all in this batch or those before it.
    pub known: Vec<KnownPage>,
    /// Pages behind entries that need not be asked for at each run, and whose records are all in this batch or those
    /// before it.
    pub visited: Vec<Visited>,
    /// When it is loaded. A run that gets nothing but what it has had, at the instant of the batch before, gets that batch
    /// again; at another instant it is another page that says the same.
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

/// A record is where it was seen last, also where that is no news to anyone.
const MOVE: &str = "
    UPDATE records SET pipeline = s.pipeline, url = s.url FROM staged_seen AS s
     WHERE records.id = s.id AND (records.url <> s.url OR records.pipeline <> s.pipeline)
       AND EXISTS (SELECT 1 FROM seen AS g WHERE g.number = records.number AND g.at < s.seen_at)";

/// A record is seen at the latest instant, by the latest run.
const SEE: &str = "
    INSERT INTO seen (number, at, run_id)
    SELECT r.number, s.seen_at, $1 FROM staged_seen AS s JOIN records AS r ON r.id = s.id WHERE true
    ON CONFLICT (number) DO UPDATE
       SET at = CASE WHEN excluded.at > seen.at THEN excluded.at ELSE seen.at END, run_id = excluded.run_id
     WHERE excluded.at > seen.at OR seen.run_id IS NULL OR seen.run_id <> excluded.run_id";

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
        let seen = part.seen_rows();
        let staged = seen.len();
        transaction.stage(Staging::Seen, seen).await?;
        let stored = stored(&mut transaction, run, staged).await?;
        if stored.has_moved() {
            transaction.write(MOVE, binds![]).await?;
        }
        let mut plan = Plan::of(part, stored);
        plan.write(&mut transaction, run, part.at).await?;
        transaction.write(SEE, binds![run]).await?;
        renew(&mut transaction, run, part).await?;
        visited::note(&mut transaction, run, part).await?;
        let rejected = insert_letters(&mut transaction, &part.letters(run)).await?;
        let counts = Counts {
            rejected,
            ..plan.counts
        };
        let news = counts != Counts::default();
        let is_new = transaction
            .execute(
                "UPDATE runs SET pages = pages + $2, loaded_at = $3
                  WHERE id = $1 AND ($4 OR loaded_at IS NULL OR loaded_at <> $3)",
                binds![run, part.pages, part.at, news],
            )
            .await?;
        if let (Some(fill), 1..) = (part.fill, is_new) {
            add_fill(&mut transaction, run, fill).await?;
        }
        add_counts(&mut transaction, run, counts).await?;
        transaction.commit().await?;
        Ok(LoadReport {
            refused: u64::from(part.refused),
            ..plan.report
        })
    }
}

/// Adds to what the run has counted, pages aside; fails when the run is not open.
pub(super) async fn add_counts(
    transaction: &mut Transaction<'_>,
    run: RunId,
    counts: Counts,
) -> Result<(), StoreError> {
    let open = transaction
        .execute(
            "UPDATE runs
                SET records = records + $2, added = added + $3, updated = updated + $4, closed = closed + $5,
                    reopened = reopened + $6, unchanged = unchanged + $7, rejected = rejected + $8
              WHERE id = $1 AND finished_at IS NULL",
            binds![
                run, counts.records, counts.added, counts.updated, counts.closed, counts.reopened,
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
