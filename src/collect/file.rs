//! Files in place of a site: NDJSON, CSV and JSON, packed or not, read once from their beginning to their end.
//!
//! A run's requests get the files' next piece, whatever their address: some hundred lines of one file, so that memory
//! holds one piece however long a file is. A piece's body has a line for each line of the file that it stands for, and
//! its address ends in the number of the first one (`#L501`), so that whoever reads it can name the line of a mistake.
//! A row of CSV stands there as the JSON object of its header's names, blank lines after it where it spans several; one
//! that has not as many fields as the header, or is no row, stands there as a JSON text that says so. A piece without a
//! line is the end.
//!
//! A file that breaks off, such as one that was packed on a full disk, is read to its last whole line, and so are the files
//! after it; only then is it an error.
//!
//! What is packed is known by its first bytes, the format by the name; what has no telling name is NDJSON. Nothing is
//! read but what the pipeline names, and no host is asked for leave.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use jiff::Timestamp;
use serde_json::{Map, Value};
use url::Url;

use super::table::{Row, Table};
use super::{FetchError, Fetcher};
use crate::cause::with_causes;
use crate::record::{Fetched, LINES, Page, Request};

/// Lines of a piece, and about the bytes after which it ends before.
const PIECE_LINES: usize = 500;
const PIECE_BYTES: usize = 1024 * 1024;

/// Longest line that is read whole, the size of the largest page. What is longer is cut there, and so no JSON.
const LONGEST_LINE: usize = 16 * 1024 * 1024;

/// Largest JSON file: it is one document, and its tree takes several times as much.
const LARGEST_DOCUMENT: u64 = 64 * 1024 * 1024;

/// First bytes of a gzip member (RFC 1952) and of a zstd frame (RFC 8878).
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Reads the files that a pipeline names.
pub struct FileFetcher {
    files: Arc<Mutex<Files>>,
}

impl FileFetcher {
    /// For a path, a pattern with `*` and `?`, or `-` for standard input. Nothing is opened yet.
    pub fn new(pattern: &str) -> Self {
        let files = Files {
            pattern: pattern.to_owned(),
            left: None,
            current: None,
            failed: None,
        };
        Self {
            files: Arc::new(Mutex::new(files)),
        }
    }
}

#[async_trait]
impl Fetcher for FileFetcher {
    async fn fetch(&self, request: &Request) -> Result<Fetched, FetchError> {
        let files = Arc::clone(&self.files);
        let read = tokio::task::spawn_blocking(move || {
            files
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .next_piece()
        });
        let piece = read.await.unwrap_or_else(|error| {
            Err(FetchError::File {
                path: PathBuf::from(request.url.path()),
                source: io::Error::other(error),
            })
        })?;
        let (url, content_type, body) = match piece {
            Some(piece) => (piece.url(&request.url), piece.content_type, piece.body),
            None => (request.url.clone(), LINES, Vec::new()),
        };
        Ok(Fetched::Page(Box::new(Page {
            request: request.clone(),
            url,
            status: 200,
            content_type: Some(content_type.to_owned()),
            body: Bytes::from(body),
            robots_tags: Vec::new(),
            fetched_at: Timestamp::now(),
            validators: None,
            is_cut: false,
            unseen: None,
        })))
    }
}

/// The files of one run, and how far they are read.
struct Files {
    pattern: String,
    /// Those not yet opened, the next one last; none before the first piece.
    left: Option<Vec<PathBuf>>,
    current: Option<Open>,
    /// The first file that could not be read to its end.
    failed: Option<FetchError>,
}

struct Open {
    path: PathBuf,
    /// Number of the next line, from 1.
    line: u64,
    rows: Rows,
    /// Why it cannot be read on from that line.
    broken: Option<io::Error>,
}

enum Rows {
    Lines(Box<dyn BufRead + Send>),
    Csv {
        table: Table<Box<dyn BufRead + Send>>,
        header: Vec<String>,
        /// Read, but beyond the end of the piece before.
        next: Option<Row>,
    },
    Document(Box<dyn BufRead + Send>),
}

/// Some lines of a file, or all of it.
struct Piece {
    path: PathBuf,
    line: u64,
    content_type: &'static str,
    body: Vec<u8>,
}

impl Piece {
    fn url(&self, fallback: &Url) -> Url {
        let absolute = std::path::absolute(&self.path).ok();
        let url = absolute.and_then(|path| Url::from_file_path(path).ok());
        let mut url = url.unwrap_or_else(|| fallback.clone());
        if self.content_type == LINES {
            url.set_fragment(Some(&format!("L{}", self.line)));
        }
        url
    }
}

