//! The bench's crawl with the crate spider: `bench-spider BASE DATABASE`.

use std::error::Error;
use std::sync::LazyLock;

use rusqlite::{Connection, params_from_iter};
use scraper::{Html, Selector};
use spider::website::Website;
use tokio::task::JoinSet;

type Job = [String; 9];

struct Rules {
    texts: [Selector; 5],
    times: [Selector; 2],
    description: Selector,
}

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let rule = |css| Selector::parse(css).unwrap();
    Rules {
        texts: [
            "h1.title",
            "dd.company",
            "dd.location",
            "dd.employment",
            "dd.experience",
        ]
        .map(rule),
        times: ["time.posted", "time.closes"].map(rule),
        description: rule("section.description"),
    }
});

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (base, database) = (arguments.next().unwrap(), arguments.next().unwrap());
    let (jobs, received) = std::sync::mpsc::sync_channel::<Job>(64);
    let store = std::thread::spawn(move || store(&database, &received).unwrap());
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let mut website = Website::new(&format!("{base}/jobs"));
            website
                .with_limit(u32::MAX)
                .with_depth(0)
                .with_delay(0)
                .with_concurrency_limit(Some(16));
            let mut pages = website.subscribe(4096);
            // Parsed beside the crawl, by as many tasks as there are cores.
            let reader = tokio::spawn(async move {
                let mut lost = 0;
                let mut readers = JoinSet::new();
                loop {
                    while readers.try_join_next().is_some() {}
                    match pages.recv().await {
                        Ok(page) => {
                            let jobs = jobs.clone();
                            readers.spawn(async move {
                                if let Some(job) = read(page.get_url(), &page.get_html()) {
                                    tokio::task::block_in_place(|| jobs.send(job)).unwrap();
                                }
                            });
                        }
                        Err(tokio::sync::broadcast::error::RecvError::Lagged(count)) => {
                            lost += count
                        }
                        Err(_) => break,
                    }
                }
                while readers.join_next().await.is_some() {}
                if lost > 0 {
                    eprintln!("{lost} pages lost");
                }
            });
            website.crawl().await;
            website.unsubscribe();
            reader.await
        })?;
    store.join().unwrap();
    Ok(())
}

fn read(url: &str, html: &str) -> Option<Job> {
    let html = Html::parse_document(html);
    let rules = &*RULES;
    let text = |rule| {
        html.select(rule)
            .next()
            .map(|element| words(element.text()))
            .unwrap_or_default()
    };
    let time = |rule| {
        html.select(rule)
            .next()?
            .attr("datetime")
            .map(str::to_owned)
    };
    let description = html.select(&rules.description).next()?;
    let [title, company, location, employment, experience] = rules.texts.each_ref().map(text);
    let [posted, closes] = rules
        .times
        .each_ref()
        .map(|rule| time(rule).unwrap_or_default());
    let description = words(description.text());
    Some([
        url.to_owned(),
        title,
        company,
        location,
        employment,
        experience,
        posted,
        closes,
        description,
    ])
}

fn words<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let texts: String = texts.collect();
    texts.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn store(database: &str, jobs: &std::sync::mpsc::Receiver<Job>) -> rusqlite::Result<()> {
    let mut connection = Connection::open(database)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.execute_batch(
        "CREATE TABLE jobs (url PRIMARY KEY, title, company, location, employment, experience, posted, closes, description)",
    )?;
    while let Ok(first) = jobs.recv() {
        let transaction = connection.transaction()?;
        {
            let mut insert = transaction
                .prepare_cached("INSERT OR REPLACE INTO jobs VALUES (?,?,?,?,?,?,?,?,?)")?;
            insert.execute(params_from_iter(&first))?;
            for job in jobs.iter().take(499) {
                insert.execute(params_from_iter(&job))?;
            }
        }
        transaction.commit()?;
    }
    Ok(())
}
