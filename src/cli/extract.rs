use std::io::Read;
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use trendy::extract::{feed::Feed, kma, reader_text};
use trendy::html::decode;
use trendy::normalize::date::{self, DateContext, DayMonthOrder};
use url::Url;

use super::exit::{Exit, Failure, with_causes};
use super::output::print_json;

/// Base of relative addresses when none is given: reserved, so that a forgotten `--url` shows.
const NO_URL: &str = "http://example.invalid/";

/// Read one file without a pipeline, and print what is in it as JSON
#[derive(Debug, clap::Args)]
pub(super) struct ExtractArgs {
    /// The file, or `-` for stdin
    #[arg(value_name = "FILE")]
    file: String,
    /// What it is
    #[arg(long = "as", value_name = "FORMAT")]
    format: Format,
    /// The address it came from, for relative links
    #[arg(long, value_name = "URL", default_value = NO_URL)]
    url: Url,
    /// The `Content-Type` it came with
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    /// Zone of dates that name none
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    timezone: String,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// RSS, Atom, RDF or JSON Feed
    Feed,
    /// An answer of the Korean weather service
    Kma,
}

#[derive(Serialize)]
struct FeedOutput {
    title: Option<String>,
    link: Option<Url>,
    language: Option<String>,
    encoding: &'static str,
    entries: Vec<EntryOutput>,
}

#[derive(Serialize)]
struct EntryOutput {
    id: Option<String>,
    title: Option<String>,
    link: Option<Url>,
    author: Option<String>,
    published: Option<Timestamp>,
    updated: Option<Timestamp>,
    summary: Option<String>,
    content: Option<String>,
    tags: Vec<String>,
}

pub(super) fn run(args: &ExtractArgs) -> Result<Exit, Failure> {
    let zone = TimeZone::get(&args.timezone).map_err(Failure::usage)?;
    let body = read(&args.file)?;
    let decoded = decode(&body, args.content_type.as_deref());
    match args.format {
        Format::Kma => {
            let answer = kma::answer(&decoded.text)
                .map_err(|error| Failure::run(format!("cannot read `{}`: {}", args.file, with_causes(&error))))?;
            print_json(&answer)?;
        }
        Format::Feed => {
            let feed = Feed::of(&decoded.text, &args.url)
                .map_err(|error| Failure::run(format!("cannot read `{}`: {}", args.file, with_causes(&error))))?;
            print_json(&feed_output(feed, decoded.encoding.name(), zone))?;
        }
    }
    Ok(Exit::Done)
}

fn read(file: &str) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    let read = if file == "-" {
        std::io::stdin().lock().read_to_end(&mut body).map(drop)
    } else {
        std::fs::read(Path::new(file)).map(|bytes| body = bytes)
    };
    read.map_err(|error| Failure::usage(format!("cannot read `{file}`: {error}")))?;
    Ok(body)
}

fn feed_output(feed: Feed, encoding: &'static str, zone: TimeZone) -> FeedOutput {
    let context = DateContext { zone, now: Timestamp::now(), order: DayMonthOrder::default() };
    let instant = |text: Option<String>| date::parse(&text?, &context).ok();
    let entries = feed.entries.into_iter().map(|entry| EntryOutput {
        id: entry.id,
        title: entry.title.map(|title| title.value),
        link: entry.link,
        author: entry.author,
        published: instant(entry.published),
        updated: instant(entry.updated),
        summary: entry.summary.map(reader_text),
        content: entry.content.map(reader_text),
        tags: entry.tags,
    });
    FeedOutput {
        entries: entries.collect(),
        title: feed.head.title.map(|title| title.value),
        link: feed.head.link,
        language: feed.head.language,
        encoding,
    }
}
