//! The same page fetched by HTTP and in a browser: what a pipeline finds in each.

use std::io::Write;

use serde::Serialize;
use trendy::collect::{Collector, Fetcher};
use trendy::config::{Fetch, Pipeline};
use trendy::extract::explain::{FieldReport, PageKind};
use trendy::normalize::{self, Dictionaries, text};
use trendy::record::{Field, Item, Page, PipelineId, RecordId, Request, Values};
use url::Url;

use super::table::cut;
use super::{Given, Tried, TryArgs, as_asked, entry_of, fetch, kind, needs_list, tried};
use crate::cli::exit::{Exit, Failure, with_causes};
use crate::cli::output::{Format, print_rows};

/// What a page gives each way.
#[derive(Debug, Serialize)]
pub(super) struct Compared {
    pipeline: PipelineId,
    url: Url,
    page: PageKind,
    /// Whether a browser finds nothing that a plain request does not.
    http_is_enough: bool,
    http: Way,
    browser: Way,
    /// Each field that a rule or a format finds, or should.
    fields: Vec<FieldPair>,
    #[serde(skip)]
    exit: Exit,
}

/// What came of one way.
#[derive(Debug, Serialize)]
struct Way {
    bytes: Option<usize>,
    entries: usize,
    records: usize,
    /// Why there is nothing.
    problem: Option<String>,
}

/// A field both ways: its text in the first place that has one, or in the first entry where they differ.
#[derive(Debug, Serialize)]
struct FieldPair {
    field: String,
    differs: bool,
    http: Option<String>,
    browser: Option<String>,
    /// In how many places it was found.
    found_in: FoundIn,
}

/// Places, each way.
#[derive(Debug, Serialize)]
struct FoundIn {
    http: usize,
    browser: usize,
}

/// Fetches the page both ways. By HTTP it may fail, which is an answer too; in the browser it may not.
pub(super) async fn compare(
    args: &TryArgs,
    pipeline: &Pipeline,
    dictionaries: &Dictionaries,
    collector: &Collector,
    first: &Request,
) -> Result<Compared, Failure> {
    let mut request = first.clone();
    match Given::of(args)? {
        Given::List => {}
        Given::Address(url) => request.url = url,
        Given::File(_) => {
            return Err(Failure::usage(
                "`--compare` fetches the page both ways; name an address, not a file",
            ));
        }
    }
    let fetcher = |way| {
        let mut pipeline = pipeline.clone();
        pipeline.source.fetch = way;
        collector
            .fetcher(&pipeline)
            .map_err(|error| Failure::usage(with_causes(&error)))
    };
    let (http, browser) = (fetcher(Fetch::Http)?, fetcher(Fetch::Browser)?);
    let by_browser = fetch(browser.as_ref(), &request).await?;
    let by_http = fetch(http.as_ref(), &request).await;
    // What a script renders tells what the page is, where the plain page holds nothing.
    let is_list = [Some(&by_browser), by_http.as_ref().ok()]
        .into_iter()
        .flatten()
        .any(|page| kind(args, pipeline, &first.url, page) == PageKind::List);
    let page = if is_list {
        PageKind::List
    } else {
        PageKind::Detail
    };
    let read = async |page_of: Page, fetcher: &dyn Fetcher| {
        let entry = if page == PageKind::Detail && needs_list(pipeline) {
            let list = fetch(fetcher, first).await?;
            entry_of(pipeline, &list, &page_of.request.url)
        } else {
            None
        };
        Ok::<_, Failure>(tried(
            pipeline,
            dictionaries,
            &as_asked(page_of, page, entry),
        ))
    };
    let browser = read(by_browser, browser.as_ref()).await?;
    let http = match by_http {
        Ok(page) => read(page, http.as_ref()).await,
        Err(failure) => Err(failure),
    };
    let fields = fields(pipeline, http.as_ref().ok(), &browser);
    let ways = [
        http.as_ref().map_or_else(Way::failed, Way::of),
        Way::of(&browser),
    ];
    let [http_way, browser_way] = ways;
    let is_same = http_way.problem.is_none()
        && http_way.entries >= browser_way.entries
        && http_way.records >= browser_way.records
        && !fields.iter().any(|pair| pair.differs);
    Ok(Compared {
        pipeline: pipeline.id.clone(),
        url: request.url,
        page,
        http_is_enough: is_same,
        http: http_way,
        browser: browser_way,
        fields,
        exit: match http {
            Ok(http) if is_same => http.exit(),
            _ => Exit::Incomplete,
        },
    })
}

impl Way {
    fn of(tried: &Tried) -> Self {
        let items = tried.explanation.as_ref().map_or(0, |it| it.items.len());
        Self {
            bytes: Some(tried.bytes),
            entries: items,
            records: tried.records.len(),
            problem: tried.problem.clone(),
        }
    }

