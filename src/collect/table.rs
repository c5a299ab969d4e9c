//! CSV row by row (RFC 4180, and what is found in its place), so that memory holds one row however a file is broken.
//!
//! A quoted field may span lines, so a quote that nobody closes makes the rest of a file one field. Where none closes it
//! within the longest row that is read, or until the end of the file, the line with the quote is a [`Fault`] by itself, and
//! the next line begins a row again. A line ends with `\n`, `\r\n` or `\r`; an empty one is no row.

use std::fmt;
use std::io::{self, BufRead};

/// A reader of rows.
pub(super) struct Table<R> {
    reader: R,
    longest: usize,
    /// What is read and not yet given: from `start` on.
    buffer: Vec<u8>,
    start: usize,
    /// Number of the line that `start` is on, from 1.
    line: u64,
}

/// A row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Number of its first line.
    pub(super) line: u64,
    pub(super) fields: Result<Vec<String>, Fault>,
}

/// Why a line is no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A quote in it is not closed where a row must end.
    OpenQuote { longest: usize },
    /// It has more bytes than a row may have.
    TooLong { longest: usize },
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenQuote { longest } => write!(
                formatter,
                "a quote is opened and not closed within {} MiB or by the end of the file; close it, or write it twice \
                 within quotes if it is meant as one",
                longest >> 20
            ),
            Self::TooLong { longest } => {
                let limit = longest >> 20;
                write!(
                    formatter,
                    "a row of more than {limit} MiB; cut what its fields hold"
                )
            }
        }
    }
}

/// Where a byte of a row stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    FieldStart,
    Plain,
    Quoted,
    /// After a quote that ends the field, unless another one follows.
    Closing,
}

impl State {
    /// The state after a byte that does not end the row. As the `csv` crate has it, a quote within a plain field is a
    /// character like any other.
    const fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Quoted, b'"') => Self::Closing,
            (Self::Quoted, _) | (Self::Closing | Self::FieldStart, b'"') => Self::Quoted,
            (_, b',') => Self::FieldStart,
            _ => Self::Plain,
        }
    }
}

impl<R: BufRead> Table<R> {
    /// Of a reader, whose rows may have this many bytes.
    pub(super) fn new(reader: R, longest: usize) -> Self {
        Self {
            reader,
            longest,
            buffer: Vec::new(),
            start: 0,
            line: 1,
        }
    }

    /// The next row; none at the end. After an error there is nothing more to read: what was read of a row is dropped.
    pub(super) fn next_row(&mut self) -> io::Result<Option<Row>> {
        if self.line == 1 && self.start == 0 {
            self.skip_mark()?;
        }
        loop {
            let line = self.line;
            let Some((length, state)) = self.find_end()? else {
                return Ok(None);
            };
            let longest = self.longest;
            let fields = if length > longest || state == State::Quoted {
                let fault = match state {
                    State::Quoted => Fault::OpenQuote { longest },
                    _ => Fault::TooLong { longest },
                };
                self.skip_line()?;
                Err(fault)
            } else {
                let row = fields(&self.buffer[self.start..self.start + length]);
                self.line += line_ends(&self.buffer[self.start..self.start + length]);
                self.start += length;
                self.skip_line_end()?;
                if length == 0 {
                    continue;
                }
                Ok(row)
            };
            return Ok(Some(Row { line, fields }));
        }
    }

    /// The length of the row that begins here, and the state at its end: that of the file, or the first byte too many. None
    /// where nothing is left.
    fn find_end(&mut self) -> io::Result<Option<(usize, State)>> {
        let mut state = State::FieldStart;
        let mut length = 0;
        loop {
            while let Some(&byte) = self.buffer.get(self.start + length) {
                let is_end = state != State::Quoted && matches!(byte, b'\n' | b'\r');
                if is_end || length > self.longest {
                    return Ok(Some((length, state)));
                }
                state = state.after(byte);
                length += 1;
            }
            if !self.fill()? {
                return Ok((length > 0).then_some((length, state)));
            }
        }
    }

    /// Goes on behind the end of this line, wherever the row ends.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let rest = &self.buffer[self.start..];
            let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            self.start += end.unwrap_or(rest.len());
            if end.is_some() {
                return self.skip_line_end();
            }
            if !self.fill()? {
                return Ok(());
            }
        }
    }

    fn skip_line_end(&mut self) -> io::Result<()> {
        if self.take_byte(b'\r')? {
            self.take_byte(b'\n')?;
        } else if !self.take_byte(b'\n')? {
            return Ok(());
        }
        self.line += 1;
        Ok(())
    }

    /// A byte order mark says how the text is encoded, and is not the beginning of the first field.
    fn skip_mark(&mut self) -> io::Result<()> {
        const MARK: &[u8] = "\u{feff}".as_bytes();
        while self.buffer.len() < MARK.len() && self.fill()? {}
        if self.buffer.starts_with(MARK) {
            self.start = MARK.len();
        }
        Ok(())
    }

    fn take_byte(&mut self, byte: u8) -> io::Result<bool> {
        if self.start == self.buffer.len() && !self.fill()? {
            return Ok(false);
        }
        let is_next = self.buffer[self.start] == byte;
        self.start += usize::from(is_next);
        Ok(is_next)
    }

    /// Reads on; false at the end of the file.
    fn fill(&mut self) -> io::Result<bool> {
        // Rarely, as what was read far ahead for a quote is given first.
        self.buffer.drain(..self.start);
        self.start = 0;
        if self.buffer.is_empty() {
            self.buffer.shrink_to(KEPT);
        }
        let read = loop {
            match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        let count = read.len();
        self.buffer.extend_from_slice(read);
        self.reader.consume(count);
        Ok(count > 0)
    }
}

