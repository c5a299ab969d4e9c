//! Two values side by side, for people.

use serde_json::Value;

/// Longest value, in characters, that is shown whole: both sides of a difference then fit a line or two.
const WHOLE: usize = 60;

/// Characters kept before and after what differs in a longer one: some words.
const AROUND: usize = 30;

/// Longest word; what is longer has no words.
const WORD: usize = 20;

/// Most characters of each side of what differs.
const DIFFERENT: usize = 120;

/// `before → after`; of long texts the part that differs, with some words around it: `…we write [-Go-]{+Rust+} every…`.
pub(super) fn unified(before: &Value, after: &Value) -> String {
    let (before, after) = (text(before), text(after));
    let (old, new): (Vec<char>, Vec<char>) = (before.chars().collect(), after.chars().collect());
    if old.len() <= WHOLE && new.len() <= WHOLE {
        let or_none = |text: String| {
            if text.is_empty() {
                "(none)".to_owned()
            } else {
                text
            }
        };
        return format!("{} → {}", or_none(before), or_none(after));
    }
    let mut start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    start -= torn(old[..start].iter().rev(), [old.get(start), new.get(start)]);
    let (old_tail, new_tail) = (&old[start..], &new[start..]);
    let both = old_tail.iter().rev().zip(new_tail.iter().rev());
    let mut end = both.take_while(|(a, b)| a == b).count();
    let (old_end, new_end) = (old_tail.len() - end, new_tail.len() - end);
    let last = [&old_tail[..old_end], &new_tail[..new_end]].map(<[char]>::last);
    end -= torn(old_tail[old_end..].iter(), last);
    let mut out = String::new();
    let shown_from = start.saturating_sub(AROUND);
    if shown_from > 0 && old[0] != '…' {
        out.push('…');
    }
    out.extend(&old[shown_from..start]);
    for (part, open, close) in [(old_tail, "[-", "-]"), (new_tail, "{+", "+}")] {
        let part = &part[..part.len() - end];
        if !part.is_empty() {
            out.push_str(open);
            out.extend(part.iter().take(DIFFERENT));
            if part.len() > DIFFERENT {
                out.push('…');
            }
            out.push_str(close);
        }
    }
    let after_it = &new_tail[new_tail.len() - end..];
    out.extend(after_it.iter().take(AROUND));
    if after_it.len() > AROUND {
        out.push('…');
    }
    out
}

/// How much of what is the same belongs to a word that differs, whose nearest characters these are: words are shown whole.
fn torn<'a>(same: impl Iterator<Item = &'a char>, nearest: [Option<&char>; 2]) -> usize {
    let in_word = |c: &&char| c.is_alphanumeric();
    if !nearest.iter().flatten().any(in_word) {
        return 0;
    }
    let length = same.take_while(in_word).count();
    if length <= WORD { length } else { 0 }
}

/// A value in one line.
fn text(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(", "),
        // A term by its name.
        Value::Object(fields) if fields.contains_key("name") => text(&fields["name"]),
        other => other.to_string(),
    };
    text.replace('\n', "⏎")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn short_values_stand_side_by_side() {
        assert_eq!(unified(&json!("서울"), &json!("부산")), "서울 → 부산");
        assert_eq!(unified(&json!(null), &json!(3)), "(none) → 3");
        let terms = json!([{"name": "Go", "type": "language"}]);
        assert_eq!(unified(&terms, &json!([])), "Go → (none)");
    }

    #[test]
    fn of_long_texts_only_what_differs_is_shown() {
        let text = |word: &str| {
            let (before, after) = ("앞".repeat(500), "뒤".repeat(500));
            json!(format!("{before}{word}\n{after}"))
        };
        let (before, after) = ("앞".repeat(AROUND), "뒤".repeat(AROUND - 1));
        assert_eq!(
            unified(&text("Go"), &text("Rust")),
            format!("…{before}[-Go-]{{+Rust+}}⏎{after}…")
        );
        assert_eq!(
            unified(&text(""), &text("Rust")),
            format!("…{before}{{+Rust+}}⏎{after}…")
        );
    }

    #[test]
    fn words_are_shown_whole() {
        let text = |word: &str| {
            json!(format!(
                "{}{word}{}",
                "before ".repeat(50),
                " after".repeat(50)
            ))
        };
        let shown = unified(&text("Kotlin"), &text("Kafkain"));
        assert!(
            shown.contains("before [-Kotlin-]{+Kafkain+} after"),
            "{shown}"
        );
        let shown = unified(&text("engineer"), &text("engineers"));
        assert!(
            shown.contains("before [-engineer-]{+engineers+} after"),
            "{shown}"
        );
    }

    #[test]
    fn texts_that_share_nothing_are_cut() {
        let shown = unified(&json!("x".repeat(9_000)), &json!(null));
        assert_eq!(shown, format!("[-{}…-]", "x".repeat(DIFFERENT)));
    }
}
