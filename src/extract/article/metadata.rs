//! What a page declares of its article. Each field has its sources in the order in which they are believed: JSON-LD or
//! microdata, which describe the article; `<meta>`, which describes the page for others; the markup; the address.

use std::sync::LazyLock;

use regex::Regex;
use scraper::{ElementRef, Html, Selector};
use url::Url;

use super::{Article, byline};
use crate::extract::schema_org::{Graph, Node, json_ld, microdata, unescaped};
use crate::html::text;

/// More than a title or name has; what is longer is another thing.
const MAX_LINE: usize = 500;

pub(super) struct Metadata {
    pub(super) article: Article,
    pub(super) declared_text: Option<String>,
}

pub(super) fn read(html: &Html, url: &Url) -> Metadata {
    let scripts = json_ld::documents(html);
    let markup = microdata::documents(html);
    let (scripts, markup) = (Graph::of(&scripts), Graph::of(&markup));
    let mut nodes = scripts.of_type(is_article);
    nodes.extend(markup.of_type(is_article));
    let page = Page { html, nodes };
    let site = page
        .meta(&[
            "og:site_name",
            "application-name",
            "twitter:app:name:iphone",
        ])
        .or_else(|| page.declared(&["publisher"]));
    let article = Article {
        title: page
            .declared(&["headline", "name"])
            .or_else(|| page.meta(&["og:title", "twitter:title", "dc.title", "dcterms.title"]))
            .or_else(|| page.title(site.as_deref())),
        author: page.author(),
        published: page
            .declared(&["datePublished", "dateCreated"])
            .or_else(|| page.meta(PUBLISHED))
            .or_else(|| page.markup(&PUBLISHED_TIME))
            .or_else(|| date_of(url)),
        updated: page
            .declared(&["dateModified"])
            .or_else(|| page.meta(UPDATED))
            .or_else(|| page.markup(&UPDATED_TIME)),
        language: page.language(),
        site,
        text: None,
    };
    let declared_text = page.nodes.iter().find_map(|node| node.plain("articleBody"));
    Metadata {
        article,
        declared_text,
    }
}

/// `Article`, `NewsArticle`, `BlogPosting`, `Report`, …
fn is_article(kind: &str) -> bool {
    kind.ends_with("Article")
        || matches!(
            kind,
            "BlogPosting" | "SocialMediaPosting" | "DiscussionForumPosting" | "Report"
        )
}

const PUBLISHED: &[&str] = &[
    "article:published_time",
    "og:published_time",
    "og:article:published_time",
    "datepublished",
    "date",
    "dc.date",
    "dc.date.issued",
    "dcterms.date",
    "dcterms.created",
    "dcterms.issued",
    "pubdate",
    "publishdate",
    "publish-date",
    "publish_date",
    "parsely-pub-date",
    "sailthru.date",
    "article.published",
    "article.created",
    "citation_publication_date",
];

const UPDATED: &[&str] = &[
    "article:modified_time",
    "og:updated_time",
    "og:modified_time",
    "datemodified",
    "dcterms.modified",
    "dc.date.modified",
    "last-modified",
    "lastmod",
    "article.updated",
];

const AUTHOR: &[&str] = &[
    "author",
    "article:author",
    "og:article:author",
    "dc.creator",
    "dcterms.creator",
    "parsely-author",
    "sailthru.author",
    "byl",
    "twitter:data1",
];

macro_rules! selectors {
    ($($name:ident = $selector:literal;)*) => {
        $(static $name: LazyLock<Selector> =
            LazyLock::new(|| Selector::parse($selector).expect("a constant selector that parses"));)*
    };
}

selectors! {
    META = "meta[content]";
    TITLE = "head title, body > title";
    HEADING = "h1";
    PUBLISHED_TIME = "[itemprop~=datePublished], time[pubdate], time.published, time.dt-published, article time[datetime], \
                      main time[datetime], time[datetime]";
    UPDATED_TIME = "[itemprop~=dateModified], time.updated, time.dt-updated";
}

struct Page<'a> {
    html: &'a Html,
    /// The articles that it declares.
    nodes: Vec<Node<'a>>,
}

