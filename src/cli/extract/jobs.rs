use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use trendy::extract::jobposting::{JobPosting, PostedSalary};
use trendy::normalize::date::{self, DateContext, Deadline};
use trendy::normalize::{job, number, salary};
use trendy::record::SalaryUnit;
use url::Url;

use super::instant;

/// The postings of a page as they are printed.
#[derive(Serialize)]
pub(super) struct JobsOutput {
    encoding: String,
    jobs: Vec<JobOutput>,
}

#[derive(Serialize)]
struct JobOutput {
    title: Option<String>,
    company: Option<String>,
    description: Option<String>,
    location: Option<String>,
    date_posted: Option<Timestamp>,
    valid_through: Option<Timestamp>,
    employment_type: Option<Vec<String>>,
    salary: Option<SalaryOutput>,
    remote: Option<bool>,
    url: Option<Url>,
    identifier: Option<String>,
}

#[derive(Serialize)]
struct SalaryOutput {
    currency: Option<String>,
    min: Option<Value>,
    max: Option<Value>,
    unit: Option<String>,
}

impl JobsOutput {
    pub(super) fn of(jobs: Vec<JobPosting>, encoding: String, dates: &DateContext) -> Self {
        let jobs = jobs.into_iter().map(|job| JobOutput {
            title: job.title,
            company: job.company,
            description: job.description,
            location: job.location,
            date_posted: instant(job.date_posted.as_deref(), dates),
            valid_through: end(job.valid_through.as_deref(), dates),
            employment_type: Some(job.employment_type).filter(|types| !types.is_empty()),
            salary: job.salary.and_then(SalaryOutput::of),
            remote: job.location_type.and_then(|kind| job::remote(&kind)),
            url: job.url,
            identifier: job.identifier,
        });
        Self {
            encoding,
            jobs: jobs.collect(),
        }
    }
}

/// A day that ends a posting is open to its last second, as in a record; a day beyond all times is shown as it is.
fn end(text: Option<&str>, dates: &DateContext) -> Option<Timestamp> {
    match date::deadline(text?, dates) {
        Ok(Deadline::Until(instant)) => Some(instant),
        _ => instant(text, dates),
    }
}

impl SalaryOutput {
    /// What is declared, and what its text says besides; none where that is no pay: `negotiable`.
    fn of(posted: PostedSalary) -> Option<Self> {
        let said = |text: Option<&str>| salary::parse(text?);
        let (least, most) = (said(posted.min.as_deref()), said(posted.max.as_deref()));
        let range = |text: Option<&str>| number::range(text?).ok();
        let (lower, upper) = (range(posted.min.as_deref()), range(posted.max.as_deref()));
        let min = match &least {
            Some(pay) => pay.min,
            None => lower.and_then(|range| range.min),
        };
        let max = match &most {
            Some(pay) => pay.max,
            None => upper.and_then(|range| range.max),
        };
        let pay = least.or(most);
        let currency = pay.as_ref().and_then(|pay| pay.currency.clone());
        let unit = pay.and_then(|pay| pay.unit).map(unit_text);
        // Forms that must be filled in are: nothing to nothing is no pay.
        let is_pay = [min, max].into_iter().flatten().any(|amount| amount > 0.0);
        is_pay.then(|| Self {
            currency: posted.currency.or(currency),
            min: min.map(amount),
            max: max.map(amount),
            unit: posted.unit.or_else(|| unit.map(str::to_owned)),
        })
    }
}

/// As schema.org writes it.
const fn unit_text(unit: SalaryUnit) -> &'static str {
    match unit {
        SalaryUnit::Hour => "HOUR",
        SalaryUnit::Day => "DAY",
        SalaryUnit::Week => "WEEK",
        SalaryUnit::Month => "MONTH",
        SalaryUnit::Year => "YEAR",
    }
}

/// A number without a fraction where it has none: `100000`, as its page has it.
fn amount(amount: f64) -> Value {
    let whole = format!("{amount:.0}").parse::<i64>().ok();
    let is_whole = amount.fract() == 0.0;
    whole
        .filter(|_| is_whole)
        .map_or_else(|| amount.into(), Into::into)
}
