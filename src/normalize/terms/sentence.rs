//! Sentences and words, as far as the judgement of a name needs them.

use super::{boundary, korean};

/// The sentence or line around the bytes `start..end` of a folded text, whose blanks are spaces and line breaks.
pub(super) fn around(text: &str, start: usize, end: usize) -> (usize, usize) {
    (
        sentence_start(&text[..start]),
        end + sentence_end(&text[end..]),
    )
}

/// Sentences are short; evidence from farther away than this many bytes is none.
const LONGEST_SENTENCE: usize = 300;

/// `。`
const FULL_STOP: &[u8] = "\u{3002}".as_bytes();

fn sentence_start(head: &str) -> usize {
    let floor = head.ceil_char_boundary(head.len().saturating_sub(LONGEST_SENTENCE));
    let bytes = &head.as_bytes()[floor..];
    let behind = |at: usize| Some(at + end_mark(bytes, at, false)?);
    floor + (0..bytes.len()).rev().find_map(behind).unwrap_or(0)
}

fn sentence_end(rest: &str) -> usize {
    let ceiling = rest.ceil_char_boundary(LONGEST_SENTENCE + 1);
    let mut places = 0..ceiling;
    let end = places.find(|at| end_mark(rest.as_bytes(), *at, true).is_some());
    end.unwrap_or(ceiling)
}

/// The length of the mark here that ends a sentence: a line break, or a point with a blank behind it, or with the end of
/// the text where that may be one.
fn end_mark(bytes: &[u8], at: usize, may_end_text: bool) -> Option<usize> {
    let is_end = match bytes[at] {
        b'\n' => true,
        b'.' | b'!' | b'?' => match bytes.get(at + 1) {
            Some(next) => matches!(next, b' ' | b'\n'),
            None => may_end_text,
        },
        0xe3 => {
            return bytes[at..]
                .starts_with(FULL_STOP)
                .then_some(FULL_STOP.len());
        }
        _ => false,
    };
    is_end.then_some(1)
}

/// `18`, `v18`, `5.3`, `3.x` as a version, and not `2026` or `2 times`.
pub(super) fn is_version(rest: &str) -> bool {
    let digits = rest.strip_prefix(['v', 'V']).unwrap_or(rest);
    let len = digits.bytes().take_while(u8::is_ascii_digit).count();
    let after = &digits[len..];
    if len == 0 || len > 2 {
        return false;
    }
    if after.starts_with('.')
        && after[1..].starts_with(|next: char| next.is_ascii_digit() || next == 'x')
    {
        return true;
    }
    let after = after.trim_start_matches([' ', '+']);
    !after.starts_with(|next: char| {
        next.is_ascii_alphanumeric() || matches!(next, ':' | '%' | '-' | '~')
    }) && !after.starts_with([
        '월', '일', '년', '명', '개', '시', '분', '주', '층', '차', '번', '회',
    ])
}

pub(super) fn first_word(rest: &str) -> &str {
    rest.split_whitespace().next().map_or("", trim_marks)
}

pub(super) fn trim_marks(word: &str) -> &str {
    word.trim_matches(|character: char| !is_wordly(character) && !matches!(character, '+' | '#'))
}

/// A Latin word without the Korean that sticks to it.
pub(super) fn latin_part(word: &str) -> &str {
    boundary::latin_word(word)
}

pub(super) fn starts_with_word(text: &str, words: &str) -> bool {
    text.get(..words.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(words))
        && !text[words.len()..].starts_with(boundary::is_latin_word)
}

pub(super) fn ends_with_word(text: &str, words: &str) -> bool {
    let Some(start) = text.len().checked_sub(words.len()) else {
        return false;
    };
    text.get(start..)
        .is_some_and(|end| end.eq_ignore_ascii_case(words))
        && !text[..start].ends_with(boundary::is_latin_word)
}

fn is_wordly(character: char) -> bool {
    // The table of all letters is slow to ask, and Korean asks for every word.
    korean::is_hangul(character) || character.is_alphanumeric()
}
