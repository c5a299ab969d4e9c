use serde::Serialize;

use super::when;
use crate::record::{Kind, TermType};
use crate::trends::chart::{Bar, Grain, LineChart, Series, count, percent};
use crate::trends::queries::{TermSeries, TermTrend};

/// Lines that one chart can hold apart, and colours that the style sheet has.
const LINES: usize = 6;
/// Rows of the chart of the most named.
const TOP: usize = 15;

/// Which technologies the records of a kind name.
#[derive(Debug, Serialize)]
pub(super) struct Technologies {
    /// Anchor, and the beginning of ids.
    id: &'static str,
    title: &'static str,
    /// What is counted, in the plural.
    noun: &'static str,
    /// None where nothing was named.
    charts: Option<Charts>,
}

#[derive(Debug, Serialize)]
struct Charts {
    /// All records that the charts are about.
    records: String,
    since: String,
    /// The month that is still running.
    running: String,
    share: LineChart,
    count: LineChart,
    /// Newest first: a table of two years is wider than a page, and its end is out of sight.
    months: Vec<String>,
    rows: Vec<MonthsRow>,
    top: Vec<TermBar>,
    types: Vec<TypeCard>,
}

/// A term in the table behind the lines.
#[derive(Debug, Serialize)]
struct MonthsRow {
    name: String,
    cells: Vec<Cell>,
}

#[derive(Debug, Serialize)]
struct Cell {
    count: String,
    share: Option<String>,
}

#[derive(Debug, Serialize)]
struct TermBar {
    name: String,
    kind: &'static str,
    bar: Bar,
    count: String,
    share: String,
}

/// The most named of one type.
#[derive(Debug, Serialize)]
struct TypeCard {
    name: &'static str,
    bars: Vec<TermBar>,
}

impl Technologies {
    pub(super) fn new(trend: &TermTrend) -> Self {
        let (id, title, noun) = match trend.kind {
            Kind::Job => ("jobs", "Technologies in job listings", "job listings"),
            Kind::Post => ("posts", "Technologies in posts", "posts"),
            Kind::Weather => (
                "weather",
                "Technologies in weather records",
                "weather records",
            ),
        };
        Self {
            id,
            title,
            noun,
            charts: Charts::new(trend),
        }
    }
}

impl Charts {
    fn new(trend: &TermTrend) -> Option<Self> {
        if trend.terms.is_empty() {
            return None;
        }
        // Years before the first record would only push the lines together.
        let first = trend.records.iter().position(|records| *records > 0)?;
        let buckets = trend.buckets.as_slice().get(first..)?;
        let months: Vec<String> = buckets
            .iter()
            .map(|bucket| when::month(bucket.date))
            .collect();
        let all = first..trend.records.len();

        let shares = series(trend, |term| {
            all.clone()
                .map(|bucket| trend.share(term, bucket))
                .collect()
        });
        let counts = series(trend, |term| {
            let value = |bucket: usize| term.counts.get(bucket).map(|count| real(*count));
            all.clone().map(value).collect()
        });
        let row = |term: &TermSeries| MonthsRow {
            name: term.term.name.clone(),
            cells: all
                .clone()
                .rev()
                .map(|bucket| Cell::new(trend, term, bucket))
                .collect(),
        };
        Some(Self {
            records: count(trend.total_records()),
            since: months.first()?.clone(),
            running: months.last()?.clone(),
            share: LineChart::new(&months, &shares, Grain::Fine, percent),
            count: LineChart::new(&months, &counts, Grain::Whole, |value| count(whole(value))),
            rows: trend.top(TOP).map(row).collect(),
            months: months.into_iter().rev().collect(),
            top: TermBar::all(trend, &trend.top(TOP).collect::<Vec<_>>()),
            types: types(trend),
        })
    }
}

fn series(trend: &TermTrend, values: impl Fn(&TermSeries) -> Vec<Option<f64>>) -> Vec<Series> {
    let line = |term: &TermSeries| Series {
        name: term.term.name.clone(),
        values: values(term),
    };
    trend.top(LINES).map(line).collect()
}

impl Cell {
    fn new(trend: &TermTrend, term: &TermSeries, bucket: usize) -> Self {
        Self {
            count: count(term.counts.get(bucket).copied().unwrap_or(0)),
            share: trend.share(term, bucket).map(percent),
        }
    }
}

impl TermBar {
    fn all(trend: &TermTrend, terms: &[&TermSeries]) -> Vec<Self> {
        let values: Vec<f64> = terms.iter().map(|term| real(term.total)).collect();
        let bar = |(term, bar): (&&TermSeries, Bar)| Self {
            name: term.term.name.clone(),
            kind: type_name(term.term.kind),
            bar,
            count: count(term.total),
            share: trend.total_share(term).map(percent).unwrap_or_default(),
        };
        terms.iter().zip(Bar::all(&values)).map(bar).collect()
    }
}

fn types(trend: &TermTrend) -> Vec<TypeCard> {
    let card = |kind: TermType| {
        let of_type = trend.terms.iter().filter(|term| term.term.kind == kind);
        let terms: Vec<&TermSeries> = of_type.take(5).collect();
        (!terms.is_empty()).then(|| TypeCard {
            name: type_title(kind),
            bars: TermBar::all(trend, &terms),
        })
    };
    TermType::ALL.into_iter().filter_map(card).collect()
}

/// As one reads it beside a name.
fn type_name(kind: TermType) -> &'static str {
    match kind {
        TermType::Devops => "DevOps",
        TermType::Ml => "machine learning",
        other => other.as_str(),
    }
}

/// As one reads it over many.
fn type_title(kind: TermType) -> &'static str {
    match kind {
        TermType::Language => "Languages",
        TermType::Framework => "Frameworks",
        TermType::Library => "Libraries",
        TermType::Database => "Databases",
        TermType::Cloud => "Cloud",
        TermType::Devops => "DevOps",
        TermType::Data => "Data",
        TermType::Ml => "Machine learning",
        TermType::Platform => "Platforms",
        TermType::Tool => "Tools",
        TermType::Protocol => "Protocols",
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of records are far below 2^52"
)]
fn real(count: i64) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "made from whole numbers, and the cast saturates"
)]
fn whole(value: f64) -> i64 {
    value.round() as i64
}
