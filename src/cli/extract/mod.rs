mod article;
mod feed;
mod jobs;
mod sitemap;

use std::io::Read;
use std::path::Path;

use encoding_rs::Encoding;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use trendy::extract::article::Article;
use trendy::extract::sitemap::Sitemap;
use trendy::extract::{jobposting, kma};
use trendy::html::decode;
use trendy::normalize::date::{self, DateContext, DayMonthOrder};
use url::Url;

use self::article::ArticleOutput;
use self::feed::FeedOutput;
use self::jobs::JobsOutput;
use self::sitemap::SitemapOutput;
use super::exit::{Exit, Failure, with_causes};
use super::output::print_json;
use super::{Context, services};

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
    /// A page that declares job postings: schema.org in JSON-LD, microdata or RDFa
    Jobs,
    /// A page with an article: what it declares, its text, and the technologies in it
    Article,
    /// A sitemap, or an index of sitemaps
    Sitemap,
    /// An answer of the Korean weather service
    Kma,
}

pub(super) fn run(args: &ExtractArgs, context: &Context) -> Result<Exit, Failure> {
    let zone = TimeZone::get(&args.timezone).map_err(Failure::usage)?;
    let body = read(&args.file)?;
    let decoded = decode(&body, args.content_type.as_deref());
    let dates = DateContext {
        zone,
        now: Timestamp::now(),
        order: DayMonthOrder::default(),
    };
    let encoding = encoding_label(decoded.encoding);
    let unreadable = |error: &dyn std::error::Error| {
        Failure::run(format!(
            "cannot read `{}`: {}",
            args.file,
            with_causes(error)
        ))
    };
    match args.format {
        Format::Kma => {
            print_json(&kma::answer(&decoded.text).map_err(|error| unreadable(&error))?)?;
        }
        Format::Feed => {
            let feed = FeedOutput::of(&decoded.text, &args.url, encoding, &dates);
            print_json(&feed.map_err(|error| unreadable(&error))?)?;
        }
        Format::Jobs => {
            let jobs = jobposting::read(&decoded.text, &args.url);
            let jobs = jobs.map_err(|error| unreadable(&error))?;
            print_json(&JobsOutput::of(jobs, encoding, &dates))?;
        }
        Format::Article => {
            let article = Article::of(&decoded.text, &args.url);
            let article = article.map_err(|error| unreadable(&error))?;
            let dictionaries = services::dictionaries(&context.settings()?)?;
            print_json(&ArticleOutput::of(article, encoding, &dates, &dictionaries))?;
        }
        Format::Sitemap => {
            let sitemap = Sitemap::of(&decoded.text, &args.url);
            let sitemap = sitemap.map_err(|error| unreadable(&error))?;
            print_json(&SitemapOutput::of(sitemap, &dates))?;
        }
    }
    Ok(Exit::Done)
}

/// The encoding's name as labels write it: lower case, and UTF-16 with its byte order set apart.
fn encoding_label(encoding: &'static Encoding) -> String {
    let name = encoding.name().to_ascii_lowercase();
    match name.strip_prefix("utf-16") {
        Some(order) => format!("utf-16-{order}"),
        None => name,
    }
}

/// The instant that a text names, if it names one: here a wrong date is no reason to withhold the rest.
fn instant(text: Option<&str>, dates: &DateContext) -> Option<Timestamp> {
    date::parse(text?, dates).ok()
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
