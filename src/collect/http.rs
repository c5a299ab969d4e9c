use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use reqwest::header::{
    CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LAST_MODIFIED, LOCATION,
};
use reqwest::{Client, Response, StatusCode};
use tokio::time::{Instant, timeout};
use url::Url;

use super::Fetcher;
use super::archive::{Capture, role_text};
use super::collector::Shared;
use super::error::FetchError;
use super::guard::RefusedAddress;
use super::politely::retry_after;
use super::visitor::Visitor;
use crate::record::{Fetched, Page, Request, Validators};

/// Longest wait for the first byte of an answer, where the pipeline's own time-out is no shorter: slow services have been
/// seen to think for ten seconds.
const FIRST_BYTE: Duration = Duration::from_secs(20);

pub(super) const ROBOTS_TAG: &str = "x-robots-tag";

/// Fetches pages by plain requests.
pub struct HttpFetcher {
    shared: Arc<Shared>,
    visitor: Visitor,
}

impl HttpFetcher {
    pub(super) fn new(shared: Arc<Shared>, visitor: Visitor) -> Self {
        Self { shared, visitor }
    }
}

#[async_trait]
impl Fetcher for HttpFetcher {
    async fn fetch(&self, request: &Request) -> Result<Fetched, FetchError> {
        let limit = self.shared.settings.redirects;
        let mut url = request.url.clone();
        let mut role = Some(role_text(&request.role));
        for _ in 0..=limit {
            self.shared.permit(&self.visitor, &url).await?;
            let errand = Errand {
                url: &url,
                known: request.validators.as_ref().filter(|known| known.url == url),
                body_limit: BodyLimit::Refuse(self.shared.settings.body_limit),
                role: role.take(),
            };
            match self.shared.get(&self.visitor, &errand).await? {
                Answer::Moved(target) => url = target,
                Answer::NotModified => return Ok(Fetched::NotModified),
                Answer::Body {
                    status,
                    content_type,
                    robots_tags,
                    validators,
                    body,
                    at,
                } => {
                    return Ok(Fetched::Page(Box::new(Page {
                        request: request.clone(),
                        url,
                        status,
                        content_type,
                        body,
                        robots_tags,
                        fetched_at: at,
                        validators,
                        is_cut: false,
                        unseen: None,
                    })));
                }
            }
        }
        Err(FetchError::TooManyRedirects {
            url: request.url.to_string(),
            limit,
        })
    }
}

/// One address to ask.
#[derive(Debug)]
pub(super) struct Errand<'a> {
    pub(super) url: &'a Url,
    /// What the page is known by, so that it is sent only if it has changed.
    pub(super) known: Option<&'a Validators>,
    pub(super) body_limit: BodyLimit,
    /// What for, where the archive has to tell.
    pub(super) role: Option<String>,
}

/// An answer as it came.
#[derive(Debug)]
struct Exchange {
    at: Timestamp,
    status: StatusCode,
    headers: HeaderMap,
    /// The decoded body of a success; of other answers it is not read.
    body: Option<Bytes>,
}

/// What a request gave.
#[derive(Debug)]
pub(super) enum Answer {
    /// Another address, the real one.
    Moved(Url),
    /// It is still the page that the validators are of.
    NotModified,
    /// A body, of status 2xx.
    Body {
        status: u16,
        content_type: Option<String>,
        robots_tags: Vec<String>,
        validators: Option<Validators>,
        body: Bytes,
        at: Timestamp,
    },
}

/// What becomes of a body that is larger than so many bytes.
#[derive(Debug, Clone, Copy)]
pub(super) enum BodyLimit {
    /// It is an error.
    Refuse(usize),
    /// It is read up to there.
    Cut(usize),
}

impl Shared {
    /// Asks one address, without following a redirect; for a page that has changed since it gave `known`, where it has
    /// been read before. Whether it may be asked is the caller's business.
    pub(super) async fn get(
        &self,
        visitor: &Visitor,
        errand: &Errand<'_>,
    ) -> Result<Answer, FetchError> {
        let url = errand.url;
        self.politely(visitor, url, || async move {
            let exchange = self.exchange(visitor, errand);
            let exchange = match timeout(visitor.timeout, exchange).await {
                Ok(exchange) => exchange?,
                Err(_) => {
                    return Err(FetchError::TimedOut {
                        url: url.to_string(),
                        after: visitor.timeout,
                    });
                }
            };
            if exchange.status == StatusCode::NOT_MODIFIED && errand.known.is_some() {
                return Ok(Answer::NotModified);
            }
            // Not within the time-out: a slow disk is no fault of the site.
            let target = self.redirect_target(visitor, url, &exchange);
            visitor
                .record(|| self.capture(visitor, errand, &exchange, target.as_ref().ok()))
                .await;
            judge(visitor, url, exchange, target?)
        })
        .await
    }

