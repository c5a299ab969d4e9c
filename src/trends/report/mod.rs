//! The report: one HTML file for a person, made from the store alone.
//!
//! [`answers`](answers::Answers) asks every question once, [`page`](page::Page) makes of them what is seen, texts and
//! positions, and the templates write it down. The file loads nothing and runs nothing: it works from a disk, in a mail
//! and under any content security policy, and brings its own, which forbids both.
//!
//! Titles, names and addresses come from strangers' pages. The templates escape every value, a policy without scripts
//! stands behind that, and only `http` and `https` addresses become links ([`link`]).

mod answers;
mod link;
mod openings;
mod overview;
mod page;
mod technologies;
mod template;
mod weather;
mod when;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use self::answers::Answers;
use self::page::Page;
use crate::load::{Store, StoreError};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A question was not answered.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The page could not be written down.
    #[error("cannot write the report's page; this is an error of trendy, please report it")]
    Template(#[from] minijinja::Error),
}

/// The report as of `now`, its days and months in UTC.
pub async fn report(store: &Store, now: Timestamp) -> Result<String, ReportError> {
    report_at(store, &now.to_zoned(TimeZone::UTC)).await
}

/// The report as of `now`, its days and months in the time zone of `now`.
pub async fn report_at(store: &Store, now: &Zoned) -> Result<String, ReportError> {
    let answers = Answers::of(store, now).await?;
    Ok(template::render(&Page::new(&answers, now))?)
}
