//! Servers that would fill the memory, hold the connection, or pass something off as a page.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flate2::{Compress, Compression, FlushCompress};
use tokio::sync::Notify;
use trendy::collect::{CollectSettings, FetchError};

use crate::site::{
    Answer, Site, collector, fetch, html, moved, page, pipeline, read, request, settings,
};
use crate::support::trendy::{Said, Workspace, peak_kib};

/// Most resident memory of the program. A body may be 16 MiB, and is there twice for the moment in which its buffer grows.
const MOST_MEMORY_KIB: u64 = 64 * 1024;

/// What a program that was not optimized may need besides; 54 MiB in all were seen, bomb included.
const SLACK_KIB: u64 = 16 * 1024;

const BOARD: &str = r#"
id = "board"
kind = "job"
description = "A board"
[source]
url = "ADDRESS/jobs"
[list]
item = "li"
link = { css = "a", attr = "href" }
[detail]
extract = "css"
[fields]
title = { css = "h1", required = true }
[defaults]
board = "board"
[politeness]
delay = "0s"
"#;

fn workspace(site: &Site) -> Workspace {
    let workspace = Workspace::empty();
    workspace.write(
        "pipelines/board.toml",
        &BOARD.replace("ADDRESS", &site.url("")),
    );
    workspace
}

