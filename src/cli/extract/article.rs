use jiff::Timestamp;
use serde::Serialize;
use trendy::extract::article::Article;
use trendy::normalize::Dictionaries;
use trendy::normalize::date::DateContext;

use super::instant;

/// An article as it is printed.
#[derive(Serialize)]
pub(super) struct ArticleOutput {
    title: Option<String>,
    author: Option<String>,
    published: Option<Timestamp>,
    updated: Option<Timestamp>,
    language: Option<String>,
    encoding: String,
    site: Option<String>,
    text: Option<String>,
    terms: Vec<String>,
}

impl ArticleOutput {
    pub(super) fn of(
        article: Article,
        encoding: String,
        dates: &DateContext,
        dictionaries: &Dictionaries,
    ) -> Self {
        let texts = [article.title.as_deref(), article.text.as_deref()];
        let found = texts.into_iter().flatten();
        let mut terms: Vec<String> = found
            .flat_map(|text| dictionaries.terms().terms(text))
            .map(|term| term.name)
            .collect();
        terms.sort_unstable();
        terms.dedup();
        Self {
            published: instant(article.published.as_deref(), dates),
            updated: instant(article.updated.as_deref(), dates),
            title: article.title,
            author: article.author,
            language: article.language,
            encoding,
            site: article.site,
            text: article.text,
            terms,
        }
    }
}
