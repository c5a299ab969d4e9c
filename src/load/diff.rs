//! What an update changed, in a size fit for a log: field → `[before, after]`.
//!
//! Fields of an object get a path of their own (`salary.min`, `values.temperature`), one level deep. A long text is cut
//! to the part that differs, with some words around it, so that one word changed in a description of 20 kB costs a line.

use serde_json::{Map, Value, json};

/// Longest text, in characters, that stands in a diff as it is. A title, a place or a summary's line fits.
const WHOLE: usize = 300;

/// Characters kept before and after the part of a long text that differs.
const AROUND: usize = 40;

/// The fields that differ; none when the documents say the same.
pub(super) fn diff(before: &Value, after: &Value) -> Option<Value> {
    let mut changed = Map::new();
    compare_fields(&mut changed, "", before, after);
    (!changed.is_empty()).then_some(Value::Object(changed))
}

fn compare_fields(changed: &mut Map<String, Value>, path: &str, before: &Value, after: &Value) {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return;
    };
    for (name, before) in old {
        compare(
            changed,
            path,
            name,
            before,
            new.get(name).unwrap_or(&Value::Null),
        );
    }
    for (name, after) in new {
        if !old.contains_key(name) {
            compare(changed, path, name, &Value::Null, after);
        }
    }
}

fn compare(
    changed: &mut Map<String, Value>,
    path: &str,
    name: &str,
    before: &Value,
    after: &Value,
) {
    if before == after {
        return;
    }
    if path.is_empty() && before.is_object() && after.is_object() {
        compare_fields(changed, &format!("{name}."), before, after);
        return;
    }
    changed.insert(format!("{path}{name}"), bounded(before, after));
}

fn bounded(before: &Value, after: &Value) -> Value {
    let (old, new) = (as_text(before), as_text(after));
    if old.chars().count() <= WHOLE && new.chars().count() <= WHOLE {
        return json!([before, after]);
    }
    let (old, new): (Vec<char>, Vec<char>) = (old.chars().collect(), new.chars().collect());
    let same_start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let same_end = old[same_start..]
        .iter()
        .rev()
        .zip(new[same_start..].iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let excerpt = |value: &Value, text: &[char]| match value {
        Value::Null => Value::Null,
        _ => Value::String(excerpt(text, same_start, same_end)),
    };
    json!([excerpt(before, &old), excerpt(after, &new)])
}

fn excerpt(text: &[char], same_start: usize, same_end: usize) -> String {
    let start = same_start.saturating_sub(AROUND);
    let end = (text.len() - same_end + AROUND)
        .min(text.len())
        .min(start + WHOLE);
    let mut out = String::new();
    if start > 0 {
        out.push('…');
    }
    out.extend(&text[start..end]);
    if end < text.len() {
        out.push('…');
    }
    out
}

fn as_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_documents_have_none() {
        assert_eq!(diff(&json!({"a": [1.0]}), &json!({"a": [1.0]})), None);
    }

    #[test]
    fn names_each_field_that_differs_one_level_deep() {
        let before =
            json!({"title": "A", "remote": null, "salary": {"min": 1.0, "max": 2.0}, "gone": 1});
        let after = json!({"title": "B", "remote": true, "salary": {"min": 1.0, "max": 3.0}});
        assert_eq!(
            diff(&before, &after).unwrap(),
            json!({
                "title": ["A", "B"], "remote": [null, true], "salary.max": [2.0, 3.0], "gone": [1, null],
            })
        );
    }

    #[test]
    fn long_text_shows_the_part_that_differs() {
        let text = |word: &str| format!("{}{word}{}", "앞".repeat(5_000), "뒤".repeat(5_000));
        let diff = diff(
            &json!({"description": text("Go")}),
            &json!({"description": text("Rust")}),
        );
        let (start, end) = ("앞".repeat(AROUND), "뒤".repeat(AROUND));
        assert_eq!(
            diff.unwrap(),
            json!({"description": [format!("…{start}Go{end}…"), format!("…{start}Rust{end}…")]})
        );
    }

    #[test]
    fn no_value_is_longer_than_the_bound() {
        let diff = diff(
            &json!({"text": "x".repeat(9_000)}),
            &json!({"text": "y".repeat(9_000)}),
        )
        .unwrap();
        for side in diff["text"].as_array().unwrap() {
            assert!(side.as_str().unwrap().chars().count() <= WHOLE + 2);
        }
    }

    #[test]
    fn long_text_out_of_nothing_keeps_null() {
        let diff = diff(&json!({"text": null}), &json!({"text": "y".repeat(9_000)})).unwrap();
        assert_eq!(diff["text"][0], Value::Null);
    }
}
