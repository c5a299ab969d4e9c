//! Halves of characters in JSON: programs that cut a text in the middle of an emoji write `\ud83d` alone, which no parser
//! of Unicode takes, and the whole document would be lost for it.

use std::borrow::Cow;

/// What stands in the place of half a character.
const REPLACEMENT: &str = "\\ufffd";
const ESCAPE: usize = REPLACEMENT.len();

/// The same document with every escaped half that has no other half replaced.
pub(super) fn mended(text: &str) -> Cow<'_, str> {
    let mut mended = String::new();
    let mut done = 0;
    let mut at = 0;
    while let Some(found) = text[at..].find('\\') {
        at += found;
        let is_half = match unit(text, at) {
            Some(0xd800..=0xdbff) => !matches!(unit(text, at + ESCAPE), Some(0xdc00..=0xdfff)),
            Some(0xdc00..=0xdfff) => true,
            _ => false,
        };
        if is_half {
            mended.push_str(&text[done..at]);
            mended.push_str(REPLACEMENT);
            done = at + ESCAPE;
        }
        at += match unit(text, at) {
            Some(0xd800..=0xdbff) if !is_half => 2 * ESCAPE,
            Some(_) => ESCAPE,
            // A backslash and what it escapes.
            None => 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
        };
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    mended.push_str(&text[done..]);
    Cow::Owned(mended)
}

/// The code unit that an escape at this place names.
fn unit(text: &str, at: usize) -> Option<u16> {
    let digits = text.get(at..at + ESCAPE)?.strip_prefix("\\u")?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_replaced_and_whole_characters_kept() {
        for (text, expected) in [
            (r#"["\ud83d\ude00"]"#, r#"["\ud83d\ude00"]"#),
            (r#"["a\ud83d"]"#, r#"["a\ufffd"]"#),
            (
                r#"["\uDE00b\uD83D\uD83D\uDE00"]"#,
                r#"["\ufffdb\ufffd\uD83D\uDE00"]"#,
            ),
            (r#"["\\ud83d \u00e9 \n"]"#, r#"["\\ud83d \u00e9 \n"]"#),
            (r#"["\ud83"#, r#"["\ud83"#),
            ("[\"\\가\\", "[\"\\가\\"),
            (r#"["\u+123"]"#, r#"["\u+123"]"#),
        ] {
            assert_eq!(mended(text), expected);
        }
    }
}
