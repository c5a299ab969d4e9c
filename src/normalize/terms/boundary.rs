//! Where a name begins and ends.
//!
//! Korean particles stick to Latin words, versions to names (`Vue3`, `Python3.11`), and `+ # .` belong to names, so
//! the word boundaries of Unicode do not help. A side is *free* where the name stands alone there, and *joined* where
//! something sticks to it that an unambiguous name bears (`React-based`) and an ordinary word does not (`go-to`).

use super::korean::{self, Tail};

/// What touches a name on one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Nothing, a blank, punctuation.
    Free,
    /// A hyphen, an unknown word: not for ambiguous names.
    Joined,
    /// Korean particles.
    Particle,
    /// A word of the trade, written together: `C언어`, `Go-based`.
    Trade,
    /// A version number, then a free side.
    Version,
}

/// Words after a hyphen that only follow the name of a technology.
const COMPOUNDS: [&str; 9] = [
    "based",
    "powered",
    "backed",
    "written",
    "specific",
    "compatible",
    "lang",
    "native",
    "centric",
];

/// What may follow the dot after a name: files of its configuration.
const EXTENSIONS: [&str; 13] = [
    "yml",
    "yaml",
    "json",
    "toml",
    "conf",
    "config",
    "properties",
    "lock",
    "xml",
    "md",
    "sh",
    "rc",
    "gradle",
];

/// The side before a name that starts at `start`; `None` if the name is a part of something else.
pub(super) fn before(text: &str, start: usize) -> Option<Side> {
    let mut characters = text[..start].chars().rev();
    let Some(previous) = characters.next() else {
        return Some(Side::Free);
    };
    let further = characters.next();
    let after_word = further.is_some_and(char::is_alphanumeric);
    let after_latin = further.is_some_and(is_latin_word);
    match previous {
        '.' => (!further.is_some_and(is_latin_letter)).then_some(Side::Free),
        '#' => (!after_latin || is_hashtag(&text[..start - 1])).then_some(Side::Free),
        '+' => (further != Some('+')).then_some(Side::Free),
        '\'' | '’' if after_latin => None,
        '@' => (!after_latin).then_some(Side::Joined),
        '-' | '&' => Some(if after_word { Side::Joined } else { Side::Free }),
        '$' | '%' | '\\' => Some(Side::Joined),
        _ if is_latin_word(previous) => None,
        _ => Some(Side::Free),
    }
}

/// The side after a name that fills `start..end`, and where name and version end.
pub(super) fn after(text: &str, start: usize, end: usize) -> Option<(Side, usize)> {
    let name = &text[start..end];
    let rest = &text[end..];
    let Some(next) = rest.chars().next() else {
        return Some((Side::Free, end));
    };
    if next.is_ascii_digit() {
        let digit_ends = name.ends_with(|last: char| last.is_ascii_digit());
        let version = version_len(rest);
        if digit_ends || name.len() < 2 || version == 0 {
            return None;
        }
        return match after_word(text, start, end + version)? {
            Side::Joined => Some((Side::Joined, end + version)),
            Side::Trade => Some((Side::Trade, end + version)),
            _ => Some((Side::Version, end + version)),
        };
    }
    if rest.starts_with('s') && is_acronym(name) {
        return after_word(text, start, end + 1).map(|side| (side, end + 1));
    }
    after_word(text, start, end).map(|side| (side, end))
}

fn after_word(text: &str, start: usize, end: usize) -> Option<Side> {
    let hangul_name = text[..end].ends_with(korean::is_hangul);
    let mut characters = text[end..].chars();
    let Some(next) = characters.next() else {
        return Some(Side::Free);
    };
    let rest = characters.as_str();
    let further = rest.chars().next();
    let before_word = further.is_some_and(char::is_alphanumeric);
    let before_latin = further.is_some_and(is_latin_word);
    match next {
        '.' if before_latin => {
            let word = latin_word(rest);
            EXTENSIONS.contains(&word).then_some(Side::Joined)
        }
        '+' => before_latin.then_some(Side::Free),
        '#' => {
            let hashtags = text[..start].ends_with('#') && further.is_some_and(char::is_alphabetic);
            hashtags.then_some(Side::Free)
        }
        '\'' | '’' if before_latin => (latin_word(rest) == "s").then_some(Side::Free),
        '-' | '\u{2013}' if before_latin => {
            let trade = COMPOUNDS.contains(&latin_word(rest).to_ascii_lowercase().as_str());
            Some(if trade { Side::Trade } else { Side::Joined })
        }
        '-' | '&' | '@' if before_word => Some(Side::Joined),
        _ if korean::is_hangul(next) => match korean::tail(&text[end..]) {
            Some(Tail::Particle) => Some(Side::Particle),
            Some(Tail::Noun) => Some(Side::Trade),
            None => (!hangul_name).then_some(Side::Joined),
        },
        _ if is_latin_word(next) => hangul_name.then_some(Side::Joined),
        _ => Some(Side::Free),
    }
}

