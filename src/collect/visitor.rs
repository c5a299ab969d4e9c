use std::time::Duration;

use reqwest::cookie::{CookieStore, Jar};
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use url::Url;

use super::archive::{Capture, Recorder};
use super::budget::Budget;
use super::collector::SetupError;
use super::secrets::{Redactor, Secrets};
use crate::config::{self, Environment, Pipeline, Politeness};

/// One run of one pipeline, as sites meet it: where it comes from, what it shows, how gently it asks.
#[derive(Debug)]
pub(super) struct Visitor {
    /// The pipeline's own address, with its `{…}` and `${…}`.
    pub(super) home: Url,
    pub(super) politeness: Politeness,
    /// Longest time for one answer.
    pub(super) timeout: Duration,
    /// What failed requests have cost this run.
    pub(super) failures: Budget,
    secrets: Secrets,
    /// Headers for every host.
    open: HeaderMap,
    /// Headers for the pipeline's own origin alone.
    confidential: HeaderMap,
    /// What may be shown of the confidential ones: the value as the pipeline file has it, or nothing of it.
    shown: Vec<(String, String)>,
    cookies: Jar,
    recorder: Option<Recorder>,
}

/// Stands in for a confidential value that the pipeline file holds itself.
const HIDDEN: &str = "***";

impl Visitor {
    pub(super) fn new(pipeline: &Pipeline, environment: &Environment) -> Result<Self, SetupError> {
        let source = &pipeline.source;
        let wrong_address = |reason: &str| SetupError::Address {
            pipeline: pipeline.id.clone(),
            url: source.url.clone(),
            reason: reason.to_owned(),
        };
        let home = Url::parse(&source.url).map_err(|error| wrong_address(&error.to_string()))?;
        let in_query = config::placeholders(home.query().unwrap_or_default()).count();
        if in_query < config::placeholders(&source.url).count() {
            return Err(wrong_address("a `${…}` can stand in its query only"));
        }
        let values = source.headers.values().map(String::as_str);
        let secrets = Secrets::named_in(
            std::iter::once(source.url.as_str()).chain(values),
            environment,
        )
        .map_err(|source| SetupError::Secret {
            pipeline: pipeline.id.clone(),
            source,
        })?;
        let mut visitor = Self {
            home,
            politeness: pipeline.politeness,
            timeout: source.timeout,
            failures: Budget::default(),
            secrets,
            open: HeaderMap::new(),
            confidential: HeaderMap::new(),
            shown: Vec::new(),
            cookies: Jar::default(),
            recorder: None,
        };
        for (name, value) in &source.headers {
            visitor
                .add_header(name, value)
                .ok_or_else(|| SetupError::Header {
                    pipeline: pipeline.id.clone(),
                    name: name.clone(),
                })?;
        }
        Ok(visitor)
    }

    fn add_header(&mut self, name: &str, value: &str) -> Option<()> {
        let name: HeaderName = name.parse().ok()?;
        let mut filled = HeaderValue::from_str(&self.secrets.fill_header(value)).ok()?;
        let is_template = config::placeholders(value).next().is_some();
        let is_confidential = is_template || [AUTHORIZATION, COOKIE].contains(&name);
        filled.set_sensitive(is_confidential);
        let headers = if is_confidential {
            let shown = if is_template { value } else { HIDDEN };
            self.shown.push((name.to_string(), shown.to_owned()));
            &mut self.confidential
        } else {
            &mut self.open
        };
        headers.insert(name, filled);
        Some(())
    }

    /// Puts the pipeline's secrets into an address on the wire, if `real` is at the pipeline's own origin.
    pub(super) fn fill(&self, real: &Url, wire: &mut Url) {
        if self.is_at_home(real) {
            self.secrets.fill_query(wire);
        }
    }

    /// The headers for an address, cookies included.
    pub(super) fn headers(&self, real: &Url) -> HeaderMap {
        let mut headers = self.open.clone();
        if let Some(cookies) = self.cookies.cookies(real) {
            headers.insert(COOKIE, cookies);
        }
        if self.is_at_home(real) {
            headers.extend(self.confidential.clone());
        }
        headers
    }

    /// The headers for an address as they may be shown, under names in lower case.
    pub(super) fn shown_headers(&self, real: &Url) -> Vec<(String, String)> {
        let mut headers = self.open.clone();
        if let Some(cookies) = self.cookies.cookies(real) {
            headers.insert(COOKIE, cookies);
        }
        let mut shown = self.redacted(&headers);
        if self.is_at_home(real) {
            shown.retain(|(name, _)| !self.confidential.contains_key(name));
            shown.extend(self.shown.iter().cloned());
        }
        shown
    }

    /// Headers of an answer with the pipeline's secrets as `${NAME}` again.
    pub(super) fn redacted(&self, headers: &HeaderMap) -> Vec<(String, String)> {
        let shown = |value: &HeaderValue| self.redact(&String::from_utf8_lossy(value.as_bytes()));
        headers
            .iter()
            .map(|(name, value)| (name.to_string(), shown(value)))
            .collect()
    }

    /// Has every exchange archived from here on.
    pub(super) fn record_with(&mut self, recorder: Recorder) {
        self.recorder = Some(recorder);
    }

    /// Archives an exchange, if there is an archive.
    pub(super) async fn record(&self, capture: impl FnOnce() -> Capture + Send) {
        if let Some(recorder) = &self.recorder {
            recorder.record(capture()).await;
        }
    }

    /// Takes the pipeline's secrets out of bodies.
    pub(super) fn redactor(&self) -> Redactor {
        self.secrets.redactor()
    }

    /// Keeps the cookies of an answer. They belong to the real address, so a twin's are sent to no one else.
    pub(super) fn keep_cookies(&self, real: &Url, headers: &HeaderMap) {
        let mut cookies = headers.get_all(SET_COOKIE).iter();
        self.cookies.set_cookies(&mut cookies, real);
    }

    /// The text with the pipeline's secrets as `${NAME}` again.
    pub(super) fn redact(&self, text: &str) -> String {
        self.secrets.redact(text)
    }

    fn is_at_home(&self, real: &Url) -> bool {
        self.home.origin() == real.origin()
    }
}