impl Files {
    fn next_piece(&mut self) -> Result<Option<Piece>, FetchError> {
        loop {
            let piece = match &mut self.current {
                Some(open) => open.piece().map_err(failed(&open.path)),
                None => match self.next_path()? {
                    Some(path) => match Open::file(path) {
                        Ok(open) => {
                            self.current = Some(open);
                            continue;
                        }
                        Err(error) => Err(error),
                    },
                    None => return self.failed.take().map_or(Ok(None), Err),
                },
            };
            match piece {
                Ok(Some(piece)) => return Ok(Some(piece)),
                Ok(None) => {}
                Err(error) if self.failed.is_none() => self.failed = Some(error),
                Err(error) => tracing::warn!("{}", with_causes(&error)),
            }
            self.current = None;
        }
    }

    fn next_path(&mut self) -> Result<Option<PathBuf>, FetchError> {
        if self.left.is_none() {
            let mut paths = named(&self.pattern)?;
            paths.reverse();
            self.left = Some(paths);
        }
        Ok(self.left.as_mut().and_then(Vec::pop))
    }
}

impl Open {
    fn file(path: PathBuf) -> Result<Self, FetchError> {
        let format = format(&path);
        let rows = unpacked(&path)
            .and_then(|reader| match format {
                Format::Lines => Ok(Rows::Lines(reader)),
                Format::Document => Ok(Rows::Document(reader)),
                Format::Csv => {
                    let mut table = Table::new(reader, LONGEST_LINE);
                    let header = table.next_row()?.map_or(Ok(Vec::new()), |row| row.fields);
                    let header = header.map_err(|fault| {
                        io::Error::other(format!("its first line, the header, is no row: {fault}"))
                    })?;
                    Ok(Rows::Csv {
                        table,
                        header,
                        next: None,
                    })
                }
            })
            .map_err(failed(&path))?;
        let line = 1;
        Ok(Self {
            path,
            line,
            rows,
            broken: None,
        })
    }

    /// The next piece; none at the end of the file.
    fn piece(&mut self) -> io::Result<Option<Piece>> {
        if let Some(error) = self.broken.take() {
            return Err(self.broken_off(&error));
        }
        let mut content_type = LINES;
        let (first, body) = match &mut self.rows {
            Rows::Lines(reader) => {
                let first = self.line;
                let mut body = Vec::new();
                while self.line - first < PIECE_LINES as u64 && body.len() < PIECE_BYTES {
                    let start = body.len();
                    match read_line(reader, &mut body) {
                        Ok(true) => self.line += 1,
                        Ok(false) => break,
                        Err(error) => {
                            body.truncate(start);
                            self.broken = Some(error);
                            break;
                        }
                    }
                }
                if first == 1 && body.starts_with("\u{feff}".as_bytes()) {
                    body.drain(.."\u{feff}".len());
                }
                (first, body)
            }
            Rows::Csv {
                table,
                header,
                next,
            } => {
                let (first, body, broken) = csv_piece(table, header, next, &mut self.line)?;
                self.broken = broken;
                (first, body)
            }
            Rows::Document(reader) => {
                content_type = "application/json";
                let mut body = Vec::new();
                reader.take(LARGEST_DOCUMENT + 1).read_to_end(&mut body)?;
                if body.len() as u64 > LARGEST_DOCUMENT {
                    let limit = LARGEST_DOCUMENT >> 20;
                    let reason = format!(
                        "a JSON file of more than {limit} MiB; write it as NDJSON, an entry a line"
                    );
                    return Err(io::Error::other(reason));
                }
                (1, body)
            }
        };
        if body.is_empty() {
            let broken = self.broken.take();
            return broken.map_or(Ok(None), |error| Err(self.broken_off(&error)));
        }
        Ok(Some(Piece {
            path: self.path.clone(),
            line: first,
            content_type,
            body,
        }))
    }

    fn broken_off(&self, error: &io::Error) -> io::Error {
        let last = self.line - 1;
        let reason = format!("it breaks off after line {last}, up to which it is loaded: {error}");
        io::Error::new(error.kind(), reason)
    }
}

/// Appends one line and its end; false where there is none left. What is too long is cut.
fn read_line(reader: &mut Box<dyn BufRead + Send>, body: &mut Vec<u8>) -> io::Result<bool> {
    let start = body.len();
    let mut limited = reader.take(LONGEST_LINE as u64);
    if limited.read_until(b'\n', body)? == 0 {
        return Ok(false);
    }
    if body.last() != Some(&b'\n') {
        if body.len() - start == LONGEST_LINE {
            reader.skip_until(b'\n')?;
        }
        body.push(b'\n');
    }
    Ok(true)
}

