use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::document::{SourceDocument, suggestion};
use super::environment::{Environment, fill};
use super::problem::{ConfigError, Problem};

/// The settings file that is read when none is named.
const DEFAULT_FILE: &str = "trendy.toml";

/// Where a setting's value came from; a later one wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// The file's top level.
    File(PathBuf),
    /// A profile of the file.
    Profile(PathBuf, String),
    /// A variable of the environment.
    Environment(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(formatter, "default"),
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::Profile(path, name) => write!(formatter, "{} [profile.{name}]", path.display()),
            Self::Environment(name) => write!(formatter, "${name}"),
            Self::Flag(name) => write!(formatter, "{name}"),
        }
    }
}

/// One effective value, as `config show` prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its key in `trendy.toml`.
    pub key: &'static str,
    /// Its value; credentials hidden.
    pub value: Option<String>,
    /// Where it came from.
    pub origin: Origin,
}

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $key:ident $([$alias:literal])? = $default:expr;)*) => {
        /// `trendy.toml`, and each `[profile.NAME]` in it.
        #[derive(Debug, Default, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        #[schemars(title = "Trendy settings file")]
        pub struct SettingsFile {
            $($(#[doc = $doc])+ $key: Option<String>,)*
            /// Local twins: a real origin → the base address that stands in for it on the wire.
            #[serde(default)]
            twins: BTreeMap<String, String>,
            /// Settings that hold with `--profile NAME` only.
            #[serde(default)]
            profile: BTreeMap<String, SettingsFile>,
        }

        impl SettingsFile {
            fn values(&self) -> impl Iterator<Item = (&'static str, &String)> {
                [$((stringify!($key), &self.$key)),*].into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?)))
            }
        }

        /// Key, the variable that other tools call it by, and default.
        const KEYS: &[(&str, Option<&str>, Option<&str>)] = &[
            $((stringify!($key), settings!(@alias $($alias)?), $default)),*
        ];
    };
    (@alias) => { None };
    (@alias $alias:literal) => { Some($alias) };
}

settings! {
    /// The store: a path or `sqlite:PATH`, or a `postgres://` address. Default: `sqlite:trendy.db`, which needs no server.
    database_url ["DATABASE_URL"] = Some("sqlite:trendy.db");
    /// Longest that a Postgres server works at one statement; `0s` for no limit. Default: `5m`, as no statement of a run
    /// takes seconds.
    statement_timeout = Some("5m");
    /// Longest that a write to the store waits for another process that writes. Default: `10s`; a batch takes less than one.
    lock_timeout = Some("10s");
    /// Elasticsearch to publish to, such as `https://USER:PASSWORD@HOST:9200`; the nodes of a cluster with commas between
    /// them, asked in turn while one of them is away. Default: none.
    elasticsearch_url ["ELASTICSEARCH_URL"] = None;
    /// An API key of Elasticsearch in place of a user and a password, as Kibana shows it (Base64) or as `ID:KEY`.
    /// Default: none.
    elasticsearch_api_key ["ELASTICSEARCH_API_KEY"] = None;
    /// A file of certificates (PEM) to trust besides the public authorities, such as the `http_ca.crt` that Elasticsearch
    /// writes. Default: none.
    elasticsearch_ca_file = None;
    /// First part of every index name. Default: `trendy`.
    index_prefix = Some("trendy");
    /// Folder of pipeline files. Default: `pipelines`.
    pipelines = Some("pipelines");
    /// Folder of schedule files. Default: `schedules`.
    schedules = Some("schedules");
    /// Where the operator can be reached, told to every site in the User-Agent: an address or an e-mail. Default: none.
    contact = None;
    /// The browser of pipelines with `fetch = "browser"`: `chrome` (Chromium too) or `firefox`. Default: `chrome`.
    browser = Some("chrome");
    /// Most browsers at once, each with one page: 1 to 32. Default: `2`; each takes some 300 MB.
    browser_sessions = Some("2");
    /// Most memory that a browser may hold between two pages before a new one takes its place, on Linux, where trendy
    /// starts it: a number with `MiB` or `GiB`. Elsewhere, and in a Grid, it is replaced after 100 pages or an hour, as it
    /// is anyway. Default: `768MiB`, of which Chromium takes some 400 to begin with.
    browser_memory = Some("768MiB");
    /// Folder for what a browser saw when a step or `wait_for` failed, as HTML and PNG; the newest 20 failures are kept.
    /// Default: `browser-failures`.
    browser_failures = Some("browser-failures");
    /// A proxy for every request, such as `http://proxy.example:3128`. Default: those of `HTTP_PROXY`, `HTTPS_PROXY`,
    /// `ALL_PROXY` and `NO_PROXY`.
    proxy = None;
    /// A WebDriver or Selenium Grid to use. Default: none; trendy starts the browser's driver itself.
    webdriver_url = None;
    /// The chromedriver to start. Default: the one on the PATH.
    chromedriver = None;
    /// The Chromium or Chrome to start. Default: the one on the PATH.
    chromium = None;
    /// The geckodriver to start. Default: the one on the PATH.
    geckodriver = None;
    /// The Firefox to start. Default: the one on the PATH.
    firefox = None;
    /// A file with terms of your own, in the form of `dictionaries/terms.toml`. Default: none.
    terms = None;
    /// Folder for raw answers, as WARC files that `run --replay` reads. Default: none; nothing is kept.
    archive = None;
    /// Age from which files of `archive` are removed, such as `30d`. Default: none; all are kept.
    archive_keep = None;
    /// Longest time that `run` publishes after loading. Default: `60s`; what is left goes with the next run.
    publish_limit = Some("60s");
    /// Age of the oldest change that a target does not have, from which `status` calls it unhealthy. Default: `1h`.
    max_lag = Some("1h");
    /// Age from which changes are removed from the log, `1d` or more, or `forever`; what a target that is at work does not
    /// have yet stays. Default: `90d`. A target that comes back later is sent everything anew.
    log_keep = Some("90d");
    /// Age from which forecasts are removed, counted from the hour that they are for, or `forever`. Default: `90d`, some
    /// million readings of 17 stations. Observations stay.
    forecast_keep = Some("90d");
    /// Age from which weather is removed from Elasticsearch, by whole months, counted from the hour that a reading is for: `31d`
    /// or more, or `forever`. Default: `1095d`, three years. The store keeps it: after the age was raised, `trendy index rebuild` brings
    /// it back.
    weather_index_keep = Some("1095d");
    /// How long a target that is behind, and acknowledges nothing, holds the log beyond `log_keep`, or `forever`. Default:
    /// `30d`: a server is mended by then, or will not come back.
    target_keep = Some("30d");
}