impl Page<'_> {
    /// The first property that the first article with one of them has.
    fn declared(&self, properties: &[&str]) -> Option<String> {
        let mut nodes = self.nodes.iter();
        nodes.find_map(|node| {
            let mut texts = properties.iter().filter_map(|property| node.text(property));
            texts.find_map(|text| line(&unescaped(&text)))
        })
    }

    /// The first of the names that a `<meta>` has.
    fn meta(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.metas(name).next())
    }

    fn metas<'n>(&'n self, name: &'n str) -> impl Iterator<Item = String> + 'n {
        let is_named = move |element: &ElementRef<'_>| {
            ["property", "name", "itemprop", "http-equiv"]
                .iter()
                .filter_map(|attribute| element.attr(attribute))
                .any(|given| given.trim().eq_ignore_ascii_case(name))
        };
        let elements = self.html.select(&META).filter(is_named);
        // Templates that escape what was escaped before are common: `Q&amp;amp;A`.
        elements.filter_map(|element| line(&unescaped(element.attr("content")?)))
    }

    /// The first element's machine-readable value, else its text.
    fn markup(&self, selector: &Selector) -> Option<String> {
        let mut elements = self.html.select(selector);
        elements.find_map(|element| {
            let value = ["datetime", "content"]
                .iter()
                .find_map(|name| element.attr(name));
            value.and_then(line).or_else(|| line(&text::of(element)))
        })
    }

    /// The `<title>` without the site's name, or the page's only heading.
    fn title(&self, site: Option<&str>) -> Option<String> {
        let title = self.html.select(&TITLE).next().map(text::of);
        let mut headings = self.html.select(&HEADING).map(text::of);
        let heading = headings.next().filter(|_| headings.next().is_none());
        let heading = heading.as_deref().and_then(line);
        let Some(title) = title.as_deref().and_then(line) else {
            return heading;
        };
        // A heading that begins the title is what the site's name was added to.
        match heading {
            Some(heading) if title.contains(&heading) => Some(heading),
            _ => Some(without_site(&title, site).to_owned()),
        }
    }

    fn author(&self) -> Option<String> {
        let declared = self.nodes.iter().map(|node| node.texts("author"));
        let named = AUTHOR.iter().map(|name| self.metas(name).collect());
        let marked = std::iter::once_with(|| byline::author(self.html).into_iter().collect());
        // The account that a system was set up with stands in for all who write.
        let mut account = None;
        for names in declared.chain(named).chain(marked) {
            let mut kept: Vec<String> = Vec::new();
            for name in names {
                // `article:author` is often the address of a profile.
                let name = line(&unescaped(&name)).filter(|name| !name.contains("://"));
                if let Some(name) = name.filter(|name| !kept.contains(name)) {
                    kept.push(name);
                }
            }
            if kept.iter().all(|name| byline::is_account(name)) {
                account = account.or_else(|| kept.into_iter().next());
            } else {
                return Some(kept.join(", "));
            }
        }
        account
    }

    fn language(&self) -> Option<String> {
        let root = self.html.root_element();
        let attribute = root.attr("lang").or_else(|| root.attr("xml:lang"));
        let tag = attribute
            .and_then(line)
            .or_else(|| self.declared(&["inLanguage"]))
            .or_else(|| self.meta(&["content-language", "language", "og:locale", "dc.language"]))?;
        let is_tag = tag.len() <= 35
            && tag
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        is_tag.then(|| tag.replace('_', "-"))
    }
}

/// A text in one line; none where it is blank or no line.
fn line(text: &str) -> Option<String> {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if line.len() + word.len() > MAX_LINE {
            return None;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    (!line.is_empty()).then_some(line)
}

/// A title without the site's name behind or before it.
fn without_site<'a>(title: &'a str, site: Option<&str>) -> &'a str {
    let Some(site) = site else { return title };
    for separator in [" | ", " - ", " – ", " — ", " · ", " :: ", " » ", ": "] {
        if let Some((rest, end)) = title.rsplit_once(separator)
            && end.eq_ignore_ascii_case(site)
        {
            return rest;
        }
        if let Some((start, rest)) = title.split_once(separator)
            && start.eq_ignore_ascii_case(site)
        {
            return rest;
        }
    }
    title
}

