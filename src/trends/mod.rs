//! What the records tell: the queries behind the dashboards, and the report.
//!
//! [`queries`] asks the store and gives plain rows; [`report()`] draws them as one HTML file. Nothing here writes, and
//! nothing depends on which server the store is: each question is one statement that both understand, bounded in its
//! rows and carried by an index, so that a Pi answers it over a million records.
//!
//! A record counts under the instant that its source gives it, else under when it was first seen (`dated_at`). What a
//! month or a day is, the caller's time zone decides: [`Buckets`] holds the borders as instants, and the statements
//! compare instants alone.

mod buckets;
mod chart;
pub mod queries;
mod report;

pub use buckets::{Bucket, Buckets, Step};
pub use report::{ReportError, report, report_at};
