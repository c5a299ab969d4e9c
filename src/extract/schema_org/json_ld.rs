//! JSON-LD: the `<script type="application/ld+json">` of a page.
//!
//! Scripts are hand-made templates more often than the output of a serializer. What is not JSON is mended
//! ([`super::mend`]) and read again; what still is none costs its own script only. A script may hold several documents,
//! and may be escaped as if it stood in an attribute.

use std::sync::LazyLock;

use scraper::{Html, Selector};
use serde_json::Value;

use super::mend::mended;
use crate::extract::long_number;

/// Most bytes of JSON of one page: an object of a few bytes takes some 80 times its text in memory, and the postings
/// and articles of real pages are under 100 KiB.
pub(in crate::extract) const MAX_BYTES: usize = 512 * 1024;

static SCRIPT: LazyLock<Selector> =
    LazyLock::new(|| Selector::parse("script[type]").expect("a constant selector that parses"));

/// The documents of a page's scripts, in its order.
pub(in crate::extract) fn documents(html: &Html) -> Vec<Value> {
    let mut documents = Vec::new();
    let mut left = MAX_BYTES;
    for script in html.select(&SCRIPT) {
        let kind = script.attr("type").unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/ld+json") {
            continue;
        }
        let text: String = script.text().collect();
        // One long script must not hide the short ones behind it.
        if text.len() <= left {
            left -= text.len();
            documents.extend(read(&text));
        }
    }
    documents
}

/// The documents of a text that is JSON-LD itself; none where the text is none, or too long.
pub(in crate::extract) fn of_text(text: &str) -> Vec<Value> {
    if text.len() > MAX_BYTES {
        return Vec::new();
    }
    read(text)
}

fn read(text: &str) -> Vec<Value> {
    if let Ok(document) = serde_json::from_str(&long_number::quoted(text.trim())) {
        return vec![document];
    }
    let documents = read_mended(text);
    if !documents.is_empty() || !text.contains('&') {
        return documents;
    }
    read_mended(&html_escape::decode_html_entities(text))
}

fn read_mended(text: &str) -> Vec<Value> {
    let mended = mended(text);
    serde_json::Deserializer::from_str(&long_number::quoted(&mended))
        .into_iter()
        .map_while(Result::ok)
        .filter(|value: &Value| value.is_object() || value.is_array())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::html::tree;

    #[test]
    fn every_script_is_read_and_a_broken_one_hides_no_other() {
        let page = r#"<script type="application/ld+json">{"a": 1}</script><script type="text/plain">{"x": 1}</script>
            <script type="application/ld+json">not json</script>
            <body><script TYPE=" Application/LD+JSON; charset=utf-8">[{"b": 2}]</script>"#;
        let read = documents(&tree::parse(page).unwrap());
        assert_eq!(read, [json!({"a": 1}), json!([{"b": 2}])]);
    }

    #[test]
    fn several_documents_and_escaped_ones_are_read() {
        assert_eq!(
            read("{\"a\":1}\n{\"b\":2};"),
            [json!({"a": 1}), json!({"b": 2})]
        );
        assert_eq!(
            read("{\"a\":1},{\"b\":2}"),
            [json!({"a": 1}), json!({"b": 2})]
        );
        assert_eq!(
            read("{&quot;a&quot;: &quot;R&amp;amp;D&quot;}"),
            [json!({"a": "R&amp;D"})]
        );
        assert_eq!(read(r#"{"a": "&quot;"}"#), [json!({"a": "&quot;"})]);
    }

    #[test]
    fn nesting_without_end_is_no_document() {
        assert!(read(&"[".repeat(100_000)).is_empty());
        assert!(read(&"{\"a\":".repeat(50_000)).is_empty());
    }
}
