//! Whether a page asks search engines not to show it: the header `X-Robots-Tag` and `<meta name="robots">`.
//!
//! Both hold directives between commas, for everybody or for the agent that is named: in the header before a colon
//! (`trendy: noindex`), in markup as the name of the element. What they say is noted on the record and changes nothing
//! else: trendy is no search engine, and whoever shows its records to the world decides.

use std::sync::LazyLock;

use scraper::{Html, Selector};

/// The name by which trendy is spoken to, as in `robots.txt`.
const AGENT: &str = "trendy";

/// Directives with a value, which stand before a colon as an agent's name does.
const WITH_VALUE: [&str; 4] = [
    "unavailable_after",
    "max-snippet",
    "max-image-preview",
    "max-video-preview",
];

static META: LazyLock<Selector> = LazyLock::new(|| {
    Selector::parse("meta[name][content]").expect("a constant selector that parses")
});

/// Whether a value of the header asks so. An agent's name holds for the directives up to the next name: proxies join
/// several headers into one.
pub(super) fn in_header(value: &str) -> bool {
    let mut is_meant = true;
    value.split(',').any(|part| {
        let mut directive = part.trim();
        if let Some((name, rest)) = directive.split_once(':')
            && is_agent(name.trim())
        {
            is_meant = is_us(name.trim());
            directive = rest.trim();
        }
        is_meant && says_so(directive)
    })
}

/// Whether a page's markup asks so.
pub(super) fn in_markup(html: &Html) -> bool {
    html.select(&META).any(|meta| {
        let name = meta.attr("name").unwrap_or_default().trim();
        let content = meta.attr("content").unwrap_or_default();
        (name.eq_ignore_ascii_case("robots") || is_us(name))
            && content.split(',').any(|part| says_so(part.trim()))
    })
}

fn is_agent(name: &str) -> bool {
    let is_token = name
        .chars()
        .all(|letter| letter.is_ascii_alphabetic() || matches!(letter, '-' | '_' | '*'));
    is_token
        && !WITH_VALUE
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
}

fn is_us(name: &str) -> bool {
    name == "*" || name.eq_ignore_ascii_case(AGENT)
}

/// `none` is `noindex, nofollow`.
fn says_so(directive: &str) -> bool {
    directive.eq_ignore_ascii_case("noindex") || directive.eq_ignore_ascii_case("none")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::tree;

    #[test]
    fn the_header_speaks_to_everybody_or_to_the_agent_it_names() {
        for value in [
            "noindex",
            "nofollow, NoIndex",
            "none",
            "trendy: noindex",
            "Trendy: nofollow, noindex",
            "otherbot: nofollow, trendy: noindex",
            "max-snippet: 20, noindex",
            "unavailable_after: 25 Jun 2030 15:00:00 PST, noindex",
            "*: noindex",
        ] {
            assert!(in_header(value), "{value}");
        }
        for value in [
            "",
            "all",
            "noindexing",
            "noimageindex",
            "otherbot: noindex",
            "otherbot: nofollow, noindex",
            "trendy: nofollow, otherbot: noindex",
        ] {
            assert!(!in_header(value), "{value}");
        }
    }

    #[test]
    fn markup_speaks_to_everybody_or_to_the_agent_it_names() {
        let says = |head: &str| in_markup(&tree::parse(head).unwrap());
        assert!(says("<meta name=robots content=noindex>"));
        assert!(says("<META NAME=' Robots ' CONTENT='nofollow , NOINDEX'>"));
        assert!(says("<meta content=none name=trendy>"));
        assert!(!says("<meta name=googlebot content=noindex>"));
        assert!(!says("<meta name=robots content='index, follow'>"));
        assert!(!says("<meta name=description content=noindex>"));
    }
}
