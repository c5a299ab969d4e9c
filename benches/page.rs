//! From the tree of a posting's page of 20 KB to its record: `cargo bench --bench page`.
//!
//! The page is a saved posting with the descriptions of its neighbours in it. What is wanted is the time beyond the HTML
//! parser's, so that is taken apart.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use trendy::config::Pipeline;
use trendy::extract;
use trendy::html::tree;
use trendy::normalize::{self, Dictionaries};
use trendy::record::{Entry, Item, Page, Request, Role, Values};
use url::Url;

const PAGE_BYTES: usize = 20 * 1024;
const ROUNDS: usize = 1_000;
const BEGIN: &str = "<div class=\"job-description\">";
const END: &str = "</div><!-- end .job-post-content -->";

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = root.join("pipelines/python-jobs.toml");
    let pipeline = Pipeline::parse(&file, fs::read_to_string(&file)?)?;
    let dictionaries = Dictionaries::bundled();
    let html = posting(&root.join("fixtures/python-jobs/day-1/jobs"))?;
    let page = page(&pipeline, html.clone())?;
    let context = normalize::Context {
        pipeline: &pipeline,
        dictionaries: &dictionaries,
        fetched_at: Timestamp::UNIX_EPOCH,
    };
    let (mut parsed, mut read, mut normalized) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        drop(black_box(tree::parse(&html)?));
        parsed.push(start.elapsed());
        let start = Instant::now();
        let item = extract::detail_item(&pipeline, &page)?;
        read.push(start.elapsed());
        let item = item.map_err(|rejection| rejection.reason)?;
        let start = Instant::now();
        let record = normalize::normalize(&item, &context);
        normalized.push(start.elapsed());
        black_box(record.map_err(|rejection| rejection.reason)?);
    }
    let [parsed, read, normalized] = [parsed, read, normalized].map(median);
    let beyond = (read + normalized).saturating_sub(parsed);
    println!("{} bytes, median of {ROUNDS} rounds", html.len());
    println!(
        "parse {parsed:?}, fields {:?}, record {normalized:?}",
        read.saturating_sub(parsed)
    );
    println!("tree to record {beyond:?}");
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn posting(folder: &Path) -> Result<String, Box<dyn Error>> {
    let mut folders = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path().join("index.html")))
        .collect::<Result<Vec<_>, std::io::Error>>()?;
    folders.retain(|path| path.is_file());
    folders.sort();
    let mut whole = String::new();
    for path in folders {
        let page = fs::read_to_string(path)?;
        let description = page
            .split_once(BEGIN)
            .and_then(|(_, rest)| Some(rest.split_once(END)?.0))
            .ok_or("a posting without a description")?;
        match whole.find(END) {
            None => whole.clone_from(&page),
            Some(end) if whole.len() + description.len() <= PAGE_BYTES => {
                whole.insert_str(end, description);
            }
            Some(_) => {}
        }
    }
    Ok(whole)
}

fn page(pipeline: &Pipeline, html: String) -> Result<Page, Box<dyn Error>> {
    let url = Url::parse("https://www.python.org/jobs/7801/")?;
    let entry = Entry {
        url: url.clone(),
        external_id: Some("7801".to_owned()),
        modified: None,
    };
    let title = (trendy::record::Field::Title, vec!["Developer".to_owned()]);
    let item = Item {
        entry,
        values: Values::Fields(BTreeMap::from([title])),
        noindex: false,
        place: None,
    };
    Ok(Page {
        request: Request {
            pipeline: pipeline.id.clone(),
            url: url.clone(),
            role: Role::Detail {
                entry: Box::new(item),
            },
            validators: None,
        },
        url,
        status: 200,
        content_type: Some("text/html; charset=utf-8".to_owned()),
        body: html.into(),
        robots_tags: Vec::new(),
        fetched_at: Timestamp::UNIX_EPOCH,
        validators: None,
        is_cut: false,
        unseen: None,
    })
}
