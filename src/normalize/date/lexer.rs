//! A text to tokens: numbers, words, symbols, blanks.

use unicode_normalization::UnicodeNormalization;

use super::words;

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A run of ASCII digits.
    Number(Number),
    /// A run of letters, lower case.
    Word {
        /// The letters.
        text: String,
        /// Whether all stood in upper case, as abbreviations of zones do.
        upper: bool,
    },
    /// Anything else.
    Symbol(char),
    /// A run of blanks.
    Blank,
}

/// A run of digits. How many there are tells a year from a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    /// Its value; a run too long for it saturates, and no part of a date is that large.
    pub(super) value: u64,
    /// Number of digits.
    pub(super) len: usize,
}

impl Number {
    pub(super) fn of(digits: &str) -> Self {
        Self {
            value: digits.parse().unwrap_or(u64::MAX),
            len: digits.len(),
        }
    }

    /// The value as a part of a date or time; parts that do not fit exist in none.
    pub(super) fn part(self) -> i8 {
        i8::try_from(self.value).unwrap_or(i8::MAX)
    }

    /// The digits `from..to`, counted from the left.
    pub(super) fn digits(self, from: usize, to: usize) -> Self {
        let digits = format!("{:0len$}", self.value, len = self.len);
        Self::of(digits.get(from..to).unwrap_or_default())
    }
}

/// Compatibility form, without control and zero-width characters, with one kind of blank, hyphen and apostrophe.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.nfkc() {
        match character {
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe63}' => plain.push('-'),
            '\u{2018}' | '\u{2019}' | '\u{2032}' => plain.push('\''),
            '\u{301c}' | '\u{223c}' | '\u{2053}' => plain.push('~'),
            character if character.is_whitespace() => plain.push(' '),
            '\u{ad}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => {}
            character if character.is_control() => {}
            character => plain.push(character),
        }
    }
    plain.trim().to_owned()
}

/// The tokens of a plain text.
pub(super) fn tokens(plain: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = plain;
    while let Some(first) = rest.chars().next() {
        let run = |belongs: fn(char) -> bool| rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        let len = if first == ' ' {
            let len = run(|c| c == ' ');
            tokens.push(Token::Blank);
            len
        } else if first.is_ascii_digit() {
            let len = run(|c| c.is_ascii_digit());
            tokens.push(Token::Number(Number::of(&rest[..len])));
            len
        } else if is_cjk(first) {
            let len = run(is_cjk);
            cut(&rest[..len], &mut tokens);
            len
        } else if first.is_alphabetic() {
            let len = run(|c| c.is_alphabetic() && !is_cjk(c));
            let text = &rest[..len];
            tokens.push(Token::Word {
                text: text.to_lowercase(),
                upper: text.chars().all(char::is_uppercase),
            });
            len
        } else {
            tokens.push(Token::Symbol(first));
            first.len_utf8()
        };
        rest = &rest[len..];
    }
    tokens
}

/// Scripts that write words without blanks between them.
fn is_cjk(character: char) -> bool {
    matches!(character, '\u{1100}'..='\u{11ff}' | '\u{3005}' | '\u{3040}'..='\u{30ff}' | '\u{3130}'..='\u{318f}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}

/// Cuts a run into the longest known words; from the first unknown place on it stays one word.
fn cut(run: &str, tokens: &mut Vec<Token>) {
    let mut rest = run;
    while !rest.is_empty() {
        let known = words::longest_prefix(rest);
        let (word, after) = rest.split_at(known.unwrap_or(rest.len()));
        tokens.push(Token::Word {
            text: word.to_owned(),
            upper: false,
        });
        rest = after;
    }
}
