use std::fmt::Write as _;
use std::io::{self, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use url::Url;
use uuid::Uuid;

use super::{LANDED, ROLE};

/// One exchange with a site: real addresses, secrets as `${NAME}` in all but the body.
#[derive(Debug, Clone)]
pub(in crate::collect) struct Capture {
    /// Address that was asked.
    pub(in crate::collect) url: Url,
    /// When the answer came.
    pub(in crate::collect) at: Timestamp,
    /// What for.
    pub(in crate::collect) role: Option<String>,
    /// Where a browser ended up, if elsewhere.
    pub(in crate::collect) landed: Option<Url>,
    /// Headers of the request.
    pub(in crate::collect) sent: Headers,
    /// HTTP status.
    pub(in crate::collect) status: u16,
    /// Headers of the answer.
    pub(in crate::collect) received: Headers,
    /// The decoded body; none when it was not read.
    pub(in crate::collect) body: Option<Bytes>,
}

/// Names and values, in order.
pub(in crate::collect) type Headers = Vec<(String, String)>;

/// Headers that speak of the bytes on the wire, not of the decoded ones.
const OF_THE_WIRE: &[&str] = &["content-encoding", "content-length", "transfer-encoding"];

impl Capture {
    /// Writes the response, then the request it is concurrent to. `body` is the body without secrets.
    pub(super) fn write(
        &self,
        file: &mut impl Write,
        warcinfo: Uuid,
        body: &[u8],
    ) -> io::Result<()> {
        let (response, request) = (Uuid::new_v4(), Uuid::new_v4());
        let reason = reqwest::StatusCode::from_u16(self.status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or_default();
        // Always 1.1: HTTP/2 has no text of its own, and readers know this one.
        let mut answer = format!("HTTP/1.1 {} {reason}\r\n", self.status);
        for (name, value) in &self.received {
            if !OF_THE_WIRE.contains(&name.to_ascii_lowercase().as_str()) {
                push_header(&mut answer, name, value);
            }
        }
        push_header(&mut answer, "Content-Length", &body.len().to_string());
        answer.push_str("\r\n");

        let mut head = self.head("response", response, warcinfo);
        if self.body.is_none() {
            push_header(&mut head, "WARC-Truncated", "unspecified");
        }
        if let Some(role) = &self.role {
            push_header(&mut head, ROLE, role);
        }
        if let Some(landed) = &self.landed {
            push_header(&mut head, LANDED, landed.as_str());
        }
        push_header(
            &mut head,
            "Content-Type",
            "application/http; msgtype=response",
        );
        write_record(file, head, &[answer.as_bytes(), body])?;

        let mut head = self.head("request", request, warcinfo);
        push_header(&mut head, "WARC-Concurrent-To", &urn(response));
        push_header(
            &mut head,
            "Content-Type",
            "application/http; msgtype=request",
        );
        write_record(file, head, &[self.question().as_bytes()])
    }

    fn head(&self, kind: &str, id: Uuid, warcinfo: Uuid) -> String {
        let mut head = record_head(kind, id, self.at);
        push_header(
            &mut head,
            "WARC-Target-URI",
            without_fragment(&self.url).as_str(),
        );
        push_header(&mut head, "WARC-Warcinfo-ID", &urn(warcinfo));
        head
    }

    fn question(&self) -> String {
        let query = self
            .url
            .query()
            .map_or_else(String::new, |query| format!("?{query}"));
        let mut question = format!("GET {}{query} HTTP/1.1\r\n", self.url.path());
        for (name, value) in &self.sent {
            push_header(&mut question, name, value);
        }
        question.push_str("\r\n");
        question
    }
}

/// Writes the record that begins a file, and gives its id.
pub(super) fn write_warcinfo(
    file: &mut impl Write,
    name: &str,
    at: Timestamp,
    fields: &[(&str, &str)],
) -> io::Result<Uuid> {
    let id = Uuid::new_v4();
    let mut head = record_head("warcinfo", id, at);
    push_header(&mut head, "WARC-Filename", name);
    push_header(&mut head, "Content-Type", "application/warc-fields");
    let mut block = String::new();
    for (name, value) in fields {
        push_header(&mut block, name, value);
    }
    write_record(file, head, &[block.as_bytes()])?;
    Ok(id)
}

/// The address by which an answer is found.
pub(super) fn without_fragment(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_fragment(None);
    url
}

fn record_head(kind: &str, id: Uuid, at: Timestamp) -> String {
    let mut head = String::from("WARC/1.1\r\n");
    push_header(&mut head, "WARC-Type", kind);
    push_header(&mut head, "WARC-Record-ID", &urn(id));
    push_header(&mut head, "WARC-Date", &at.to_string());
    head
}

fn urn(id: Uuid) -> String {
    format!("<{}>", id.urn())
}

/// A value with a line break in it would begin a header of its own.
fn push_header(head: &mut String, name: &str, value: &str) {
    let value = value.replace(['\r', '\n'], " ");
    // Writing to a string cannot fail.
    let _: Result<(), std::fmt::Error> = write!(head, "{name}: {value}\r\n");
}

fn write_record(file: &mut impl Write, mut head: String, block: &[&[u8]]) -> io::Result<()> {
    let length: usize = block.iter().map(|part| part.len()).sum();
    push_header(&mut head, "Content-Length", &length.to_string());
    head.push_str("\r\n");
    let mut member = GzEncoder::new(file, Compression::default());
    member.write_all(head.as_bytes())?;
    for part in block {
        member.write_all(part)?;
    }
    member.write_all(b"\r\n\r\n")?;
    member.finish().map(drop)
}
