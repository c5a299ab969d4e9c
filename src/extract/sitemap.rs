//! Sitemaps (sitemaps.org): the pages of a site, or the sitemaps that list them.
//!
//! [`read`] hands over one address at a time; [`Sitemap`] is the whole of one. XML is read with the same mending as
//! feeds, by local names: image, video and news extensions have a `loc` of their own deeper down, and many a sitemap
//! declares a wrong namespace. The protocol's plain form, one address a line, is read too. An address that can't be
//! fetched is left out; `lastmod` stays as written. Unpacking `.gz` is done before the text comes here.

use std::ops::ControlFlow;

use url::Url;

use super::link;
use super::xml::{Tag, Token, Tokens, local_name};

/// The protocol's own limit for one file. What a larger file has beyond it is left out, and said so.
pub(super) const MAX_ENTRIES: usize = 50_000;

/// Longer than any address or date; what comes behind is no part of one.
const MAX_VALUE: usize = 8 * 1024;

/// One address of a sitemap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SitemapEntry {
    /// A page.
    Page(SitemapPage),
    /// Another sitemap, of an index.
    Sitemap(SitemapPage),
}

/// A page, or a sitemap of an index, and when it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SitemapPage {
    /// Its address.
    pub loc: Url,
    /// When it was last changed, as written.
    pub lastmod: Option<String>,
}

/// A whole sitemap in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sitemap {
    /// Its pages, in its order.
    pub urls: Vec<SitemapPage>,
    /// The sitemaps of an index, in its order.
    pub sitemaps: Vec<Url>,
    /// Whether it had more than the protocol allows.
    pub is_cut: bool,
}

/// Why a document gave no sitemap.
#[derive(Debug, thiserror::Error)]
pub enum SitemapError {
    /// XML or text of another kind.
    #[error("no sitemap: found `{found}`, not `urlset`, `sitemapindex` or a list of addresses")]
    OtherDocument {
        /// The root element, or the first words.
        found: String,
    },
    /// More than can be kept; what is left out of a list would count as gone.
    #[error(
        "the sitemap has more than {MAX_ENTRIES} entries, which its protocol forbids; narrow `pattern` in `[list]`"
    )]
    TooMany,
    /// Nothing, or blanks.
    #[error("no sitemap: the document is empty")]
    Empty,
}

impl Sitemap {
    /// The whole sitemap of a text that was fetched from `url`.
    pub fn of(text: &str, url: &Url) -> Result<Self, SitemapError> {
        let mut sitemap = Self::default();
        read(text, url, |entry| {
            if sitemap.urls.len() + sitemap.sitemaps.len() == MAX_ENTRIES {
                sitemap.is_cut = true;
                return ControlFlow::Break(());
            }
            match entry {
                SitemapEntry::Page(page) => sitemap.urls.push(page),
                SitemapEntry::Sitemap(other) => sitemap.sitemaps.push(other.loc),
            }
            ControlFlow::Continue(())
        })?;
        Ok(sitemap)
    }
}

/// Reads a sitemap that was fetched from `url`, address by address, until `on_entry` breaks off.
pub fn read(
    text: &str,
    url: &Url,
    on_entry: impl FnMut(SitemapEntry) -> ControlFlow<()>,
) -> Result<(), SitemapError> {
    let start = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    match start.chars().next() {
        None => Err(SitemapError::Empty),
        Some('<') => read_xml(start, url, on_entry),
        Some(_) => read_lines(start, url, on_entry),
    }
}

fn read_lines(
    text: &str,
    url: &Url,
    mut on_entry: impl FnMut(SitemapEntry) -> ControlFlow<()>,
) -> Result<(), SitemapError> {
    let first = text.lines().next().unwrap_or_default();
    if !is_address(first) {
        return Err(SitemapError::OtherDocument {
            found: first.chars().take(80).collect(),
        });
    }
    // Anything else on a line, a comment or a title, would resolve to some address, too.
    let addresses = text.lines().map(str::trim).filter(|line| is_address(line));
    for loc in addresses.filter_map(|line| link::resolve(url, line)) {
        let page = SitemapPage { loc, lastmod: None };
        if on_entry(SitemapEntry::Page(page)).is_break() {
            break;
        }
    }
    Ok(())
}

fn is_address(line: &str) -> bool {
    line.starts_with("http://") || line.starts_with("https://")
}

/// The value that is being read, of the entry or of none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    None,
    Loc,
    Lastmod,
}

/// An entry whose end has not come yet.
struct Draft {
    is_page: bool,
    loc: String,
    lastmod: String,
    /// Elements open in the entry.
    depth: usize,
    value: Value,
}

impl Draft {
    /// The entry that an element begins.
    fn begin(tag: Tag<'_>) -> Option<Self> {
        let is_page = match local_name(tag.name()) {
            "url" => true,
            "sitemap" => false,
            _ => return None,
        };
        Some(Self {
            is_page,
            loc: String::new(),
            lastmod: String::new(),
            depth: 0,
            value: Value::None,
        })
    }

    fn start(&mut self, tag: Tag<'_>) {
        self.value = match local_name(tag.name()) {
            "loc" if self.depth == 0 => Value::Loc,
            "lastmod" if self.depth == 0 => Value::Lastmod,
            _ => Value::None,
        };
        self.depth += 1;
    }

