//! The pages of a list: every way through them, and the sites that never let go.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::site::{Answer, Site, html, page};
use crate::support::trendy::{Said, Workspace};

const ORIGIN: &str = "https://list.example";

/// A pipeline over a site that a test programs; its `[source]` and `[list]` are the test's.
fn visit(site: &Site, source: &str, rest: &str) -> Workspace {
    let workspace = Workspace::empty();
    let settings = format!("[twins]\n\"{ORIGIN}\" = \"{}\"\n", site.url(""));
    workspace.write("trendy.toml", &settings);
    let pipeline = format!(
        "id = \"list\"\nkind = \"post\"\ndescription = \"A list\"\n[source]\nurl = \"{ORIGIN}{source}\n{rest}\n\
         [defaults]\nsource = \"list\"\n"
    );
    workspace.write("pipelines/list.toml", &pipeline);
    workspace
}

async fn run(workspace: &Workspace, arguments: &[&str]) -> (Said, Value) {
    let said = workspace
        .trendy(&[&["run", "list", "--format", "json"], arguments].concat())
        .await;
    let row = said.json()[0].clone();
    (said, row)
}

fn asked(site: &Site) -> Vec<String> {
    site.visits().into_iter().map(|visit| visit.path).collect()
}

const JSON: &str = r#"
[list]
extract = "json"
item = "$.items[*]"
link = { json = "$.url" }
fields = { title = { json = "$.url" }, published_at = { json = "$.at" } }
"#;

const HTML: &str = r#"
[list]
item = "li"
link = { css = "a", attr = "href" }
fields = { title = { css = "a" }, published_at = { css = "time" } }
"#;

const SITEMAP: &str = r#"
[list]
extract = "sitemap"
pattern = "/posts/\\d+$"
[detail]
extract = "css"
[fields]
title = { css = "h1", required = true }
"#;

fn json(items: std::ops::Range<usize>, next: &Value) -> Answer {
    let items: Vec<Value> = items
        .map(|n| serde_json::json!({ "url": format!("/posts/{n}") }))
        .collect();
    let body = serde_json::json!({ "items": items, "meta": { "next": next } }).to_string();
    page("200 OK", &[("Content-Type", "application/json")], body)
}

fn list(items: &[(usize, &str)], next: Option<&str>) -> Answer {
    let mut body = String::from("<ul>");
    for (n, date) in items {
        write!(
            body,
            "<li><a href='/posts/{n}'>Post {n}</a><time>{date}</time></li>"
        )
        .unwrap();
    }
    if let Some(next) = next {
        write!(body, "</ul><a class=next href='{next}'>older</a>").unwrap();
    }
    html(&body)
}

/// The number behind `name=` in a path.
fn parameter(path: &str, name: &str) -> Option<usize> {
    let value = path.split_once(&format!("{name}="))?.1;
    value.split('&').next()?.parse().ok()
}

