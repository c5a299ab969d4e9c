//! Addresses as documents write them, made absolute.

use std::sync::LazyLock;

use scraper::{Html, Selector};
use url::Url;

static BASE: LazyLock<Selector> =
    LazyLock::new(|| Selector::parse("base[href]").expect("a constant selector that parses"));

/// What relative addresses of a page are relative to: its `<base>`, else its own address.
pub(super) fn document_base(html: &Html, url: &Url) -> Url {
    let declared = html
        .select(&BASE)
        .next()
        .and_then(|element| element.attr("href"));
    declared
        .and_then(|href| url.join(href).ok())
        .unwrap_or_else(|| url.clone())
}

/// The absolute address that a document means by `text`, if it is one that can be fetched.
///
/// Templates break addresses over lines and pad them: such blanks are dropped. `javascript:`, `data:` and the like are dropped: a record's link is put before people.
pub(super) fn resolve(base: &Url, text: &str) -> Option<Url> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let url = base.join(text).ok()?;
    (matches!(url.scheme(), "http" | "https" | "ftp") && url.has_host()).then_some(url)
}

/// The base for what lies in an element with this `xml:base`, which may itself be relative.
pub(super) fn nested_base(base: &Url, xml_base: &str) -> Option<Url> {
    let url = base.join(xml_base.trim()).ok()?;
    matches!(url.scheme(), "http" | "https" | "ftp").then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_become_absolute_or_nothing() {
        let base = Url::parse("https://blog.example/posts/feed.xml").unwrap();
        let link = |text| resolve(&base, text).map(String::from);
        assert_eq!(
            link(" 2024/a b \n").as_deref(),
            Some("https://blog.example/posts/2024/a%20b")
        );
        assert_eq!(
            link("//cdn.example/x").as_deref(),
            Some("https://cdn.example/x")
        );
        for nothing in [
            "",
            " ",
            "javascript:alert(1)",
            "JavaScript:x",
            "data:,x",
            "http://[",
        ] {
            assert_eq!(link(nothing), None, "{nothing}");
        }
    }
}
