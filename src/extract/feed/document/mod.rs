//! Feeds in XML: the elements of a document turned into head and entries.
//!
//! A stack of frames holds what is open around the current element; fields are read only directly below the feed, the
//! entry, or a media group in it. So the title of an image, a source or a text input is never the feed's or the
//! entry's. End tags close whatever they can close, unknown ones nothing: an unclosed element costs itself, not the
//! feed. An entry that begins inside an entry ends the one before.

mod fields;

use std::ops::ControlFlow;

use url::Url;

use super::capture::{Capture, End};
use super::draft::Draft;
use super::namespace::{Namespace, Scope};
use super::{FeedEntry, FeedError, FeedHead};
use crate::extract::link;
use crate::extract::xml::{Tag, Token, Tokens, local_name};

/// Elements open at once. Feeds have five or six; markup in texts does not count.
const MAX_DEPTH: usize = 128;

/// How far the root is looked for, behind what a broken server printed before it.
const PREAMBLE: usize = 64 * 1024;

/// What an open element is to the elements directly in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The feed: root or channel.
    Head,
    /// An entry.
    Entry,
    /// A group of media in an entry.
    Media,
    /// Nothing that says anything.
    Other,
}

/// The two families, which differ in what a text is when it does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// RSS of any version: texts are HTML, or may be.
    Rss,
    /// Atom of any version: texts are plain.
    Atom,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    bindings: usize,
    bases: usize,
}

struct Frame<'a> {
    name: &'a str,
    role: Role,
    mark: Mark,
}

struct Document<'a, F> {
    text: &'a str,
    tokens: Tokens<'a>,
    scope: Scope<'a>,
    /// The feed's own address, then each `xml:base` in force.
    bases: Vec<Url>,
    frames: Vec<Frame<'a>>,
    capture: Option<(Capture<'a>, Mark)>,
    dialect: Option<Dialect>,
    /// The first element, to name what was found instead of a feed.
    first: Option<&'a str>,
    /// Whether a channel or an entry was seen, without which RDF is no feed.
    has_parts: bool,
    head: Draft,
    entry: Option<Draft>,
    on_entry: F,
}

pub(super) fn read<F>(text: &str, url: &Url, on_entry: F) -> Result<FeedHead, FeedError>
where
    F: FnMut(FeedEntry) -> ControlFlow<()>,
{
    let mut document = Document {
        text,
        tokens: Tokens::of(text),
        scope: Scope::default(),
        bases: vec![url.clone()],
        frames: Vec::new(),
        capture: None,
        dialect: None,
        first: None,
        has_parts: false,
        head: Draft::default(),
        entry: None,
        on_entry,
    };
    let mut flow = ControlFlow::Continue(());
    while flow.is_continue()
        && let Some(token) = document.tokens.next()
    {
        flow = document.take(token)?;
    }
    if flow.is_continue() {
        document.end_of_text();
    }
    document.finish()
}

