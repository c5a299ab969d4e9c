//! The text of an article, found by where a page is dense with text.
//!
//! First what is never part of it goes: navigation, asides, controls, and what classes and ids call so, unless most of
//! the page stands in it. Then each paragraph speaks for the elements that hold it, in full for its parent and half for
//! the one above; links speak against. The element with the most voices is the article, together with those of its
//! siblings that have a fair part of them: articles come in sections. A page without paragraphs gives all its text.

use std::collections::HashMap;
use std::sync::LazyLock;

use scraper::{ElementRef, Html, Selector};

use crate::html::text;

/// Shorter than this a block is a caption or label. Wide characters (Hangul, Kanji) count twice.
const PARAGRAPH: f64 = 30.0;

/// Share of the page's text from which an element is the page, whatever it calls itself.
const MOST: f64 = 0.4;

/// Share of the best score from which a sibling belongs to the article.
const SIBLING: f64 = 0.2;

static NEVER: LazyLock<Selector> = LazyLock::new(|| {
    Selector::parse(
        "nav, aside, footer, button, select, textarea, dialog, menu, [hidden], [aria-hidden=true], [role=navigation], \
         [role=complementary], [role=banner], [role=contentinfo], [role=search], [role=menu], [role=dialog], \
         [role=alert], [style*='display:none'], [style*='display: none'], body > header",
    )
    .expect("a constant selector that parses")
});

/// Words of classes and ids for what stands around an article.
const AROUND: &[&str] = &[
    "ad",
    "ads",
    "advert",
    "advertisement",
    "banner",
    "breadcrumb",
    "breadcrumbs",
    "comment",
    "comments",
    "cookie",
    "cookies",
    "disqus",
    "footer",
    "gnb",
    "lnb",
    "menu",
    "modal",
    "nav",
    "navbar",
    "navigation",
    "newsletter",
    "pager",
    "pagination",
    "popup",
    "postbtn",
    "promo",
    "recommend",
    "recommended",
    "related",
    "share",
    "sharing",
    "sidebar",
    "social",
    "sponsor",
    "subscribe",
    "toc",
    "toolbar",
    "widget",
];

/// The article's text; all of the page's where nothing stands out.
pub(super) fn text(mut html: Html) -> String {
    let whole = text::of_tree(&html);
    prune(&mut html);
    let found = densest(&html).unwrap_or_else(|| text::of_tree(&html));
    if found.is_empty() { whole } else { found }
}

/// Takes out what is around the article.
fn prune(html: &mut Html) {
    let length = lengths(html);
    let all = length(html.root_element()).text;
    let is_small = |element: &ElementRef<'_>| length(*element).text < MOST * all;
    let never = html.select(&NEVER).filter(is_small);
    let elements = html.root_element().descendent_elements();
    let named = elements.filter(|element| is_named_around(*element) && is_small(element));
    let ids: Vec<_> = never.chain(named).map(|element| element.id()).collect();
    drop(length);
    for id in ids {
        if let Some(mut node) = html.tree.get_mut(id) {
            node.detach();
        }
    }
}

fn is_named_around(element: ElementRef<'_>) -> bool {
    if matches!(
        element.value().name(),
        "html" | "body" | "article" | "main" | "p" | "pre" | "code"
    ) {
        return false;
    }
    let names = ["class", "id"].iter().filter_map(|name| element.attr(name));
    names
        .flat_map(|names| names.split(|c: char| !c.is_ascii_alphanumeric()))
        .any(|word| {
            AROUND
                .iter()
                .any(|around| around.eq_ignore_ascii_case(word))
        })
}

/// How much text an element holds, and how much of it in links.
#[derive(Debug, Clone, Copy, Default)]
struct Length {
    text: f64,
    links: f64,
}

impl Length {
    /// The share of the text that does not lead away.
    fn own_share(self) -> f64 {
        if self.text > 0.0 {
            1.0 - self.links / self.text
        } else {
            0.0
        }
    }
}

/// The length of each element of a tree.
fn lengths(html: &Html) -> impl Fn(ElementRef<'_>) -> Length {
    let mut lengths: HashMap<_, Length> = HashMap::new();
    for node in html.root_element().descendants() {
        let Some(weight) = node.value().as_text().map(|text| weight(text)) else {
            continue;
        };
        if weight <= 0.0 {
            continue;
        }
        let holders: Vec<_> = node.ancestors().filter_map(ElementRef::wrap).collect();
        if holders.iter().any(|holder| is_silent(*holder)) {
            continue;
        }
        let is_link = holders.iter().any(|holder| holder.value().name() == "a");
        for holder in holders {
            let length = lengths.entry(holder.id()).or_default();
            length.text += weight;
            length.links += if is_link { weight } else { 0.0 };
        }
    }
    move |element| lengths.get(&element.id()).copied().unwrap_or_default()
}

/// Characters that are seen, wide ones twice: a Korean sentence has half the letters of an English one.
fn weight(text: &str) -> f64 {
    let width = |c: char| if c >= '\u{1100}' { 2.0 } else { 1.0 };
    text.chars().filter(|c| !c.is_whitespace()).map(width).sum()
}

fn is_silent(element: ElementRef<'_>) -> bool {
    matches!(
        element.value().name(),
        "head" | "script" | "style" | "template" | "noscript" | "svg" | "iframe"
    )
}

/// Elements whose direct text is a paragraph of theirs.
fn is_paragraph(element: ElementRef<'_>) -> bool {
    matches!(
        element.value().name(),
        "p" | "pre"
            | "blockquote"
            | "li"
            | "dd"
            | "td"
            | "div"
            | "section"
            | "article"
            | "main"
            | "figcaption"
    )
}

