//! Tells whether two names stand in one list, by the text between them.

use super::korean;

/// What holds two names together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Glue {
    /// Commas, slashes, brackets, bullets, `and`, 와, 및: one list.
    List,
    /// A blank alone: `Java Spring`.
    Blank,
    /// Other text.
    None,
}

/// Words between the items of a list.
const CONNECTORS: [&str; 14] = [
    "and",
    "or",
    "and/or",
    "vs",
    "vs.",
    "with",
    "및",
    "또는",
    "혹은",
    "그리고",
    "대신",
    "보다",
    "aka",
    "to",
];

/// Particles between the items of a list.
const JOINING: [&str; 15] = [
    "와", "과", "이나", "나", "랑", "이랑", "하고", "에서", "보다", "이며", "이고", "부터", "까지",
    "와의", "과의",
];

/// A longer gap holds other items or other words, too; this is as far as a list is followed.
const LONGEST_GAP: usize = 48;

/// What the text between two names says.
pub(super) fn glue(gap: &str) -> Glue {
    if gap.len() > LONGEST_GAP {
        return Glue::None;
    }
    let particle = korean::leading(gap);
    let gap = &gap[particle.len()..];
    let joining = JOINING.contains(&particle);
    if !particle.is_empty()
        && !joining
        && !korean::are_particles(particle, 4)
        && korean::tail(particle).is_none()
    {
        return Glue::None;
    }
    let words = gap.split(|character: char| character.is_whitespace() || is_separator(character));
    let mut words = words.filter(|word| !word.is_empty()).peekable();
    let separated = gap.contains(is_separator) || gap.contains('\n');
    if words.peek().is_none() {
        return if separated || joining {
            Glue::List
        } else if gap.contains(' ') && particle.is_empty() {
            Glue::Blank
        } else {
            Glue::None
        };
    }
    if words.clone().all(|word| CONNECTORS.contains(&word)) {
        return Glue::List;
    }
    // Unknown items in between: `Python, Foo, R`.
    let trimmed = gap.trim();
    let framed = trimmed.starts_with(is_item_separator)
        && trimmed.ends_with(is_item_separator)
        && trimmed.len() > 1;
    let ends_sentence = trimmed.contains(['!', '?', '\n']) || trimmed.contains(". ");
    if framed && !ends_sentence && words.count() <= 4 {
        Glue::List
    } else {
        Glue::None
    }
}

fn is_item_separator(character: char) -> bool {
    matches!(character, ',' | '/' | '·' | '|' | '、')
}

fn is_separator(character: char) -> bool {
    is_item_separator(character)
        || matches!(
            character,
            '(' | ')'
                | '['
                | ']'
                | '{'
                | '}'
                | '&'
                | '+'
                | ':'
                | ';'
                | '-'
                | '–'
                | '—'
                | '*'
                | '•'
                | '>'
                | '→'
                | '~'
                | '"'
                | '\''
                | '`'
                | '“'
                | '”'
                | '‘'
                | '’'
                | '#'
                | '∙'
                | '='
                | '<'
                | '■'
                | '●'
                | '▶'
                | '✔'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_gaps_between_names() {
        for gap in [
            ", ", "/", "(", " · ", "와 ", " and ", ", and ", " 및 ", "\n- ", ", Foo, ", " & ",
            "이나 ", " / ",
        ] {
            assert_eq!(glue(gap), Glue::List, "{gap:?}");
        }
        assert_eq!(glue(" "), Glue::Blank);
        for gap in [". ", "를 ", " ahead, ", "! ", " is fast, "] {
            assert_eq!(glue(gap), Glue::None, "{gap:?}");
        }
    }
}
