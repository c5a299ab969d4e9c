//! Plain text for the automaton, with a way back to the original bytes.
//!
//! Most texts are matched as they are. Full-width letters, decomposed Hangul and the like are brought to NFKC, blanks
//! to one space or line break, and invisible characters and trademark signs fall out; every changed stretch remembers
//! where it came from, so that a match is reported in bytes of the original.

use std::borrow::Cow;
use std::ops::Range;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// A stretch whose folded form differs from the original.
#[derive(Debug)]
struct Change {
    folded: Range<usize>,
    original: Range<usize>,
}

/// A text made plain.
#[derive(Debug)]
pub(super) struct Folded<'a> {
    pub(super) text: Cow<'a, str>,
    changes: Vec<Change>,
}

impl<'a> Folded<'a> {
    pub(super) fn new(original: &'a str) -> Self {
        let Some(mut change) = first_change(original) else {
            return Self {
                text: Cow::Borrowed(original),
                changes: Vec::new(),
            };
        };
        let mut text = String::with_capacity(original.len());
        let mut changes = Vec::new();
        let mut rest = 0;
        while change < original.len() {
            text.push_str(&original[rest..change]);
            rest = change + segment_len(&original[change..]);
            let segment = &original[change..rest];
            let start = text.len();
            fold_segment(segment, &mut text);
            if text[start..] != *segment {
                changes.push(Change {
                    folded: start..text.len(),
                    original: change..rest,
                });
            }
            change = first_change(&original[rest..]).map_or(original.len(), |found| rest + found);
        }
        text.push_str(&original[rest..]);
        Self {
            text: Cow::Owned(text),
            changes,
        }
    }

    /// The bytes of the original behind a range of the folded text; a changed stretch counts as a whole.
    pub(super) fn original(&self, folded: Range<usize>) -> Range<usize> {
        let start = match self.change_before(folded.start) {
            Some(change) if folded.start < change.folded.end => change.original.start,
            change => self::shift(change, folded.start),
        };
        // The last byte decides: what follows the range may have vanished.
        let last = folded.end.saturating_sub(1);
        let end = match self.change_before(last) {
            Some(change) if last < change.folded.end => change.original.end,
            change => shift(change, folded.end),
        };
        start..end.max(start)
    }

    fn change_before(&self, folded: usize) -> Option<&Change> {
        let after = self
            .changes
            .partition_point(|change| change.folded.start <= folded);
        self.changes[..after].last()
    }
}

fn shift(change: Option<&Change>, folded: usize) -> usize {
    change.map_or(folded, |change| {
        change.original.end + (folded - change.folded.end)
    })
}

/// The byte from which on the text is not plain, drawn back to a place where a segment begins.
fn first_change(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut index = 0;
    let mut next_stride = 0;
    while index < bytes.len() {
        if index >= next_stride {
            index += plain_strides(&bytes[index..]);
            next_stride = index + STRIDE;
            continue;
        }
        let byte = bytes[index];
        if byte > b' ' && byte.is_ascii() {
            index += 1;
        } else if byte.is_ascii() {
            let blank_pair = byte == b' ' && matches!(bytes.get(index + 1), Some(b' ' | b'\n'));
            let line_indent = byte == b'\n' && bytes.get(index + 1) == Some(&b' ');
            if matches!(byte, b'\t' | b'\r' | 0x0b | 0x0c) || blank_pair || line_indent {
                return Some(text[..index].trim_end().len());
            }
            if byte == b'\n' && bytes[index..].starts_with(b"\n\n\n") {
                return Some(index);
            }
            index += 1;
        } else if matches!(byte, 0xeb | 0xec) {
            // Hangul syllables from U+B000 to U+CFFF, the most of Korean text.
            index += 3;
        } else {
            let character = text[index..].chars().next()?;
            match fold_of(character) {
                Fold::Keep => {}
                Fold::Join => return Some(text.floor_char_boundary(index.saturating_sub(1))),
                Fold::Blank => return Some(text[..index].trim_end().len()),
                Fold::Drop | Fold::Normalize | Fold::Replace(_) => return Some(index),
            }
            index += character.len_utf8();
        }
    }
    None
}

/// Bytes that are looked at together.
const STRIDE: usize = 32;

