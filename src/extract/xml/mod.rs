//! XML as the web really serves it: the tokens of a document, mended where they are broken.
//!
//! quick-xml cuts the text; this layer forgives what a strict parser must refuse. A bare `&` or `<` is text, an unknown
//! entity stays as it is written, HTML's entities and those of the internal DTD subset are known, control characters
//! vanish, and a document that ends too early ends. It checks no nesting: whoever reads the tokens keeps the stack.
//!
//! Invariants: tokens borrow from the text, so memory does not grow with the document; no external entity or DTD is
//! ever fetched; expansion of internal entities has one budget for the whole document (`reference`), and so has what
//! repairs read in vain, so that hostile input cannot make the scan quadratic.

mod reference;

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::Event;
use quick_xml::events::attributes::Attributes;

use reference::References;

/// Bytes that may be read in vain, for each byte of the text: a tag or comment that never ends is noticed only at the
/// end of the text. Broken feeds stay below one; hostile ones would read for hours, so what follows is left unread.
const MAX_WASTE: usize = 16;

/// A piece of a document. Comments, processing instructions and the DOCTYPE are no tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// `<name …>`
    Start(Tag<'a>),
    /// `<name …/>`
    Empty(Tag<'a>),
    /// `</name>`, with its prefix.
    End(&'a str),
    /// Characters, references resolved; also those of CDATA.
    Text(Cow<'a, str>),
}

/// The inside of a start tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    raw: &'a str,
    name: &'a str,
}

impl<'a> Tag<'a> {
    fn new(raw: &'a str) -> Self {
        let end = raw
            .find(|c: char| c.is_ascii_whitespace() || c == '/')
            .unwrap_or(raw.len());
        Self {
            raw,
            name: &raw[..end],
        }
    }

    /// The name, with its prefix.
    pub(super) const fn name(self) -> &'a str {
        self.name
    }

    /// The attributes as written, references and all.
    pub(super) fn raw_attributes(self) -> &'a str {
        &self.raw[self.name.len()..]
    }

    /// Each attribute with its raw value, in any spelling that HTML allows; the unreadable ones are left out.
    pub(super) fn attributes(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut attributes = Attributes::html(self.raw, self.name.len());
        attributes.with_checks(false);
        attributes.filter_map(Result::ok).map(move |attribute| {
            let key = attribute.key.into_inner();
            let value = match attribute.value {
                Cow::Borrowed(value) => value,
                Cow::Owned(_) => "",
            };
            (key, value)
        })
    }

    /// Whether quick-xml cut a tag here, and not a stray `<` with the text and the tag that follow it.
    fn is_sound(self) -> bool {
        if !self
            .name
            .starts_with(|c: char| c.is_alphabetic() || c == '_')
        {
            return false;
        }
        let mut quote = None;
        for c in self.raw.chars() {
            match (quote, c) {
                (None, '<') => return false,
                (None, '"' | '\'') => quote = Some(c),
                (Some(open), c) if open == c => quote = None,
                _ => {}
            }
        }
        true
    }
}

/// The part of a name after its prefix.
pub(super) fn local_name(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// The tokens of a text.
pub(super) struct Tokens<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
    /// Where in the text the reader began.
    offset: usize,
    wasted: usize,
    references: References<'a>,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let mut tokens = Self {
            text,
            reader: reader_of(text),
            offset: 0,
            wasted: 0,
            references: References::default(),
        };
        tokens.restart(0);
        tokens
    }

    /// Where the next token begins, in bytes.
    pub(super) fn here(&self) -> usize {
        let read = usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX);
        self.offset.saturating_add(read).min(self.text.len())
    }

    /// A raw attribute value with its references resolved, trimmed.
    pub(super) fn value(&mut self, raw: &'a str) -> Cow<'a, str> {
        self.references.resolve_all(raw.trim())
    }

    /// Reads on from there, past byte order marks: quick-xml drops one without counting it.
    fn restart(&mut self, at: usize) {
        let rest = &self.text[at..];
        let at = self.text.len() - rest.trim_start_matches('\u{feff}').len();
        self.reader = reader_of(&self.text[at..]);
        self.offset = at;
    }

    /// Takes what begins at `start` for text, and reads on at the next `<`.
    fn repair(&mut self, start: usize) -> Option<Token<'a>> {
        const CDATA: &str = "<![CDATA[";
        let rest = &self.text[start..];
        self.wasted += self.here().saturating_sub(start);
        if rest.is_empty() || self.wasted > MAX_WASTE.saturating_mul(self.text.len()) {
            return None;
        }
        if let Some(cut) = rest.strip_prefix(CDATA) {
            self.restart(self.text.len());
            return Some(Token::Text(without_controls(cut)));
        }
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let end = rest[first..].find('<').map_or(rest.len(), |at| first + at);
        self.restart(start + end);
        let text = self.references.resolve_all(&rest[..end]);
        Some(Token::Text(match text {
            Cow::Borrowed(text) => without_controls(text),
            Cow::Owned(text) => Cow::Owned(without_controls(&text).into_owned()),
        }))
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let start = self.here();
            let event = self.reader.read_event();
            let cut = self.text.get(start..self.here()).unwrap_or_default();
            match event {
                Ok(Event::Start(_)) => {
                    let tag = Tag::new(inside(cut, "<", ">"));
                    if !tag.is_sound() {
                        return self.repair(start);
                    }
                    return Some(Token::Start(tag));
                }
                Ok(Event::Empty(_)) => {
                    let tag = Tag::new(inside(cut, "<", "/>"));
                    if !tag.is_sound() {
                        return self.repair(start);
                    }
                    return Some(Token::Empty(tag));
                }
                Ok(Event::End(_)) => return Some(Token::End(inside(cut, "</", ">").trim())),
                Ok(Event::Text(_)) => return Some(Token::Text(without_controls(cut))),
                Ok(Event::CData(_)) => {
                    let text = inside(cut, "<![CDATA[", "]]>");
                    return Some(Token::Text(without_controls(text)));
                }
                Ok(Event::GeneralRef(_)) => {
                    return Some(Token::Text(self.references.resolve_all(cut)));
                }
                Ok(Event::DocType(_)) => self.references.declare(cut),
                Ok(Event::Comment(_) | Event::PI(_) | Event::Decl(_)) => {}
                Ok(Event::Eof) => return None,
                Err(_) => return self.repair(start),
            }
        }
    }
}