    async fn exchange(
        &self,
        visitor: &Visitor,
        errand: &Errand<'_>,
    ) -> Result<Exchange, FetchError> {
        let url = errand.url;
        let (client, wire) = self.on_the_wire(visitor, url);
        let asked = Instant::now();
        let sent = client
            .get(wire)
            .headers(visitor.headers(url))
            .headers(errand.known.map(conditions).unwrap_or_default())
            .send();
        let patience = visitor.timeout.min(FIRST_BYTE);
        let mut response = match timeout(patience, sent).await {
            Ok(answer) => answer.map_err(|error| not_answered(url, error))?,
            Err(_) => {
                return Err(FetchError::Silent {
                    url: url.to_string(),
                    after: patience,
                });
            }
        };
        let at = Timestamp::now();
        if response.status().is_success() && !self.has_twin(url) {
            self.hosts.host(url).answered_after(asked.elapsed());
        }
        visitor.keep_cookies(url, response.headers());
        Ok(Exchange {
            at,
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body: if response.status().is_success() {
                Some(read_body(url, response, errand.body_limit).await?)
            } else {
                None
            },
        })
    }

    /// The exchange as the archive may have it: at real addresses, without secrets.
    fn capture(
        &self,
        visitor: &Visitor,
        errand: &Errand<'_>,
        exchange: &Exchange,
        target: Option<&Option<Url>>,
    ) -> Capture {
        let mut received = visitor.redacted(&exchange.headers);
        if let Some(Some(target)) = target {
            for (_, value) in received.iter_mut().filter(|(name, _)| name == "location") {
                *value = target.to_string();
            }
        }
        Capture {
            url: errand.url.clone(),
            at: exchange.at,
            role: errand.role.clone(),
            landed: None,
            sent: self.sent(visitor, errand.url),
            status: exchange.status.as_u16(),
            received,
            body: exchange.body.clone(),
        }
    }

    /// The headers of a request, as far as they are trendy's own: what the client adds for the connection is its matter.
    fn sent(&self, visitor: &Visitor, url: &Url) -> Vec<(String, String)> {
        let mut host = url.host_str().unwrap_or_default().to_owned();
        if let Some(port) = url.port() {
            host = format!("{host}:{port}");
        }
        let mut sent = vec![
            ("host".to_owned(), host),
            ("user-agent".to_owned(), self.settings.user_agent.clone()),
            ("accept".to_owned(), "*/*".to_owned()),
        ];
        for (name, value) in visitor.shown_headers(url) {
            sent.retain(|(known, _)| *known != name);
            sent.push((name, value));
        }
        sent
    }

    /// The client to use and the address to send: the twin's, if there is one, with the secrets in it.
    fn on_the_wire(&self, visitor: &Visitor, url: &Url) -> (&Client, Url) {
        let client = if self.has_twin(url) {
            &self.direct_client
        } else {
            &self.client
        };
        let mut wire = self.wire_address(url);
        visitor.fill(url, &mut wire);
        (client, wire)
    }

    fn redirect_target(
        &self,
        visitor: &Visitor,
        url: &Url,
        exchange: &Exchange,
    ) -> Result<Option<Url>, FetchError> {
        if !matches!(exchange.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let Some(location) = exchange.headers.get(LOCATION) else {
            return Ok(None);
        };
        let location = visitor.redact(&String::from_utf8_lossy(location.as_bytes()));
        // Joined to the address without the secrets: `#top` would keep its query.
        match self.wire_address(url).join(&location) {
            Ok(target) => Ok(Some(self.settings.twins.incoming(url, target))),
            Err(_) => Err(FetchError::BadRedirect {
                url: url.to_string(),
                location,
            }),
        }
    }
}

/// What an exchange means for the one who asked.
fn judge(
    visitor: &Visitor,
    url: &Url,
    exchange: Exchange,
    target: Option<Url>,
) -> Result<Answer, FetchError> {
    if let Some(target) = target {
        return Ok(Answer::Moved(target));
    }
    let status = exchange.status.as_u16();
    if is_challenge(&exchange.headers) {
        return Err(FetchError::Challenged {
            url: url.to_string(),
            status,
        });
    }
    let Some(body) = exchange.body else {
        return Err(FetchError::Status {
            url: url.to_string(),
            status,
            retry_after: retry_after(&exchange.headers, Timestamp::now()),
        });
    };
    Ok(Answer::Body {
        status,
        content_type: exchange
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned),
        robots_tags: robots_tags(visitor, &exchange.headers),
        validators: validators(visitor, url, &exchange.headers),
        body,
        at: exchange.at,
    })
}

