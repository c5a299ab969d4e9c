//! Words of a text as they are compared, and their hashes.
//!
//! Case, punctuation and compatibility forms (`Ｒｕｓｔ`, `㈜`) are no part of a word. A text without blanks between words
//! gives a word a character: there a run of Han or kana would be a whole sentence.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// Hands each word over, in order.
pub(super) fn each_word(text: &str, mut take: impl FnMut(&str)) {
    let mut word = String::new();
    let mut push = |character: char| {
        let sticks = match character {
            // C++ and C# are no C.
            '+' | '#' => !word.is_empty(),
            character => character.is_alphanumeric(),
        };
        let alone = is_ideograph(character);
        if (!sticks || alone) && !word.is_empty() {
            take(&word);
            word.clear();
        }
        if sticks {
            word.extend(character.to_lowercase());
        }
        if alone {
            take(&word);
            word.clear();
        }
    };
    if is_nfkc_quick(text.chars()) == IsNormalized::Yes {
        text.chars().for_each(&mut push);
    } else {
        text.nfkc().for_each(&mut push);
    }
    push(' ');
}

pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    each_word(text, |word| words.push(word.to_owned()));
    words
}

/// A text as one word: `Back-end  Engineer` is `backendengineer`.
pub(super) fn joined(text: &str) -> String {
    let mut joined = String::new();
    each_word(text, |word| joined.push_str(word));
    joined
}

fn is_ideograph(character: char) -> bool {
    matches!(character, '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{323af}')
}

/// FNV-1a with a finalizer, so that any of its bits will do. The store keeps these hashes: another function is another
/// [`RECIPE`](super::Likeness::RECIPE).
pub(super) fn hash(text: &str) -> u64 {
    let fnv = text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    mix(fnv)
}

pub(super) fn hash32(text: &str) -> u32 {
    high(hash(text))
}

/// The upper half of a hash.
pub(super) fn high(hash: u64) -> u32 {
    u32::try_from(hash >> 32).expect("half of 64 bits")
}

/// One hash of several, in this order.
pub(super) fn combine(parts: &[u64]) -> u64 {
    parts.iter().fold(0, |hash, part| mix(hash ^ part))
}

/// The finalizer of `SplitMix64`.
const fn mix(hash: u64) -> u64 {
    let hash = hash.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_without_case_punctuation_and_forms() {
        assert_eq!(
            words("(주)당근  Ｒｕｓｔ, C++/C# 개발자!"),
            ["주", "당근", "rust", "c++", "c#", "개발자"]
        );
        assert_eq!(words("東京で働く Go"), ["東", "京", "で", "働", "く", "go"]);
        assert_eq!(joined("Back-end  Engineer"), "backendengineer");
        assert!(words(" -- ").is_empty());
    }

    #[test]
    fn order_is_part_of_a_combined_hash() {
        assert_ne!(combine(&[1, 2]), combine(&[2, 1]));
        assert_ne!(combine(&[0]), combine(&[0, 0]));
    }
}
