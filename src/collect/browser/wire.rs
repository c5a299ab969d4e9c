//! Commands that fantoccini has no words for.

use fantoccini::elements::ElementRef;
use fantoccini::wd::WebDriverCompatibleCommand;
use reqwest::Method;
use serde_json::{Value, json};
use url::{ParseError, Url};

/// A command of Chromium's own protocol, by way of its driver.
#[derive(Debug)]
pub(super) struct DevTools {
    pub(super) method: &'static str,
    pub(super) params: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        of_session(base, session, "goog/cdp/execute")
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = json!({ "cmd": self.method, "params": self.params });
        (Method::POST, Some(body.to_string()))
    }
}

/// Back to the page itself, out of all its frames.
#[derive(Debug)]
pub(super) struct ToTop;

impl WebDriverCompatibleCommand for ToTop {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        of_session(base, session, "frame")
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "id": null }).to_string()))
    }
}

/// Reference of an element's shadow root, as scripts take it; fantoccini keeps the one that it gets to itself.
#[derive(Debug)]
pub(super) struct ShadowOf(pub(super) ElementRef);

impl WebDriverCompatibleCommand for ShadowOf {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        of_session(base, session, &format!("element/{}/shadow", self.0))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::GET, None)
    }
}

fn of_session(base: &Url, session: Option<&str>, rest: &str) -> Result<Url, ParseError> {
    base.join(&format!("session/{}/{rest}", session.unwrap_or_default()))
}
