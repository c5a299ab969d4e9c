//! Selectors cut into what they are made of, to drop parts of them.
//!
//! Only as much of the grammar is read as cutting needs: brackets, quotes and escapes are stepped over whole. What is
//! put together again is parsed before use, so a cut in the wrong place is a try that matches nothing.

/// A part of a CSS selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// `.name`.
    Class(String),
    /// `#name`.
    Id(String),
    /// A tag, an attribute, a pseudo-class; as written.
    Other(String),
    /// What stands between two compounds: ` `, `>`, `+` or `~`.
    Combinator(char),
}

/// The selectors of a list of them.
pub(super) fn alternatives(text: &str) -> Vec<&str> {
    cut(text, |c| c == ',')
        .into_iter()
        .map(|(start, end)| text[start..end].trim_matches(|c: char| c == ',' || c.is_whitespace()))
        .filter(|alternative| !alternative.is_empty())
        .collect()
}

/// The parts of one selector.
pub(super) fn parts(text: &str) -> Vec<Part> {
    let begins = |c: char| ".#[:>+~".contains(c) || c.is_whitespace();
    let mut parts = Vec::new();
    for (start, end) in cut(text, begins) {
        let piece = &text[start..end];
        let rest = piece.trim_start_matches(|c: char| c.is_whitespace() || ">+~".contains(c));
        let between = &piece[..piece.len() - rest.len()];
        if !between.is_empty() {
            let combinator = between.trim().chars().next().unwrap_or(' ');
            match parts.last_mut() {
                Some(Part::Combinator(before)) if *before == ' ' => *before = combinator,
                Some(Part::Combinator(_)) => {}
                _ => parts.push(Part::Combinator(combinator)),
            }
        }
        match rest.chars().next() {
            None => {}
            Some('.') => parts.push(Part::Class(rest[1..].to_owned())),
            Some('#') => parts.push(Part::Id(rest[1..].to_owned())),
            Some(_) => parts.push(Part::Other(rest.to_owned())),
        }
    }
    parts
}

/// Simpler selectors, each with the number of parts that it keeps: without what is absent, without one part, without
/// the beginning, without the end.
pub(super) fn simpler(
    parts: &[Part],
    is_absent: impl Fn(&Part) -> bool,
) -> impl Iterator<Item = (usize, String)> {
    let without = |dropped: &dyn Fn(usize) -> bool| -> Vec<Part> {
        let kept = parts.iter().enumerate();
        kept.filter(|(index, _)| !dropped(*index))
            .map(|(_, part)| part.clone())
            .collect()
    };
    let mut found = vec![without(&|index| is_absent(&parts[index]))];
    for (at, part) in parts.iter().enumerate() {
        if let Part::Combinator('>' | '+' | '~') = part {
            let mut looser = parts.to_vec();
            looser[at] = Part::Combinator(' ');
            found.push(looser);
        }
        found.push(without(&|index| index == at));
    }
    for at in 1..parts.len() {
        found.push(without(&|index| index < at));
        found.push(without(&|index| index >= at));
    }
    found.into_iter().filter_map(move |kept| {
        let weight = weight(&kept);
        (kept != parts && weight > 0).then(|| (weight, join(&kept)))
    })
}

/// How much it says: its parts without what joins them, so `ul.jobs li` is nearer to `ul.jobs > li` than `ul.jobs`.
fn weight(parts: &[Part]) -> usize {
    let is_simple = |part: &&Part| !matches!(part, Part::Combinator(_));
    parts.iter().filter(is_simple).count()
}

fn join(parts: &[Part]) -> String {
    let mut text = String::new();
    let mut pending = None;
    for part in parts {
        if let Part::Combinator(combinator) = part {
            // Where a compound between two was dropped, how its neighbours stand to each other is not known.
            pending = Some(if pending.is_some() { ' ' } else { *combinator });
            continue;
        }
        match pending.take() {
            Some(_) if text.is_empty() => {}
            Some(' ') => text.push(' '),
            Some(combinator) => text.extend([' ', combinator, ' ']),
            None => {}
        }
        match part {
            Part::Class(name) => text.extend([".", name]),
            Part::Id(name) => text.extend(["#", name]),
            Part::Other(other) => text.push_str(other),
            Part::Combinator(_) => {}
        }
    }
    text
}

/// The segments of a JSONPath: `$`, `.name`, `[*]`.
pub(super) fn segments(text: &str) -> Vec<&str> {
    let mut segments: Vec<(usize, usize)> = Vec::new();
    for (start, end) in cut(text.trim(), |c| c == '.' || c == '[') {
        match segments.last_mut() {
            // `..name` and `..[…]` are one segment.
            Some((before, until)) if text.trim()[*before..*until].chars().all(|c| c == '.') => {
                *until = end;
            }
            _ => segments.push((start, end)),
        }
    }
    segments
        .into_iter()
        .map(|(start, end)| &text.trim()[start..end])
        .collect()
}

/// Ranges of a text that each begin with such a character, but not within brackets or quotes or behind a backslash.
fn cut(text: &str, begins: impl Fn(char) -> bool) -> Vec<(usize, usize)> {
    let mut ranges = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            chars.next();
            continue;
        }
        if let Some(open) = quote {
            quote = (c != open).then_some(open);
            continue;
        }
        if depth == 0 && at > start && begins(c) {
            ranges.push((start, at));
            start = at;
        }
        match c {
            '"' | '\'' => quote = Some(c),
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    if start < text.len() {
        ranges.push((start, text.len()));
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_that_is_cut_and_joined_is_the_same() {
        for selector in [
            "ul.jobs > li",
            "ol.list-recent-jobs > li .listing-location a",
            "meta[property=\"og:title\"]",
            "ul.pagination li.next a:not(.disabled)",
            "#main a[href^='/jobs/. x'] + p ~ b",
            "a::before",
        ] {
            assert_eq!(join(&parts(selector)), selector);
        }
        assert_eq!(join(&parts("ul>li\n  a")), "ul > li a");
    }

    #[test]
    fn a_list_of_selectors_is_cut_at_its_commas_only() {
        assert_eq!(
            alternatives("ul > li, a:is(.b, .c) ,p[title='x, y']"),
            ["ul > li", "a:is(.b, .c)", "p[title='x, y']"]
        );
    }

    #[test]
    fn a_path_is_cut_into_its_segments() {
        assert_eq!(
            segments("$.jobs[?@.open == true]['a.b']..name"),
            ["$", ".jobs", "[?@.open == true]", "['a.b']", "..name"]
        );
    }
}