/// The length of the strides at the start that are ASCII words with single spaces between them: most of most texts.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without a branch a stride is looked at in a few instructions"
)]
fn plain_strides(bytes: &[u8]) -> usize {
    let mut len = 0;
    while let Some(stride) = bytes[len..].first_chunk::<STRIDE>()
        && let Some(following) = bytes[len + 1..].first_chunk::<STRIDE>()
    {
        let pairs = stride.iter().zip(following);
        let is_plain = pairs.fold(true, |is_plain, (&byte, &next)| {
            is_plain & (byte >= b' ') & byte.is_ascii() & ((byte != b' ') | (next > b' '))
        });
        if !is_plain {
            break;
        }
        len += STRIDE;
    }
    len
}

enum Fold {
    Keep,
    /// Composes with the character before it.
    Join,
    Normalize,
    Replace(char),
    Blank,
    Drop,
}

fn fold_of(character: char) -> Fold {
    match character {
        'ㆍ' | '‧' | '･' | '・' => Fold::Replace('·'),
        // Compatibility jamo stand alone in Korean chat; NFKC would make them join the syllable before.
        '가'..='힣' | '\u{3131}'..='\u{318e}' | '…' => Fold::Keep,
        '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{ad}' | '™' | '®' | '©' => {
            Fold::Drop
        }
        '\u{2010}' | '\u{2011}' => Fold::Replace('-'),
        _ if character.is_whitespace() => Fold::Blank,
        _ => match is_nfkc_quick(std::iter::once(character)) {
            IsNormalized::Yes => Fold::Keep,
            IsNormalized::No => Fold::Normalize,
            IsNormalized::Maybe => Fold::Join,
        },
    }
}

/// The length of the next stretch that is folded as a whole: a run of blanks, or a character with what joins it.
fn segment_len(text: &str) -> usize {
    let mut characters = text.char_indices();
    let Some((_, first)) = characters.next() else {
        return 0;
    };
    let blank = first.is_whitespace();
    for (index, character) in characters {
        let same = if blank {
            character.is_whitespace()
        } else {
            joins(character)
        };
        if !same {
            return index;
        }
    }
    text.len()
}

fn joins(character: char) -> bool {
    !character.is_ascii() && matches!(fold_of(character), Fold::Join)
}

fn fold_segment(segment: &str, folded: &mut String) {
    let mut characters = segment.chars();
    let (Some(first), rest) = (characters.next(), characters.as_str()) else {
        return;
    };
    if first.is_whitespace() {
        match segment.matches('\n').count() {
            0 => folded.push(' '),
            1 => folded.push('\n'),
            _ => folded.push_str("\n\n"),
        }
    } else if rest.is_empty() && first.is_ascii() {
        folded.push(first);
    } else {
        match fold_of(first) {
            Fold::Drop => {}
            Fold::Replace(plain) => folded.push(plain),
            Fold::Keep if rest.is_empty() => folded.push(first),
            _ => folded.extend(segment.nfkc()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_plain_text_alone() {
        let folded = Folded::new("Spring Boot와 코틀린, “따옴표” ㅋㅋ…\nGo");
        assert!(matches!(folded.text, Cow::Borrowed(_)));
        assert_eq!(folded.original(3..9), 3..9);
    }

    #[test]
    fn maps_full_width_letters_back() {
        let original = "는 Ｋｏｔｌｉｎ으로";
        let folded = Folded::new(original);
        assert_eq!(folded.text, "는 Kotlin으로");
        let start = folded.text.find("Kotlin").unwrap();
        assert_eq!(&original[folded.original(start..start + 6)], "Ｋｏｔｌｉｎ");
    }

    #[test]
    fn composes_decomposed_hangul() {
        let original = "앱 \u{110b}\u{1161}\u{11ab}\u{1102}\u{1167}\u{11bc}!";
        let folded = Folded::new(original);
        assert_eq!(folded.text, "앱 안녕!");
        let start = folded.text.find('녕').unwrap();
        assert_eq!(
            &original[folded.original(start..start + 3)],
            "\u{1102}\u{1167}\u{11bc}"
        );
    }

    #[test]
    fn brings_blanks_to_one_and_keeps_paragraphs() {
        let original = "Spring \u{a0} Boot\r\n  Go\n \n\tC";
        let folded = Folded::new(original);
        assert_eq!(folded.text, "Spring Boot\nGo\n\nC");
        assert_eq!(&original[folded.original(0..11)], "Spring \u{a0} Boot");
        assert_eq!(&original[folded.original(12..14)], "Go");
    }

    #[test]
    fn drops_what_nobody_sees() {
        let original = "Ja\u{200b}va™를";
        let folded = Folded::new(original);
        assert_eq!(folded.text, "Java를");
        assert_eq!(&original[folded.original(0..4)], "Ja\u{200b}va");
    }
}
