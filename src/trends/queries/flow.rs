use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, FromRow};

use crate::load::{Store, StoreError, binds};
use crate::trends::Buckets;

/// Job listings that came and went in one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFlow {
    /// First day of the bucket.
    pub date: Date,
    /// Listings dated in it.
    pub opened: i64,
    /// Listings that vanished from their board in it, each counted once.
    pub closed: i64,
}

#[derive(FromRow)]
struct CountRow {
    bucket: i64,
    jobs: i64,
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

    let mut values = Vec::new();
    let table = buckets.table(&mut values);
    let sql = format!(
        "WITH {table}
         SELECT CAST(b.bucket AS bigint) AS bucket, count(*) AS jobs
           FROM buckets AS b CROSS JOIN records AS r
          WHERE r.kind = 'job' AND r.dated_at >= b.begins_at AND r.dated_at < b.ends_at
          GROUP BY b.bucket"
    );
    for row in store.rows::<CountRow>(AssertSqlSafe(sql), values).await? {
        if let Some(day) = at(&mut flow, row.bucket) {
            day.opened = row.jobs;
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
             SELECT c.record_id, c.at FROM closing AS r CROSS JOIN changes AS c
              WHERE c.run_id = r.id AND c.kind = 'job' AND c.op = 'closed' AND c.at >= $1)
         SELECT CAST(b.bucket AS bigint) AS bucket, count(DISTINCT c.record_id) AS jobs
           FROM closings AS c JOIN buckets AS b ON c.at >= b.begins_at AND c.at < b.ends_at
          GROUP BY b.bucket"
    );
    for row in store.rows::<CountRow>(AssertSqlSafe(sql), values).await? {
        if let Some(day) = at(&mut flow, row.bucket) {
            day.closed = row.jobs;
        }
    }
    Ok(flow)
}

fn at(flow: &mut [JobFlow], bucket: i64) -> Option<&mut JobFlow> {
    flow.get_mut(usize::try_from(bucket).ok()?)
}