/// The text of the element that most paragraphs speak for, and of its siblings of the same kind.
fn densest(html: &Html) -> Option<String> {
    let length = lengths(html);
    let mut scores: HashMap<_, f64> = HashMap::new();
    for element in html
        .root_element()
        .descendent_elements()
        .filter(|element| is_paragraph(*element))
    {
        let voice = voice(element, &length);
        if voice <= 0.0 {
            continue;
        }
        // A `<div>` of lines and breaks holds its paragraphs itself.
        let is_holder = !matches!(
            element.value().name(),
            "p" | "pre" | "li" | "dd" | "figcaption"
        );
        let holders = element.ancestors().filter_map(ElementRef::wrap);
        let holders = is_holder.then_some(element).into_iter().chain(holders);
        for (holder, share) in holders.zip([1.0, 0.5]) {
            *scores.entry(holder.id()).or_default() += voice * share;
        }
    }
    let score = |element: ElementRef<'_>| {
        let voices = scores.get(&element.id()).copied().unwrap_or_default();
        voices * length(element).own_share() * favour(element)
    };
    let mut best: Option<(ElementRef<'_>, f64)> = None;
    for element in html.root_element().descendent_elements() {
        let score = score(element);
        if score > best.map_or(0.0, |(_, best)| best) {
            best = Some((element, score));
        }
    }
    let (best, best_score) = best?;
    if matches!(best.value().name(), "body" | "article" | "main") {
        return Some(text::of(best));
    }
    let siblings = best.parent().and_then(ElementRef::wrap)?.child_elements();
    let parts = siblings.filter(|sibling| {
        sibling.id() == best.id()
            || score(*sibling) >= SIBLING * best_score
            || is_paragraph(*sibling) && voice(*sibling, &length) > 0.0
            || matches!(
                sibling.value().name(),
                "h1" | "h2" | "h3" | "h4" | "pre" | "ul" | "ol" | "table"
            )
    });
    let parts: Vec<String> = parts
        .map(text::of)
        .filter(|text| !text.is_empty())
        .collect();
    Some(parts.join("\n"))
}

/// How loudly an element's own text speaks for it: by its length, and not at all where it is a label or links.
fn voice(element: ElementRef<'_>, length: &impl Fn(ElementRef<'_>) -> Length) -> f64 {
    // What stands in paragraphs of its own speaks there.
    let inner: f64 = element
        .child_elements()
        .filter(|child| {
            is_paragraph(*child) || matches!(child.value().name(), "ul" | "ol" | "table" | "dl")
        })
        .map(|child| length(child).text)
        .sum();
    let all = length(element);
    let own = all.text - inner;
    if own < PARAGRAPH {
        return 0.0;
    }
    (1.0 + (own / 100.0).min(5.0)) * all.own_share()
}

/// What names itself an article is believed a little.
fn favour(element: ElementRef<'_>) -> f64 {
    let is_named = matches!(element.value().name(), "article" | "main")
        || element.attr("itemprop") == Some("articleBody")
        || element.attr("role") == Some("main");
    if is_named { 1.5 } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::tree;

    const SENTENCE: &str =
        "A sentence of some length, with commas, that says what an article says. ";

    fn read(page: &str) -> String {
        text(tree::parse(page).unwrap())
    }

    fn paragraphs(count: usize) -> String {
        format!("<p>{SENTENCE}{SENTENCE}</p>").repeat(count)
    }

    #[test]
    fn menus_and_what_calls_itself_so_are_left_out() {
        let page = format!(
            "<header>Site</header><nav><a>Home</a></nav><div class='page has-sidebar'><div class='post'><h1>Title</h1>{}
             <pre>let a = 1;</pre></div><div class='sidebar'>{}</div><div id=comments>{}</div></div><footer>(c)</footer>",
            paragraphs(4),
            paragraphs(1),
            paragraphs(1),
        );
        let read = read(&page);
        assert!(read.starts_with("Title\nA sentence"), "{read}");
        assert!(read.ends_with("let a = 1;"), "{read}");
        assert_eq!(read.matches("A sentence").count(), 8, "{read}");
    }

    #[test]
    fn lists_of_links_are_no_text() {
        let links = format!("<li><a href=/x>{SENTENCE}</a></li>").repeat(20);
        let page = format!(
            "<div><ul>{links}</ul></div><div><section>{}</section></div>",
            paragraphs(2)
        );
        assert_eq!(read(&page).matches("A sentence").count(), 4);
    }

    #[test]
    fn sections_of_an_article_stay_together() {
        let page = format!(
            "<div><section><h2>1</h2>{0}</section><section><h2>2</h2>{0}</section></div><div>Other</div>",
            paragraphs(2)
        );
        let read = read(&page);
        assert_eq!(read.matches("A sentence").count(), 8, "{read}");
        assert!(read.contains("2\n") && !read.contains("Other"), "{read}");
    }

    #[test]
    fn lines_with_breaks_and_korean_ones_are_paragraphs() {
        let line = "스프링 부트로 만든 서버를 옮긴 이야기를 합니다.<br><br>";
        let page = format!(
            "<ul><li>메뉴</li></ul><div><div>{}</div></div><p>끝</p>",
            line.repeat(5)
        );
        let read = read(&page);
        assert!(
            read.starts_with("스프링") && read.ends_with("합니다."),
            "{read}"
        );
    }

    #[test]
    fn short_pages_give_all_their_text() {
        assert_eq!(read("<p>hi"), "hi");
        assert_eq!(read("<nav>Home</nav>"), "Home");
        assert_eq!(read(""), "");
    }
}
