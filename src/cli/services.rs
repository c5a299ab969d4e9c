//! Building what a run needs from the settings, the same for `run`, `demo` and `schedule run`.

use std::collections::BTreeSet;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use trendy::collect::{ArchiveSettings, BrowserKind, CollectSettings, Collector, Twins};
use trendy::config::{
    Catalog, Environment, Pipeline, Problem, Schedule, Settings, load_pipelines, load_schedules,
    parse_duration, suggestion,
};
use trendy::load::{Retention, Store, StoreOptions};
use trendy::normalize::Dictionaries;
use trendy::normalize::place::Stations;
use trendy::run::Services;
use url::Url;

use super::exit::{Exit, Failure, with_causes};

/// Runs a command's future to its end.
pub(super) fn block_on(
    command: impl Future<Output = Result<Exit, Failure>>,
) -> Result<Exit, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(command)
}

/// Becomes true at the first SIGINT or SIGTERM: what is in flight is finished. A second one ends the process at once.
pub(super) fn stop_on_signal() -> Result<watch::Receiver<bool>, Failure> {
    let (sender, receiver) = watch::channel(false);
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if sender.send_replace(true) {
                std::process::exit(130);
            }
            tracing::warn!("finishing what is in flight; once more to leave at once");
        }
    });
    Ok(receiver)
}

/// What every run of this process shares.
pub(super) async fn services(
    settings: &Settings,
    environment: &Environment,
) -> Result<Services, Failure> {
    let collector = collector(settings, environment)?;
    let dictionaries = dictionaries(settings)?;
    let store = open_store(settings).await?;
    Ok(Services {
        store,
        collector,
        dictionaries: Arc::new(dictionaries),
        stop: stop_on_signal()?,
    })
}

/// What fetches, by the settings.
pub(super) fn collector(
    settings: &Settings,
    environment: &Environment,
) -> Result<Collector, Failure> {
    let pairs = settings
        .twins
        .iter()
        .map(|(origin, base)| format!("{origin}={base}"));
    let twins = Twins::parse(pairs).map_err(|error| Failure::usage(with_causes(&error)))?;
    let path = |key| settings.get(key).map(PathBuf::from);
    let keep = settings.archive_keep().map_err(Failure::usage)?;
    let archive = path("archive").map(|folder| ArchiveSettings {
        keep,
        ..ArchiveSettings::new(folder)
    });
    let collect = CollectSettings {
        user_agent: user_agent(settings.get("contact")),
        twins,
        browser: browser_kind(settings)?,
        browser_sessions: browser_sessions(settings)?,
        browser_memory: settings.browser_memory().map_err(Failure::usage)?,
        browser_failures: path("browser_failures"),
        proxy: address(settings, "proxy")?,
        webdriver_url: address(settings, "webdriver_url")?,
        chromedriver: path("chromedriver"),
        chromium: path("chromium"),
        geckodriver: path("geckodriver"),
        firefox: path("firefox"),
        archive,
        ..CollectSettings::default()
    };
    Collector::new(collect, environment.clone())
        .map_err(|error| Failure::usage(with_causes(&error)))
}

fn address(settings: &Settings, key: &'static str) -> Result<Option<Url>, Failure> {
    let Some(text) = settings.get(key) else {
        return Ok(None);
    };
    // The text may hold a password.
    let url = Url::parse(text).map_err(|error| Failure::usage(format!("`{key}`: {error}")))?;
    Ok(Some(url))
}

fn browser_kind(settings: &Settings) -> Result<BrowserKind, Failure> {
    let name = settings.get("browser").unwrap_or_default();
    BrowserKind::parse(name).ok_or_else(|| {
        Failure::usage(format!(
            "`browser`: there is no browser `{name}`; known: `chrome`, `firefox`"
        ))
    })
}