    fn end(&mut self) {
        self.value = Value::None;
        self.depth = self.depth.saturating_sub(1);
    }

    fn push(&mut self, text: &str) {
        let value = match self.value {
            Value::None => return,
            Value::Loc => &mut self.loc,
            Value::Lastmod => &mut self.lastmod,
        };
        if value.len() + text.len() <= MAX_VALUE {
            value.push_str(text);
        }
    }

    fn into_entry(self, url: &Url) -> Option<SitemapEntry> {
        let loc = link::resolve(url, &self.loc)?;
        let lastmod = Some(self.lastmod.trim().to_owned()).filter(|date| !date.is_empty());
        let page = SitemapPage { loc, lastmod };
        Some(if self.is_page {
            SitemapEntry::Page(page)
        } else {
            SitemapEntry::Sitemap(page)
        })
    }
}

fn read_xml(
    text: &str,
    url: &Url,
    mut on_entry: impl FnMut(SitemapEntry) -> ControlFlow<()>,
) -> Result<(), SitemapError> {
    let mut has_root = false;
    let mut draft: Option<Draft> = None;
    for token in Tokens::of(text) {
        let mut ended = None;
        match token {
            Token::Start(tag) | Token::Empty(tag) if !has_root => {
                if !matches!(local_name(tag.name()), "urlset" | "sitemapindex") {
                    return Err(SitemapError::OtherDocument {
                        found: tag.name().to_owned(),
                    });
                }
                has_root = true;
            }
            Token::Start(tag) => match Draft::begin(tag) {
                // Also where the entry before was never closed.
                Some(next) => ended = draft.replace(next),
                None => {
                    if let Some(draft) = &mut draft {
                        draft.start(tag);
                    }
                }
            },
            Token::End(name) if matches!(local_name(name), "url" | "sitemap") => {
                ended = draft.take();
            }
            Token::End(_) => {
                if let Some(draft) = &mut draft {
                    draft.end();
                }
            }
            Token::Text(text) => {
                if let Some(draft) = &mut draft {
                    draft.push(&text);
                }
            }
            Token::Empty(_) => {}
        }
        if let Some(entry) = ended.and_then(|draft| draft.into_entry(url))
            && on_entry(entry).is_break()
        {
            return Ok(());
        }
    }
    if has_root {
        Ok(())
    } else {
        let found = text.chars().take(80).collect();
        Err(SitemapError::OtherDocument { found })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sitemap(text: &str) -> Result<Sitemap, SitemapError> {
        Sitemap::of(text, &Url::parse("https://a.example/maps/1.xml").unwrap())
    }

    #[test]
    fn pages_are_read_and_addresses_of_extensions_are_not() {
        let read = sitemap(
            "\n<?xml version='1.0'?><urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>
             <url><loc>
               https://a.example/jobs?a=1&amp;b=2 </loc><lastmod> 2024-03-01 </lastmod>
               <image:image><image:loc>https://cdn.example/x.png</image:loc></image:image></url>
             <url><loc><![CDATA[/two]]></loc><priority>1</priority>
             <url><image><loc>/none</loc></image></url><url><loc>javascript:x</loc></url>
             <url><loc>/three",
        )
        .unwrap();
        let pages: Vec<_> = read
            .urls
            .iter()
            .map(|page| (page.loc.as_str(), page.lastmod.as_deref()))
            .collect();
        assert_eq!(
            pages,
            [
                ("https://a.example/jobs?a=1&b=2", Some("2024-03-01")),
                ("https://a.example/two", None),
            ]
        );
    }

    #[test]
    fn index_names_other_sitemaps() {
        let read = sitemap("<sitemapindex><sitemap><loc>/a.xml.gz</loc></sitemap></sitemapindex>");
        let sitemaps = read.unwrap().sitemaps;
        assert_eq!(sitemaps[0].as_str(), "https://a.example/a.xml.gz");
    }

    #[test]
    fn site_without_pages_has_an_empty_sitemap() {
        assert_eq!(sitemap("<urlset/>").unwrap(), Sitemap::default());
    }

    #[test]
    fn plain_list_is_read() {
        let read = sitemap("https://a.example/1\r\n\r\nhttps://a.example/2\n").unwrap();
        assert_eq!(read.urls.len(), 2);
        let read = sitemap("https://a.example/1\n# old\n  https://a.example/2\nabout").unwrap();
        assert_eq!(read.urls.len(), 2);
    }

    #[test]
    fn more_than_the_protocol_allows_is_cut_and_said_so() {
        let list = "https://a.example/1\n".repeat(MAX_ENTRIES + 1);
        let read = sitemap(&list).unwrap();
        assert_eq!((read.urls.len(), read.is_cut), (MAX_ENTRIES, true));
        assert!(!sitemap(&list[20..]).unwrap().is_cut);
    }

    #[test]
    fn other_documents_are_named() {
        let message = |text| sitemap(text).unwrap_err().to_string();
        insta::assert_snapshot!(message(""), @"no sitemap: the document is empty");
        insta::assert_snapshot!(
            message("<!doctype html><html>"),
            @"no sitemap: found `html`, not `urlset`, `sitemapindex` or a list of addresses"
        );
        insta::assert_snapshot!(
            message("Not found"),
            @"no sitemap: found `Not found`, not `urlset`, `sitemapindex` or a list of addresses"
        );
    }
}
