//! How a list goes on after its first page.

use super::{Checker, Language};
use crate::config::pipeline::{ListExtract, Pages, PagesFile, Paging};
use crate::config::rule::Select;

const DEFAULT_MAX_PAGES: u32 = 50;

/// What a feed's `next_link` can be: the one link relation that RFC 5005 gives to its pages.
const NEXT_RELATION: &str = "next";

impl Checker<'_> {
    pub(super) fn pages(&mut self, file: PagesFile, list: ListExtract) -> Option<Pages> {
        self.one_paging_kind(&file, list)?;
        self.companions(&file)?;
        let max = file.max.unwrap_or(DEFAULT_MAX_PAGES);
        if max == 0 {
            self.pages_problem("max", "a walk has at least 1 page", None);
        }
        let paging = if let Some(link) = file.next_link {
            self.next_link(&link, list)?
        } else if let Some(name) = file.page_param {
            Paging::PageParam {
                name,
                start: file.start.unwrap_or(1),
            }
        } else if let Some(name) = file.offset_param {
            Paging::OffsetParam {
                name,
                start: file.start.unwrap_or(0),
                page_size: file.page_size,
            }
        } else if let (Some(name), Some(cursor)) = (file.cursor_param, file.cursor) {
            let cursor = self.json(&["source", "pages", "cursor"], &cursor)?;
            Paging::CursorParam { name, cursor }
        } else if list == ListExtract::Sitemap {
            Paging::Sitemaps
        } else {
            Paging::None
        };
        Some(Pages { paging, max })
    }

    /// At most one kind, and one that the list's format can have.
    fn one_paging_kind(&mut self, file: &PagesFile, list: ListExtract) -> Option<()> {
        let kinds: Vec<&str> = [
            ("next_link", file.next_link.is_some()),
            ("page_param", file.page_param.is_some()),
            ("offset_param", file.offset_param.is_some()),
            ("cursor_param", file.cursor_param.is_some()),
            ("load_more", file.load_more.is_some()),
            ("scroll", file.scroll.is_some()),
        ]
        .into_iter()
        .filter_map(|(key, is_given)| is_given.then_some(key))
        .collect();
        if let [_, _, ..] = kinds[..] {
            let message = format!("`{}` exclude each other", kinds.join("` and `"));
            let hint = Some("keep the one that the site has".to_owned());
            self.document.problem(&["source", "pages"], message, hint);
            return None;
        }
        let key = *kinds.first().unwrap_or(&"");
        let message = match list {
            ListExtract::Sitemap => "a sitemap names its own further files: remove the key",
            ListExtract::Kma => "stations are asked one by one: remove the key",
            ListExtract::Css | ListExtract::Feed if key == "cursor_param" => {
                "a cursor stands in a JSON list only; set `extract = \"json\"` in `[list]`, or page otherwise"
            }
            ListExtract::Css | ListExtract::Json | ListExtract::Feed => return Some(()),
        };
        if !key.is_empty() {
            self.pages_problem(key, message, None);
            return None;
        }
        Some(())
    }

    /// Keys that mean something only beside another one.
    fn companions(&mut self, file: &PagesFile) -> Option<()> {
        let is_offset = file.offset_param.is_some();
        let mut fits = Some(());
        for (is_alone, key, message) in [
            (
                file.start.is_some() && !is_offset && file.page_param.is_none(),
                "start",
                "`start` goes with `page_param` or `offset_param`",
            ),
            (
                file.page_size.is_some() && !is_offset,
                "page_size",
                "`page_size` goes with `offset_param`",
            ),
            (
                file.page_size == Some(0),
                "page_size",
                "a full page has at least 1 entry",
            ),
            (
                file.optional.is_some() && file.load_more.is_none(),
                "optional",
                "`optional` goes with `load_more`",
            ),
            (
                file.cursor.is_some() && file.cursor_param.is_none(),
                "cursor",
                "`cursor` goes with `cursor_param`, the query parameter that takes it",
            ),
            (
                file.cursor_param.is_some() && file.cursor.is_none(),
                "cursor_param",
                "`cursor_param` goes with `cursor`, the JSONPath of what it takes",
            ),
        ] {
            if is_alone {
                self.pages_problem(key, message, None);
                fits = None;
            }
        }
        fits
    }

    fn next_link(&mut self, link: &str, list: ListExtract) -> Option<Paging> {
        let key = &["source", "pages", "next_link"];
        match Language::from(list) {
            Language::Json => Some(Paging::NextLink(self.json(key, link)?)),
            Language::Css => Some(Paging::NextLink(match self.css(key, link)? {
                Select::Css { selector, text, .. } => Select::Css {
                    selector,
                    attr: Some("href".to_owned()),
                    text,
                },
                json @ Select::Json { .. } => json,
            })),
            Language::Known if link == NEXT_RELATION => Some(Paging::NextRelation),
            Language::Known => {
                let message = format!("a feed has no link `{link}` to follow");
                let hint = Some(format!("known: `{NEXT_RELATION}`"));
                self.pages_problem("next_link", &message, hint);
                None
            }
        }
    }

    fn pages_problem(&mut self, key: &str, message: &str, hint: Option<String>) {
        self.document
            .problem(&["source", "pages", key], message, hint);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::{ConfigError, Pipeline};

    fn problem(pages: &str, list: &str) -> String {
        let text = format!(
            "id = \"p\"\nkind = \"post\"\ndescription = \"P\"\n[source]\nurl = \"https://a.example/\"\n\
             [source.pages]\n{pages}\n[list]\n{list}\n[defaults]\nsource = \"a\"\ntitle = \"A\"\n"
        );
        match Pipeline::parse(Path::new("p.toml"), text) {
            Ok(_) => String::new(),
            Err(ConfigError(problems)) => problems
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n"),
        }
    }

    const JSON: &str = "extract = \"json\"\nitem = \"$.x[*]\"\nlink = { json = \"$.url\" }";
    const FEED: &str = "extract = \"feed\"";

    #[test]
    fn each_kind_of_paging_is_taken_alone() {
        for (pages, list) in [
            ("next_link = \"$.next\"", JSON),
            ("next_link = \"next\"", FEED),
            ("page_param = \"paged\"\nstart = 0", FEED),
            ("offset_param = \"offset\"\npage_size = 20", JSON),
            ("cursor_param = \"after\"\ncursor = \"$.meta.next\"", JSON),
        ] {
            assert_eq!(problem(pages, list), "", "{pages}");
        }
    }

    #[test]
    fn what_does_not_go_together_is_placed_and_told() {
        insta::assert_snapshot!(
            problem("page_param = \"p\"\noffset_param = \"o\"", JSON),
            @r"
        p.toml:6:9: `page_param` and `offset_param` exclude each other
          hint: keep the one that the site has
        "
        );
        insta::assert_snapshot!(
            problem("page_param = \"p\"\npage_size = 3", JSON),
            @"p.toml:8:1: `page_size` goes with `offset_param`"
        );
        insta::assert_snapshot!(
            problem("cursor_param = \"c\"", JSON),
            @"p.toml:7:1: `cursor_param` goes with `cursor`, the JSONPath of what it takes"
        );
        insta::assert_snapshot!(
            problem("cursor_param = \"c\"\ncursor = \"$.next\"", FEED),
            @r#"p.toml:7:1: a cursor stands in a JSON list only; set `extract = "json"` in `[list]`, or page otherwise"#
        );
        insta::assert_snapshot!(
            problem("next_link = \"a.next\"", FEED),
            @r"
        p.toml:7:1: a feed has no link `a.next` to follow
          hint: known: `next`
        "
        );
        insta::assert_snapshot!(
            problem("page_param = \"p\"", "extract = \"sitemap\""),
            @r"
        p.toml:7:1: a sitemap names its own further files: remove the key
        p.toml:9:1: a sitemap names addresses only: nothing reads the page behind each
          hint: add `[detail]`
        "
        );
    }

    #[test]
    fn an_unknown_kind_is_answered_with_the_known_ones() {
        let found = problem("next_button = \"button\"", JSON);
        assert!(
            found.contains("unknown field `next_button`") && found.contains("`cursor_param`"),
            "{found}"
        );
    }
}
