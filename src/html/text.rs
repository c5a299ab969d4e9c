//! Tree to text, as a reader would see it.
//!
//! Blocks and `<br>` break lines, list items and table rows stand on lines of their own, table cells are separated by a
//! blank; `<pre>` keeps its lines. What is no text to a reader (scripts, styles, templates, `<noscript>`, drawings) is
//! dropped. Within a line blanks collapse to one; there is at most one empty line in a row (from `<br><br>`, not from
//! block margins) and none at either end. Inline elements join without a blank, as browsers draw them.
//!
//! The walk follows the links between nodes instead of recursing, so its stack does not grow with the depth of a page.

use scraper::node::{Element, Node};
use scraper::{ElementRef, Html, Selector};

use super::tree;

/// Text of an element and all that is in it.
pub fn of(element: ElementRef<'_>) -> String {
    walk(element, |_| false)
}

/// The same without the elements within it that a selector matches.
pub fn without(element: ElementRef<'_>, left_out: &Selector) -> String {
    walk(element, |element| left_out.matches(&element))
}

fn walk(element: ElementRef<'_>, is_left_out: impl Fn(ElementRef<'_>) -> bool) -> String {
    let mut lines = Lines::default();
    let root = *element;
    let mut preformatted = usize::from(is_preformatted(element.value()));
    let mut next = root.first_child();
    while let Some(node) = next {
        let mut into_children = true;
        match node.value() {
            Node::Text(text) if preformatted > 0 => lines.push_preformatted(text),
            Node::Text(text) => lines.push(text),
            Node::Element(element) => match role(element) {
                Role::Hidden => into_children = false,
                role if ElementRef::wrap(node).is_some_and(&is_left_out) => {
                    // What stood before and after it is as far apart as it was.
                    lines.enter(role);
                    lines.leave(role);
                    into_children = false;
                }
                role => {
                    lines.enter(role);
                    preformatted += usize::from(is_preformatted(element));
                }
            },
            _ => {}
        }
        let mut at = node;
        next = if into_children {
            at.first_child()
        } else {
            None
        };
        while next.is_none() && at.id() != root.id() {
            if let (Node::Element(element), true) = (at.value(), into_children) {
                lines.leave(role(element));
                preformatted -= usize::from(is_preformatted(element));
            }
            into_children = true;
            next = at.next_sibling();
            if next.is_none() {
                let Some(parent) = at.parent() else { break };
                at = parent;
            }
        }
    }
    lines.finish()
}

/// Text of markup that stands in a string: a feed entry's content, a field of a JSON answer.
///
/// Markup beyond the bounds of [`tree::parse`] still gives its text, with the tags cut out and no lines kept.
pub fn of_html(fragment: &str) -> String {
    let mut lines = Lines::default();
    if !fragment.contains(['<', '&']) {
        lines.push(fragment);
        return lines.finish();
    }
    if let Ok(html) = tree::parse_fragment(fragment) {
        return of_tree(&html);
    }
    without_tags(fragment, &mut lines);
    lines.finish()
}

/// Text of HTML whose markup is itself escaped (`&lt;p&gt;`), as Greenhouse sends it. Markup that is not escaped is
/// read as it stands, so a source that stops escaping loses nothing.
pub fn of_escaped_html(text: &str) -> String {
    if has_tag(text) {
        return of_html(text);
    }
    of_html(&html_escape::decode_html_entities(text))
}

/// Text of a whole tree.
pub fn of_tree(html: &Html) -> String {
    of(html.root_element())
}

fn has_tag(text: &str) -> bool {
    let starts =
        |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
    text.match_indices('<')
        .any(|(at, _)| starts(&text[at + 1..]))
}

fn without_tags(markup: &str, lines: &mut Lines) {
    for (index, part) in markup.split('<').enumerate() {
        let text = match part.split_once('>') {
            Some((_, after)) if index > 0 => after,
            _ => part,
        };
        lines.push(" ");
        lines.push(&html_escape::decode_html_entities(text));
    }
}

/// What an element does to the lines around its text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Inline,
    Block,
    Break,
    Cell,
    Hidden,
}

fn role(element: &Element) -> Role {
    match element.name() {
        "script" | "style" | "template" | "noscript" | "head" | "title" | "svg" | "iframe"
        | "noembed" | "noframes" | "object" | "audio" | "video" | "canvas" | "datalist" => {
            Role::Hidden
        }
        "br" => Role::Break,
        "td" | "th" => Role::Cell,
        "address" | "article" | "aside" | "blockquote" | "body" | "caption" | "center" | "dd"
        | "details" | "dialog" | "dir" | "div" | "dl" | "dt" | "fieldset" | "figcaption"
        | "figure" | "footer" | "form" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "header"
        | "hgroup" | "hr" | "html" | "legend" | "li" | "listing" | "main" | "menu" | "nav"
        | "ol" | "optgroup" | "option" | "p" | "plaintext" | "pre" | "search" | "section"
        | "select" | "summary" | "table" | "tbody" | "textarea" | "tfoot" | "thead" | "tr"
        | "ul" | "xmp" => Role::Block,
        _ => Role::Inline,
    }
}

fn is_preformatted(element: &Element) -> bool {
    matches!(
        element.name(),
        "pre" | "textarea" | "listing" | "plaintext" | "xmp"
    )
}

/// Text under construction: finished lines, and the one being written.
#[derive(Default)]
struct Lines {
    done: String,
    line: String,
    /// A blank was seen and not written: it is, once a character follows it in the same line.
    blank: bool,
    /// An empty line is due before the next line with text.
    gap: bool,
}

