use jiff::Zoned;
use serde::Serialize;

use super::link::link;
use super::when::{self, When};
use crate::trends::chart::{Bar, Column, ColumnChart, count};
use crate::trends::queries::{CompanyJobs, JobFlow, Newest, OpenJobs};

/// Technologies beside a title.
const CHIPS: usize = 5;

/// Job listings: what opened, what closed, who hires.
#[derive(Debug, Serialize)]
pub(super) struct Openings {
    /// By day, then by week.
    flows: [Flow; 2],
    open: String,
    companies: String,
    by_company: Vec<CompanyBar>,
    /// What the companies that are not shown have, in words.
    rest: Option<String>,
    newest: Vec<NewsItem>,
}

#[derive(Debug, Serialize)]
struct Flow {
    id: &'static str,
    label: &'static str,
    caption: String,
    chart: ColumnChart,
    rows: Vec<FlowRow>,
}

#[derive(Debug, Serialize)]
struct FlowRow {
    name: String,
    opened: String,
    closed: String,
}

#[derive(Debug, Serialize)]
struct CompanyBar {
    /// None where listings name nobody.
    name: Option<String>,
    bar: Bar,
    count: String,
}

/// A record with its address.
#[derive(Debug, Serialize)]
pub(super) struct NewsItem {
    title: String,
    /// None where the address is not one to link to.
    href: Option<String>,
    by: Option<String>,
    language: Option<String>,
    date: When,
    terms: Vec<String>,
}

impl Openings {
    pub(super) fn new(
        days: &[JobFlow],
        weeks: &[JobFlow],
        open: &OpenJobs,
        newest: &[Newest],
        now: &Zoned,
    ) -> Option<Self> {
        let still = |flow: &[JobFlow]| flow.iter().all(|day| day.opened == 0 && day.closed == 0);
        if open.jobs == 0 && still(days) && still(weeks) {
            return None;
        }
        Some(Self {
            flows: [
                Flow::new("days", "Days", days, ""),
                Flow::new("weeks", "Weeks", weeks, "week of "),
            ],
            open: count(open.jobs),
            companies: count(open.companies),
            by_company: CompanyBar::all(&open.by_company),
            rest: rest(open),
            newest: NewsItem::all(newest, now),
        })
    }
}

impl Flow {
    fn new(id: &'static str, label: &'static str, flow: &[JobFlow], prefix: &str) -> Self {
        let name = |day: &JobFlow| when::day(day.date);
        let column = |day: &JobFlow| Column {
            name: name(day),
            up: day.opened,
            down: day.closed,
            title: format!(
                "{prefix}{}\n{} opened, {} closed",
                name(day),
                count(day.opened),
                count(day.closed)
            ),
        };
        let columns: Vec<Column> = flow.iter().map(column).collect();
        let sum = |side: fn(&JobFlow) -> i64| count(flow.iter().map(side).sum());
        let row = |day: &JobFlow| FlowRow {
            name: format!("{prefix}{}", name(day)),
            opened: count(day.opened),
            closed: count(day.closed),
        };
        Self {
            id,
            label,
            caption: format!(
                "{} opened and {} closed in {} {}.",
                sum(|day| day.opened),
                sum(|day| day.closed),
                flow.len(),
                label.to_lowercase()
            ),
            chart: ColumnChart::new(&columns),
            rows: flow.iter().rev().map(row).collect(),
        }
    }
}

impl CompanyBar {
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of listings are far below 2^52"
    )]
    fn all(companies: &[CompanyJobs]) -> Vec<Self> {
        let values: Vec<f64> = companies
            .iter()
            .map(|company| company.jobs as f64)
            .collect();
        let bar = |(company, bar): (&CompanyJobs, Bar)| Self {
            name: company.company.clone(),
            bar,
            count: count(company.jobs),
        };
        companies.iter().zip(Bar::all(&values)).map(bar).collect()
    }
}

fn rest(open: &OpenJobs) -> Option<String> {
    let shown: i64 = open.by_company.iter().map(|company| company.jobs).sum();
    let companies = open.companies - i64::try_from(open.by_company.len()).unwrap_or(i64::MAX);
    (companies > 0).then(|| {
        format!(
            "{} more companies have {} listings.",
            count(companies),
            count(open.jobs - shown)
        )
    })
}

impl NewsItem {
    pub(super) fn all(records: &[Newest], now: &Zoned) -> Vec<Self> {
        let item = |record: &Newest| Self {
            title: match record.title.trim() {
                "" => "(untitled)".to_owned(),
                title => title.to_owned(),
            },
            href: link(&record.url),
            by: record.by.clone(),
            language: record.language.clone().filter(|tag| is_language(tag)),
            date: when::day_of(record.dated_at, now),
            terms: record
                .terms
                .iter()
                .take(CHIPS)
                .map(|term| term.name.clone())
                .collect(),
        };
        records.iter().map(item).collect()
    }
}

fn is_language(tag: &str) -> bool {
    (2..=35).contains(&tag.len())
        && tag
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
