use jiff::Zoned;

use crate::load::{Store, StoreError};
use crate::record::Kind;
use crate::trends::queries::{
    JobFlow, KindTotal, LastRun, Newest, OpenJobs, StationHour, TermLimits, TermTrend, job_flow,
    last_runs, newest, open_jobs, station_hours, term_trend, totals,
};
use crate::trends::{Buckets, Step};

const MONTHS: u16 = 24;
const DAYS: u16 = 30;
/// Closings come from the change log, which goes back 90 days.
const WEEKS: u16 = 12;
/// Yesterday's same hour and the course since.
const WEATHER_HOURS: u16 = 36;
/// More stations than that are a table of their own, not a chart.
const STATIONS: u16 = 40;
const COMPANIES: u16 = 15;
const NEWEST: u16 = 10;
const PIPELINES: u16 = 60;
const TERMS: TermLimits = TermLimits {
    overall: 15,
    per_type: 5,
};

/// What the store says: all that a report needs.
#[derive(Debug, Clone)]
pub(super) struct Answers {
    pub(super) totals: Vec<KindTotal>,
    pub(super) runs: Vec<LastRun>,
    pub(super) job_terms: TermTrend,
    pub(super) post_terms: TermTrend,
    pub(super) days: Vec<JobFlow>,
    pub(super) weeks: Vec<JobFlow>,
    pub(super) open: OpenJobs,
    pub(super) new_jobs: Vec<Newest>,
    pub(super) new_posts: Vec<Newest>,
    pub(super) weather: Vec<StationHour>,
}

impl Answers {
    pub(super) async fn of(store: &Store, now: &Zoned) -> Result<Self, StoreError> {
        let months = Buckets::back_from(now, Step::Month, MONTHS);
        let days = Buckets::back_from(now, Step::Day, DAYS);
        let weeks = Buckets::back_from(now, Step::Week, WEEKS);
        let at = now.timestamp();
        Ok(Self {
            totals: totals(store).await?,
            runs: last_runs(store, PIPELINES).await?,
            job_terms: term_trend(store, Kind::Job, &months, TERMS).await?,
            post_terms: term_trend(store, Kind::Post, &months, TERMS).await?,
            days: job_flow(store, &days).await?,
            weeks: job_flow(store, &weeks).await?,
            open: open_jobs(store, COMPANIES).await?,
            new_jobs: newest(store, Kind::Job, at, NEWEST).await?,
            new_posts: newest(store, Kind::Post, at, NEWEST).await?,
            weather: station_hours(store, "temperature", at, WEATHER_HOURS, STATIONS).await?,
        })
    }
}
