use jiff::Timestamp;
use serde::Serialize;
use trendy::extract::sitemap::Sitemap;
use trendy::normalize::date::DateContext;
use url::Url;

use super::instant;

/// A sitemap as it is printed.
#[derive(Serialize)]
pub(super) struct SitemapOutput {
    urls: Vec<PageOutput>,
    sitemaps: Vec<Url>,
}

#[derive(Serialize)]
struct PageOutput {
    loc: Url,
    lastmod: Option<Timestamp>,
}

impl SitemapOutput {
    pub(super) fn of(sitemap: Sitemap, dates: &DateContext) -> Self {
        let pages = sitemap.urls.into_iter().map(|page| PageOutput {
            lastmod: instant(page.lastmod.as_deref(), dates),
            loc: page.loc,
        });
        Self {
            urls: pages.collect(),
            sitemaps: sitemap.sitemaps,
        }
    }
}
