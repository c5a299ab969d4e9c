use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::bufread::GzDecoder;
use jiff::Timestamp;

/// Longest head of a record or an answer: twice what HTTP servers let pass.
const LONGEST_HEAD: u64 = 64 * 1024;

/// Reads the records of a file one by one, each from its own gzip member.
pub(super) struct RecordReader(BufReader<File>);

/// The named fields at the head of a record.
#[derive(Debug)]
pub(super) struct Head(Vec<(String, String)>);

/// A member as text comes out of it.
type Member<'a> = BufReader<GzDecoder<&'a mut BufReader<File>>>;

impl RecordReader {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(BufReader::new(File::open(path)?)))
    }

    /// Where the next record begins.
    pub(super) fn position(&mut self) -> io::Result<u64> {
        self.0.stream_position()
    }

    pub(super) fn seek(&mut self, position: u64) -> io::Result<()> {
        self.0.seek(SeekFrom::Start(position)).map(drop)
    }

    /// What `read` makes of the next record, or none at the end of the file. A record that ends too early is an error,
    /// whatever was made of its beginning.
    pub(super) fn next<T>(
        &mut self,
        read: impl FnOnce(&Head, &mut dyn BufRead) -> io::Result<T>,
    ) -> io::Result<Option<T>> {
        if self.0.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let mut member: Member<'_> = BufReader::new(GzDecoder::new(&mut self.0));
        let (_, head) = Head::read(&mut member, "WARC/")?;
        let length = head.length()?;
        let mut block = member.by_ref().take(length);
        let value = read(&head, &mut block)?;
        io::copy(&mut block, &mut io::sink())?;
        if block.limit() > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        io::copy(&mut member, &mut io::sink())?;
        Ok(Some(value))
    }
}

impl Head {
    /// Reads a first line that begins so, and the fields after it up to the empty line.
    fn read(text: impl BufRead, begins: &str) -> io::Result<(String, Self)> {
        let mut text = text.take(LONGEST_HEAD);
        let first = read_line(&mut text)?;
        if !first.starts_with(begins) {
            return Err(malformed(&format!("`{begins}` expected")));
        }
        let mut fields = Vec::new();
        loop {
            let line = read_line(&mut text)?;
            if line.is_empty() {
                return Ok((first, Self(fields)));
            }
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| malformed("a header without `:`"))?;
            fields.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of a field that may be there several times.
    pub(super) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let fields = self.0.iter();
        fields
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn at(&self) -> Option<Timestamp> {
        self.get("WARC-Date")?.parse().ok()
    }

    fn length(&self) -> io::Result<u64> {
        self.get("Content-Length")
            .and_then(|length| length.parse().ok())
            .ok_or_else(|| malformed("no `Content-Length`"))
    }
}

/// An archived HTTP answer.
#[derive(Debug)]
pub(super) struct ArchivedAnswer {
    pub(super) status: u16,
    pub(super) head: Head,
    pub(super) body: Vec<u8>,
}

impl ArchivedAnswer {
    /// Reads the block of a `response` record, with a body of at most `limit` bytes.
    pub(super) fn read(block: &mut dyn BufRead, limit: usize) -> io::Result<Self> {
        let (first, head) = Head::read(&mut *block, "HTTP/")?;
        let status = first
            .split_ascii_whitespace()
            .nth(1)
            .and_then(|status| status.parse().ok())
            .ok_or_else(|| malformed("a status line without a status"))?;
        for name in ["Content-Encoding", "Transfer-Encoding"] {
            if let Some(encoding) = head.get(name) {
                return Err(malformed(&format!("`{name}: {encoding}` is not decoded")));
            }
        }
        let mut body = Vec::new();
        let most = u64::try_from(limit).unwrap_or(u64::MAX);
        block.take(most.saturating_add(1)).read_to_end(&mut body)?;
        if body.len() > limit {
            return Err(malformed(&format!(
                "the body is larger than {} KiB",
                limit / 1024
            )));
        }
        Ok(Self { status, head, body })
    }
}

fn read_line(text: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    text.read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line).map_err(|_| malformed("a head that is not UTF-8"))
}

fn malformed(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
