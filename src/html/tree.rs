//! Text to tree, within bounds.
//!
//! The parser never fails on bad markup, so its only limits are ours. It keeps every node (some 150 bytes), and its
//! work grows with the square of the depth: 40,000 nested `<div>` took 2.8 s, ten MB of them 137 MB. The text is
//! therefore measured before parsing, and fed in pieces; after each piece the new nodes are counted and measured, so
//! that a hostile page is dropped a few kilobytes after it shows itself. Measuring the real tree rather than guessing
//! from the tags is exact: unclosed `<p>` and `<li>` do not nest, while unclosed `<font>` multiply. What a single tag
//! costs no look at the tree shows in time: its attributes are counted first (`attributes`).

use super::attributes;
use html5ever::driver;
use html5ever::tendril::{StrTendril, TendrilSink};
use scraper::{Html, HtmlTreeSink};

/// Longest text that is parsed: 2 MiB. Pages of the field's sites are under 1 MiB, and a tree takes some twenty times
/// its text at worst.
pub const MAX_BYTES: usize = 2 * 1024 * 1024;

/// Deepest nesting: the depth at which browsers stop nesting too.
pub const MAX_DEPTH: usize = 512;

/// Most nodes in a tree: one for every 16 bytes of the longest text, about 20 MiB of memory.
pub const MAX_NODES: usize = MAX_BYTES / 16;

/// Most attributes of a tag: pages have dozens, and the time that they take grows with their square.
pub const MAX_ATTRIBUTES: usize = 10_000;

/// Bytes parsed between two looks at the tree: at most 1,365 elements (`<b>`), so that even the square of their number
/// is milliseconds.
const PIECE: usize = 4 * 1024;

/// Markup beyond what is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// Longer than [`MAX_BYTES`].
    #[error("the page is {0} bytes long, more than the {MAX_BYTES} that are parsed")]
    Bytes(usize),
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("the page nests deeper than {MAX_DEPTH} elements")]
    Depth,
    /// A tag that may have more attributes than [`MAX_ATTRIBUTES`].
    #[error(
        "a tag of the page may have more than {MAX_ATTRIBUTES} attributes, or a `<` in a script has that many words and no `>` behind it"
    )]
    Attributes,
    /// More nodes than [`MAX_NODES`].
    #[error("the page has more than {MAX_NODES} nodes")]
    Nodes,
}

/// The tree of a whole document.
pub fn parse(text: &str) -> Result<Html, TooLarge> {
    let sink = HtmlTreeSink::new(Html::new_document());
    feed(
        driver::parse_document(sink, driver::ParseOpts::default()),
        text,
    )
}

/// The tree of markup as it stands inside a `<body>`: a feed entry's content, a field of a JSON answer.
pub fn parse_fragment(text: &str) -> Result<Html, TooLarge> {
    let sink = HtmlTreeSink::new(Html::new_fragment());
    let body = html5ever::QualName::new(None, html5ever::ns!(html), html5ever::local_name!("body"));
    feed(
        driver::parse_fragment(sink, driver::ParseOpts::default(), body, Vec::new(), false),
        text,
    )
}

fn feed(mut parser: driver::Parser<HtmlTreeSink>, text: &str) -> Result<Html, TooLarge> {
    if text.len() > MAX_BYTES {
        return Err(TooLarge::Bytes(text.len()));
    }
    if attributes::exceed(text, MAX_ATTRIBUTES) {
        return Err(TooLarge::Attributes);
    }
    let mut measured = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE));
        parser.process(StrTendril::from_slice(piece));
        measured = measure(&parser.tokenizer.sink.sink.0.borrow(), measured)?;
        rest = after;
    }
    let html = parser.finish();
    measure(&html, measured)?;
    Ok(html)
}

/// Checks the nodes that were added since `measured` were there; answers how many there are now.
fn measure(html: &Html, measured: usize) -> Result<usize, TooLarge> {
    let nodes = html.tree.nodes();
    let count = nodes.len();
    if count > MAX_NODES {
        return Err(TooLarge::Nodes);
    }
    let mut added = nodes.rev().take(count - measured);
    if added.any(|node| node.ancestors().take(MAX_DEPTH + 1).count() > MAX_DEPTH) {
        return Err(TooLarge::Depth);
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_a_long_page_before_parsing_it() {
        let page = "a".repeat(MAX_BYTES + 1);
        assert_eq!(parse(&page).unwrap_err(), TooLarge::Bytes(MAX_BYTES + 1));
        assert!(parse(&page[1..]).is_ok());
    }

    #[test]
    fn rejects_deep_nesting_soon() {
        assert_eq!(
            parse(&"<div>".repeat(400_000)).unwrap_err(),
            TooLarge::Depth
        );
        assert_eq!(
            parse(&"<b><i>".repeat(300_000)).unwrap_err(),
            TooLarge::Depth
        );
        assert!(parse(&("<div>".repeat(400) + "x" + &"</div>".repeat(400))).is_ok());
    }

    #[test]
    fn unclosed_paragraphs_and_items_are_not_nesting() {
        assert!(parse(&"<p>x<ul><li>y<li>z</ul>".repeat(5_000)).is_ok());
    }

    #[test]
    fn rejects_formatting_that_multiplies() {
        let mut page = String::new();
        for size in 0..20_000 {
            page.push_str("<p><font size=");
            page.push_str(&size.to_string());
            page.push('>');
        }
        assert!(parse(&page).is_err());
    }

    #[test]
    fn rejects_a_page_of_countless_nodes() {
        assert_eq!(parse(&"<p>".repeat(300_000)).unwrap_err(), TooLarge::Nodes);
    }

    #[test]
    fn rejects_a_tag_of_countless_attributes_before_parsing_it() {
        let attributes = " a".repeat(20_000);
        let page = format!("<p>x</p><div{attributes}>y</div>");
        assert_eq!(parse(&page).unwrap_err(), TooLarge::Attributes);
        assert_eq!(parse_fragment(&page).unwrap_err(), TooLarge::Attributes);
        let page = format!("<div data-page='{attributes}'>y</div>");
        assert!(parse(&page).is_ok());
    }

    #[test]
    fn pieces_are_cut_between_characters_and_tags_survive_the_cut() {
        let text = "가나다".repeat(5_000);
        let html = parse(&format!("<p>{text}</p>")).unwrap();
        assert_eq!(html.root_element().text().collect::<String>(), text);
        let page = "<a href=\"https://example.com/\">x</a>".repeat(1_000);
        let html = parse(&page).unwrap();
        let links = scraper::Selector::parse("a[href='https://example.com/']").unwrap();
        assert_eq!(html.select(&links).count(), 1_000);
    }
}
