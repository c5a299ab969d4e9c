//! JSON that stands in a page: a script of data (`application/json`, Next.js's `__NEXT_DATA__`), a script that assigns it
//! (`window.__INITIAL_STATE__ = {…};`, `JSON.parse("…")`), or an attribute.
//!
//! No script is run: what a program would put together is not found.

use std::borrow::Cow;

use serde_json::Value;

use super::{long_number, surrogate};

/// Most bytes of one script: an object of a few bytes takes some 80 times its text in memory, and a page's state with
/// hundreds of postings is about a megabyte.
const MAX_BYTES: usize = 4 << 20;

/// The documents in a text, in its order; none where it holds none, or is too long.
pub(super) fn documents(text: &str) -> Vec<Value> {
    let text = text.trim().trim_start_matches("<!--").trim_start();
    if text.len() > MAX_BYTES {
        return Vec::new();
    }
    let text = &*surrogate::mended(text);
    if text.starts_with(['{', '['])
        && let Some((document, _)) = first(text)
    {
        return vec![document];
    }
    // What a script calls `undefined` has no value in JSON. Done once: a text of many `=` would pay for it at each.
    let text = text.replace(":undefined", ":null");
    let mut documents = Vec::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find('=') {
        rest = &rest[at + 1..];
        let Some((document, length)) = assigned(rest.trim_start()) else {
            continue;
        };
        let blanks = rest.len() - rest.trim_start().len();
        rest = &rest[blanks + length..];
        documents.push(document);
    }
    documents
}

/// The value that a text begins with, and its length.
fn assigned(text: &str) -> Option<(Value, usize)> {
    if text.starts_with(['{', '[']) {
        return first(text);
    }
    let call = "JSON.parse(";
    let literal = text.strip_prefix(call)?;
    let (Value::String(document), length) = first(literal)? else {
        return None;
    };
    let document = serde_json::from_str(&long_number::quoted(&document)).ok()?;
    Some((document, call.len() + length))
}

fn first(text: &str) -> Option<(Value, usize)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let value = values.next()?.ok()?;
    let length = values.byte_offset();
    // Around a document a script's own quotes would mislead.
    match long_number::quoted(&text[..length]) {
        Cow::Owned(quoted) => Some((serde_json::from_str(&quoted).ok()?, length)),
        Cow::Borrowed(_) => Some((value, length)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn data_is_read_whether_it_stands_alone_or_is_assigned() {
        for (text, expected) in [
            (r#" {"a": 1} "#, vec![json!({"a": 1})]),
            ("<!-- [1] -->", vec![json!([1])]),
            (
                r#"window.__INITIAL_STATE__ = {"a": "x = {"}; (function () {}())"#,
                vec![json!({"a": "x = {"})],
            ),
            (
                r#"var a=[1];window['b'] = {"c":undefined,"d":2}; if (a == {}) {}"#,
                vec![json!([1]), json!({"c": null, "d": 2}), json!({})],
            ),
            (
                r#"window.s = JSON.parse("{\"a\":\"\u003cb\u003e\"}");"#,
                vec![json!({"a": "<b>"})],
            ),
            ("let x = y => { return 1 };", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(documents(text), expected, "{text}");
        }
    }

    #[test]
    fn a_script_beyond_the_bound_holds_nothing() {
        assert!(documents(&format!("[{}1]", "1,".repeat(MAX_BYTES / 2))).is_empty());
    }

    #[test]
    fn a_hostile_script_costs_no_more_than_its_length() {
        assert!(documents(&"={".repeat(100_000)).is_empty());
        assert!(documents(&"[".repeat(100_000)).is_empty());
    }
}
