//! Pages that need a browser, read by a real Chromium.

mod collecting;
mod failing;
mod guarded;
mod processes;
mod reading;
mod runs;

use std::path::{Path, PathBuf};
use std::time::Duration;

use trendy::collect::{CollectSettings, Collector, FetchError};
use trendy::config::{Fetch, Pipeline};
use trendy::record::Page;

use crate::site::{pipeline, read, request, settings};

/// Each of these tests by both ways.
macro_rules! both_ways {
    ($($name:ident)*) => {
        mod own_driver {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::browser::browser_settings()).await;
            })*
        }

        mod selenium {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::browser::grid_settings()).await;
            })*
        }
    };
}

use both_ways;

/// The programs that `dev/up` installed, or those in `PATH`.
fn browser_settings() -> CollectSettings {
    let program = |name| std::env::var_os(name).map(PathBuf::from);
    CollectSettings {
        chromedriver: program("TRENDY_TEST_CHROMEDRIVER"),
        chromium: program("TRENDY_TEST_CHROMIUM"),
        ..settings()
    }
}

/// The Grid that `dev/up` started.
fn grid_settings() -> CollectSettings {
    let Ok(url) = std::env::var("TRENDY_TEST_WEBDRIVER_URL") else {
        panic!("no Selenium Grid: run `dev/up selenium`, then `. target/dev-services/env`");
    };
    CollectSettings {
        webdriver_url: Some(url.parse().unwrap()),
        ..settings()
    }
}

fn browser_pipeline(url: &str) -> Pipeline {
    let mut pipeline = pipeline(url);
    pipeline.source.fetch = Fetch::Browser;
    pipeline
}

/// A pipeline as a file has it, with this in its `[source]`.
fn scripted(url: &str, source: &str) -> Pipeline {
    let text = format!(
        "id = \"board\"\nkind = \"job\"\ndescription = \"A board\"\n[source]\nfetch = \"browser\"\n\
         url = \"{url}\"\ntimeout = \"10s\"\n{source}\n[list]\nitem = \"li\"\n\
         link = {{ css = \"a\", attr = \"href\" }}\nfields.title = {{ css = \"a\" }}\n[defaults]\nboard = \"b\""
    );
    let mut pipeline = Pipeline::parse(Path::new("board.toml"), text).unwrap();
    pipeline.politeness.delay = Duration::ZERO;
    pipeline
}

async fn fetch(collector: &Collector, pipeline: &Pipeline) -> Result<Page, FetchError> {
    let fetcher = collector.fetcher(pipeline).unwrap();
    read(fetcher.as_ref(), &request(&pipeline.source.url)).await
}
