//! Text to tree, within bounds.
//!
//! The parser never fails on bad markup, so its only limits are ours. It keeps every node (some 150 bytes), and its
//! work grows with the square of the depth: 40,000 nested `<div>` took 2.8 s, ten MB of them 137 MB. The text is
//! therefore measured before parsing, and fed in pieces; after each piece the new nodes are counted and measured, so
//! that a hostile page is dropped a few kilobytes after it shows itself. Measuring the real tree rather than guessing
//! from the tags is exact: unclosed `<p>` and `<li>` do not nest, while unclosed `<font>` multiply.
//!
//! What a single tag costs no look at the tree shows in time, so the attributes that it may have are counted before each
//! piece is parsed (`attributes`). Where they would be too many, the tree is the witness: while the parser is within a tag
//! the tree stays as it is, and within a script it grows. So a tag that is too large began where the tree grew last, or
//! behind it, and only what stands there is counted.

use super::attributes::Readings;
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
        "a tag of the page may have more than {MAX_ATTRIBUTES} attributes, or a `<` in a comment or a value has that many words and no `>` behind it"
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
    let mut readings = Readings::default();
    // The tree, and where the piece begins in which it grew last.
    let (mut size, mut grew_in) = (Size::default(), 0);
    let mut at = 0;
    while at < text.len() {
        let end = at + text[at..].floor_char_boundary(PIECE);
        if readings.exceed(text, at..end, MAX_ATTRIBUTES) {
            readings = Readings::default();
            if readings.exceed(text, grew_in..end, MAX_ATTRIBUTES) {
                return Err(TooLarge::Attributes);
            }
        }
        parser.process(StrTendril::from_slice(&text[at..end]));
        let now = measure(&parser.tokenizer.sink.sink.0.borrow(), size)?;
        if now != size {
            (size, grew_in) = (now, at);
        }
        at = end;
    }
    let html = parser.finish();
    measure(&html, size)?;
    Ok(html)
}

/// How large a tree is: its nodes, and the bytes of the newest one's text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Size {
    nodes: usize,
    text: usize,
}

/// Checks the nodes that were added to a tree since it was of that size, and measures it.
fn measure(html: &Html, before: Size) -> Result<Size, TooLarge> {
    let nodes = html.tree.nodes();
    let count = nodes.len();
    if count > MAX_NODES {
        return Err(TooLarge::Nodes);
    }
    let newest = html.tree.nodes().next_back();
    let text = newest.and_then(|node| node.value().as_text().map(|text| text.len()));
    let mut added = nodes.rev().take(count - before.nodes);
    if added.any(|node| node.ancestors().take(MAX_DEPTH + 1).count() > MAX_DEPTH) {
        return Err(TooLarge::Depth);
    }
    Ok(Size {
        nodes: count,
        text: text.unwrap_or(0),
    })
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
    fn a_script_with_many_words_behind_a_comparison_is_parsed() {
        let words = " word".repeat(30_000);
        for script in [
            format!("if (a <b{words}) {{}}"),
            format!("{words}for (i = 0; i <n; i++) {{}}{words}"),
            format!("x = \"<b{words}\"; y = '<i{words}'"),
        ] {
            let page = format!("<p>x</p><script>{script}</script><p id=end>y</p>");
            let html = parse(&page).unwrap();
            let end = scraper::Selector::parse("#end").unwrap();
            assert_eq!(html.select(&end).count(), 1);
            // A tag behind it is counted all the same.
            let attributes = " a".repeat(20_000);
            let page = format!("{page}<div{attributes}>");
            assert_eq!(parse(&page).unwrap_err(), TooLarge::Attributes);
        }
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
