//! How right the extraction is, on cases that it was never tuned on: see `README.md` beside this file.

#![expect(
    clippy::unwrap_used,
    reason = "what a test cannot go on without; helpers are of the test too"
)]

mod pairs;

use std::collections::BTreeSet;
use std::fmt::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use trendy::extract::feed::Feed;
use trendy::extract::jobposting::{self, JobPosting};
use trendy::extract::reader_text;
use trendy::normalize::date::{self, DateContext, DayMonthOrder};
use trendy::normalize::terms::Dictionary;
use trendy::normalize::text;
use url::Url;

/// What was found, beside what is there.
#[derive(Debug, Default, Clone, Copy)]
struct Score {
    cases: usize,
    /// Cases without a miss.
    right: usize,
    found_rightly: usize,
    found: usize,
    expected: usize,
}

impl Score {
    fn add<T: Ord>(&mut self, expected: &BTreeSet<T>, found: &BTreeSet<T>) {
        self.cases += 1;
        self.right += usize::from(expected == found);
        self.found_rightly += expected.intersection(found).count();
        self.found += found.len();
        self.expected += expected.len();
    }

    fn precision(self) -> f64 {
        ratio(self.found_rightly, self.found)
    }

    fn recall(self) -> f64 {
        ratio(self.found_rightly, self.expected)
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are some hundred cases")]
fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        1.0
    } else {
        part as f64 / whole as f64
    }
}

/// Cases in one line each, `text => expected`; headings begin with `##`.
fn lines(file: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = file.lines().filter(|line| !line.starts_with("##"));
    lines
        .filter(|line| !line.is_empty())
        .map(|line| line.split_once(" => ").unwrap_or((line, "")))
}

/// Cases of several lines under a heading each: its name, its text, and what is expected of it.
fn blocks(file: &'static str) -> Vec<(&'static str, String, Vec<&'static str>)> {
    let mut blocks = Vec::new();
    for line in file.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            blocks.push((name, String::new(), Vec::new()));
        } else if let Some((_, text, expected)) = blocks.last_mut() {
            if let Some(line) = line.strip_prefix("=> ") {
                expected.push(line);
            } else {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    blocks
}

fn terms() -> Score {
    let mut score = Score::default();
    for (text, expected) in lines(include_str!("terms.txt")) {
        let expected = expected.split(", ").filter(|name| !name.is_empty());
        let found = Dictionary::bundled().terms(text);
        score.add(
            &expected.map(str::to_owned).collect(),
            &found.into_iter().map(|term| term.name).collect(),
        );
    }
    score
}

fn dates() -> Score {
    let context = DateContext {
        zone: TimeZone::get("Asia/Seoul").unwrap(),
        now: "2026-11-19T09:00:00Z".parse().unwrap(),
        order: DayMonthOrder::default(),
    };
    let mut score = Score::default();
    for (text, expected) in lines(include_str!("dates.txt")) {
        let expected: Option<Timestamp> = (expected != "none").then(|| expected.parse().unwrap());
        let found = date::parse(text, &context).ok();
        score.add(
            &expected.into_iter().collect(),
            &found.into_iter().collect(),
        );
    }
    score
}

fn address() -> Url {
    "https://a.example/".parse().unwrap()
}

fn postings() -> Score {
    let mut score = Score::default();
    for (_, page, expected) in blocks(include_str!("postings.txt")) {
        let found = jobposting::read(&page, &address()).unwrap_or_default();
        score.add(
            &expected.into_iter().map(str::to_owned).collect(),
            &found.into_iter().flat_map(fields).collect(),
        );
    }
    score
}

fn fields(posting: JobPosting) -> BTreeSet<String> {
    let salary = posting.salary.unwrap_or_default();
    let types = posting.employment_type.join(", ");
    let fields = [
        ("title", posting.title),
        ("company", posting.company),
        ("description", posting.description),
        ("location", posting.location),
        ("date_posted", posting.date_posted),
        ("valid_through", posting.valid_through),
        ("employment_type", (!types.is_empty()).then_some(types)),
        ("location_type", posting.location_type),
        ("identifier", posting.identifier),
        ("salary_currency", salary.currency),
        ("salary_min", salary.min),
        ("salary_max", salary.max),
        ("salary_unit", salary.unit),
    ];
    fields
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}: {}", text::one_line(&value?))))
        .collect()
}

/// Feeds whose heading begins with this word.
fn feeds(kind: &str) -> Score {
    let mut score = Score::default();
    for (name, feed, expected) in blocks(include_str!("feeds.txt")) {
        if !name.starts_with(kind) {
            continue;
        }
        let entries = Feed::of(&feed, &address()).map_or_else(|_| Vec::new(), |feed| feed.entries);
        let found = entries.into_iter().map(|entry| {
            let title = entry.title.map(reader_text).unwrap_or_default();
            let link = entry.link.map(String::from).unwrap_or_default();
            format!("{} | {link}", text::one_line(&title))
        });
        score.add(
            &expected.into_iter().map(str::to_owned).collect(),
            &found.collect(),
        );
    }
    score
}

#[test]
fn the_report_does_not_fall_below_its_thresholds() {
    // Least precision and recall: what users can rely on. docs/accuracy.md has what is measured.
    let rows = [
        ("terms", terms(), 0.97, 0.95),
        ("dates", dates(), 0.98, 0.98),
        ("posting fields", postings(), 0.98, 0.98),
        ("feeds, whole", feeds("whole"), 1.0, 1.0),
        ("feeds, broken", feeds("broken"), 0.95, 0.95),
        ("same job", pairs::held_out("job"), 0.95, 0.85),
        ("same post", pairs::held_out("post"), 0.95, 0.9),
    ];
    let mut report = String::from(
        "| kind | cases | cases right | expected | found | precision | recall |\n|---|---|---|---|---|---|---|\n",
    );
    for (kind, score, ..) in rows {
        let Score {
            cases,
            right,
            expected,
            found,
            ..
        } = score;
        let (precision, recall) = (score.precision(), score.recall());
        writeln!(
            report,
            "| {kind} | {cases} | {right} | {expected} | {found} | {precision:.3} | {recall:.3} |"
        )
        .unwrap();
    }
    report.push_str("\n## Near-duplicates by threshold\n\n");
    report.push_str(&pairs::thresholds());
    show(&report);
    for (kind, score, precision, recall) in rows {
        assert!(score.precision() >= precision, "{kind}: {score:?}");
        assert!(score.recall() >= recall, "{kind}: {score:?}");
    }
    assert!(rows[0].1.cases >= 300, "{:?}", rows[0]);
}

/// Where the sections begin that people wrote.
const WRITTEN: &str = "\n## Where we differ on purpose\n";

/// Prints the report, and keeps it where `TRENDY_ACCURACY` says so, above the sections that people wrote.
#[expect(clippy::print_stdout, reason = "the report is what is asked for")]
fn show(report: &str) {
    println!("{report}");
    if let Some(path) = std::env::var_os("TRENDY_ACCURACY") {
        let head = "# Accuracy\n\nMeasured by `just accuracy` on the held-out cases of `tests/accuracy/`, whose README says what a case is and how\nthe split is kept. The test fails where a figure falls below its threshold.\n\n";
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        let written = before.find(WRITTEN).map_or("", |at| &before[at..]);
        std::fs::write(path, format!("{head}{report}{written}")).unwrap();
    }
}