/// The number of the first line, the piece, and why there is nothing after it where reading failed.
fn csv_piece(
    table: &mut Table<Box<dyn BufRead + Send>>,
    header: &[String],
    next: &mut Option<Row>,
    line: &mut u64,
) -> io::Result<(u64, Vec<u8>, Option<io::Error>)> {
    let mut body = Vec::new();
    let mut first = None;
    let mut broken = None;
    for _ in 0..PIECE_LINES {
        let row = match next
            .take()
            .map_or_else(|| table.next_row(), |row| Ok(Some(row)))
        {
            Ok(Some(row)) => row,
            Ok(None) => break,
            Err(error) => {
                broken = Some(error);
                break;
            }
        };
        let at = row.line;
        match first {
            None => {
                first = Some(at);
                *line = at;
            }
            Some(_) if body.len() >= PIECE_BYTES => {
                *next = Some(row);
                break;
            }
            Some(_) => {}
        }
        while *line < at {
            body.push(b'\n');
            *line += 1;
        }
        serde_json::to_writer(&mut body, &object(header, row))?;
        body.push(b'\n');
        *line += 1;
    }
    Ok((first.unwrap_or(*line), body, broken))
}

/// A row by its header's names.
fn object(header: &[String], row: Row) -> Value {
    let fields = match row.fields {
        Ok(fields) => fields,
        Err(fault) => return fault.to_string().into(),
    };
    if header.len() != fields.len() {
        let (fields, names) = (fields.len(), header.len());
        return format!("{fields} fields under a header of {names}").into();
    }
    let named = header
        .iter()
        .cloned()
        .zip(fields.into_iter().map(Value::from));
    Value::Object(named.collect::<Map<_, _>>())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Lines,
    Csv,
    Document,
}

/// The format that a name tells, that of its packing aside.
fn format(path: &Path) -> Format {
    let name = path.to_string_lossy().to_lowercase();
    let name = [".gz", ".zst"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(&name);
    match name.rsplit_once('.') {
        Some((_, "csv")) => Format::Csv,
        Some((_, "json")) => Format::Document,
        _ => Format::Lines,
    }
}

fn unpacked(path: &Path) -> io::Result<Box<dyn BufRead + Send>> {
    let file: Box<dyn Read + Send> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path)?)
    };
    let mut reader = BufReader::with_capacity(64 * 1024, file);
    let start = reader.fill_buf()?;
    Ok(if start.starts_with(GZIP) {
        Box::new(BufReader::new(MultiGzDecoder::new(reader)))
    } else if start.starts_with(ZSTD) {
        let decoder = zstd::stream::read::Decoder::with_buffer(reader)?;
        Box::new(BufReader::new(decoder))
    } else {
        Box::new(reader)
    })
}

/// The files that a pattern names, in the order of their names; an error where there is none.
fn named(pattern: &str) -> Result<Vec<PathBuf>, FetchError> {
    if !pattern.contains(['*', '?']) {
        return Ok(vec![PathBuf::from(pattern)]);
    }
    let mut found = vec![PathBuf::new()];
    for component in Path::new(pattern).components() {
        let name = component.as_os_str().to_string_lossy();
        if !name.contains(['*', '?']) {
            for path in &mut found {
                path.push(component);
            }
            continue;
        }
        let mut deeper = Vec::new();
        for folder in &found {
            let folder_or_here = if folder.as_os_str().is_empty() {
                Path::new(".")
            } else {
                folder
            };
            // A folder that is a file, or not there, holds no match.
            let Ok(entries) = std::fs::read_dir(folder_or_here) else {
                continue;
            };
            for entry in entries {
                let entry = entry.map_err(failed(folder))?.file_name();
                if matches(name.as_bytes(), entry.to_string_lossy().as_bytes()) {
                    deeper.push(folder.join(entry));
                }
            }
        }
        found = deeper;
    }
    found.retain(|path| path.is_file());
    found.sort();
    if found.is_empty() {
        return Err(FetchError::NoFile {
            pattern: pattern.to_owned(),
        });
    }
    Ok(found)
}

/// Whether a name fits a pattern; as in a shell, what begins with a dot is not meant by `*`.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    fn fits(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => {
                fits(rest, name)
                    || name
                        .split_first()
                        .is_some_and(|(_, more)| fits(pattern, more))
            }
            (Some((b'?', rest)), Some((_, more))) => fits(rest, more),
            (Some((one, rest)), Some((other, more))) => one == other && fits(rest, more),
            _ => false,
        }
    }
    (name.first() != Some(&b'.') || pattern.first() == Some(&b'.')) && fits(pattern, name)
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> FetchError {
    let path = path.to_owned();
    move |source| FetchError::File { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_names_as_in_a_shell() {
        for (pattern, name, fits) in [
            ("*.ndjson", "a.ndjson", true),
            ("*.ndjson", "a.ndjson.gz", false),
            ("*", ".hidden", false),
            (".*", ".hidden", true),
            ("day-??.csv", "day-01.csv", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbY", false),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), name.as_bytes()),
                fits,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn a_name_tells_its_format_whatever_packs_it() {
        assert_eq!(format(Path::new("a/B.CSV.gz")), Format::Csv);
        assert_eq!(format(Path::new("a.json.zst")), Format::Document);
        assert_eq!(format(Path::new("a.jsonl")), Format::Lines);
        assert_eq!(format(Path::new("-")), Format::Lines);
    }
}
