use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, Response};
use tokio::time::timeout;
use url::Url;

use super::Fetcher;
use super::collector::Shared;
use super::error::FetchError;
use super::guard::RefusedAddress;
use super::politely::retry_after;
use super::visitor::Visitor;
use crate::record::{Page, Request};

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
    async fn fetch(&self, request: &Request) -> Result<Page, FetchError> {
        let limit = self.shared.settings.redirects;
        let mut url = request.url.clone();
        for _ in 0..=limit {
            self.shared.permit(&self.visitor, &url).await?;
            let body_limit = BodyLimit::Refuse(self.shared.settings.body_limit);
            match self.shared.get(&self.visitor, &url, body_limit).await? {
                Answer::Moved(target) => url = target,
                Answer::Body {
                    status,
                    content_type,
                    body,
                } => {
                    return Ok(Page {
                        request: request.clone(),
                        url,
                        status,
                        content_type,
                        body,
                        fetched_at: Timestamp::now(),
                    });
                }
            }
        }
        Err(FetchError::TooManyRedirects {
            url: request.url.to_string(),
            limit,
        })
    }
}

/// What a request gave.
#[derive(Debug)]
pub(super) enum Answer {
    /// Another address, the real one.
    Moved(Url),
    /// A body, of status 2xx.
    Body {
        status: u16,
        content_type: Option<String>,
        body: Bytes,
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
    /// Asks one address, without following a redirect. Whether it may be asked is the caller's business.
    pub(super) async fn get(
        &self,
        visitor: &Visitor,
        url: &Url,
        limit: BodyLimit,
    ) -> Result<Answer, FetchError> {
        self.politely(visitor, url, || async move {
            match timeout(visitor.timeout, self.exchange(visitor, url, limit)).await {
                Ok(answer) => answer,
                Err(_) => Err(FetchError::TimedOut {
                    url: url.to_string(),
                    after: visitor.timeout,
                }),
            }
        })
        .await
    }

    async fn exchange(
        &self,
        visitor: &Visitor,
        url: &Url,
        limit: BodyLimit,
    ) -> Result<Answer, FetchError> {
        let (client, wire) = self.on_the_wire(visitor, url);
        let response = client
            .get(wire)
            .headers(visitor.headers(url))
            .send()
            .await
            .map_err(|error| not_answered(url, error))?;
        visitor.keep_cookies(url, response.headers());
        let status = response.status();
        if let Some(target) = self.redirect_target(visitor, url, &response)? {
            return Ok(Answer::Moved(target));
        }
        if !status.is_success() {
            return Err(FetchError::Status {
                url: url.to_string(),
                status: status.as_u16(),
                retry_after: retry_after(response.headers(), Timestamp::now()),
            });
        }
        let content_type = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        Ok(Answer::Body {
            status: status.as_u16(),
            content_type,
            body: read_body(url, response, limit).await?,
        })
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
        response: &Response,
    ) -> Result<Option<Url>, FetchError> {
        if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let Some(location) = response.headers().get(LOCATION) else {
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
