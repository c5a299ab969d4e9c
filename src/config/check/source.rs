//! Where the pages are.

use std::time::Duration;

use jiff::tz::TimeZone;
use url::Url;

use super::Checker;
use crate::config::document::suggestion;
use crate::config::pipeline::{Fetch, Issue, IssueFile, ListExtract, Source, SourceFile};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// What may stand in braces in a pipeline's address.
const URL_VARIABLES: [&str; 7] = [
    "station",
    "nx",
    "ny",
    "latitude",
    "longitude",
    "date",
    "time",
];

impl Checker<'_> {
    pub(super) fn source(&mut self, file: SourceFile, list: ListExtract) -> Option<Source> {
        let url_fits = if file.fetch == Fetch::File {
            self.files(&file, list);
            Some(())
        } else {
            self.address(&file)
        };
        let timezone = match file.timezone {
            None => Some(TimeZone::UTC),
            Some(name) => self
                .document
                .accept(&["source", "timezone"], TimeZone::get(&name)),
        };
        let timeout = self.duration(
            &["source", "timeout"],
            file.timeout.as_deref(),
            DEFAULT_TIMEOUT,
        );
        if file.wait_for.is_some() && file.fetch != Fetch::Browser {
            let hint = Some("set `fetch = \"browser\"`, or remove `wait_for`".to_owned());
            self.document.problem(
                &["source", "wait_for"],
                "only a browser can wait for an element",
                hint,
            );
        }
        if let Some(selector) = &file.wait_for {
            self.css(&["source", "wait_for"], selector);
        }
        let issue = file.issue.as_ref().map(|issue| self.issue(issue));
        let steps = self.steps(file.steps, &file.pages, file.fetch, timeout);
        let pages = self.pages(file.pages, list);
        url_fits?;
        Some(Source {
            fetch: file.fetch,
            url: file.url,
            headers: file.headers,
            timezone: timezone?,
            wait_for: file.wait_for,
            steps: steps?,
            timeout: timeout?,
            stations: file.stations.unwrap_or_default(),
            issue: match issue {
                Some(issue) => Some(issue?),
                None => None,
            },
            pages: pages?,
        })
    }

    /// A path, and nothing besides that only a site has.
    fn files(&mut self, file: &SourceFile, list: ListExtract) {
        for (is_given, key) in [
            (!file.headers.is_empty(), "headers"),
            (file.stations.is_some(), "stations"),
            (file.issue.is_some(), "issue"),
            (file.pages.is_given(), "pages"),
        ] {
            if is_given {
                let message = format!("files have no `{key}`: remove the key");
                self.document.problem(&["source", key], message, None);
            }
        }
        if file.url.contains("://") || file.url.is_empty() {
            let hint = Some("such as `data/*.ndjson.gz`, or `-` for standard input".to_owned());
            let message = format!("`{}` is no path of a file", file.url);
            self.document.problem(&["source", "url"], message, hint);
        }
        if list != ListExtract::Json {
            let hint = Some(
                "set `extract = \"json\"`; a row of CSV is an object by its header's names"
                    .to_owned(),
            );
            let message = "files are read by JSONPath";
            self.document.problem(&["list", "extract"], message, hint);
        }
    }

    /// The address parses, is HTTP, and names only variables that its other keys can fill.
    fn address(&mut self, file: &SourceFile) -> Option<()> {
        let key = &["source", "url"];
        let variables = url_variables(&file.url);
        for name in &variables {
            if !URL_VARIABLES.contains(name) {
                let hint = suggestion(name, URL_VARIABLES.into_iter()).unwrap_or_else(|| {
                    format!(
                        "known: `{}`; a secret is written `${{NAME}}`",
                        URL_VARIABLES.join("`, `")
                    )
                });
                self.document
                    .problem(key, format!("nothing fills `{{{name}}}`"), Some(hint));
                return None;
            }
            let needs = if matches!(*name, "date" | "time") {
                "issue"
            } else {
                "stations"
            };
            let given = if needs == "issue" {
                file.issue.is_some()
            } else {
                file.stations.is_some()
            };
            if !given {
                self.document.problem(
                    key,
                    format!("`{{{name}}}` needs `{needs}` in the same table"),
                    None,
                );
                return None;
            }
        }
        let filled = variables.iter().fold(file.url.clone(), |url, name| {
            url.replace(&format!("{{{name}}}"), "0")
        });
        let url = self.document.accept(
            key,
            Url::parse(&filled).map_err(|error| format!("`{}` is no address: {error}", file.url)),
        )?;
        if !matches!(url.scheme(), "http" | "https") {
            let hint = Some("known: `http`, `https`".to_owned());
            self.document
                .problem(key, format!("cannot fetch from `{}:`", url.scheme()), hint);
            return None;
        }
        if !url.username().is_empty() || url.password().is_some() {
            let hint = Some("put it into `headers` as `${NAME}`".to_owned());
            self.document
                .problem(key, "a credential stands in the address", hint);
            return None;
        }
        Some(())
    }

    fn issue(&mut self, file: &IssueFile) -> Option<Issue> {
        let every = self.duration(
            &["source", "issue", "every"],
            Some(&file.every),
            Duration::ZERO,
        )?;
        let after = self.duration(
            &["source", "issue", "available_after"],
            file.available_after.as_deref(),
            Duration::ZERO,
        )?;
        if every < Duration::from_mins(1) || every > Duration::from_hours(24) {
            self.document.problem(
                &["source", "issue", "every"],
                "an issue comes every `1m` to `24h`",
                None,
            );
            return None;
        }
        Some(Issue {
            every,
            available_after: after,
        })
    }
}

/// The names in single braces; `${NAME}` is a secret, not a variable.
pub(crate) fn url_variables(url: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut before = "";
    for part in url.split('{') {
        if let Some((name, _)) = part.split_once('}')
            && !before.ends_with('$')
        {
            names.push(name);
        }
        before = part;
    }
    names
}
