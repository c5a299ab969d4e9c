//! What the elements of a document say: fields begun from a tag, and given to the feed or the entry when they end.

use std::borrow::Cow;
use std::ops::ControlFlow;

use url::Url;

use super::{Dialect, Document, Mark, Role};
use crate::extract::feed::FeedEntry;
use crate::extract::feed::capture::{Capture, Reading};
use crate::extract::feed::draft::Draft;
use crate::extract::feed::field::Field;
use crate::extract::feed::namespace::Namespace;
use crate::extract::link;
use crate::extract::xml::{Tag, local_name};

impl<'a, F> Document<'a, F>
where
    F: FnMut(FeedEntry) -> ControlFlow<()>,
{
    /// Begins to read a field, or takes it from the attributes; false where the element says nothing.
    pub(super) fn begin_field(
        &mut self,
        parent: Role,
        namespace: Namespace,
        local: &str,
        tag: Tag<'a>,
        mark: Mark,
    ) -> bool {
        let is_read = match parent {
            Role::Head | Role::Entry => true,
            Role::Media => namespace == Namespace::Media,
            Role::Other => false,
        };
        let Some(mut field) = Field::of(namespace, local).filter(|_| is_read) else {
            return false;
        };
        match field {
            Field::Link(_) => {
                let href = self.attribute(tag, "href");
                if let Some(href) = href.or_else(|| self.attribute(tag, "resource")) {
                    self.link_element(tag, &href);
                    return false;
                }
            }
            Field::Guid => {
                let says = self.attribute(tag, "ispermalink").unwrap_or_default();
                if says.eq_ignore_ascii_case("false") {
                    field = Field::Opaque;
                }
            }
            Field::Tag => {
                let term = self.attribute(tag, "term");
                if let Some(term) = term.or_else(|| self.attribute(tag, "text")) {
                    self.draft().tag(&term);
                    return false;
                }
            }
            Field::Content(_) => {
                if let Some(source) = self.attribute(tag, "src")
                    && let Some(url) = link::resolve(self.base(), &source)
                {
                    self.draft().link.offer(4, url);
                }
            }
            _ => {}
        }
        let (reading, is_base64) = self.reading(field, namespace, tag);
        let capture = Capture::of(field, tag.name(), reading, is_base64);
        self.capture = Some((capture, mark));
        true
    }

    /// How the text of an element is to be read, by its attributes, else by the custom of its vocabulary.
    fn reading(&mut self, field: Field, namespace: Namespace, tag: Tag<'a>) -> (Reading, bool) {
        if !field.is_text() {
            return (Reading::Words, false);
        }
        let attribute = |value: Option<Cow<'a, str>>| {
            value
                .map(|value| value.to_ascii_lowercase())
                .unwrap_or_default()
        };
        let kind = attribute(self.attribute(tag, "type"));
        let mode = attribute(self.attribute(tag, "mode"));
        // Atom of any version: content of a type that is neither text nor XML is in base 64.
        let is_binary = self.dialect == Some(Dialect::Atom)
            && kind.contains('/')
            && !kind.starts_with("text/")
            && !kind.ends_with("xml")
            && !kind.ends_with("html");
        let is_base64 = mode == "base64" || is_binary;
        let reading = match kind.as_str() {
            "xhtml" | "application/xhtml+xml" => Reading::Inline,
            "html" | "text/html" if mode == "xml" => Reading::Inline,
            "html" | "text/html" | "application/html" => Reading::Html,
            "text" | "plain" | "text/plain" => Reading::Plain,
            _ if is_base64 => Reading::Either,
            _ => match (self.dialect, namespace, field) {
                (_, Namespace::Xhtml, _) => Reading::Inline,
                (_, Namespace::Media, _) | (Some(Dialect::Atom), Namespace::Core, _) => {
                    Reading::Plain
                }
                (_, Namespace::Content, _)
                | (_, Namespace::Core, Field::Summary(_) | Field::Content(_)) => Reading::Html,
                _ => Reading::Either,
            },
        };
        (reading, is_base64)
    }

    /// A link in the manner of Atom, by its relation and type.
    fn link_element(&mut self, tag: Tag<'a>, href: &str) {
        let rel = self.attribute(tag, "rel").unwrap_or_default();
        let relation = rel
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let kind = self.attribute(tag, "type").unwrap_or_default();
        let Some(url) = link::resolve(self.base(), href) else {
            return;
        };
        match relation.as_str() {
            "" | "alternate" => {
                let is_page = kind.is_empty() || kind.to_ascii_lowercase().contains("html");
                self.draft().link.offer(if is_page { 1 } else { 2 }, url);
            }
            "next" if self.entry.is_none() => {
                self.head.next.get_or_insert(url);
            }
            _ => {}
        }
    }

    /// Gives the field that was read to the feed or the entry.
    pub(super) fn close_capture(&mut self) {
        let Some((capture, mark)) = self.capture.take() else {
            return;
        };
        match capture.field {
            Field::Title(rank) => self.draft().title(rank, capture.into_text()),
            Field::Summary(rank) => self.draft().summary(rank, capture.into_text()),
            Field::Content(rank) => self.draft().content(rank, capture.into_text()),
            Field::Author(rank) => self.draft().author(rank, &capture.person()),
            Field::Published(rank) => self.draft().published(rank, capture.words()),
            Field::Updated(rank) => self.draft().updated(rank, capture.words()),
            Field::Date => self.draft().date(capture.words()),
            Field::Language(rank) => self.draft().language(rank, capture.words()),
            Field::Tag => self.draft().tag(capture.words()),
            Field::Keywords => {
                for keyword in capture.words().split(',') {
                    self.draft().tag(keyword);
                }
            }
            Field::Opaque => self.draft().id(0, capture.words()),
            Field::Id(rank) => {
                self.draft().id(rank, capture.words());
                self.id_as_link(6, capture.words());
            }
            Field::Guid => {
                self.draft().id(0, capture.words());
                self.id_as_link(3, capture.words());
            }
            Field::Link(rank) => {
                if let Some(url) = link::resolve(self.base(), capture.words()) {
                    self.draft().link.offer(rank, url);
                }
            }
        }
        self.leave(mark);
    }

    /// An id that looks like an address is the link where there is no better one.
    fn id_as_link(&mut self, rank: u8, id: &str) {
        if !(id.starts_with("http://") || id.starts_with("https://") || id.starts_with('/')) {
            return;
        }
        if let Some(url) = link::resolve(self.base(), id)
            && self.entry.is_some()
        {
            self.draft().link.offer(rank, url);
        }
    }

    /// What the fields being read belong to.
    fn draft(&mut self) -> &mut Draft {
        self.entry.as_mut().unwrap_or(&mut self.head)
    }

    /// What relative links start from: `xml:base`, else the feed's address; but the site's, where the feed is served
    /// by another host, as `FeedBurner` did for many.
    pub(super) fn base(&self) -> &Url {
        let [own] = self.bases.as_slice() else {
            return self.bases.last().unwrap_or(&self.bases[0]);
        };
        match self.head.link.get() {
            Some(site) if self.entry.is_some() && site.origin() != own.origin() => site,
            _ => own,
        }
    }

    /// The value of an attribute, by its local name in any case; not where it is empty.
    pub(super) fn attribute(&mut self, tag: Tag<'a>, name: &str) -> Option<Cow<'a, str>> {
        let (_, raw) = tag
            .attributes()
            .find(|(key, _)| local_name(key).eq_ignore_ascii_case(name))?;
        let value = self.tokens.value(raw);
        (!value.is_empty()).then_some(value)
    }
}
