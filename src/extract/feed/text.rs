//! Texts of feeds, and the little that must be known of HTML to tell and keep them.

/// Bytes in which the first words of a text are looked for, behind pictures and embedded styles.
const FIRST_WORDS: usize = 8 * 1024;

/// Whether a text is to be read as HTML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextKind {
    /// Characters that mean themselves.
    Plain,
    /// HTML in which every `&` begins a reference to a character of its syntax.
    Html,
}

/// A title, summary or content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedText {
    /// The text, without blanks around it.
    pub value: String,
    /// How to read it.
    pub kind: TextKind,
}

impl FeedText {
    /// A text that means itself.
    pub fn plain(value: &str) -> Self {
        Self {
            value: value.trim().to_owned(),
            kind: TextKind::Plain,
        }
    }

    /// HTML, its bare ampersands mended, and characters that need no reference written as themselves.
    pub fn html(value: &str) -> Self {
        Self {
            value: tidy_references(value.trim()),
            kind: TextKind::Html,
        }
    }

    /// Text of a format that does not say what it holds: HTML where it looks so.
    pub(super) fn of_either_kind(value: &str) -> Self {
        if looks_like_html(value) {
            Self::html(value)
        } else {
            Self::plain(value)
        }
    }

    /// The first words alone, on one line.
    pub(super) fn first_words(&self) -> String {
        let start = beginning(&self.value, FIRST_WORDS);
        match self.kind {
            TextKind::Plain => one_line(start),
            TextKind::Html => strip_tags(start),
        }
    }
}

/// The first bytes of a text, cut between characters.
pub(super) fn beginning(text: &str, length: usize) -> &str {
    &text[..text.floor_char_boundary(length)]
}

/// Blanks collapsed and taken off the ends.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// The words of a piece of HTML on one line, for a title or a message; not for a page, which has scripts.
pub(super) fn strip_tags(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    // Behind the last `>` no tag ends; looking for one at each `<` would take the square of the length.
    let (mut rest, tail) = html.split_at(html.rfind('>').map_or(0, |last| last + 1));
    while let Some(start) = rest.find('<') {
        text.push_str(&rest[..start]);
        rest = &rest[start..];
        let length = tag_length(rest).unwrap_or(0);
        if length == 0 {
            text.push('<');
        }
        rest = &rest[length.max(1)..];
    }
    text.push_str(rest);
    text.push_str(tail);
    one_line(&html_escape::decode_html_entities(&text))
}

pub(super) fn looks_like_html(text: &str) -> bool {
    let tags = &text[..text.rfind('>').map_or(0, |last| last + 1)];
    let has_tag = tags
        .match_indices('<')
        .any(|(at, _)| tag_length(&tags[at..]).is_some());
    has_tag
        || text
            .match_indices('&')
            .any(|(at, _)| reference_length(&text[at..]).is_some())
}

/// The length of the tag or comment that the text begins with.
fn tag_length(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('<')?;
    let name = inside.strip_prefix('/').unwrap_or(inside);
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!') {
        return None;
    }
    text.find('>').map(|end| end + 1)
}

/// Leaves only those references that HTML needs: to `&`, `<`, `>` and the quotes. So a title that was escaped once too
/// often, as `It&#8217;s`, reads as it was meant, whether or not its reader knows HTML.
fn tidy_references(html: &str) -> String {
    let mut tidy = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('&') {
        tidy.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = reference_length(rest).unwrap_or(1);
        let (reference, after) = rest.split_at(length);
        let character = html_escape::decode_html_entities(reference);
        if reference == "&" {
            tidy.push_str("&amp;");
        } else if character.contains(['&', '<', '>', '"', '\'']) {
            tidy.push_str(reference);
        } else {
            tidy.push_str(&character);
        }
        rest = after;
    }
    tidy.push_str(rest);
    tidy
}

/// The length of the reference that a text begins with: `&name;`, `&#number;`.
fn reference_length(text: &str) -> Option<usize> {
    let inside = text.as_bytes().get(1..)?;
    let length = inside
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'#')
        .count();
    (length > 0 && inside.get(length) == Some(&b';')).then_some(length + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_ampersands_of_html_are_mended_and_references_kept() {
        let text = FeedText::html("R&D &amp; Q&A &#38; a&b;c It&#8217;s&nbsp;&lt; & ");
        assert_eq!(
            text.value,
            "R&amp;D &amp; Q&amp;A &#38; a&b;c It’s\u{a0}&lt; &amp;"
        );
        assert_eq!(FeedText::plain("R&D").value, "R&D");
    }

    #[test]
    fn kind_is_told_by_tags_and_references() {
        let kind = |text| FeedText::of_either_kind(text).kind;
        assert_eq!(kind("2 > 1 < 3 & so"), TextKind::Plain);
        assert_eq!(kind("AT&T <3"), TextKind::Plain);
        assert_eq!(kind("a <b>bold</b> title"), TextKind::Html);
        assert_eq!(kind("AT&amp;T"), TextKind::Html);
    }

    #[test]
    fn words_are_what_a_reader_sees() {
        let words = |html| FeedText::html(html).first_words();
        assert_eq!(words("<p>a\n<i>b</i> &lt;c&gt;<!-- x -->"), "a b <c>");
        assert_eq!(words("1 < 2 <"), "1 < 2 <");
    }
}
