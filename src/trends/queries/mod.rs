//! The questions, a file each. Answers are plain rows that serialize; a question takes the store, the time and limits,
//! and reads no clock.
//!
//! What stands on two boards or two sites counts once: a record with a `same_as` link is of the same thing as the one
//! that it names. It counts under the date of that one, and is open as long as any of them is.
//!
//! Statements are made of this module's own words and of placeholders; nothing that was fetched becomes part of one.

mod flow;
mod jobs;
mod newest;
mod runs;
mod terms;
mod totals;
mod weather;

pub use flow::{JobFlow, job_flow};
pub use jobs::{CompanyJobs, OpenJobs, open_jobs};
pub use newest::{Newest, newest};
pub use runs::{LastRun, last_runs};
pub use terms::{TermLimits, TermSeries, TermTrend, term_trend};
pub use totals::{KindTotal, totals};
pub use weather::{StationHour, station_hours};

use crate::load::{Pool, Store};

/// How an `ORDER BY` compares texts by their bytes. A database's own order follows its locale, and the two servers would
/// break ties differently.
fn bytewise(store: &Store) -> &'static str {
    match store.pool() {
        Pool::Sqlite(_) => "COLLATE BINARY",
        Pool::Postgres(_) => "COLLATE \"C\"",
    }
}

/// Counts the records of a kind by bucket, the kind being bound as `$1`. Those with a link are taken off rather than left
/// out, as then each count is of an index alone: few have one. CROSS JOIN: SQLite then keeps the buckets outside.
fn count_by_bucket(buckets: &str) -> String {
    format!(
        "WITH {buckets}
         SELECT CAST(b.bucket AS bigint) AS bucket,
                count(*) - (SELECT count(*) FROM records AS l
                             WHERE l.same_as IS NOT NULL AND l.kind = $1
                               AND l.dated_at >= b.begins_at AND l.dated_at < b.ends_at) AS records
           FROM buckets AS b CROSS JOIN records AS r
          WHERE r.kind = $1 AND r.dated_at >= b.begins_at AND r.dated_at < b.ends_at
          GROUP BY b.bucket, b.begins_at, b.ends_at"
    )
}
