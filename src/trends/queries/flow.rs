use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, FromRow};

use super::count_by_bucket;
use crate::load::{Store, StoreError, binds};
use crate::record::Kind;
use crate::trends::Buckets;

/// Job listings that came and went in one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFlow {
    /// First day of the bucket.
    pub date: Date,
    /// Listings dated in it.
    pub opened: i64,
    /// Listings that vanished from their board in it, each counted once; where they stand on several, from the last.
    pub closed: i64,
}

#[derive(FromRow)]
struct CountRow {
    bucket: i64,
    records: i64,
}

/// Counts the listings opened and closed, by bucket.
///
/// Opened means dated: the first visit to a board finds years of listings, and they would all open that day. Closings
/// come from the change log, which is cut after 90 days; older ones count 0.
pub async fn job_flow(store: &Store, buckets: &Buckets) -> Result<Vec<JobFlow>, StoreError> {
    let mut flow: Vec<JobFlow> = buckets
        .as_slice()
        .iter()
        .map(|bucket| JobFlow {
            date: bucket.date,
            opened: 0,
            closed: 0,
        })
        .collect();
    let Some(begin) = buckets.begin() else {
        return Ok(flow);
    };

    let mut values = binds![Kind::Job].to_vec();
    let table = buckets.table(&mut values);
    let sql = count_by_bucket(&table);
    for row in store.rows::<CountRow>(AssertSqlSafe(sql), values).await? {
        if let Some(day) = at(&mut flow, row.bucket) {
            day.opened = row.records;
        }
    }

    // The log has no index by time, and most of it is weather: the runs that closed something lead to their changes.
    let mut values = binds![begin].to_vec();
    let table = buckets.table(&mut values);
    let sql = format!(
        "WITH {table},
         closing AS MATERIALIZED (
             SELECT id FROM runs WHERE closed > 0 AND (finished_at IS NULL OR finished_at >= $1)),
         closings AS MATERIALIZED (
             SELECT c.record_id, c.at, coalesce(j.same_as, c.record_id) AS job
               FROM closing AS r CROSS JOIN changes AS c LEFT JOIN records AS j ON j.id = c.record_id
              WHERE c.run_id = r.id AND c.kind = 'job' AND c.op = 'closed' AND c.at >= $1)
         SELECT CAST(b.bucket AS bigint) AS bucket, count(DISTINCT c.job) AS records
           FROM closings AS c JOIN buckets AS b ON c.at >= b.begins_at AND c.at < b.ends_at
          WHERE NOT EXISTS (
                    SELECT 1 FROM records AS o
                     WHERE (o.id = c.job OR o.same_as = c.job) AND o.id <> c.record_id
                       AND o.first_seen_at <= c.at AND (o.active OR o.closed_at > c.at))
          GROUP BY b.bucket"
    );
    for row in store.rows::<CountRow>(AssertSqlSafe(sql), values).await? {
        if let Some(day) = at(&mut flow, row.bucket) {
            day.closed = row.records;
        }
    }
    Ok(flow)
}

fn at(flow: &mut [JobFlow], bucket: i64) -> Option<&mut JobFlow> {
    flow.get_mut(usize::try_from(bucket).ok()?)
}
