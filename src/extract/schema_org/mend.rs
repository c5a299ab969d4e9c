//! JSON as templates write it, to JSON.
//!
//! One pass, without a stack of calls. Outside of strings it drops comments, the marks of HTML comments and CDATA
//! sections, commas before a closing bracket, and anything that stands between documents; brackets left open are closed
//! at the end. Inside of strings it escapes control characters, mends escapes that JSON does not know and halves of
//! surrogate pairs, and takes a quote for the end of the string only where JSON goes on behind it.

use std::iter::Peekable;
use std::str::CharIndices;

/// The text with what is mendable mended. It need not be JSON still.
pub(super) fn mended(text: &str) -> String {
    let mut mender = Mender {
        text,
        rest: text.char_indices().peekable(),
        mended: String::with_capacity(text.len()),
        open: Vec::new(),
        comma: false,
    };
    while let Some((at, character)) = mender.rest.next() {
        mender.outside(at, character);
    }
    while let Some(bracket) = mender.open.pop() {
        mender.mended.push(bracket);
    }
    mender.mended
}

/// What may stand around or between values, and ends where.
const SKIPPED: &[(&str, &str)] = &[
    ("<!--", ""),
    ("-->", ""),
    ("<![CDATA[", ""),
    ("]]>", ""),
    ("/*", "*/"),
    ("//", "\n"),
];

struct Mender<'a> {
    text: &'a str,
    rest: Peekable<CharIndices<'a>>,
    mended: String,
    /// Brackets that close what is open.
    open: Vec<char>,
    /// A comma was seen and not written: it is, once a value follows.
    comma: bool,
}

impl Mender<'_> {
    fn outside(&mut self, at: usize, character: char) {
        if self.skip(at) {
            return;
        }
        match character {
            '"' => {
                self.flush_comma();
                self.string();
            }
            '{' | '[' => {
                self.flush_comma();
                self.mended.push(character);
                self.open.push(if character == '{' { '}' } else { ']' });
            }
            '}' | ']' => {
                self.comma = false;
                if self.open.last() == Some(&character) {
                    self.open.pop();
                    self.mended.push(character);
                }
            }
            ',' => self.comma = !self.open.is_empty(),
            character if character.is_whitespace() || character == '\u{feff}' => {
                self.mended.push(' ');
            }
            // A name before the document (`var data =`), a semicolon behind it.
            character if !self.open.is_empty() && !character.is_control() => {
                self.flush_comma();
                self.mended.push(character);
            }
            _ => {}
        }
    }

    fn flush_comma(&mut self) {
        if std::mem::take(&mut self.comma) {
            self.mended.push(',');
        }
    }

    /// Passes over a comment or a mark.
    fn skip(&mut self, at: usize) -> bool {
        let rest = &self.text[at..];
        // A comment that hides the mark of a CDATA section from scripts does not hide what stands in its line.
        let marks = SKIPPED.iter().find(|(start, _)| rest.starts_with(start));
        let Some((start, end)) = marks else {
            return false;
        };
        let inner = &rest[start.len()..];
        let length = match *end {
            "" => 0,
            end => inner
                .find(end)
                .map_or(inner.len(), |found| found + end.len()),
        };
        let is_cdata = inner.trim_start().starts_with("<![CDATA[");
        let length = if is_cdata && *start == "//" {
            0
        } else {
            length
        };
        self.go_to(at + start.len() + length);
        true
    }

    fn go_to(&mut self, end: usize) {
        while self.rest.next_if(|(at, _)| *at < end).is_some() {}
    }

    /// The string whose opening quote was just read.
    fn string(&mut self) {
        self.mended.push('"');
        while let Some((at, character)) = self.rest.next() {
            match character {
                '"' if self.ends_string(at + 1) => break,
                '"' => self.mended.push_str("\\\""),
                '\\' => self.escape(at),
                '\n' => self.mended.push_str("\\n"),
                '\t' => self.mended.push_str("\\t"),
                '\r' => {}
                character if character.is_control() => self.mended.push(' '),
                character => self.mended.push(character),
            }
        }
        self.mended.push('"');
    }

    /// Whether JSON goes on here: a quote in the middle of a description is followed by a word.
    fn ends_string(&self, at: usize) -> bool {
        let rest = self.text[at..].trim_start();
        let Some(next) = rest.strip_prefix(',') else {
            let ends = |mark: &str| rest.starts_with(mark);
            return rest.is_empty() || [":", "}", "]", "\"", "//", "/*"].into_iter().any(ends);
        };
        // A sentence may go on after a comma, too.
        let next = next.trim_start();
        next.is_empty()
            || next.starts_with(['"', '{', '[', '}', ']', ',', '/', '-'])
            || next.starts_with(|c: char| c.is_ascii_digit())
            || ["true", "false", "null"]
                .into_iter()
                .any(|word| next.starts_with(word))
    }

    /// The escape whose backslash stands at `at`.
    fn escape(&mut self, at: usize) {
        let Some((_, character)) = self.rest.next() else {
            return;
        };
        match character {
            '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' => {
                self.mended.push('\\');
                self.mended.push(character);
            }
            'u' => self.code_point(at),
            '\n' | '\r' => self.mended.push_str("\\n"),
            character if character.is_control() => self.mended.push(' '),
            // `\'` and the like are JavaScript, and mean the character.
            character => self.mended.push(character),
        }
    }

    fn code_point(&mut self, at: usize) {
        let Some(first) = code_unit(&self.text[at..]) else {
            self.mended.push('u');
            return;
        };
        let second = code_unit(&self.text[at + 6..]);
        let units: Vec<u16> = std::iter::once(first).chain(second).collect();
        let Some(Ok(character)) = char::decode_utf16(units).next() else {
            self.go_to(at + 6);
            self.mended.push(char::REPLACEMENT_CHARACTER);
            return;
        };
        let end = at + 6 * character.len_utf16();
        self.go_to(end);
        if matches!(character, '"' | '\\') || character.is_control() {
            self.mended.push_str(&self.text[at..end]);
        } else {
            self.mended.push(character);
        }
    }
}