    fn failed(failure: &Failure) -> Self {
        Self {
            bytes: None,
            entries: 0,
            records: 0,
            problem: Some(failure.to_string()),
        }
    }

    fn told(&self) -> String {
        match (&self.problem, self.bytes) {
            (Some(problem), _) => problem.clone(),
            (None, bytes) => format!("{} bytes", bytes.unwrap_or_default()),
        }
    }
}

/// Every field that either way knows of, in the order of the rules.
fn fields(pipeline: &Pipeline, http: Option<&Tried>, browser: &Tried) -> Vec<FieldPair> {
    let http_reports = http.map_or(&[][..], reports);
    let browser_reports = reports(browser);
    let is_new = |report: &&FieldReport| {
        !browser_reports
            .iter()
            .any(|other| other.field == report.field)
    };
    let names = browser_reports
        .iter()
        .chain(http_reports.iter().filter(is_new))
        .map(|report| report.field.as_str());
    let items = [http.map_or(&[][..], items), items(browser)];
    names
        .map(|name| {
            let of = |reports: &[FieldReport]| {
                let report = reports.iter().find(|report| report.field == name);
                report.map_or((None, 0), |report| (shown(&report.values), report.found_in))
            };
            let ((http, http_in), (browser, browser_in)) = (of(http_reports), of(browser_reports));
            let entry = first_other(pipeline, items, name);
            let differs = http != browser || http_in != browser_in || entry.is_some();
            let (http, browser) = entry.unwrap_or((http, browser));
            FieldPair {
                field: name.to_owned(),
                differs,
                http,
                browser,
                found_in: FoundIn {
                    http: http_in,
                    browser: browser_in,
                },
            }
        })
        .collect()
}

fn reports(tried: &Tried) -> &[FieldReport] {
    tried.explanation.as_ref().map_or(&[], |it| &it.fields)
}

fn items(tried: &Tried) -> &[Item] {
    tried.explanation.as_ref().map_or(&[], |it| &it.items)
}

/// The field's texts in the first item that has others by HTTP than in the browser.
fn first_other(
    pipeline: &Pipeline,
    [http, browser]: [&[Item]; 2],
    name: &str,
) -> Option<(Option<String>, Option<String>)> {
    let field = *Field::ALL.iter().find(|field| field.as_str() == name)?;
    let texts = |item: &Item| match &item.values {
        Values::Fields(values) => values.get(&field).and_then(|texts| shown(texts)),
        Values::Weather(_) => None,
    };
    let id = |item: &Item| -> RecordId { normalize::identity(pipeline, item) };
    browser.iter().find_map(|rendered| {
        let plain = http.iter().find(|plain| id(plain) == id(rendered))?;
        let pair = (texts(plain), texts(rendered));
        (pair.0 != pair.1).then_some(pair)
    })
}

/// Texts in one line; none where all are blank, which is how a page looks that a script is to fill.
fn shown(texts: &[String]) -> Option<String> {
    let line = text::one_line(&texts.join(", "));
    (!line.is_empty()).then_some(line)
}

impl Compared {
    pub(super) const fn exit(&self) -> Exit {
        self.exit
    }

    /// Prints it for people.
    pub(super) fn print(&self) -> Result<(), Failure> {
        let mut out = std::io::stdout();
        let page = match self.page {
            PageKind::List => "list page",
            PageKind::Detail => "detail page",
        };
        writeln!(out, "{page} {}", self.url)?;
        for (name, way) in [("http", &self.http), ("browser", &self.browser)] {
            let entries = match self.page {
                PageKind::List => format!(", {} entries", way.entries),
                PageKind::Detail => String::new(),
            };
            writeln!(out, "{name}: {}{entries}", way.told())?;
        }
        writeln!(out)?;
        let row = |pair: &FieldPair| Row {
            field: pair.field.clone(),
            differs: if pair.differs { "differs" } else { "same" },
            http: pair.http.as_deref().map(cut),
            browser: pair.browser.as_deref().map(cut),
        };
        let rows: Vec<Row> = self.fields.iter().map(row).collect();
        let columns = ["field", "differs", "http", "browser"];
        print_rows(&rows, &columns, Format::Table)?;
        writeln!(out, "\n{}", self.verdict())?;
        Ok(())
    }

    fn verdict(&self) -> String {
        if self.http_is_enough {
            return "`fetch = \"http\"` is enough: a browser finds nothing else here".to_owned();
        }
        let differ = self.fields.iter().filter(|pair| pair.differs);
        let names: Vec<String> = differ.map(|pair| format!("`{}`", pair.field)).collect();
        let what = if names.is_empty() {
            String::new()
        } else {
            format!("{}: ", names.join(", "))
        };
        format!("{what}not the same by HTTP; where that matters, `fetch = \"browser\"`")
    }
}

#[derive(Serialize)]
struct Row {
    field: String,
    differs: &'static str,
    http: Option<String>,
    browser: Option<String>,
}