/// The effective settings.
#[derive(Debug, Clone)]
pub struct Settings {
    values: BTreeMap<&'static str, (String, Origin)>,
    /// Real origin → base address that stands in for it.
    pub twins: BTreeMap<String, String>,
}

impl Settings {
    /// Joins the file, the profile, the environment and the flags (key → value), in that order.
    ///
    /// `file` must exist when it is named; `trendy.toml` is read if it is there.
    pub fn load(
        file: Option<&Path>,
        profile: Option<&str>,
        environment: &Environment,
        flags: &[(&'static str, &'static str, String)],
    ) -> Result<Self, ConfigError> {
        let mut settings = Self::defaults();
        let path = file.unwrap_or(Path::new(DEFAULT_FILE));
        match std::fs::read_to_string(path) {
            Ok(text) => settings.read(path, text, profile, environment)?,
            Err(error) if file.is_some() => {
                return Err(
                    Problem::of_file(path, format!("cannot read the file: {error}")).into(),
                );
            }
            Err(_) => {
                if let Some(name) = profile {
                    let message = format!("there is no profile `{name}`: the file is not here");
                    return Err(Problem::of_file(path, message).into());
                }
            }
        }
        settings.read_environment(environment);
        for (key, flag, value) in flags {
            settings
                .values
                .insert(key, (value.clone(), Origin::Flag(flag)));
        }
        Ok(settings)
    }

    /// What holds when nothing is said: `demo` starts from here, so that it cannot touch a real store.
    pub fn defaults() -> Self {
        let values = KEYS
            .iter()
            .filter_map(|(key, _, default)| Some((*key, ((*default)?.to_owned(), Origin::Default))))
            .collect();
        Self {
            values,
            twins: BTreeMap::new(),
        }
    }

    /// Sets a value, as a flag does.
    pub fn set(&mut self, key: &'static str, value: impl Into<String>, flag: &'static str) {
        self.values.insert(key, (value.into(), Origin::Flag(flag)));
    }

    /// The value of a key, where it has one.
    pub fn get(&self, key: &'static str) -> Option<&str> {
        debug_assert!(
            KEYS.iter().any(|(known, _, _)| *known == key),
            "`{key}` is no setting"
        );
        self.values.get(key).map(|(value, _)| value.as_str())
    }

    /// How long raw answers are kept, where that is limited.
    pub fn archive_keep(&self) -> Result<Option<Duration>, String> {
        self.age("archive_keep")
    }

