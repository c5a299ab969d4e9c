//! How many attributes a tag may have, at most, before the parser has seen it.
//!
//! For each attribute the parser looks through those before it, and gives nothing back until the tag ends: a tag of
//! 20,000 takes seconds. So each piece of a text is looked through first, by the tokenizer's own states for attributes
//! (HTML, 13.2.5.32 to 13.2.5.39). What the tokenizer takes for a tag depends on all that came before it; here every `<`
//! that can begin one does, also in scripts, comments and values, and all these readings go on side by side, of each
//! state the one with the most attributes. The answer is therefore never too low, whatever a page does to hide a tag, and
//! too high only where a text of so many words follows a `<` and has no `>`. Whether that is a tag, the tree tells.

use std::ops::Range;

use State::{
    AfterName, AttributeName, BeforeName, BeforeValue, DoubleQuoted, SingleQuoted, TagName,
    Unquoted,
};

/// Where in a tag a reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    TagName,
    BeforeName,
    AttributeName,
    AfterName,
    BeforeValue,
    DoubleQuoted,
    SingleQuoted,
    Unquoted,
}

const STATES: [State; 8] = [
    TagName,
    BeforeName,
    AttributeName,
    AfterName,
    BeforeValue,
    DoubleQuoted,
    SingleQuoted,
    Unquoted,
];

/// The readings that go on: of each state the most attributes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Readings([Option<usize>; STATES.len()]);

impl Readings {
    /// Goes on through a part of a text, between characters; whether some tag may now have more attributes than this. It
    /// then stops there.
    pub(super) fn exceed(&mut self, text: &str, part: Range<usize>, limit: usize) -> bool {
        let bytes = text.as_bytes();
        let mut at = part.start;
        while at < part.end {
            if self.0.iter().all(Option::is_none) {
                // Behind a `<` that ends the part before, a name may begin with a stroke.
                let from = at - usize::from(at > 0 && bytes[at] == b'/' && bytes[at - 1] == b'<');
                let Some(begin) = text[from..part.end].find('<') else {
                    return false;
                };
                at = from + begin + usize::from(bytes.get(from + begin + 1) == Some(&b'/'));
                if at >= part.end {
                    return false;
                }
            }
            let byte = bytes[at];
            let mut next = Self::default();
            for (state, attributes) in STATES.into_iter().zip(self.0) {
                let Some(attributes) = attributes else {
                    continue;
                };
                let Some(then) = after(state, byte) else {
                    continue;
                };
                let begins = then == AttributeName && state != AttributeName;
                let attributes = attributes + usize::from(begins);
                if attributes > limit {
                    return true;
                }
                let held = &mut next.0[then as usize];
                *held = (*held).max(Some(attributes));
            }
            if begins_name(bytes, at) {
                next.0[TagName as usize] = Some(0);
            }
            *self = next;
            at += 1;
            // After one byte that means nothing in a tag, more of them change no reading, nor does the rest of a character.
            if is_plain(byte) {
                let rest = bytes[at..part.end].iter();
                at += rest.take_while(|byte| is_plain(**byte)).count();
            }
        }
        false
    }
}

/// Whether a byte is a letter of a name or value to each state.
const fn is_plain(byte: u8) -> bool {
    !matches!(
        byte,
        b' ' | b'\t' | b'\n' | b'\r' | 0x0c | b'"' | b'\'' | b'<' | b'>' | b'=' | b'/'
    )
}

/// Whether the name of a tag begins behind this byte: `<` or `</`.
fn begins_name(bytes: &[u8], at: usize) -> bool {
    let is_open = match bytes[at] {
        b'<' => true,
        b'/' => at > 0 && bytes[at - 1] == b'<',
        _ => false,
    };
    is_open && bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic)
}

/// The state after a byte; none after the end of the tag.
const fn after(state: State, byte: u8) -> Option<State> {
    let is_blank = matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c);
    Some(match (state, byte) {
        (DoubleQuoted, b'"') | (SingleQuoted, b'\'') => BeforeName,
        (DoubleQuoted | SingleQuoted, _) => state,
        (_, b'>') => return None,
        (BeforeValue, b'"') => DoubleQuoted,
        (BeforeValue, b'\'') => SingleQuoted,
        (BeforeValue, _) if is_blank => BeforeValue,
        (Unquoted, _) if !is_blank => Unquoted,
        (BeforeValue, _) => Unquoted,
        (AttributeName | AfterName, _) if is_blank => AfterName,
        (AttributeName | AfterName, b'=') => BeforeValue,
        (_, b'/') => BeforeName,
        (TagName, _) if !is_blank => TagName,
        (TagName | BeforeName | Unquoted, _) if is_blank => BeforeName,
        _ => AttributeName,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exceed(text: &str, limit: usize) -> bool {
        let whole = Readings::default().exceed(text, 0..text.len(), limit);
        let mut readings = Readings::default();
        let mut pieces = (0..text.len()).filter(|at| text.is_char_boundary(*at));
        let by_character = pieces.any(|at| {
            let end = at + text[at..].chars().next().map_or(1, char::len_utf8);
            readings.exceed(text, at..end, limit)
        });
        assert_eq!(whole, by_character, "{text}");
        whole
    }

    /// The most attributes that some tag of a text may have.
    fn most(text: &str) -> usize {
        let mut limits = 0..=text.len();
        limits.find(|limit| !exceed(text, *limit)).unwrap()
    }

    #[test]
    fn attributes_are_counted_as_the_tokenizer_reads_them() {
        for (text, expected) in [
            ("a b c < d e", 0),
            ("<p>a b c</p>", 0),
            ("<a b c=d e = f g='h i' j=\"k l\"m n/o/>p q", 8),
            ("<a b=c/d e>", 2),
            ("<a b='>' c>", 2),
            ("</a b c>", 2),
            ("<a =b =c>", 1),
            ("<a b=\"x <i y z", 2),
            ("<가 나 다>", 0),
            ("<a 가 나=다 라>", 3),
            ("<br/>a b", 0),
        ] {
            assert_eq!(most(text), expected, "{text}");
        }
    }

    #[test]
    fn a_tag_that_hides_behind_a_quote_is_found() {
        let many = "x".repeat(9).split("").collect::<Vec<_>>().join(" ");
        for page in [
            format!("<script>if (a<b='</script><a {many}>"),
            format!("<!-- <a b=\" --><a {many}>"),
            format!("<svg><script><a {many}>"),
        ] {
            assert!(exceed(&page, 8), "{page}");
        }
    }
}