/// Room that stays once a long row was read: most rows fit many times.
const KEPT: usize = 256 * 1024;

fn fields(row: &[u8]) -> Vec<String> {
    let text = |field: &[u8]| String::from_utf8_lossy(field).into_owned();
    let (mut fields, mut field) = (Vec::new(), Vec::new());
    let mut state = State::FieldStart;
    for &byte in row {
        let next = state.after(byte);
        match (state, next) {
            (_, State::FieldStart) => {
                fields.push(text(&field));
                field.clear();
            }
            (State::FieldStart, State::Quoted) | (State::Quoted, State::Closing) => {}
            _ => field.push(byte),
        }
        state = next;
    }
    fields.push(text(&field));
    fields
}

/// Ends of lines within a row, however they are written.
fn line_ends(row: &[u8]) -> u64 {
    let mut ends = 0;
    let mut before = 0;
    for &byte in row {
        ends += u64::from(byte == b'\r' || (byte == b'\n' && before != b'\r'));
        before = byte;
    }
    ends
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    const LONGEST: usize = 40;

    /// The rows of a text that comes in pieces of this many bytes, each as its line and its fields.
    fn rows(text: &str, piece: usize) -> Vec<(u64, Result<Vec<String>, Fault>)> {
        let reader = BufReader::with_capacity(piece, text.as_bytes());
        let mut table = Table::new(reader, LONGEST);
        let mut rows = Vec::new();
        while let Some(row) = table.next_row().unwrap() {
            rows.push((row.line, row.fields));
        }
        rows
    }

    #[track_caller]
    fn reads(text: &str, expected: &[(u64, Result<&[&str], Fault>)]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(line, fields)| {
                let owned =
                    |fields: &[&str]| fields.iter().map(|&field| field.to_owned()).collect();
                (*line, fields.map(owned))
            })
            .collect();
        for piece in [1, 2, 7, 4096] {
            assert_eq!(rows(text, piece), expected, "in pieces of {piece}");
        }
    }

    const OPEN: Fault = Fault::OpenQuote { longest: LONGEST };
    const LONG: Fault = Fault::TooLong { longest: LONGEST };

    #[test]
    fn fields_are_parted_and_unquoted() {
        reads(
            "a,b\n\"x, \"\"y\"\"\",\n\"\",it\"s\n\"q\"r,s",
            &[
                (1, Ok(&["a", "b"])),
                (2, Ok(&["x, \"y\"", ""])),
                (3, Ok(&["", "it\"s"])),
                (4, Ok(&["qr", "s"])),
            ],
        );
        reads("", &[]);
        reads("\u{feff}id\n", &[(1, Ok(&["id"]))]);
    }

    #[test]
    fn lines_are_counted_however_they_end() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["a", "\"b", "c\"", "", "d", ""].join(end);
            let spanning = format!("b{end}c");
            reads(
                &text,
                &[(1, Ok(&["a"])), (2, Ok(&[&spanning])), (5, Ok(&["d"]))],
            );
        }
    }

    #[test]
    fn a_quote_that_is_never_closed_costs_its_line_alone() {
        reads(
            "a,b\n\"x,1\ny,2\n",
            &[(1, Ok(&["a", "b"])), (2, Err(OPEN)), (3, Ok(&["y", "2"]))],
        );
        let many = "y,2\n".repeat(20);
        let text = format!("a,b\r\nx,\"1\r\n{many}z,\"3\"");
        let rows = rows(&text, 16);
        assert_eq!(rows[1], (2, Err(OPEN)));
        assert_eq!(rows[2].0, 3);
        assert_eq!(rows.len(), 23);
        assert_eq!(rows[22], (23, Ok(vec!["z".to_owned(), "3".to_owned()])));
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let long = "x".repeat(3 * LONGEST);
        reads(
            &format!("a\n{long}\nb\n{long}"),
            &[
                (1, Ok(&["a"])),
                (2, Err(LONG)),
                (3, Ok(&["b"])),
                (4, Err(LONG)),
            ],
        );
        reads(&format!("\"{long}\nb"), &[(1, Err(OPEN)), (2, Ok(&["b"]))]);
    }

    #[test]
    fn what_was_read_of_a_row_is_dropped_where_reading_fails() {
        struct Broken;
        impl io::Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::UnexpectedEof.into())
            }
        }
        let reader = BufReader::new(io::Read::chain("a\nb,".as_bytes(), Broken));
        let mut table = Table::new(reader, LONGEST);
        assert_eq!(table.next_row().unwrap().unwrap().line, 1);
        assert!(table.next_row().is_err());
    }
}