fn sitemap(kind: &str, entries: &[(String, &str)]) -> String {
    let (root, child) = if kind == "index" {
        ("sitemapindex", "sitemap")
    } else {
        ("urlset", "url")
    };
    let mut text = format!("<{root}>");
    for (loc, lastmod) in entries {
        write!(
            text,
            "<{child}><loc>{loc}</loc><lastmod>{lastmod}</lastmod></{child}>"
        )
        .unwrap();
    }
    text + &format!("</{root}>")
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn summary(row: &Value) -> (&str, u64, u64) {
    (
        row["outcome"].as_str().unwrap(),
        row["pages"].as_u64().unwrap(),
        row["records"].as_u64().unwrap(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_count_every_entry_of_seven_once() {
    let site = Site::start(|path, _| {
        let offset = parameter(path, "offset")?;
        Some(json(offset.min(7)..(offset + 3).min(7), &Value::Null))
    })
    .await;
    let pages = "/api?limit=3\"\n[source.pages]\noffset_param = \"offset\"";
    let (said, row) = run(&visit(&site, pages, JSON), &[]).await;
    assert_eq!(summary(&row), ("ok", 4, 7), "{said:#?}");
    let offsets: Vec<_> = asked(&site)
        .iter()
        .map(|path| parameter(path, "offset"))
        .collect();
    assert_eq!(offsets, [Some(0), Some(3), Some(6), Some(7)]);

    let sized = format!("{pages}\npage_size = 3");
    let (said, row) = run(&visit(&site, &sized, JSON), &[]).await;
    assert_eq!(summary(&row), ("ok", 4, 7), "{said:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_is_followed_until_it_is_null_or_repeats() {
    for last in [Value::Null, "".into(), "c 2&".into()] {
        let end = last.clone();
        let site = Site::start(move |path, _| match path {
            "/api?key=1" => Some(json(0..2, &"c 1&".into())),
            "/api?key=1&after=c+1%26" => Some(json(2..4, &"c 2&".into())),
            "/api?key=1&after=c+2%26" => Some(json(4..5, &end)),
            _ => None,
        })
        .await;
        let pages =
            "/api?key=1\"\n[source.pages]\ncursor_param = \"after\"\ncursor = \"$.meta.next\"";
        let (said, row) = run(&visit(&site, pages, JSON), &[]).await;
        assert_eq!(summary(&row), ("ok", 3, 5), "{last}: {said:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_page_that_links_to_itself_is_the_end() {
    let site = Site::start(|path, _| match path {
        "/" => Some(list(&[(1, ""), (2, "")], Some("/?page=2"))),
        "/?page=2" => Some(list(&[(3, "")], Some("/?page=2&utm_source=pager#top"))),
        _ => None,
    })
    .await;
    let pages = "/\"\n[source.pages]\nnext_link = \"a.next\"";
    let (said, row) = run(&visit(&site, pages, HTML), &[]).await;
    assert_eq!(summary(&row), ("ok", 2, 3), "{said:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_of_ten_thousand_pages_ends_after_a_few_as_partial() {
    let site = Site::start(|path, _| {
        let month = parameter(path, "month").unwrap_or(0);
        let next = (month < 10_000).then(|| format!("/?month={}", month + 1));
        Some(list(&[(1, "")], next.as_deref()))
    })
    .await;
    let pages = "/\"\n[source.pages]\nnext_link = \"a.next\"\nmax = 20000";
    let (said, row) = run(&visit(&site, pages, HTML), &[]).await;
    assert_eq!(summary(&row), ("partial", 6, 1), "{said:#?}");
    assert_eq!(said.status, 1);
    assert!(
        said.stderr.contains("a trap: 5 pages in a row"),
        "{}",
        said.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_is_followed_to_its_next_page_only_when_asked() {
    let site = Site::start(|path, _| {
        let number = parameter(path, "page").unwrap_or(1);
        let next = match number {
            1 | 2 => format!("<link rel='next' href='/feed?page={}'/>", number + 1),
            _ => String::new(),
        };
        Some(page(
            "200 OK",
            &[("Content-Type", "application/atom+xml")],
            format!(
                "<feed xmlns='http://www.w3.org/2005/Atom'><title>F</title>{next}<entry><title>P</title>\
                 <link href='/posts/{number}'/></entry></feed>"
            ),
        ))
    })
    .await;
    let feed = "[list]\nextract = \"feed\"";
    let (said, row) = run(&visit(&site, "/feed\"", feed), &[]).await;
    assert_eq!(summary(&row), ("ok", 1, 1), "{said:#?}");

    let pages = "/feed\"\n[source.pages]\nnext_link = \"next\"";
    let (said, row) = run(&visit(&site, pages, feed), &[]).await;
    assert_eq!(summary(&row), ("ok", 3, 3), "{said:#?}");
}

/// A site with an index of two sitemaps, one of them packed, and five posts; the second sitemap is old.
async fn site_with_sitemaps() -> Site {
    Site::start(|path, _| {
        let post = |n: usize, date| (format!("{ORIGIN}/posts/{n}"), date);
        Some(match path {
            "/sitemap.xml" => html(&sitemap(
                "index",
                &[
                    (format!("{ORIGIN}/new.xml.gz"), "2026-11-20"),
                    (format!("{ORIGIN}/old.xml"), "2026-01-01"),
                    (format!("{ORIGIN}/sitemap.xml"), ""),
                ],
            )),
            "/new.xml.gz" => {
                let about = (format!("{ORIGIN}/about"), "2026-11-20");
                let entries = [
                    post(1, "2026-10-01"),
                    about,
                    post(2, "2026-11-20"),
                    post(3, ""),
                ];
                let bytes = packed(sitemap("pages", &entries).as_bytes());
                page("200 OK", &[("Content-Type", "application/x-gzip")], bytes)
            }
            "/old.xml" => html(&sitemap(
                "pages",
                &[post(3, ""), post(4, "2025-12-31"), post(5, "2026-01-01")],
            )),
            detail => html(&format!("<h1>{detail}</h1>")),
        })
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_posts_of_a_sitemap_index_are_each_fetched_once() {
    let site = site_with_sitemaps().await;
    let (said, row) = run(&visit(&site, "/sitemap.xml\"", SITEMAP), &[]).await;
    assert_eq!(summary(&row), ("ok", 8, 5), "{said:#?}");
    let mut paths = asked(&site);
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), 8, "{paths:?}");
    assert!(!paths.contains(&"/about".to_owned()), "{paths:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sitemap_leaves_old_files_and_old_posts_alone_when_told_since_when() {
    let site = site_with_sitemaps().await;
    let workspace = visit(&site, "/sitemap.xml\"", SITEMAP);
    let (said, row) = run(&workspace, &["--since", "2026-11-01"]).await;
    assert_eq!(summary(&row), ("ok", 4, 2), "{said:#?}");
    let mut paths = asked(&site);
    paths.sort();
    assert_eq!(
        paths,
        ["/new.xml.gz", "/posts/2", "/posts/3", "/sitemap.xml"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packed_sitemap_that_explodes_is_refused() {
    let bomb = packed(&vec![b' '; 60 * 1024 * 1024]);
    let site = Site::start(move |_, _| Some(page("200 OK", &[], &bomb))).await;
    let (said, row) = run(&visit(&site, "/sitemap.xml.gz\"", SITEMAP), &[]).await;
    assert_eq!(summary(&row), ("broken", 1, 0), "{said:#?}");
    assert!(
        said.stderr.contains("the gzip file unpacks to more than"),
        "{}",
        said.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_since_a_day_asks_for_no_page_behind_the_first_old_one_and_closes_nothing() {
    let site = Site::start(|path, _| {
        Some(match parameter(path, "page").unwrap_or(1) {
            1 => list(&[(1, "2026-11-20"), (2, "")], Some("/?page=2")),
            2 => list(&[(3, "2026-11-02"), (4, "2026-10-31")], Some("/?page=3")),
            3 => list(&[(5, "2026-10-30"), (6, "")], Some("/?page=4")),
            _ => list(&[(7, "2026-10-01")], None),
        })
    })
    .await;
    let workspace = visit(&site, "/\"\n[source.pages]\nnext_link = \"a.next\"", HTML);
    let (said, row) = run(&workspace, &[]).await;
    assert_eq!(summary(&row), ("ok", 4, 7), "{said:#?}");
    let (said, row) = run(&workspace, &["--since", "2026-11-01"]).await;
    assert_eq!(summary(&row), ("ok", 3, 4), "{said:#?}");
    assert_eq!(row["closed"], 0, "{said:#?}");
    assert_eq!(asked(&site).len(), 4 + 3);

    let said = workspace.trendy(&["run", "list", "--since", "soon"]).await;
    assert_eq!(said.status, 2, "{said:#?}");
    assert!(said.stderr.contains("`2026-11-01`"), "{}", said.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_longer_than_max_is_partial() {
    let site = Site::start(|path, _| {
        let number = parameter(path, "page")?;
        Some(json(number..number + 1, &Value::Null))
    })
    .await;
    let pages = "/api\"\n[source.pages]\npage_param = \"page\"\nmax = 3";
    let (said, row) = run(&visit(&site, pages, JSON), &[]).await;
    assert_eq!(summary(&row), ("partial", 3, 3), "{said:#?}");
}