/// The day that stands in an address: `/2024/03/01/`, `/2024-03-01-title`.
fn date_of(url: &Url) -> Option<String> {
    static DATE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"/((?:19|20)\d\d)[/-](0[1-9]|1[0-2])[/-](0[1-9]|[12]\d|3[01])(?:\D|$)")
            .expect("a constant expression that compiles")
    });
    let date = DATE.captures(url.path())?;
    Some(format!("{}-{}-{}", &date[1], &date[2], &date[3]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::tree;

    fn read_at(page: &str, url: &str) -> Article {
        read(&tree::parse(page).unwrap(), &Url::parse(url).unwrap()).article
    }

    fn article(page: &str) -> Article {
        read_at(page, "https://a.example/")
    }

    #[test]
    fn what_the_article_declares_wins_over_the_page() {
        let read = article(
            r#"<html lang="ko_KR"><title>Page</title><meta property="og:title" content="For others">
            <meta property="og:site_name" content="Tech"><script type="application/ld+json">{"@graph": [
            {"@type": "WebSite", "name": "Not this"}, {"@type": "BlogPosting", "headline": "R&amp;D",
            "author": [{"@id": "_:a"}, "Bob"], "datePublished": "2024-03-01T09:00:00+09:00"},
            {"@id": "_:a", "@type": "Person", "name": "Ann"}]}</script>
            <meta name="date" content="2020-01-01"><meta property="article:modified_time" content="2024-03-02">"#,
        );
        let expected = Article {
            title: Some("R&D".into()),
            author: Some("Ann, Bob".into()),
            published: Some("2024-03-01T09:00:00+09:00".into()),
            updated: Some("2024-03-02".into()),
            language: Some("ko-KR".into()),
            site: Some("Tech".into()),
            text: None,
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn markup_and_address_speak_where_nothing_is_declared() {
        let read = read_at(
            "<meta property='article:author' content='https://facebook.example/ann'><title>Tech: Go on</title>
             <meta name=application-name content=tech><a rel=author>Ann</a> <time datetime=2024-03-01>March</time>",
            "https://a.example/2023/12/31/x",
        );
        assert_eq!(read.title.as_deref(), Some("Go on"));
        assert_eq!(read.author.as_deref(), Some("Ann"));
        assert_eq!(read.published.as_deref(), Some("2024-03-01"));
        let read = read_at("", "https://a.example/2023-12-31-x");
        assert_eq!(read.published.as_deref(), Some("2023-12-31"));
        assert_eq!(read_at("", "https://a.example/2023/12/310").published, None);
    }

    #[test]
    fn an_account_is_the_author_only_where_nobody_else_is() {
        let author = |page: &str| article(page).author;
        let account = "<meta name=author content=admin>";
        assert_eq!(author(account).as_deref(), Some("admin"));
        let page = [account, "<p class=byline>By Jane Doe</p>"].concat();
        assert_eq!(author(&page).as_deref(), Some("Jane Doe"));
        let page = "<meta name=author content='관리자'><dl><dt>작성자<dd>김하나</dl>";
        assert_eq!(author(page).as_deref(), Some("김하나"));
    }

    #[test]
    fn what_a_template_escaped_twice_is_read_twice() {
        let read = article("<meta property='og:title' content='Q&amp;amp;A'>");
        assert_eq!(read.title.as_deref(), Some("Q&A"));
    }

    #[test]
    fn the_heading_is_the_title_without_its_frame() {
        let title = |page| article(page).title;
        assert_eq!(
            title("<title>Blog » Rust | Co</title><h1>Rust</h1>").as_deref(),
            Some("Rust")
        );
        assert_eq!(
            title("<title>Rust | Co</title><h1>Co</h1><h1>x</h1>").as_deref(),
            Some("Rust | Co")
        );
        assert_eq!(title("<h1> Only\nthis </h1>").as_deref(), Some("Only this"));
    }
}
