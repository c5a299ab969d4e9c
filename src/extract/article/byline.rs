//! Who wrote an article, where only its reader is told: an element marked as the author's or as a byline, else a line
//! such as `Written by Jane Doe` or `작성자: 김하나`.
//!
//! What stands in one element is one thing: a name and a role in elements side by side are not one name, though nothing
//! may stand between them. A line is believed only where what it names can be a name, as `By using this site` does not.

use std::sync::LazyLock;

use scraper::node::Node;
use scraper::{ElementRef, Html, Selector};

/// Longest name, in characters and words; what is longer is a sentence.
const MAX_CHARS: usize = 60;
const MAX_WORDS: usize = 6;

/// The author's own elements, the surest first.
static MARKED: LazyLock<[Selector; 3]> = LazyLock::new(|| {
    let selectors = [
        "[rel~=author], [itemprop~=author], .author-name, .post-author, .p-author",
        ".byline",
        ".author",
    ];
    selectors.map(|text| Selector::parse(text).expect("a constant selector that parses"))
});

/// What an author's line begins with; behind the Korean words there is a colon, or their element ends.
const LABELS: &[&str] = &["작성자", "글쓴이", "지은이", "저자", "필자", "author"];
const SENTENCES: &[&str] = &["written by", "posted by", "words by", "by"];

/// Words that may begin with a small letter in a name.
const PARTICLES: &[&str] = &[
    "and", "al", "ben", "bin", "da", "de", "del", "della", "der", "di", "dos", "du", "el", "ibn",
    "la", "le", "san", "ter", "van", "von", "y", "&",
];

/// What follows a name in its line.
const ENDS: &[&str] = &[
    "\n",
    " on ",
    " · ",
    " • ",
    " | ",
    " / ",
    " - ",
    " – ",
    " — ",
    " 작성일",
    " 등록일",
    " 게시일",
    " 입력",
    " 수정",
    " 조회",
    " 날짜",
    " 댓글",
];

/// Names of nobody.
const ACCOUNTS: &[&str] = &[
    "admin",
    "administrator",
    "administrador",
    "root",
    "webmaster",
    "wordpress",
    "user",
    "guest",
    "author",
    "default",
    "site admin",
    "siteadmin",
    "superuser",
    "관리자",
    "운영자",
    "최고관리자",
    "웹마스터",
];

/// Whether a name is that of an account, not of a person.
pub(super) fn is_account(name: &str) -> bool {
    ACCOUNTS.contains(&name.trim().to_lowercase().as_str())
}

/// The author that the markup of a page tells.
pub(super) fn author(html: &Html) -> Option<String> {
    let marked = MARKED.iter().find_map(|selector| {
        // A page of all that an author wrote is marked as a whole.
        let is_part = |element: &ElementRef<'_>| !matches!(element.value().name(), "html" | "body");
        let mut elements = html
            .select(selector)
            .filter(|element| is_part(element) && !is_aside(*element));
        elements.find_map(|element| named(&lines(element)))
    });
    marked.or_else(|| in_lines(html))
}

/// The name in the text of an author's element: of `By Jane Doe on March 1` Jane Doe.
fn named(text: &str) -> Option<String> {
    let mut name = text.trim_start_matches([':', '：']).trim();
    for label in LABELS.iter().chain(SENTENCES) {
        if let Some(rest) = behind(name, label) {
            name = rest.trim_start_matches([':', '：']).trim();
            break;
        }
    }
    let end = ENDS.iter().filter_map(|end| name.find(end)).min();
    let name = name[..end.unwrap_or(name.len())].trim();
    can_be_name(name).then(|| name.to_owned())
}

/// What stands behind a label, where it ends there.
fn behind<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(label.len())?;
    let ends = !rest.starts_with(char::is_alphanumeric);
    (start.eq_ignore_ascii_case(label) && ends).then_some(rest)
}

/// The author that a line of the page names, or the element behind a line that is a label.
fn in_lines(html: &Html) -> Option<String> {
    let root = html.root_element();
    let mut texts = root.descendants().filter_map(|node| {
        let text = node.value().as_text()?.trim();
        let parent = ElementRef::wrap(node.parent()?)?;
        (!text.is_empty()).then_some((parent, text))
    });
    while let Some((parent, text)) = texts.next() {
        let Some(rest) = labelled(text).filter(|_| !is_aside(parent)) else {
            continue;
        };
        let name = match rest {
            // Of a table's header the next cell is another header.
            "" => texts
                .next()
                .filter(|(next, _)| !is_header(*next))
                .map(|(_, text)| text),
            rest => Some(rest),
        };
        let mut line = String::new();
        push_words(&mut line, name.unwrap_or_default());
        if let Some(name) = named(&line) {
            return Some(name);
        }
    }
    None
}

fn is_header(element: ElementRef<'_>) -> bool {
    let around = element.ancestors().filter_map(ElementRef::wrap);
    let mut cells = std::iter::once(element)
        .chain(around)
        .map(|element| element.value().name());
    cells
        .find(|name| matches!(*name, "th" | "td" | "dt" | "dd"))
        .is_some_and(|name| matches!(name, "th" | "dt"))
}

/// What stands behind the label that a text begins with; nothing where the text is the label alone.
fn labelled(text: &str) -> Option<&str> {
    let colon = [':', '：'];
    let mut labels = LABELS.iter();
    let label = labels.find_map(|label| {
        let rest = behind(text, label)?.trim_start();
        (rest.is_empty() || rest.starts_with(colon)).then(|| rest.trim_start_matches(colon).trim())
    });
    // A bare `By` begins too much besides bylines.
    let sentences = || {
        let mut sentences = SENTENCES.iter().filter(|sentence| **sentence != "by");
        sentences
            .find_map(|sentence| Some(behind(text, sentence)?.trim_start_matches(colon).trim()))
    };
    label.or_else(sentences)
}

