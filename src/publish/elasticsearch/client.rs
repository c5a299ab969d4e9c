use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use elasticsearch::http::Method;
use elasticsearch::http::headers::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::nodes::{Node, Nodes};
use super::settings::{ElasticsearchSettings, InvalidSettings};
use crate::publish::backoff::Backoff;
use crate::publish::error::SendError;

/// The nodes of one cluster. An answer of any status is an [`Answer`]: the crate takes a 429 for a success like any other,
/// so what a status means is decided here.
#[derive(Clone)]
pub(super) struct Client {
    nodes: Arc<Nodes>,
    attempts: u32,
}

/// A JSON value as the body of a request.
pub(super) fn body(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}

/// What the server answered.
pub(super) struct Answer {
    pub(super) status: u16,
    /// How long the server asks to be left alone.
    pub(super) retry_after: Option<Duration>,
    body: Bytes,
    request: String,
    address: String,
}

impl Client {
    pub(super) fn new(settings: &ElasticsearchSettings) -> Result<Self, InvalidSettings> {
        Ok(Self {
            nodes: Arc::new(Nodes::of(settings.transports()?)),
            attempts: settings.attempts,
        })
    }

    /// The addresses of the nodes, for messages.
    pub(super) fn address(&self) -> &str {
        self.nodes.addresses()
    }

    pub(super) const fn backoff(&self) -> Backoff {
        Backoff::between(self.attempts)
    }

    /// One request, one answer: of the next node, or where that cannot be reached, of another. A request that reached a node
    /// and lost its answer is sent again too, since every request of ours means the same twice.
    pub(super) async fn request(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Bytes>,
    ) -> Result<Answer, SendError> {
        let mut unreachable = None;
        for node in self.nodes.in_turn() {
            match node.request(method, path, query, body.clone()).await {
                Ok(answer) => {
                    node.note_answer();
                    return Ok(answer);
                }
                Err(source) => {
                    node.note_silence();
                    tracing::debug!(node = node.address, error = %source, "a node cannot be reached");
                    unreachable = Some(SendError::Unreachable {
                        address: node.address.clone(),
                        source: Box::new(source),
                    });
                }
            }
        }
        Err(unreachable.expect("settings without a node are invalid"))
    }

    /// Asks until the server is neither busy nor away, or the attempts are used up.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Bytes>,
    ) -> Result<Answer, SendError> {
        let mut backoff = self.backoff();
        loop {
            let (error, asked) = match self.request(method, path, query, body.clone()).await {
                Ok(answer) if answer.is_busy() => (answer.error(), answer.retry_after),
                Ok(answer) => return Ok(answer),
                Err(error) => (error, None),
            };
            let Some(wait) = backoff.next(asked) else {
                return Err(error);
            };
            tokio::time::sleep(wait).await;
        }
    }
}

impl Node {
    async fn request(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Bytes>,
    ) -> Result<Answer, elasticsearch::Error> {
        let response = self
            .transport
            .send(method, path, HeaderMap::new(), Some(query), body, None)
            .await?;
        let status = response.status_code().as_u16();
        let retry_after = response
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        Ok(Answer {
            status,
            retry_after,
            body: response.bytes().await?,
            request: format!("{} {path}", name(method)),
            address: self.address.clone(),
        })
    }
}

impl Answer {
    pub(super) const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    pub(super) const fn is_busy(&self) -> bool {
        is_busy(self.status)
    }

    /// The body of a success, or the error that the status stands for.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, SendError> {
        if !self.is_success() {
            return Err(self.error());
        }
        serde_json::from_slice(&self.body).map_err(|source| self.unreadable(source))
    }

    /// The error of an answer that is not what was asked for.
    pub(super) fn unreadable(&self, source: serde_json::Error) -> SendError {
        SendError::Unreadable {
            address: self.address.clone(),
            request: self.request.clone(),
            source,
        }
    }

    /// What a status other than a success stands for.
    pub(super) fn error(&self) -> SendError {
        let (address, status, reason) = (self.address.clone(), self.status, self.reason());
        match status {
            status if is_busy(status) => SendError::Busy {
                address,
                status,
                reason,
            },
            401 | 403 => SendError::Denied {
                address,
                status,
                reason,
            },
            _ => SendError::Refused {
                address,
                request: self.request.clone(),
                status,
                reason,
            },
        }
    }

    /// What the server says is wrong; of a page that is no JSON, its beginning.
    pub(super) fn reason(&self) -> String {
        match serde_json::from_slice::<Value>(&self.body) {
            Ok(body) => reason(&body["error"]),
            Err(_) => String::from_utf8_lossy(&self.body)
                .chars()
                .take(200)
                .collect(),
        }
    }
}

const fn name(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Put => "PUT",
        Method::Post => "POST",
        Method::Delete => "DELETE",
        Method::Head => "HEAD",
    }
}

/// Whether the server may take later what it does not take now.
pub(super) const fn is_busy(status: u16) -> bool {
    status == 429 || status >= 500
}

/// The reason in an `error` object, with the causes that say more: the outermost is often a mere "failed to parse".
pub(super) fn reason(error: &Value) -> String {
    let mut reasons: Vec<&str> = Vec::new();
    let mut cause = error;
    while let Some(reason) = cause["reason"].as_str().or_else(|| cause.as_str()) {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
        cause = &cause["caused_by"];
    }
    match (error["type"].as_str(), reasons.join(": ")) {
        (Some(kind), reasons) => format!("{kind}: {reasons}"),
        (None, reasons) if reasons.is_empty() => "no reason given".to_owned(),
        (None, reasons) => reasons,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reason_follows_the_causes() {
        let error = json!({
            "type": "document_parsing_exception",
            "reason": "failed to parse field [posted_at]",
            "caused_by": {"type": "illegal_argument_exception", "reason": "not a date",
                "caused_by": {"type": "date_time_parse_exception", "reason": "not a date"}},
        });
        assert_eq!(
            reason(&error),
            "document_parsing_exception: failed to parse field [posted_at]: not a date"
        );
        assert_eq!(reason(&json!("plain text")), "plain text");
        assert_eq!(reason(&Value::Null), "no reason given");
    }
}
