//! An article: what its page declares of itself, and its text without what stands around it.
//!
//! Any HTML gives an article, if only an empty one: a page is asked for what it is, never refused for what it is not.
//! [`metadata`] asks schema.org's declarations, then Open Graph and the like, then the markup; [`body`] finds the text
//! by where it is dense. Values stay texts, as everywhere before `normalize`.
//!
//! The text is found here and not by a readability crate: those parse the page once more, with a parser of their own
//! that has none of the bounds of [`crate::html::tree`], and give HTML where a reader's text is wanted.

mod body;
mod byline;
mod metadata;

use url::Url;

use crate::html::text;
use crate::html::tree::{self, TooLarge};

/// Shorter than this many characters, what was found is a teaser, and a declared text is believed before it.
const TEASER: usize = 200;

/// An article as its page has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Article {
    /// Title, without the site's name.
    pub title: Option<String>,
    /// Authors, joined by commas.
    pub author: Option<String>,
    /// When it was published.
    pub published: Option<String>,
    /// When it was last changed.
    pub updated: Option<String>,
    /// Tag of its language.
    pub language: Option<String>,
    /// Name of the site.
    pub site: Option<String>,
    /// Its text, as a reader sees it.
    pub text: Option<String>,
}

impl Article {
    /// The article of a page that was fetched from `url`.
    pub fn of(page: &str, url: &Url) -> Result<Self, TooLarge> {
        let html = tree::parse(page)?;
        let metadata::Metadata {
            mut article,
            declared_text,
        } = metadata::read(&html, url);
        let found = body::text(html);
        let declared = declared_text
            .filter(|_| found.chars().count() < TEASER)
            .map(|declared| text::of_html(&declared))
            .filter(|declared| declared.len() > found.len());
        article.text = Some(declared.unwrap_or(found)).filter(|text| !text.is_empty());
        Ok(article)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn article(page: &str) -> Article {
        Article::of(
            page,
            &Url::parse("https://blog.example/2024/03/01/rust").unwrap(),
        )
        .unwrap()
    }

    #[test]
    fn nothing_gives_an_empty_article() {
        let empty = Article {
            published: Some("2024-03-01".into()),
            ..Article::default()
        };
        assert_eq!(article(""), empty);
        assert_eq!(article("hi").text.as_deref(), Some("hi"));
    }

    #[test]
    fn a_declared_text_stands_in_for_a_teaser() {
        let text = "Long text. ".repeat(40);
        let page = format!(
            "<script type='application/ld+json'>{{\"@type\":\"BlogPosting\",\"articleBody\":\"{text}\"}}</script><p>Read on"
        );
        assert_eq!(article(&page).text.as_deref(), Some(text.trim()));
    }
}