fn reader_of(text: &str) -> Reader<&[u8]> {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.allow_dangling_amp = true;
    config.allow_unmatched_ends = true;
    config.check_end_names = false;
    reader
}

fn inside<'a>(cut: &'a str, open: &str, close: &str) -> &'a str {
    let cut = cut.strip_prefix(open).unwrap_or(cut);
    cut.strip_suffix(close).unwrap_or(cut)
}

/// XML has no control characters but tab, line feed and carriage return; feeds do.
fn without_controls(text: &str) -> Cow<'_, str> {
    let is_allowed = |c: char| matches!(c, '\t' | '\n' | '\r') || !c.is_ascii_control();
    if text.chars().all(is_allowed) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().filter(|c| is_allowed(*c)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens written down shortly: `+a|`, `/a|` for an empty tag, `|-a`, and text as it is.
    fn sketch(text: &str) -> String {
        Tokens::of(text)
            .map(|token| match token {
                Token::Start(tag) => format!("+{}|", tag.name()),
                Token::Empty(tag) => format!("/{}|", tag.name()),
                Token::End(name) => format!("|-{name}"),
                Token::Text(text) => text.into_owned(),
            })
            .collect()
    }

    #[test]
    fn sound_document_is_cut_as_it_is() {
        let text =
            "\n<?xml version='1.0'?><!-- < & --><a x='>'><b/>1 &lt; 2<![CDATA[<&amp;>]]></a >";
        assert_eq!(sketch(text), "\n+a|/b|1 < 2<&amp;>|-a");
    }

    #[test]
    fn stray_characters_are_text() {
        assert_eq!(
            sketch("<t>AT&T & co; a < b && c</t>"),
            "+t|AT&T & co; a < b && c|-t"
        );
        assert_eq!(sketch("<t>1 <2</t><u>"), "+t|1 <2|-t+u|");
        assert_eq!(sketch("<t>x <y</t>"), "+t|x <y|-t");
        assert_eq!(sketch("<t>\u{1}한\u{b}글</t>"), "+t|한글|-t");
    }

    #[test]
    fn document_that_ends_too_early_ends() {
        assert_eq!(sketch("<t>abc"), "+t|abc");
        assert_eq!(sketch("<t><![CDATA[abc"), "+t|abc");
        assert_eq!(sketch("<t>abc</t"), "+t|abc</t");
        assert_eq!(sketch("<t>a<!-- b</t>"), "+t|a<!-- b|-t");
        assert_eq!(sketch("<t a='x"), "<t a='x");
    }

    #[test]
    fn attributes_are_read_in_every_spelling() {
        let Some(Token::Empty(tag)) = Tokens::of("<link rel=self href='a&amp;b' checked/>").next()
        else {
            panic!("one empty tag");
        };
        let attributes: Vec<_> = tag.attributes().collect();
        assert_eq!(
            attributes,
            [("rel", "self"), ("href", "a&amp;b"), ("checked", "")]
        );
    }

    #[test]
    fn hostile_text_is_given_up_and_honest_damage_is_not() {
        let hostile = "<!--".repeat(1_000);
        assert!(Tokens::of(&hostile).count() <= 2 * MAX_WASTE);
        let honest = "<t>a < b</t>".repeat(10_000);
        let ends = Tokens::of(&honest).filter(|token| *token == Token::End("t"));
        assert_eq!(ends.count(), 10_000);
    }
}