impl Lines {
    fn push(&mut self, text: &str) {
        for character in text.chars() {
            if character.is_whitespace() {
                self.blank = true;
                continue;
            }
            if self.blank && !self.line.is_empty() {
                self.line.push(' ');
            }
            self.blank = false;
            self.line.push(character);
        }
    }

    fn push_preformatted(&mut self, text: &str) {
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.break_line();
            }
            self.push(line);
        }
    }

    fn enter(&mut self, role: Role) {
        match role {
            Role::Block => self.end_line(),
            Role::Break => self.break_line(),
            Role::Cell => self.blank = true,
            Role::Inline | Role::Hidden => {}
        }
    }

    fn leave(&mut self, role: Role) {
        match role {
            Role::Block => self.end_line(),
            Role::Cell => self.blank = true,
            Role::Inline | Role::Break | Role::Hidden => {}
        }
    }

    /// A forced break: ends the line, or leaves an empty one.
    fn break_line(&mut self) {
        if self.line.is_empty() {
            self.gap = !self.done.is_empty();
        }
        self.end_line();
    }

    fn end_line(&mut self) {
        self.blank = false;
        if self.line.is_empty() {
            return;
        }
        if !self.done.is_empty() {
            self.done.push('\n');
        }
        if std::mem::take(&mut self.gap) {
            self.done.push('\n');
        }
        self.done.push_str(&self.line);
        self.line.clear();
    }

    fn finish(mut self) -> String {
        self.end_line();
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_breaks_break_lines() {
        assert_eq!(
            of_html("<p>one</p><p>two<br>three</p>four<div>five</div>"),
            "one\ntwo\nthree\nfour\nfive"
        );
        assert_eq!(of_html("a<br><br><br>b<br/>"), "a\n\nb");
        assert_eq!(of_html("<br><div><br></div>a<div><div> </div></div>"), "a");
    }

    #[test]
    fn what_is_left_out_takes_its_lines_along() {
        let html = tree::parse_fragment(
            "<div>one<p class=ad>buy <b>now</b></p>two<br><i class=ad>3</i>three</div>",
        )
        .unwrap();
        let selector = Selector::parse(".ad").unwrap();
        assert_eq!(without(html.root_element(), &selector), "one\ntwo\nthree");
    }

    #[test]
    fn items_and_rows_stand_alone_and_cells_are_apart() {
        assert_eq!(
            of_html("<ul><li>Rust<li>Go<ol><li>1.22</ol></ul>end"),
            "Rust\nGo\n1.22\nend"
        );
        assert_eq!(
            of_html("<table><tr><th>a</th><td>b</td><td></td><td>c</td></tr><tr><td>d</table>"),
            "a b c\nd"
        );
        assert_eq!(of_html("<dl><dt>k<dd>v</dl>"), "k\nv");
    }

    #[test]
    fn inline_elements_join_as_they_are_drawn() {
        assert_eq!(
            of_html("<b>Post</b>greSQL <i> and</i>\n\t<a>C<sup>++</sup></a>"),
            "PostgreSQL and C++"
        );
        assert_eq!(of_html("a&nbsp;&nbsp;b\u{3000}c"), "a b c");
    }

    #[test]
    fn what_no_reader_sees_is_dropped() {
        let page = "<head><title>t</title></head>x<script>var a = '<p>';</script><style>p{}</style><template><p>t</p>\
                    </template><noscript><p>n</p></noscript><svg><title>icon</title></svg><!-- c -->y";
        assert_eq!(of_html(page), "xy");
        assert_eq!(of_tree(&tree::parse(page).unwrap()), "xy");
    }

    #[test]
    fn an_element_that_is_hidden_inside_others_can_be_asked_itself() {
        let html = tree::parse("<title>Fish &amp; chips</title>").unwrap();
        let title = scraper::Selector::parse("title").unwrap();
        assert_eq!(of(html.select(&title).next().unwrap()), "Fish & chips");
    }

    #[test]
    fn preformatted_lines_are_kept() {
        assert_eq!(
            of_html("<pre>let a;\n\n\n  let b;\n</pre>c d\ne"),
            "let a;\n\nlet b;\nc d e"
        );
    }

    #[test]
    fn the_walk_ends_at_its_own_element() {
        let html = tree::parse("<div><p id=a>in<b>side</b></p><p>outside</p></div>").unwrap();
        let paragraph = scraper::Selector::parse("#a").unwrap();
        assert_eq!(of(html.select(&paragraph).next().unwrap()), "inside");
        let empty = tree::parse("<p id=a></p><p>outside</p>").unwrap();
        assert_eq!(of(empty.select(&paragraph).next().unwrap()), "");
    }

    #[test]
    fn escaped_markup_is_unescaped_once() {
        assert_eq!(
            of_escaped_html("&lt;p&gt;R&amp;amp;D &amp;lt;b&amp;gt;&lt;/p&gt;&lt;p&gt;x&lt;/p&gt;"),
            "R&D <b>\nx"
        );
        assert_eq!(of_escaped_html("<p>R&amp;D &lt;b&gt;</p>"), "R&D <b>");
        assert_eq!(of_escaped_html("plain, 3 < 4"), "plain, 3 < 4");
    }

    #[test]
    fn markup_out_of_bounds_still_gives_its_text() {
        let deep = "<div>".repeat(2_000) + "R&amp;D" + &"</div>".repeat(2_000);
        assert_eq!(of_html(&deep), "R&D");
    }

    #[test]
    fn odd_input_gives_text_or_nothing() {
        assert_eq!(of_html(""), "");
        assert_eq!(of_html("<"), "<");
        assert_eq!(of_html("a < b & c"), "a < b & c");
        assert_eq!(of_html("<p"), "");
        assert_eq!(of_html("<td>a</td><td>b</td>"), "ab");
    }
}
