//! Whole numbers in JSON that no 64 bits hold: some boards' ids have 20 digits and more, and a parser makes of them a
//! decimal number near by, `1.2345678901234567e+22`, the same for many ids.

use std::borrow::Cow;

/// Fewest digits of a number beyond 64 bits.
const DIGITS: usize = 19;

/// The same document with each such number as a text. Extraction makes texts of numbers anyway, so all that this changes
/// is that every digit stays.
pub(super) fn quoted(text: &str) -> Cow<'_, str> {
    if !has_long_number(text) {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut quoted = String::new();
    let (mut done, mut at) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = end_of_text(bytes, at),
            b'-' | b'0'..=b'9' => {
                let is_part =
                    |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
                let length = bytes[at..].iter().take_while(|byte| is_part(byte)).count();
                let number = &text[at..at + length];
                if is_beyond(number) {
                    quoted.extend([&text[done..at], "\"", number, "\""]);
                    done = at + length;
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    quoted.push_str(&text[done..]);
    Cow::Owned(quoted)
}

/// Most documents have none, not even in a text.
fn has_long_number(text: &str) -> bool {
    let mut runs = text.as_bytes().split(|byte| !byte.is_ascii_digit());
    runs.any(|run| run.len() >= DIGITS)
}

/// Whether it is a whole number that neither a signed nor an unsigned one of 64 bits holds.
fn is_beyond(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    let is_whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // What JSON does not allow stays for the parser to refuse.
    is_whole
        && !digits.starts_with('0')
        && number.parse::<i64>().is_err()
        && number.parse::<u64>().is_err()
}

/// Behind the text that begins here.
fn end_of_text(bytes: &[u8], begin: usize) -> usize {
    let mut at = begin + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_numbers_beyond_64_bits_become_texts() {
        for (text, expected) in [
            (
                r#"{"id": 12345678901234567890123, "b": 1}"#,
                r#"{"id": "12345678901234567890123", "b": 1}"#,
            ),
            (
                "[18446744073709551615,18446744073709551616]",
                r#"[18446744073709551615,"18446744073709551616"]"#,
            ),
            (
                "[-9223372036854775808,-9223372036854775809]",
                r#"[-9223372036854775808,"-9223372036854775809"]"#,
            ),
            (
                r#"["a \"12345678901234567890123", 0.12345678901234567890123, 1e99]"#,
                r#"["a \"12345678901234567890123", 0.12345678901234567890123, 1e99]"#,
            ),
            (
                "[00012345678901234567890123]",
                "[00012345678901234567890123]",
            ),
            ("\"12345678901234567890123", "\"12345678901234567890123"),
            (
                "12345678901234567890123\"\\",
                "\"12345678901234567890123\"\"\\",
            ),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