impl<'a, F> Document<'a, F>
where
    F: FnMut(FeedEntry) -> ControlFlow<()>,
{
    fn take(&mut self, token: Token<'a>) -> Result<ControlFlow<()>, FeedError> {
        match token {
            Token::Start(tag) => self.start(tag),
            Token::Empty(tag) => {
                if let Some((capture, _)) = &mut self.capture
                    && !capture.is_ended_by(tag)
                {
                    capture.start(tag, true);
                    return Ok(ControlFlow::Continue(()));
                }
                let opened = self.start(tag)?;
                let closed = self.end(tag.name());
                Ok(if opened.is_break() { opened } else { closed })
            }
            Token::End(name) => Ok(self.end(name)),
            Token::Text(text) => {
                if let Some((capture, _)) = &mut self.capture {
                    capture.push_text(&text);
                }
                Ok(ControlFlow::Continue(()))
            }
        }
    }

    fn start(&mut self, tag: Tag<'a>) -> Result<ControlFlow<()>, FeedError> {
        if let Some((capture, _)) = &mut self.capture {
            if !capture.is_ended_by(tag) {
                capture.start(tag, false);
                return Ok(ControlFlow::Continue(()));
            }
            self.close_capture();
        }
        let local = local_name(tag.name()).to_ascii_lowercase();
        let begins_entry = matches!(local.as_str(), "item" | "entry")
            && self.scope.resolve(tag.name()).0 == Namespace::Core;
        let flow = if begins_entry {
            self.close_entry()
        } else {
            ControlFlow::Continue(())
        };
        let mark = self.enter(tag, &local);
        if self.dialect.is_none() {
            self.look_for_root(tag, &local)?;
        }
        let (namespace, _) = self.scope.resolve(tag.name());
        let parent = self.frames.last().map_or(Role::Other, |frame| frame.role);
        let role = match (namespace, local.as_str()) {
            _ if self.dialect.is_none() => Role::Other,
            (Namespace::Core, "item" | "entry") => {
                self.begin_entry(tag);
                Role::Entry
            }
            (Namespace::Core, "channel") => {
                self.has_parts = true;
                Role::Head
            }
            (_, "rss" | "feed" | "rdf") if self.entry.is_none() => Role::Head,
            (Namespace::Media, "group" | "content") if parent != Role::Other => Role::Media,
            (namespace, local) => {
                if self.begin_field(parent, namespace, local, tag, mark) {
                    return Ok(flow);
                }
                Role::Other
            }
        };
        self.frames.push(Frame {
            name: tag.name(),
            role,
            mark,
        });
        if self.frames.len() > MAX_DEPTH {
            return Err(FeedError::TooDeep {
                limit: MAX_DEPTH,
                position: self.tokens.here(),
            });
        }
        Ok(flow)
    }

    /// Puts what a tag declares in force, and remembers what was before it.
    fn enter(&mut self, tag: Tag<'a>, local: &str) -> Mark {
        let mark = Mark {
            bindings: self.scope.mark(),
            bases: self.bases.len(),
        };
        for (name, raw) in tag.attributes() {
            if name.starts_with("xmlns") {
                let address = self.tokens.value(raw);
                self.scope.bind(name, &address);
            } else if name == "xml:base" {
                let value = self.tokens.value(raw);
                let base = self
                    .bases
                    .last()
                    .and_then(|base| link::nested_base(base, &value));
                self.bases.extend(base);
            } else if name == "xml:lang" && matches!(local, "feed" | "rss" | "rdf" | "channel") {
                let language = self.tokens.value(raw);
                self.head.language(2, &language);
            }
        }
        mark
    }

    fn leave(&mut self, mark: Mark) {
        self.scope.leave(mark.bindings);
        self.bases.truncate(mark.bases);
    }

    fn look_for_root(&mut self, tag: Tag<'a>, local: &str) -> Result<(), FeedError> {
        let is_first = self.first.is_none();
        self.first.get_or_insert(tag.name());
        self.dialect = match local {
            "rss" | "rdf" => Some(Dialect::Rss),
            "channel" if is_first => Some(Dialect::Rss),
            "feed" => Some(Dialect::Atom),
            "entry" if is_first => Some(Dialect::Atom),
            "html" => return Err(FeedError::html(self.text)),
            _ if self.tokens.here() > PREAMBLE => return Err(self.no_feed()),
            _ => None,
        };
        if self.dialect.is_some() {
            self.has_parts = local != "rdf";
            if !tag.name().contains(':') {
                self.scope.claim_default();
            }
        }
        Ok(())
    }

    fn begin_entry(&mut self, tag: Tag<'a>) {
        self.has_parts = true;
        let mut draft = Draft::default();
        if let Some(about) = self.attribute(tag, "about") {
            draft.id(1, &about);
            if let Some(url) = link::resolve(self.base(), &about) {
                draft.link.offer(5, url);
            }
        }
        self.entry = Some(draft);
    }

    fn end(&mut self, name: &str) -> ControlFlow<()> {
        if let Some((capture, _)) = &mut self.capture {
            match capture.end(name) {
                End::Inside => return ControlFlow::Continue(()),
                End::Closed => {
                    self.close_capture();
                    return ControlFlow::Continue(());
                }
                End::Missing => self.close_capture(),
            }
        }
        let open = self
            .frames
            .iter()
            .rposition(|frame| frame.name.eq_ignore_ascii_case(name));
        match open {
            Some(depth) => self.close_to(depth),
            None => ControlFlow::Continue(()),
        }
    }

    /// Closes the frames above that depth, and the entry if it is one of them.
    fn close_to(&mut self, depth: usize) -> ControlFlow<()> {
        let mut flow = ControlFlow::Continue(());
        while self.frames.len() > depth
            && let Some(frame) = self.frames.pop()
        {
            self.leave(frame.mark);
            if frame.role == Role::Entry
                && let Some(draft) = self.entry.take()
            {
                flow = (self.on_entry)(draft.into_entry(&self.head));
            }
        }
        flow
    }

    /// Ends the entry that is open, if one is.
    fn close_entry(&mut self) -> ControlFlow<()> {
        let open = self
            .frames
            .iter()
            .rposition(|frame| frame.role == Role::Entry);
        match open {
            Some(depth) => self.close_to(depth),
            None => ControlFlow::Continue(()),
        }
    }

    /// What a download that broke off leaves open is closed; an entry without any substance is dropped.
    fn end_of_text(&mut self) {
        self.close_capture();
        if let Some(draft) = self.entry.take().filter(|draft| !draft.is_empty()) {
            // Nothing is left to break off from.
            let _ = (self.on_entry)(draft.into_entry(&self.head));
        }
    }

    fn finish(self) -> Result<FeedHead, FeedError> {
        if self.dialect.is_some() && self.has_parts {
            Ok(self.head.into_head())
        } else {
            Err(self.no_feed())
        }
    }

    fn no_feed(&self) -> FeedError {
        const OF_PAGES: [&str; 8] = ["head", "body", "div", "p", "script", "meta", "br", "title"];
        match self.first {
            None => FeedError::text(self.text),
            Some(_) if self.dialect.is_some() => FeedError::OtherRdf,
            Some(first) if OF_PAGES.contains(&first.to_ascii_lowercase().as_str()) => {
                FeedError::html(self.text)
            }
            Some(first) => FeedError::OtherXml {
                root: first.to_owned(),
            },
        }
    }
}