/// The unit that an escape `\uXXXX` at the start of a text names.
fn code_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let is_hex = digits.chars().all(|digit| digit.is_ascii_hexdigit());
    is_hex.then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(text: &str) -> Value {
        let mended = mended(text);
        serde_json::from_str(&mended).unwrap_or_else(|error| panic!("{error}: {mended}"))
    }

    #[test]
    fn marks_and_comments_around_a_document_are_dropped() {
        let document = json!({"a": "//x <!-- y -->"});
        let text = r#"{"a": "//x <!-- y -->"}"#;
        for wrapped in [
            format!("<!-- {text} -->"),
            format!("<![CDATA[{text}]]>"),
            format!("//<![CDATA[\n{text}\n//]]>"),
            format!("// <![CDATA[ {text}\n// ]]>"),
            format!("/*<![CDATA[*/{text}/*]]>*/"),
            format!("\u{feff}{text};"),
            format!("var data = {text};"),
            text.replace("{\"", "{ // it's a comment\n /* \" */ \""),
        ] {
            assert_eq!(read(&wrapped), document, "{wrapped}");
        }
    }

    #[test]
    fn commas_too_many_and_brackets_too_few_are_mended() {
        assert_eq!(
            read("{\"a\": [1, 2, ], , \"b\": {\"c\": 1,},\n}"),
            json!({"a": [1, 2], "b": {"c": 1}})
        );
        assert_eq!(read("{\"a\": [{\"b\": \"c"), json!({"a": [{"b": "c"}]}));
        assert_eq!(read("{\"a\": 1}}"), json!({"a": 1}));
    }

    #[test]
    fn strings_are_mended() {
        assert_eq!(
            read("{\"a\": \"one\r\ntwo\t\u{1}three\"}"),
            json!({"a": "one\ntwo\t three"})
        );
        assert_eq!(
            read(r#"{"a": "it\'s <a href="/x">a "b"</a>, "so", too", "b": "c\d"}"#),
            json!({"a": "it's <a href=\"/x\">a \"b\"</a>, \"so\", too", "b": "cd"})
        );
        assert_eq!(
            read(r#"{"a": "\ud83d\ude00 \ud83d \u00zz \u0022 \u000a 가",}"#),
            json!({"a": "😀 \u{fffd} u00zz \" \n 가"})
        );
    }

    #[test]
    fn no_text_makes_it_panic() {
        let pieces = [
            "{", "}", "[", "]", "\"", "\\", "\\u", "d83d", ",", "//", "/*", "<!--", "é", "\n",
            "]]>", "가",
        ];
        for first in pieces {
            for second in pieces {
                for third in pieces {
                    let _ = mended(&format!("{first}{second}{third}{first}"));
                }
            }
        }
    }
}
