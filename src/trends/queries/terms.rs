use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, FromRow};

use super::{bytewise, count_by_bucket};
use crate::load::{Store, StoreError, binds};
use crate::record::{Kind, Term, TermType};
use crate::trends::Buckets;

/// How many terms an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermLimits {
    /// The most named ones.
    pub overall: u16,
    /// The most named ones of each type, beside them.
    pub per_type: u16,
}

/// Which technologies the records of a kind name, over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TermTrend {
    /// The kind.
    pub kind: Kind,
    /// The time axis.
    pub buckets: Buckets,
    /// Records of the kind by bucket, whether they name a technology or not: what a share is a share of.
    pub records: Vec<i64>,
    /// The most named terms first, then the others that are among the most named of their type.
    pub terms: Vec<TermSeries>,
}

/// How often one technology is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermSeries {
    /// The technology.
    #[serde(flatten)]
    pub term: Term,
    /// Place among all terms, from 1.
    pub place: i64,
    /// Place among those of its type, from 1.
    pub place_in_type: i64,
    /// Records that name it, over all buckets.
    pub total: i64,
    /// Records that name it, by bucket.
    pub counts: Vec<i64>,
}

impl TermTrend {
    /// The most named terms overall, at most so many.
    pub fn top(&self, limit: usize) -> impl Iterator<Item = &TermSeries> {
        self.terms.iter().take(limit)
    }

    /// Records of all buckets.
    pub fn total_records(&self) -> i64 {
        self.records.iter().sum()
    }

    /// The share of a bucket's records that name the term, from 0 to 1; none in a bucket without records.
    pub fn share(&self, series: &TermSeries, bucket: usize) -> Option<f64> {
        share(*series.counts.get(bucket)?, *self.records.get(bucket)?)
    }

    /// The share of all records that name the term; none without records.
    pub fn total_share(&self, series: &TermSeries) -> Option<f64> {
        share(series.total, self.total_records())
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of records are far below 2^52"
)]
fn share(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Counts the records of a kind that name each technology, by bucket.
///
/// One statement walks `record_terms_by_date` once; ranking works on its counts, of which there are a few hundred a
/// bucket however many records there are. SQLite takes 500 buckets at most.
pub async fn term_trend(
    store: &Store,
    kind: Kind,
    buckets: &Buckets,
    limits: TermLimits,
) -> Result<TermTrend, StoreError> {
    let mut trend = TermTrend {
        kind,
        buckets: buckets.clone(),
        records: vec![0; buckets.as_slice().len()],
        terms: Vec::new(),
    };
    if buckets.as_slice().is_empty() {
        return Ok(trend);
    }
    for row in records_by_bucket(store, kind, buckets).await? {
        if let Some(records) = at(&mut trend.records, row.bucket) {
            *records = row.records;
        }
    }
    for row in terms_by_bucket(store, kind, buckets, limits).await? {
        if trend
            .terms
            .last()
            .is_none_or(|last| last.term.name != row.term)
        {
            trend.terms.push(row.start_series(buckets)?);
        }
        let series = trend.terms.last_mut();
        if let Some(count) = series.and_then(|series| at(&mut series.counts, row.bucket)) {
            *count = row.records;
        }
    }
    Ok(trend)
}

fn at(counts: &mut [i64], bucket: i64) -> Option<&mut i64> {
    counts.get_mut(usize::try_from(bucket).ok()?)
}

#[derive(FromRow)]
struct BucketRow {
    bucket: i64,
    records: i64,
}

async fn records_by_bucket(
    store: &Store,
    kind: Kind,
    buckets: &Buckets,
) -> Result<Vec<BucketRow>, StoreError> {
    let mut binds = binds![kind].to_vec();
    let table = buckets.table(&mut binds);
    store
        .rows(AssertSqlSafe(count_by_bucket(&table)), binds)
        .await
}

#[derive(FromRow)]
struct TermRow {
    bucket: i64,
    term: String,
    #[sqlx(rename = "type")]
    kind: String,
    records: i64,
    place: i64,
    place_in_type: i64,
    total: i64,
}

impl TermRow {
    fn start_series(&self, buckets: &Buckets) -> Result<TermSeries, StoreError> {
        let kind = TermType::from_name(&self.kind).ok_or_else(|| StoreError::UnknownName {
            column: "record_terms.type",
            value: self.kind.clone(),
        })?;
        Ok(TermSeries {
            term: Term {
                name: self.term.clone(),
                kind,
            },
            place: self.place,
            place_in_type: self.place_in_type,
            total: self.total,
            counts: vec![0; buckets.as_slice().len()],
        })
    }
}

async fn terms_by_bucket(
    store: &Store,
    kind: Kind,
    buckets: &Buckets,
    limits: TermLimits,
) -> Result<Vec<TermRow>, StoreError> {
    let mut binds = binds![kind, i64::from(limits.overall), i64::from(limits.per_type)].to_vec();
    // A statement a bucket instead of one group by bucket and term: SQLite groups by sorting, and a bucket's rows fit
    // into its cache (measured on a million records: 0.8 s instead of 2.1 s). A term that has changed its type has the
    // old one on records that were not derived anew: `max` takes one for all.
    let mut counted = Vec::with_capacity(buckets.as_slice().len());
    for (index, bucket) in buckets.as_slice().iter().enumerate() {
        let (begin, end) = (binds.len() + 1, binds.len() + 2);
        binds.extend(binds![bucket.begins_at, bucket.ends_at]);
        counted.push(format!(
            "SELECT {index} AS bucket, term, max(type) AS type, count(*) AS records FROM record_terms
              WHERE kind = $1 AND dated_at >= ${begin} AND dated_at < ${end}
                AND number NOT IN (
                    SELECT number FROM records
                     WHERE same_as IS NOT NULL AND kind = $1 AND dated_at >= ${begin} AND dated_at < ${end})
              GROUP BY term"
        ));
    }
    let counted = counted.join(" UNION ALL ");
    let bytewise = bytewise(store);
    let sql = format!(
        "WITH named AS MATERIALIZED ({counted}),
         summed AS (
             SELECT term, max(type) AS type, CAST(sum(records) AS bigint) AS total FROM named GROUP BY term),
         ranked AS (
             SELECT term, type, total,
                    row_number() OVER (ORDER BY total DESC, term {bytewise}) AS place,
                    row_number() OVER (PARTITION BY type ORDER BY total DESC, term {bytewise}) AS place_in_type
               FROM summed)
         SELECT CAST(n.bucket AS bigint) AS bucket, r.term, r.type, n.records, r.place, r.place_in_type, r.total
           FROM ranked AS r JOIN named AS n ON n.term = r.term
          WHERE r.place <= $2 OR r.place_in_type <= $3
          ORDER BY r.place, n.bucket"
    );
    store.rows(AssertSqlSafe(sql), binds).await
}