/// The length of `3`, `17`, `3.11`, `3.x`, `19c`, `8+` at the start of a text; 0 if a word goes on there.
fn version_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| {
        bytes[from..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    let mut len = digits(0);
    while bytes.get(len) == Some(&b'.') {
        let part = match bytes.get(len + 1) {
            Some(b'x' | b'X') => 1,
            _ => digits(len + 1),
        };
        if part == 0 {
            break;
        }
        len += 1 + part;
    }
    if matches!(bytes.get(len), Some(b'a'..=b'z' | b'+'))
        && !bytes.get(len + 1).is_some_and(u8::is_ascii_alphanumeric)
    {
        len += 1;
    }
    if bytes
        .get(len)
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    {
        0
    } else {
        len
    }
}

/// Capitals to the end, so that a small `s` after it is a plural: `LLMs`, `REST APIs`.
fn is_acronym(name: &str) -> bool {
    name.len() > 1
        && name
            .bytes()
            .rev()
            .take(2)
            .all(|byte| byte.is_ascii_uppercase())
}

/// Whether the text ends with a hashtag: `#React` before `#Vue`.
fn is_hashtag(text: &str) -> bool {
    text.trim_end_matches(is_latin_word).ends_with('#')
}

/// The word of Latin letters and digits at the start of a text.
pub(super) fn latin_word(text: &str) -> &str {
    let end = text
        .find(|character| !is_latin_word(character))
        .unwrap_or(text.len());
    &text[..end]
}

/// A letter that would make a Latin name a part of a longer word; kana, Hanzi and Hangul do not.
fn is_latin_letter(character: char) -> bool {
    character.is_alphabetic() && character < '\u{590}'
}

pub(super) fn is_latin_word(character: char) -> bool {
    is_latin_letter(character) || character.is_ascii_digit() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides(text: &str, name: &str) -> Option<(Side, Side)> {
        let start = text.find(name).unwrap();
        Some((
            before(text, start)?,
            after(text, start, start + name.len())?.0,
        ))
    }

    #[test]
    fn takes_versions_as_a_part_of_the_name() {
        for text in [
            "Vue3, ",
            "Vue3로",
            "Vue3.11",
            "Vue3.x 이상",
            "Vue19c",
            "Vue8+",
        ] {
            assert_eq!(sides(text, "Vue").unwrap().1, Side::Version, "{text}");
        }
        assert_eq!(sides("Vue3abc", "Vue"), None);
    }

    #[test]
    fn tells_particles_from_words_of_the_trade() {
        assert_eq!(sides("Spring을 ", "Spring").unwrap().1, Side::Particle);
        assert_eq!(sides("C언어", "C").unwrap().1, Side::Trade);
        assert_eq!(sides("자바칩", "자바"), None);
    }

    #[test]
    fn does_not_cut_names_out_of_longer_ones() {
        for (text, name) in [
            ("foo.React", "React"),
            ("React.memo", "React"),
            ("What's", "s"),
            ("C++", "C"),
            ("C#", "C"),
        ] {
            assert_eq!(sides(text, name), None, "{text}");
        }
        assert_eq!(sides("React+Vue", "React").unwrap().1, Side::Free);
        assert_eq!(sides("#React#Vue", "React").unwrap().1, Side::Free);
    }

    #[test]
    fn sees_compounds() {
        assert_eq!(sides("React-based", "React").unwrap().1, Side::Trade);
        assert_eq!(sides("go-to", "go").unwrap().1, Side::Joined);
        assert_eq!(sides("- Go", "Go").unwrap().0, Side::Free);
    }
}
