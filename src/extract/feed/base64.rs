//! The `mode="base64"` of Atom 0.3, the one place where a feed of text needs it.

/// The text in base 64, or `None` where it is no text or no base 64. Blanks between are allowed.
pub(super) fn decode(encoded: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len() / 4 * 3);
    let (mut bits, mut held) = (0_u32, 0);
    for byte in encoded.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => break,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_text_with_blanks_and_padding() {
        assert_eq!(decode("7ZWc\n6riAIQ==").as_deref(), Some("한글!"));
        assert_eq!(decode("YQ").as_deref(), Some("a"));
        assert_eq!(decode("not base 64!"), None);
    }
}
