//! The questions, a file each. Answers are plain rows that serialize; a question takes the store, the time and limits,
//! and reads no clock.
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