/// A gzip file of a gibibyte of zeros: one block that begins with a clean slate, over and over.
fn bomb() -> Vec<u8> {
    let zeros = vec![0; 1 << 20];
    let mut block = Vec::with_capacity(1 << 16);
    Compress::new(Compression::best(), false)
        .compress_vec(&zeros, &mut block, FlushCompress::Full)
        .unwrap();
    let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    [&head[..], &block.repeat(1024), &[3, 0], &[0; 8]].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gigabyte_in_a_small_file_costs_a_page_and_no_more() {
    let told = Arc::new(Notify::new());
    let bomb = bomb();
    assert!(bomb.len() < 2 << 20, "{} bytes", bomb.len());
    let site = Site::start({
        let told = Arc::clone(&told);
        move |path, _| {
            Some(match path {
                "/jobs" => html("<li><a href='/jobs/1'>1</a></li><li><a href='/jobs/2'>2</a></li>"),
                "/jobs/1" => page("200 OK", &[("Content-Encoding", "gzip")], &bomb),
                "/jobs/2" => Answer::Hold(
                    Arc::clone(&told),
                    b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n<h1>Two</h1>".to_vec(),
                ),
                _ => return None,
            })
        }
    })
    .await;
    let workspace = workspace(&site);
    let start = Instant::now();
    let trendy = workspace.start(&["run", "board", "--format", "json"]);
    let process = trendy.id().unwrap();
    let deadline = start + Duration::from_secs(30);
    while site
        .visits()
        .last()
        .is_none_or(|visit| visit.path != "/jobs/2")
    {
        assert!(Instant::now() < deadline, "{:?}", site.visits());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (peak, took) = (peak_kib(process).unwrap(), start.elapsed());
    told.notify_one();
    let said: Said = trendy.wait_with_output().await.unwrap().into();
    let row = &said.json()[0];
    assert_eq!(row["outcome"], "ok", "{said:#?}");
    assert_eq!((&row["records"], &row["rejected"]), (&1.into(), &1.into()));
    let bombs = site
        .visits()
        .into_iter()
        .filter(|visit| visit.path == "/jobs/1");
    assert_eq!(bombs.count(), 1, "too large is not asked again");
    assert!(peak < MOST_MEMORY_KIB + SLACK_KIB, "{peak} KiB");
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[tokio::test]
async fn what_never_ends_is_cut_off() {
    let chunk = [&b"1000\r\n"[..], &[b'x'; 4096], b"\r\n"].concat();
    let site = Site::start(move |path, _| {
        let endless = |head: &str, part: &[u8]| {
            Some(Answer::Endless(head.as_bytes().to_vec(), part.to_vec()))
        };
        let ok = "HTTP/1.1 200 OK\r\n";
        match path {
            "/body" => endless(&format!("{ok}\r\n"), &[b'x'; 4096]),
            "/chunks" => endless(&format!("{ok}Transfer-Encoding: chunked\r\n\r\n"), &chunk),
            "/headers" => endless(ok, b"X-More: and more\r\n"),
            "/header" => endless(&format!("{ok}X-Long: "), &[b'x'; 4096]),
            _ => None,
        }
    })
    .await;
    let collector = collector(CollectSettings {
        body_limit: 1 << 20,
        ..settings()
    });
    let fetcher = collector.fetcher(&pipeline(&site.url("/"))).unwrap();
    for (path, is_body) in [
        ("/body", true),
        ("/chunks", true),
        ("/headers", false),
        ("/header", false),
    ] {
        let start = Instant::now();
        let error = fetcher.fetch(&request(&site.url(path))).await.unwrap_err();
        let took = start.elapsed();
        let expected = match error {
            FetchError::TooLarge { .. } => is_body,
            FetchError::Transfer { .. } => !is_body,
            _ => false,
        };
        assert!(expected, "{path}: {error:?}");
        assert!(took < Duration::from_secs(5), "{path}: {took:?}");
    }
}

#[tokio::test]
async fn a_connection_that_is_reset_mid_body_is_asked_again_and_gives_no_page() {
    let site = Site::start(|path, count| {
        let half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<h1>half".to_vec();
        match (path, count) {
            ("/once", 2) => Some(html("whole")),
            ("/robots.txt", _) => None,
            _ => Some(Answer::Reset(half)),
        }
    })
    .await;
    let page = fetch(&pipeline(&site.url("/once"))).await.unwrap();
    assert_eq!(&page.body[..], b"whole");
    let error = fetch(&pipeline(&site.url("/always"))).await.unwrap_err();
    assert!(matches!(error, FetchError::Transfer { .. }), "{error:?}");
    assert_eq!(site.visits().len(), 2 + 3);
}

#[tokio::test]
async fn a_length_that_is_a_lie_gives_no_page_or_the_page_it_tells_of() {
    let site = Site::start(|path, _| {
        let with = |lengths: &str| {
            let text =
                format!("HTTP/1.1 200 OK\r\n{lengths}\r\n\r\nhalfHTTP/1.1 200 OK\r\n\r\nsmuggled");
            Some(Answer::Send(Duration::ZERO, text.into_bytes()))
        };
        match path {
            "/shorter" => with("Content-Length: 4"),
            "/longer" => with("Content-Length: 4000"),
            "/two" => with("Content-Length: 4\r\nContent-Length: 5"),
            "/text" => with("Content-Length: four"),
            "/huge" => with("Content-Length: 99999999999999999999999"),
            "/after" => Some(html("after")),
            _ => None,
        }
    })
    .await;
    let collector = collector(settings());
    let fetcher = collector.fetcher(&pipeline(&site.url("/"))).unwrap();
    let page = read(fetcher.as_ref(), &request(&site.url("/shorter"))).await;
    let page = page.unwrap();
    assert_eq!(&page.body[..], b"half");
    for path in ["/longer", "/two", "/text"] {
        let error = fetcher.fetch(&request(&site.url(path))).await.unwrap_err();
        assert!(
            matches!(error, FetchError::Transfer { .. }),
            "{path}: {error:?}"
        );
        let page = read(fetcher.as_ref(), &request(&site.url("/after"))).await;
        let page = page.unwrap();
        assert_eq!(&page.body[..], b"after", "after {path}");
    }
    fetcher
        .fetch(&request(&site.url("/huge")))
        .await
        .unwrap_err();
}

#[tokio::test]
async fn a_redirect_to_an_endless_address_is_not_followed() {
    let site = Site::start(|path, _| {
        (path != "/robots.txt").then(|| moved(&format!("/{}", "x/".repeat(10_000))))
    })
    .await;
    let error = fetch(&pipeline(&site.url("/"))).await.unwrap_err();
    assert!(
        matches!(
            error,
            FetchError::AddressTooLong {
                bytes: 20_000..,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.to_string().len() < 200, "{error}");
    assert_eq!(site.visits().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn korean_that_is_not_declared_is_read_for_what_it_is() {
    let korean = |text: &str| encoding_rs::EUC_KR.encode(text).0.into_owned();
    let list = korean("<p>채용 공고 목록입니다</p><li><a href='/jobs/1'>백엔드 개발자</a></li>");
    let detail = korean("<h1>백엔드 개발자</h1><p>당근에서 함께 일할 개발자를 찾습니다.</p>");
    let site = Site::start(move |path, _| match path {
        "/jobs" => Some(page("200 OK", &[("Content-Type", "text/html")], &list)),
        "/jobs/1" => Some(page("200 OK", &[], &detail)),
        _ => None,
    })
    .await;
    let said = workspace(&site)
        .trendy(&["run", "board", "--dry-run"])
        .await;
    assert_eq!(said.status, 0, "{said:#?}");
    assert_eq!(said.json()["body"]["title"], "백엔드 개발자", "{said:#?}");
}
