//! The content of one element that says something, being collected.
//!
//! Inside a field the tags are not the feed's: they are markup, to be kept or passed over, and need not be balanced.
//! So no stack is kept here. A field ends at its own end tag, or, where that is missing, at the first tag that can
//! only belong to the feed.

use super::field::Field;
use super::text::{FeedText, one_line};
use super::{base64, text};
use crate::extract::xml::{Tag, local_name};

/// More of one text is not kept: pages beyond this are not read either.
const MAX_TEXT: usize = 2 * 1024 * 1024;

/// Tags that no HTML has: a field that meets one was not closed.
const FEED_ONLY: [&str; 11] = [
    "item",
    "entry",
    "guid",
    "id",
    "pubdate",
    "published",
    "updated",
    "description",
    "channel",
    "rss",
    "feed",
];

/// Tags that a short field is not closed over either, though HTML has some of them.
const NEVER_IN_SHORT: [&str; 8] = [
    "link",
    "title",
    "author",
    "category",
    "comments",
    "enclosure",
    "summary",
    "content",
];

/// How the content is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Words: tags are passed over.
    Words,
    /// Text that means itself. With a tag in it, it was markup after all.
    Plain,
    /// HTML, escaped into text; tags that are not are kept beside.
    Html,
    /// Not said which: told by the look of it.
    Either,
    /// Markup as part of the document (XHTML).
    Inline,
}

/// How an element closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It does not: the tag was inside.
    Inside,
    /// By this tag, which is its own.
    Closed,
    /// By this tag, which is that of an element around it.
    Missing,
}

/// One element's content while it is read.
#[derive(Debug)]
pub(super) struct Capture<'a> {
    pub(super) field: Field,
    element: &'a str,
    /// Elements of the same name that are open inside.
    nested: usize,
    reading: Reading,
    is_base64: bool,
    text: String,
    /// The part of a person that is being read, and the parts so far.
    part: Option<Part>,
    name: String,
    email: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Name,
    Email,
    Passed,
}

impl Part {
    fn of(element: &str) -> Option<Self> {
        match local_name(element).to_ascii_lowercase().as_str() {
            "name" => Some(Self::Name),
            "email" => Some(Self::Email),
            "uri" | "url" | "homepage" => Some(Self::Passed),
            _ => None,
        }
    }
}

impl<'a> Capture<'a> {
    pub(super) const fn of(
        field: Field,
        element: &'a str,
        reading: Reading,
        is_base64: bool,
    ) -> Self {
        Self {
            field,
            element,
            nested: 0,
            reading,
            is_base64,
            text: String::new(),
            part: None,
            name: String::new(),
            email: String::new(),
        }
    }

    pub(super) fn push_text(&mut self, text: &str) {
        let target = match self.part {
            None => &mut self.text,
            Some(Part::Name) => &mut self.name,
            Some(Part::Email) => &mut self.email,
            Some(Part::Passed) => return,
        };
        if target.len() + text.len() > MAX_TEXT {
            return;
        }
        if self.reading == Reading::Inline {
            escape_into(text, target);
        } else {
            target.push_str(text);
        }
    }

    /// Whether this start tag shows that the end tag was forgotten.
    pub(super) fn is_ended_by(&self, tag: Tag<'_>) -> bool {
        if self.reading == Reading::Inline || tag.name().contains(':') {
            return false;
        }
        let name = tag.name().to_ascii_lowercase();
        let name = name.as_str();
        if name == self.element {
            return false;
        }
        FEED_ONLY.contains(&name) || (!self.field.is_long() && NEVER_IN_SHORT.contains(&name))
    }

    pub(super) fn start(&mut self, tag: Tag<'_>, is_empty: bool) {
        if !is_empty && tag.name() == self.element {
            self.nested += 1;
        }
        if matches!(self.field, Field::Author(_)) && !is_empty {
            self.part = Part::of(tag.name()).or(self.part);
        }
        if self.field.is_text() {
            self.become_markup();
            let close = if is_empty { "/>" } else { ">" };
            let attributes = tag.raw_attributes().trim_end().trim_end_matches('/');
            for piece in ["<", local_name(tag.name()), attributes, close] {
                self.push_markup(piece);
            }
        }
    }

    pub(super) fn end(&mut self, name: &str) -> End {
        if name.eq_ignore_ascii_case(self.element) {
            if self.nested == 0 {
                return End::Closed;
            }
            self.nested -= 1;
        } else if FEED_ONLY.contains(&name.to_ascii_lowercase().as_str()) {
            return End::Missing;
        }
        if self.part.is_some() && self.part == Part::of(name) {
            self.part = None;
        }
        if self.field.is_text() && self.reading != Reading::Words {
            for piece in ["</", local_name(name), ">"] {
                self.push_markup(piece);
            }
        }
        End::Inside
    }

    /// Text that was taken for plain is escaped once a tag shows that it is markup.
    fn become_markup(&mut self) {
        let was_plain = match self.reading {
            Reading::Plain => true,
            Reading::Either => !text::looks_like_html(&self.text),
            Reading::Words | Reading::Html | Reading::Inline => return,
        };
        if was_plain {
            let mut escaped = String::with_capacity(self.text.len() + 16);
            escape_into(&self.text, &mut escaped);
            self.text = escaped;
            self.reading = Reading::Inline;
        } else {
            self.reading = Reading::Html;
        }
    }

    fn push_markup(&mut self, piece: &str) {
        if self.text.len() + piece.len() <= MAX_TEXT {
            self.text.push_str(piece);
        }
    }

    /// The text, in the kind that the element said or that it shows.
    pub(super) fn into_text(self) -> FeedText {
        let decoded = if self.is_base64 {
            base64::decode(&self.text)
        } else {
            None
        };
        let text = decoded.as_ref().unwrap_or(&self.text);
        match self.reading {
            Reading::Words | Reading::Plain => FeedText::plain(text),
            Reading::Html => FeedText::html(text),
            Reading::Either => FeedText::of_either_kind(text),
            Reading::Inline => FeedText::html(without_wrapper(text)),
        }
    }

    pub(super) fn words(&self) -> &str {
        self.text.trim()
    }

    /// A person: the name, else the address, else whatever the element says.
    pub(super) fn person(&self) -> String {
        [&self.name, &self.email, &self.text]
            .into_iter()
            .map(|part| one_line(part))
            .find(|part| !part.is_empty())
            .unwrap_or_default()
    }
}

fn escape_into(text: &str, escaped: &mut String) {
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            _ => escaped.push(c),
        }
    }
}

/// The content of the one `div` that Atom wraps XHTML in.
fn without_wrapper(html: &str) -> &str {
    let html = html.trim();
    let inner = html
        .strip_prefix("<div")
        .and_then(|rest| rest.split_once('>'))
        .and_then(|(_, rest)| rest.strip_suffix("</div>"));
    match inner {
        Some(inner) if inner.find("</div") >= inner.find("<div") => inner,
        _ => html,
    }
}