    /// An age; none where there is no limit.
    pub fn age(&self, key: &'static str) -> Result<Option<Duration>, String> {
        let Some(text) = self.get(key).filter(|text| *text != "forever") else {
            return Ok(None);
        };
        // Days, unlike those of `parse_duration`, are what an age is told in.
        let age = text.parse::<Span>().ok();
        let age = age.and_then(|age| age.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
        match age.and_then(|age| Duration::try_from(age).ok()) {
            Some(age) => Ok(Some(age)),
            None => Err(format!(
                "`{key}`: `{text}` is no age: write a number and its unit, such as `30d` or `12h`, or `forever`"
            )),
        }
    }

    /// Most bytes that a browser may hold.
    pub fn browser_memory(&self) -> Result<u64, String> {
        let text = self.get("browser_memory").unwrap_or_default();
        parse_size(text).map_err(|error| format!("`browser_memory`: {error}"))
    }

    /// Every key with its effective value, credentials in addresses hidden.
    pub fn shown(&self) -> Vec<Setting> {
        let mut shown = Vec::with_capacity(KEYS.len());
        for (key, _, _) in KEYS {
            let entry = self.values.get(key);
            shown.push(Setting {
                key,
                value: entry.map(|(value, _)| match *key {
                    "elasticsearch_api_key" => "***".to_owned(),
                    _ => without_credentials(value),
                }),
                origin: entry.map_or(Origin::Default, |(_, origin)| origin.clone()),
            });
        }
        shown
    }

    fn read(
        &mut self,
        path: &Path,
        text: String,
        profile: Option<&str>,
        environment: &Environment,
    ) -> Result<(), ConfigError> {
        let (mut document, file) = SourceDocument::parse::<SettingsFile>(path, text)?;
        self.take(
            &mut document,
            &[],
            &file,
            &Origin::File(path.to_owned()),
            environment,
        );
        for (name, nested) in &file.profile {
            if !nested.profile.is_empty() {
                document.problem(
                    &["profile", name, "profile"],
                    "a profile holds no profile",
                    None,
                );
            }
        }
        if let Some(name) = profile {
            if let Some(values) = file.profile.get(name) {
                let origin = Origin::Profile(path.to_owned(), name.to_owned());
                self.take(
                    &mut document,
                    &["profile", name],
                    values,
                    &origin,
                    environment,
                );
            } else {
                let hint = suggestion(name, file.profile.keys().map(String::as_str));
                document.problem(&["profile"], format!("there is no profile `{name}`"), hint);
            }
        }
        document.finish()
    }

    fn take(
        &mut self,
        document: &mut SourceDocument,
        table: &[&str],
        file: &SettingsFile,
        origin: &Origin,
        environment: &Environment,
    ) {
        for (key, value) in file.values() {
            let filled = fill(value, |name| {
                environment
                    .resolve(name)
                    .map(|secret| secret.expose().to_owned())
            });
            if let Some(value) = document.accept(&[table, &[key]].concat(), filled) {
                self.values.insert(key, (value, origin.clone()));
            }
        }
        self.twins.extend(
            file.twins
                .iter()
                .map(|(origin, base)| (origin.clone(), base.clone())),
        );
    }

    fn read_environment(&mut self, environment: &Environment) {
        for (key, alias, _) in KEYS {
            let own = format!("TRENDY_{}", key.to_ascii_uppercase());
            for name in alias.iter().copied().chain([own.as_str()]) {
                if let Some(value) = environment.get(name) {
                    self.values.insert(
                        key,
                        (value.to_owned(), Origin::Environment(name.to_owned())),
                    );
                }
            }
        }
    }
}

/// The addresses of a list with commas between them. A comma inside of one, such as in a password, separates nothing.
pub fn addresses(list: &str) -> Vec<&str> {
    let mut addresses = Vec::new();
    let mut start = 0;
    for (comma, _) in list.match_indices(',') {
        if list[comma + 1..].trim_start().starts_with("http") {
            addresses.push(list[start..comma].trim());
            start = comma + 1;
        }
    }
    addresses.push(list[start..].trim());
    addresses
}

/// Every address of a list [without its credentials](without_credentials_of_one).
fn without_credentials(value: &str) -> String {
    let hidden: Vec<String> = addresses(value)
        .into_iter()
        .map(without_credentials_of_one)
        .collect();
    hidden.join(",")
}

/// An address without its user name and password, and without the values of its query; any other text as it is.
fn without_credentials_of_one(value: &str) -> String {
    let Ok(mut url) = Url::parse(value) else {
        return if value.contains('@') {
            "***".to_owned()
        } else {
            value.to_owned()
        };
    };
    if url.password().is_some() || !url.username().is_empty() {
        // Neither fails: the address has a host, else it could hold no credentials.
        let hidden = url
            .set_username("***")
            .and_then(|()| url.set_password(Some("***")));
        if hidden.is_err() {
            return "***".to_owned();
        }
    }
    if let Some(query) = url.query() {
        let names = query
            .split('&')
            .map(|pair| pair.split('=').next().unwrap_or_default());
        let hidden: Vec<String> = names.map(|name| format!("{name}=***")).collect();
        url.set_query(Some(&hidden.join("&")));
        return url.into();
    }
    if value.contains('@') {
        url.into()
    } else {
        value.to_owned()
    }
}

/// A size with its unit, such as `768MiB`.
fn parse_size(text: &str) -> Result<u64, String> {
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
    let size = units.into_iter().find_map(|(unit, bytes)| {
        let number: u64 = text.strip_suffix(unit)?.trim_end().parse().ok()?;
        number.checked_mul(bytes).filter(|&size| size > 0)
    });
    size.ok_or_else(|| {
        format!(
            "`{text}` is no size: write a whole number and its unit, such as `768MiB` or `1GiB`"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(
        text: &str,
        profile: Option<&str>,
        environment: &Environment,
    ) -> Result<Settings, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trendy.toml");
        std::fs::write(&path, text).unwrap();
        Settings::load(
            Some(&path),
            profile,
            environment,
            &[("pipelines", "--pipelines", "flagged".into())],
        )
    }

    #[test]
    fn flag_wins_over_environment_over_profile_over_file() {
        let text = "index_prefix = 'a'\npipelines = 'a'\ncontact = 'a'\n[profile.prod]\nindex_prefix = 'b'\ncontact = 'b'";
        let environment =
            Environment::of([("TRENDY_INDEX_PREFIX", "c"), ("TRENDY_PIPELINES", "c")]);
        let settings = load(text, Some("prod"), &environment).unwrap();
        assert_eq!(settings.get("index_prefix"), Some("c"));
        assert_eq!(settings.get("pipelines"), Some("flagged"));
        assert_eq!(settings.get("contact"), Some("b"));
        assert_eq!(settings.get("schedules"), Some("schedules"));
    }

    #[test]
    fn archives_are_kept_for_days_or_for_ever() {
        let kept = |text: &str| {
            let settings = load(text, None, &Environment::default()).unwrap();
            settings.archive_keep()
        };
        assert_eq!(kept(""), Ok(None));
        let days = Duration::from_hours(30 * 24);
        assert_eq!(kept("archive_keep = '30d'"), Ok(Some(days)));
        let error = kept("archive_keep = 'long'").unwrap_err();
        assert!(error.contains("`long` is no age"), "{error}");
        assert!(kept("archive_keep = '-1d'").is_err());
        assert!(kept("archive_keep = '1 month'").is_err());
    }

    #[test]
    fn a_size_has_a_number_and_a_unit() {
        let of = |text: &str| {
            let settings = load(text, None, &Environment::default()).unwrap();
            settings.browser_memory()
        };
        assert_eq!(of(""), Ok(768 << 20));
        assert_eq!(of("browser_memory = '1 GiB'"), Ok(1 << 30));
        for wrong in ["1", "0MiB", "-1MiB", "1.5GiB", "much", "99999999999999GiB"] {
            let error = of(&format!("browser_memory = '{wrong}'")).unwrap_err();
            assert!(error.contains("is no size: write"), "{wrong}: {error}");
        }
    }

    #[test]
    fn credentials_are_filled_from_the_environment_and_never_shown() {
        let environment = Environment::of([("PASSWORD", "s3cret")]);
        let settings = load(
            "database_url = 'postgres://me:${PASSWORD}@db/trendy'",
            None,
            &environment,
        )
        .unwrap();
        assert_eq!(
            settings.get("database_url"),
            Some("postgres://me:s3cret@db/trendy")
        );
        assert!(!format!("{:?}", settings.shown()).contains("s3cret"));
        assert_eq!(
            without_credentials("postgres://db/t?password=s3cret"),
            "postgres://db/t?password=***"
        );
        assert_eq!(
            without_credentials("http://me:a,b@one:1,https://me:s3cret@two"),
            "http://***:***@one:1/,https://***:***@two/"
        );
        assert_eq!(
            without_credentials("https://me.example/"),
            "https://me.example/"
        );
    }

    #[test]
    fn unknown_key_is_placed_and_the_near_one_named() {
        let error = load("\nindex_perfix = 'x'", None, &Environment::default())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("trendy.toml:2:1: unknown field `index_perfix`"),
            "{error}"
        );
        assert!(error.contains("did you mean `index_prefix`?"), "{error}");
    }

    #[test]
    fn missing_variable_is_placed() {
        let error = load("contact = '${NOBODY}'", None, &Environment::default())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("trendy.toml:1:1: environment variable `NOBODY` is not set"),
            "{error}"
        );
    }
}