fn robots_tags(visitor: &Visitor, headers: &HeaderMap) -> Vec<String> {
    let tags = headers.get_all(ROBOTS_TAG).into_iter();
    tags.filter_map(|tag| Some(visitor.redact(tag.to_str().ok()?)))
        .collect()
}

/// What the answer of this address can be recognised by. A server that writes a secret into it is not believed: what is
/// kept holds none.
fn validators(visitor: &Visitor, url: &Url, headers: &HeaderMap) -> Option<Validators> {
    let text = |name: HeaderName| {
        let value = headers.get(name)?.to_str().ok()?.trim();
        (!value.is_empty() && visitor.redact(value) == value).then(|| value.to_owned())
    };
    let (etag, last_modified) = (text(ETAG), text(LAST_MODIFIED));
    (etag.is_some() || last_modified.is_some()).then(|| Validators {
        url: url.clone(),
        etag,
        last_modified,
    })
}

/// The headers that ask for a page only if it is no longer the one that these are of.
fn conditions(known: &Validators) -> HeaderMap {
    [
        (IF_NONE_MATCH, &known.etag),
        (IF_MODIFIED_SINCE, &known.last_modified),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, HeaderValue::from_str(value.as_deref()?).ok()?)))
    .collect()
}

/// Whether a firewall says that this is its captcha or its browser check, whatever the status: Cloudflare's (documented
/// under "detecting a challenge page response") and AWS WAF's, which comes as 202 or 405.
fn is_challenge(headers: &HeaderMap) -> bool {
    [
        ("cf-mitigated", &["challenge"][..]),
        ("x-amzn-waf-action", &["challenge", "captcha"]),
    ]
    .into_iter()
    .any(|(name, actions)| {
        headers
            .get(name)
            .is_some_and(|value| actions.iter().any(|action| value == action))
    })
}

/// Reads a body into one piece, counting decoded bytes as they come, so that a small file that unpacks to a large one is
/// cut off on the way.
async fn read_body(
    url: &Url,
    mut response: Response,
    limit: BodyLimit,
) -> Result<Bytes, FetchError> {
    let (BodyLimit::Refuse(most) | BodyLimit::Cut(most)) = limit;
    let announced = usize::try_from(response.content_length().unwrap_or(0)).unwrap_or(usize::MAX);
    let mut body = BytesMut::new();
    if let BodyLimit::Refuse(limit) = limit
        && announced > limit
    {
        return Err(FetchError::TooLarge {
            url: url.to_string(),
            limit,
        });
    }
    // A length is a claim, and memory is given for what arrives.
    body.reserve(announced.min(64 * 1024));
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| broken_off(url, error))?
    {
        let room = most - body.len();
        if chunk.len() <= room {
            body.extend_from_slice(&chunk);
            continue;
        }
        match limit {
            BodyLimit::Refuse(limit) => {
                return Err(FetchError::TooLarge {
                    url: url.to_string(),
                    limit,
                });
            }
            BodyLimit::Cut(_) => {
                body.extend_from_slice(&chunk[..room]);
                break;
            }
        }
    }
    Ok(body.freeze())
}

/// The client's error without the address it was sent to, which holds the secrets.
fn not_answered(url: &Url, error: reqwest::Error) -> FetchError {
    let (url, source) = (url.to_string(), error.without_url());
    if let Some(RefusedAddress(address)) = cause(&source) {
        let address = *address;
        FetchError::AddressRefused { url, address }
    } else if source.is_connect() {
        FetchError::Connect { url, source }
    } else {
        FetchError::Transfer { url, source }
    }
}

fn broken_off(url: &Url, error: reqwest::Error) -> FetchError {
    FetchError::Transfer {
        url: url.to_string(),
        source: error.without_url(),
    }
}

fn cause<T: Error + 'static>(error: &dyn Error) -> Option<&T> {
    std::iter::successors(error.source(), |&error| error.source())
        .find_map(|error| error.downcast_ref())
}
