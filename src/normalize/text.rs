//! Texts as they are kept: composed (NFC, since some systems send Hangul in pieces), without characters that no reader
//! sees, with single blanks. Compatibility characters stay (`㈜`, `²`): they are the source's spelling.
//!
//! No control character survives but the line feed of [`lines`]; in particular not U+0000, which Postgres refuses.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// A text in one line.
pub fn one_line(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    collapse(text, &mut kept);
    kept
}

/// A text in its lines: blanks collapse in each, at most one empty line stands between two others, none at the ends.
pub fn lines(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut line = String::new();
    let mut gap = false;
    for raw in text.split([
        '\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}',
    ]) {
        line.clear();
        collapse(raw, &mut line);
        if line.is_empty() {
            gap = !kept.is_empty();
            continue;
        }
        if !kept.is_empty() {
            kept.push('\n');
        }
        if std::mem::take(&mut gap) {
            kept.push('\n');
        }
        kept.push_str(&line);
    }
    kept
}

/// Writes a line, collapsed, into an empty string.
fn collapse(line: &str, kept: &mut String) {
    if is_plain(line) {
        kept.push_str(line);
    } else if is_nfc_quick(line.chars()) == IsNormalized::Yes {
        collapse_characters(line.chars(), kept);
    } else {
        collapse_characters(line.nfc(), kept);
    }
}

/// Whether a line is its own collapsed form: printable ASCII with single blanks inside. Most lines of an English text are.
fn is_plain(line: &str) -> bool {
    line.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && !line.starts_with(' ')
        && !line.ends_with(' ')
        && !line.contains("  ")
}

fn collapse_characters(characters: impl Iterator<Item = char>, kept: &mut String) {
    let mut blank = false;
    let mut before = None;
    for character in characters {
        // Blanks first: line feeds and tabs are control characters too.
        if character.is_whitespace() {
            blank = true;
            continue;
        }
        if is_unseen(character, before) {
            continue;
        }
        if blank && !kept.is_empty() {
            kept.push(' ');
        }
        blank = false;
        kept.push(character);
        before = Some(character);
    }
}

/// Control, zero-width and direction characters, the soft hyphen and the tags of Unicode. A zero-width joiner stays
/// after a pictograph, where it makes one picture of several.
fn is_unseen(character: char, before: Option<char>) -> bool {
    match character {
        '\u{200d}' => !before.is_some_and(|before| {
            matches!(before, '\u{2600}'..='\u{27bf}' | '\u{fe0f}' | '\u{1f000}'..='\u{1faff}')
        }),
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => true,
        character => character.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_has_single_blanks() {
        assert_eq!(
            one_line("  Backend\u{a0}\u{3000}engineer\r\n\t(Rust) "),
            "Backend engineer (Rust)"
        );
        assert_eq!(one_line(" \u{200b} \u{feff}"), "");
    }

    #[test]
    fn what_no_reader_sees_is_removed() {
        assert_eq!(
            one_line("a\u{0}b\u{7}\u{200b}c\u{ad}d\u{202e}e\u{1b}[0m"),
            "abcde[0m"
        );
        assert_eq!(one_line("👩\u{200d}💻 x\u{200d}y"), "👩\u{200d}💻 xy");
        assert!(!lines("\u{0}\n\u{0}x\u{0}").contains('\u{0}'));
    }

    #[test]
    fn hangul_in_pieces_is_composed_and_compatibility_characters_stay() {
        assert_eq!(one_line("\u{1112}\u{1161}\u{11ab}국"), "한국");
        assert_eq!(one_line("㈜당근 m²"), "㈜당근 m²");
    }

    #[test]
    fn a_text_reads_the_same_by_the_short_ways_and_by_the_long_one() {
        for text in [
            "plain words",
            " plain",
            "plain ",
            "two  blanks",
            "tab\there",
            "control\u{1}here",
            "~",
            "\u{7f}x",
            "",
            "한국어 문장",
            " 한국어\u{200b} 문장  둘",
            "café",
            "cafe\u{301}",
            "\u{1112}\u{1161}\u{11ab}",
            "👩\u{200d} 💻",
        ] {
            let mut long = String::new();
            collapse_characters(text.nfc(), &mut long);
            assert_eq!(one_line(text), long, "{text:?}");
        }
    }

    #[test]
    fn lines_keep_paragraphs() {
        assert_eq!(lines("\n a  b \r\n\r\n\r\n c\u{2028}d \n\n"), "a b\n\nc\nd");
        assert_eq!(lines(" \n "), "");
    }
}