/// Whether a text can be the name of a person, of several, or of a team.
fn can_be_name(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_short = text.chars().count() <= MAX_CHARS && (1..=MAX_WORDS).contains(&words.len());
    let is_part = |word: &&str| {
        let first = word.chars().find(|c| c.is_alphanumeric());
        first.is_none_or(|c| !c.is_lowercase()) || PARTICLES.contains(word)
    };
    // A nickname may be small; a word that ends a sentence may not.
    let ends_sentence = |word: &str| {
        let stem = word.trim_end_matches(['.', '!', '?', '。']);
        stem.len() < word.len() && stem.chars().count() > 3
    };
    is_short
        && text.contains(char::is_alphabetic)
        && !text.contains("://")
        && (words.len() == 1 || words.iter().all(is_part))
        && !words.last().is_some_and(|word| ends_sentence(word))
}

/// Whether an element stands apart from the article: under a comment, in the page's frame.
fn is_aside(element: ElementRef<'_>) -> bool {
    let mut around = element
        .ancestors()
        .filter_map(ElementRef::wrap)
        .chain([element]);
    around.any(|element| {
        let class = element.attr("class").unwrap_or_default();
        let name = element.value().name();
        matches!(
            name,
            "nav" | "footer" | "script" | "style" | "noscript" | "template" | "select"
        ) || class.to_ascii_lowercase().contains("comment")
    })
}

/// The text of an element, elements side by side on lines of their own.
fn lines(element: ElementRef<'_>) -> String {
    let mut lines = String::new();
    let mut is_behind_element = false;
    for child in element.children() {
        if let Node::Text(text) = child.value() {
            push_words(&mut lines, text);
            is_behind_element &= text.trim().is_empty();
        } else if let Some(child) = ElementRef::wrap(child) {
            let inner = self::lines(child);
            if inner.trim().is_empty() {
                continue;
            }
            if is_behind_element {
                lines.push('\n');
            }
            lines.push_str(inner.trim());
            is_behind_element = true;
        }
    }
    lines
}

/// Appends a text with one blank in the place of several.
fn push_words(lines: &mut String, text: &str) {
    for character in text.chars() {
        if !character.is_whitespace() {
            lines.push(character);
        } else if !lines.ends_with([' ', '\n']) {
            lines.push(' ');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::tree;

    fn read(page: &str) -> Option<String> {
        author(&tree::parse(page).unwrap())
    }

    #[test]
    fn a_byline_gives_the_name_alone() {
        for page in [
            "<p class=byline>By <a rel=author>Jane Doe</a> on <time>March 1</time></p>",
            "<p class=byline>By Jane Doe on March 1</p>",
            "<p class=byline>Jane Doe · 5 min</p>",
            "<p class=byline><span>Jane Doe</span><span>Staff Engineer</span></p>",
            "<div class=byline><span>By</span> <b>Jane Doe</b> <i>Engineer</i></div>",
            "<p class=byline>By\n  <span>Jane\n Doe</span><span>Engineer</span></p>",
            "<div class=author><img><div><b>Jane Doe</b><p>Writes about databases, and more.</p></div></div>",
            "<p>Written by Jane Doe</p>",
            "<p>Written by <a>Jane Doe</a> on March 1</p>",
            "<span>Posted by: Jane Doe | 2026</span>",
            "<li>Author: Jane Doe</li>",
        ] {
            assert_eq!(read(page).as_deref(), Some("Jane Doe"), "{page}");
        }
    }

    #[test]
    fn a_korean_label_names_the_author() {
        for page in [
            "<p>작성자: 김하나</p>",
            "<p>작성자 : 김하나 작성일 : 2026-03-01</p>",
            "<p><b>작성자</b>: 김하나</p>",
            "<ul><li><em>글쓴이</em> <span>김하나</span></ul>",
            "<table><tr><th>작성자<td>김하나<th>조회<td>3</table>",
            "<div class=author><span class=label>작성자</span><span>김하나</span></div>",
        ] {
            assert_eq!(read(page).as_deref(), Some("김하나"), "{page}");
        }
    }

    #[test]
    fn what_is_no_name_is_no_author() {
        for page in [
            "<p class=byline>By using this site you agree to our terms</p>",
            "<p>By using this site you agree</p>",
            "<p>By Default, Everything Is Logged</p>",
            "<p>Written by hand over three long winters</p>",
            "<p>작성자는 비밀입니다</p>",
            "<p>작성자: 이 글을 쓴 사람은 이름을 밝히기를 원하지 않았습니다.</p>",
            "<div class=comments><b class=author>Troll</b></div>",
            "<footer><p>Written by Jane Doe</p></footer>",
            "<script>// Written by Jane Doe</script>",
            "<table><tr><th>작성자<th>작성일<tr><td>3<td>2026-03-01</table>",
        ] {
            assert_eq!(read(page), None, "{page}");
        }
    }

    #[test]
    fn names_have_many_forms() {
        for name in [
            "jdoe",
            "Ludwig van der Berg",
            "J. R. Doe Jr.",
            "김하나 기자",
            "Ann Lee and Bob Roe",
            "데이터 플랫폼팀",
        ] {
            let page = format!("<p class=byline>{name}</p>");
            assert_eq!(read(&page).as_deref(), Some(name));
        }
    }
}