fn browser_sessions(settings: &Settings) -> Result<usize, Failure> {
    let text = settings.get("browser_sessions").unwrap_or_default();
    match text.parse() {
        Ok(sessions @ 1..=32) => Ok(sessions),
        _ => Err(Failure::usage(format!(
            "`browser_sessions`: `{text}` is no number from 1 to 32"
        ))),
    }
}

/// The store of the settings.
pub(super) async fn open_store(settings: &Settings) -> Result<Store, Failure> {
    let url = settings.get("database_url").unwrap_or_default();
    Ok(Store::open_with(url, &store_options(settings)?).await?)
}

/// How long the store is waited for, by the settings.
pub(super) fn store_options(settings: &Settings) -> Result<StoreOptions, Failure> {
    Ok(StoreOptions {
        statement_timeout: duration(settings, "statement_timeout")?,
        lock_timeout: duration(settings, "lock_timeout")?,
    })
}

fn duration(settings: &Settings, key: &'static str) -> Result<Duration, Failure> {
    let text = settings.get(key).unwrap_or_default();
    parse_duration(text).map_err(|error| Failure::usage(format!("`{key}`: {error}")))
}

/// How long the store keeps what, by the settings.
pub(super) fn retention(settings: &Settings) -> Result<Retention, Failure> {
    trendy::run::retention(settings).map_err(Failure::usage)
}

/// The store of the settings, for a command that only reads: a name that is mistyped must not look like an empty store.
pub(super) async fn existing_store(settings: &Settings) -> Result<Store, Failure> {
    if let Some(path) = Store::missing(settings.get("database_url").unwrap_or_default())? {
        return Err(Failure::run(format!(
            "there is no store at `{}`\n  hint: `trendy run` or `trendy demo` makes it; another one is named with `--database`",
            path.display()
        )));
    }
    open_store(settings).await
}

/// The bundled dictionaries, and the user's own terms.
pub(super) fn dictionaries(settings: &Settings) -> Result<Dictionaries, Failure> {
    let Some(path) = settings.get("terms") else {
        return Ok(Dictionaries::bundled());
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("cannot read `{path}`: {error}")))?;
    Dictionaries::with_terms(&text).map_err(|error| Failure::usage(format!("{path}: {error}")))
}

/// One identity, and where its operator can be reached.
fn user_agent(contact: Option<&str>) -> String {
    let version = env!("CARGO_PKG_VERSION");
    match contact {
        Some(contact) => format!("trendy/{version} (+{contact})"),
        None => format!("trendy/{version}"),
    }
}

/// The pipelines of the settings' folder.
pub(super) fn pipelines(settings: &Settings) -> Result<Vec<Pipeline>, Failure> {
    Ok(pipeline_catalog(settings).all_or_problems()?)
}

/// The pipelines of the settings' folder and what is wrong with the others, stations that are not known included.
pub(super) fn pipeline_catalog(settings: &Settings) -> Catalog<Pipeline> {
    let mut catalog = load_pipelines(Path::new(settings.get("pipelines").unwrap_or_default()));
    let stations = Stations::bundled();
    for pipeline in &catalog.entries {
        for id in pipeline
            .source
            .stations
            .iter()
            .filter(|id| *id != "all" && stations.get(id).is_none())
        {
            let known = stations.iter().map(|station| station.id.as_str());
            let hint = suggestion(id, known)
                .or_else(|| Some("see `dictionaries/stations.toml`, or write `all`".to_owned()));
            let message = format!("`stations`: there is no station `{id}`");
            catalog.problems.push(Problem {
                hint,
                ..Problem::of_file(&pipeline.path, message)
            });
        }
    }
    catalog
}

/// The schedules of the settings' folder, for these pipelines.
pub(super) fn schedules(
    settings: &Settings,
    pipelines: &[Pipeline],
) -> Result<Vec<Schedule>, Failure> {
    let known: BTreeSet<&str> = pipelines
        .iter()
        .map(|pipeline| pipeline.id.as_str())
        .collect();
    Ok(load_schedules(
        Path::new(settings.get("schedules").unwrap_or_default()),
        &known,
    )
    .all_or_problems()?)
}
