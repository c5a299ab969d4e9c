use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use trendy::collect::{CollectSettings, Collector, FetchError, Fetcher, SetupError, Twins};
use trendy::config::{Environment, Politeness};
use trendy::record::{Fetched, Outcome};

use crate::site::{
    Answer, Site, collector, collector_with_twin, fetch, html, late, moved, page, pipeline, read,
    request, settings,
};

const KEY: &str = "ab+c/d==";

/// An error with all its causes, as a log would have it.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    let texts: Vec<_> = causes.map(|error| format!("{error} {error:?}")).collect();
    texts.join(": ")
}

#[tokio::test]
async fn a_page_holds_what_was_sent() {
    let site = Site::start(|_, _| {
        Some(page(
            "200 OK",
            &[("Content-Type", "text/html; charset=euc-kr")],
            b"\xb0\xa1",
        ))
    })
    .await;
    let page = fetch(&pipeline(&site.url("/list?page=1"))).await.unwrap();
    assert_eq!(page.status, 200);
    assert_eq!(page.url.as_str(), site.url("/list?page=1"));
    assert_eq!(
        page.content_type.as_deref(),
        Some("text/html; charset=euc-kr")
    );
    assert_eq!(&page.body[..], b"\xb0\xa1");
    let head = &site.visits()[0].head;
    assert!(head.contains("user-agent: trendy/"), "{head}");
    for coding in ["gzip", "br", "zstd"] {
        let accepted = head
            .lines()
            .find(|line| line.starts_with("accept-encoding:"))
            .unwrap();
        assert!(accepted.contains(coding), "{accepted}");
    }
}

#[tokio::test]
async fn every_request_goes_through_the_proxy_but_those_to_a_twin() {
    let proxy = Site::start(|path, _| {
        let is_wanted = path == "http://board.example/jobs";
        is_wanted.then(|| html("by the proxy"))
    })
    .await;
    let twin = Site::start(|path, _| (path == "/jobs").then(|| html("by the twin"))).await;
    let settings = CollectSettings {
        proxy: Some(proxy.url("").parse().unwrap()),
        twins: Twins::parse([format!("http://other.example={}", twin.url(""))]).unwrap(),
        ..settings()
    };
    let collector = collector(settings);
    for (url, body) in [
        ("http://board.example/jobs", "by the proxy"),
        ("http://other.example/jobs", "by the twin"),
    ] {
        let fetcher = collector.fetcher(&pipeline(url)).unwrap();
        let page = read(fetcher.as_ref(), &request(url)).await.unwrap();
        assert_eq!(&page.body[..], body.as_bytes());
    }
}

#[tokio::test]
async fn validators_are_sent_to_the_address_that_gave_them_and_to_no_other() {
    let site = Site::start(|path, count| {
        Some(match (path, count) {
            ("/old", 1 | 2) => moved("/new"),
            ("/old", _) => moved("/other"),
            ("/new", 1) => page("200 OK", &[("ETag", "W/\"1\"")], "new"),
            ("/new", _) => page("304 Not Modified", &[], ""),
            ("/other", _) => html("other"),
            _ => return None,
        })
    })
    .await;
    let collector = collector(settings());
    let fetcher = collector.fetcher(&pipeline(&site.url("/old"))).unwrap();
    let mut asked = request(&site.url("/old"));
    asked.validators = read(fetcher.as_ref(), &asked).await.unwrap().validators;
    let known = asked.validators.clone().unwrap();
    assert_eq!(known.url.as_str(), site.url("/new"));
    assert_eq!(known.etag.as_deref(), Some("W/\"1\""));

    let again = fetcher.fetch(&asked).await.unwrap();
    assert_eq!(again, Fetched::NotModified);
    let elsewhere = read(fetcher.as_ref(), &asked).await.unwrap();
    assert_eq!(
        (&elsewhere.body[..], elsewhere.validators),
        (&b"other"[..], None)
    );
    let conditional: Vec<_> = site
        .visits()
        .into_iter()
        .filter(|visit| visit.head.contains("if-none-match: w/\"1\""))
        .map(|visit| visit.path)
        .collect();
    assert_eq!(conditional, ["/new"]);
}

#[tokio::test]
async fn retry_after_is_kept_for_the_whole_host() {
    let site = Site::start(|path, count| {
        Some(match (path, count) {
            ("/robots.txt", _) => return None,
            ("/a", 1) => page("429 Too Many Requests", &[("Retry-After", "1")], ""),
            _ => html("fine"),
        })
    })
    .await;
    let collector = collector(settings());
    let first = collector.fetcher(&pipeline(&site.url("/a"))).unwrap();
    let second = collector.fetcher(&pipeline(&site.url("/b"))).unwrap();
    let asking = tokio::spawn({
        let request = request(&site.url("/a"));
        async move { first.fetch(&request).await }
    });
    while site.visits().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    second.fetch(&request(&site.url("/b"))).await.unwrap();
    asking.await.unwrap().unwrap();
    let visits = site.visits();
    assert_eq!(visits.len(), 3, "{visits:?}");
    for visit in &visits[1..] {
        let wait = visit.at - visits[0].at;
        assert!(
            wait >= Duration::from_millis(990),
            "{} after {wait:?}",
            visit.path
        );
    }
}

#[tokio::test]
async fn a_host_that_wants_a_long_pause_is_left_to_the_next_run() {
    let site = Site::start(|path, _| {
        (path != "/robots.txt").then(|| page("503 Busy", &[("Retry-After", "3600")], ""))
    })
    .await;
    let collector = collector(settings());
    let fetcher = collector.fetcher(&pipeline(&site.url("/"))).unwrap();
    let start = Instant::now();
    let error = fetcher.fetch(&request(&site.url("/"))).await.unwrap_err();
    assert!(
        matches!(error, FetchError::Status { status: 503, .. }),
        "{error}"
    );
    let error = fetcher
        .fetch(&request(&site.url("/other")))
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::HostPaused { .. }), "{error}");
    assert_eq!(error.outcome(), Outcome::Blocked);
    assert_eq!(site.visits().len(), 1);
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_server_error_is_asked_again_and_a_client_error_is_not() {
    let site = Site::start(|path, count| {
        Some(match (path, count) {
            ("/busy", 1 | 2) => page("503 Service Unavailable", &[], ""),
            ("/busy", _) => html("fine"),
            ("/broken", _) => page("500 Internal Server Error", &[], ""),
            ("/private", _) => page("403 Forbidden", &[], ""),
            _ => return None,
        })
    })
    .await;
    assert_eq!(
        &fetch(&pipeline(&site.url("/busy"))).await.unwrap().body[..],
        b"fine"
    );
    for (path, status, tries, outcome) in [
        ("/broken", 500, 3, Outcome::Failed),
        ("/gone", 404, 1, Outcome::Failed),
        ("/private", 403, 1, Outcome::Blocked),
    ] {
        let error = fetch(&pipeline(&site.url(path))).await.unwrap_err();
        assert!(matches!(error, FetchError::Status { status: found, .. } if found == status));
        assert_eq!(error.outcome(), outcome);
        let visits = site.visits();
        assert_eq!(
            visits.iter().filter(|visit| visit.path == path).count(),
            tries,
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_again_and_never_taken_for_a_page() {
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
    let site = Site::start(move |path, count| {
        Some(match (path, count) {
            ("/robots.txt", _) => return None,
            ("/once", 2..) => html("whole"),
            ("/silent", _) => Answer::Send(Duration::ZERO, Vec::new()),
            _ => Answer::Send(Duration::ZERO, cut.to_vec()),
        })
    })
    .await;
    assert_eq!(
        &fetch(&pipeline(&site.url("/once"))).await.unwrap().body[..],
        b"whole"
    );
    for path in ["/always", "/silent"] {
        let error = fetch(&pipeline(&site.url(path))).await.unwrap_err();
        assert!(matches!(error, FetchError::Transfer { .. }), "{error:?}");
    }
    assert_eq!(site.visits().len(), 2 + 3 + 3);
}

#[tokio::test]
async fn a_slow_drip_is_cut_by_the_time_for_the_whole_answer() {
    let site = Site::start(|path, _| {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n".to_vec();
        (path != "/robots.txt").then(|| Answer::Drip(head, Duration::from_millis(20)))
    })
    .await;
    let mut pipeline = pipeline(&site.url("/"));
    pipeline.source.timeout = Duration::from_millis(200);
    let start = Instant::now();
    let error = fetch(&pipeline).await.unwrap_err();
    assert!(matches!(error, FetchError::TimedOut { .. }), "{error}");
    assert!(error.to_string().contains("within 0.2 s"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn nobody_there_is_no_connection() {
    let closed = {
        let site = Site::start(|_, _| None).await;
        site.url("/")
    };
    tokio::task::yield_now().await;
    let error = fetch(&pipeline(&closed)).await.unwrap_err();
    // The first thing asked for is robots.txt, and what cannot be read counts as a no.
    assert!(
        matches!(error, FetchError::RobotsUnreachable { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("Connection refused"), "{error}");
    assert_eq!(error.outcome(), Outcome::Failed);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_announced_or_not_packed_or_not() {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(&vec![0; 8 << 20]).unwrap();
    let bomb = packer.finish().unwrap();
    assert!(bomb.len() < 64 << 10, "small on the wire");
    let site = Site::start(move |path, _| {
        let large = vec![b'x'; 2 << 20];
        Some(match path {
            "/announced" => page("200 OK", &[], large),
            "/unannounced" => Answer::Send(
                Duration::ZERO,
                [b"HTTP/1.1 200 OK\r\n\r\n", &large[..]].concat(),
            ),
            "/bomb" => page("200 OK", &[("Content-Encoding", "gzip")], &bomb),
            "/just" => page("200 OK", &[], &large[..1 << 20]),
            _ => return None,
        })
    })
    .await;
    let collector = collector(CollectSettings {
        body_limit: 1 << 20,
        ..settings()
    });
    let fetcher = collector.fetcher(&pipeline(&site.url("/"))).unwrap();
    for path in ["/announced", "/unannounced", "/bomb"] {
        let error = fetcher.fetch(&request(&site.url(path))).await.unwrap_err();
        assert!(
            matches!(error, FetchError::TooLarge { .. }),
            "{path}: {error:?}"
        );
        assert!(error.to_string().contains("1024 KiB"), "{error}");
    }
    let page = read(fetcher.as_ref(), &request(&site.url("/just")))
        .await
        .unwrap();
    assert_eq!(page.body.len(), 1 << 20);
}

#[tokio::test]
async fn redirects_are_followed_and_counted() {
    let site = Site::start(|path, _| {
        Some(match path {
            "/a/old" => moved("../new?x=1"),
            "/new?x=1" => html("here"),
            "/loop" => moved("/loop"),
            "/nowhere" => moved("http://[nonsense"),
            _ => return None,
        })
    })
    .await;
    let page = fetch(&pipeline(&site.url("/a/old"))).await.unwrap();
    assert_eq!(page.url.as_str(), site.url("/new?x=1"));
    assert_eq!(page.request.url.as_str(), site.url("/a/old"));
    let error = fetch(&pipeline(&site.url("/loop"))).await.unwrap_err();
    assert!(
        matches!(error, FetchError::TooManyRedirects { limit: 10, .. }),
        "{error:?}"
    );
    let error = fetch(&pipeline(&site.url("/nowhere"))).await.unwrap_err();
    assert!(matches!(error, FetchError::BadRedirect { .. }), "{error:?}");
}

#[tokio::test]
async fn no_redirect_leads_inside() {
    let inside = Site::start(|_, _| Some(html("secret"))).await;
    let port = inside.address.port();
    let site = Site::start(move |path, _| {
        let target = match path {
            "/number" => format!("http://127.0.0.1:{port}/"),
            "/mapped" => format!("http://[::ffff:127.0.0.1]:{port}/"),
            "/decimal" => format!("http://2130706433:{port}/"),
            "/name" => format!("http://localhost:{port}/"),
            "/metadata" => "http://169.254.169.254/latest/meta-data/".to_owned(),
            "/file" => "file:///etc/passwd".to_owned(),
            _ => return None,
        };
        Some(moved(&target))
    })
    .await;
    let collector = collector_with_twin(&site);
    let fetcher = collector
        .fetcher(&pipeline("https://jobs.example/"))
        .unwrap();
    for path in ["/number", "/mapped", "/decimal", "/name", "/metadata"] {
        let asked = request(&format!("https://jobs.example{path}"));
        let error = fetcher.fetch(&asked).await.unwrap_err();
        assert!(
            matches!(error, FetchError::AddressRefused { .. }),
            "{path}: {error:?}"
        );
    }
    let error = fetcher
        .fetch(&request("https://jobs.example/file"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, FetchError::SchemeRefused { .. }),
        "{error:?}"
    );
    assert!(inside.all_visits().is_empty());

    // What another pipeline names is its own business.
    let named = pipeline(&inside.url("/"));
    let other = collector.fetcher(&named).unwrap();
    other.fetch(&request(&inside.url("/"))).await.unwrap();
    let asked = request("https://jobs.example/number");
    assert!(fetcher.fetch(&asked).await.is_err());
}

#[tokio::test]
async fn a_twin_is_seen_by_the_wire_alone() {
    let site = Site::start(|path, _| {
        Some(match path {
            "/base/old" => moved("/base/relative"),
            "/base/relative" => moved("https://jobs.example/absolute?x=%20"),
            "/base/absolute?x=%20" => page(
                "302 Found",
                &[
                    ("Location", "https://other.example/there"),
                    ("Set-Cookie", "id=1; Secure"),
                ],
                "",
            ),
            "/other/there" => moved("https://jobs.example/home"),
            "/base/home" => html("home"),
            _ => return None,
        })
    })
    .await;
    let twins = [
        format!("https://jobs.example={}", site.url("/base")),
        format!("https://other.example={}", site.url("/other/")),
    ];
    let collector = collector(CollectSettings {
        twins: Twins::parse(twins).unwrap(),
        ..settings()
    });
    let mut pipeline = pipeline("https://jobs.example/old");
    // Owed to the real host, not to its twin.
    pipeline.politeness.delay = Duration::from_mins(1);
    let fetcher = collector.fetcher(&pipeline).unwrap();
    let page = read(fetcher.as_ref(), &request("https://jobs.example/old"))
        .await
        .unwrap();
    assert_eq!(page.request.url.as_str(), "https://jobs.example/old");
    assert_eq!(page.url.as_str(), "https://jobs.example/home");
    assert_eq!(&page.body[..], b"home");
    let visits = site.visits();
    let sends_cookie: Vec<_> = visits
        .iter()
        .map(|visit| visit.head.contains("id=1"))
        .collect();
    assert_eq!(sends_cookie, [false, false, false, false, true]);

    let error = fetcher
        .fetch(&request("https://jobs.example/none"))
        .await
        .unwrap_err();
    assert!(!chain(&error).contains("127.0.0.1"), "{}", chain(&error));
}

#[tokio::test]
async fn cookies_stay_within_a_run() {
    let site = Site::start(|path, _| {
        (path != "/robots.txt").then(|| page("200 OK", &[("Set-Cookie", "run=1")], ""))
    })
    .await;
    let collector = collector(settings());
    let pipeline = pipeline(&site.url("/"));
    for _ in 0..2 {
        let fetcher = collector.fetcher(&pipeline).unwrap();
        fetcher.fetch(&request(&site.url("/"))).await.unwrap();
        fetcher.fetch(&request(&site.url("/"))).await.unwrap();
    }
    let sent: Vec<_> = site
        .visits()
        .iter()
        .map(|visit| visit.head.contains("cookie: run=1"))
        .collect();
    assert_eq!(sent, [false, true, false, true]);
}

#[tokio::test]
async fn robots_txt_is_asked_once_and_obeyed_at_every_hop() {
    let site = Site::start(|path, _| {
        Some(match path {
            "/robots.txt" => page("200 OK", &[], "user-agent: trendy\ndisallow: /private"),
            "/sly" => moved("/private/x"),
            _ => html("open"),
        })
    })
    .await;
    let collector = collector(settings());
    let fetcher = collector.fetcher(&pipeline(&site.url("/"))).unwrap();
    fetcher.fetch(&request(&site.url("/open"))).await.unwrap();
    for path in ["/private", "/sly"] {
        let error = fetcher.fetch(&request(&site.url(path))).await.unwrap_err();
        assert!(
            matches!(error, FetchError::DisallowedByRobots { number: 2, .. }),
            "{error:?}"
        );
        assert!(
            error.to_string().contains("line 2: `disallow: /private`"),
            "{error}"
        );
        assert_eq!(error.outcome(), Outcome::Blocked);
    }
    let paths: Vec<_> = site
        .all_visits()
        .into_iter()
        .map(|visit| visit.path)
        .collect();
    assert_eq!(paths, ["/robots.txt", "/open", "/sly"]);
}

#[tokio::test]
async fn a_robots_txt_that_cannot_be_read_closes_the_site_and_a_missing_one_opens_it() {
    for (status, open) in [
        ("404 Not Found", true),
        ("403 Forbidden", true),
        ("503 Service Unavailable", false),
        ("500 Internal Server Error", false),
    ] {
        let site = Site::start(move |path, _| {
            Some(match path {
                "/robots.txt" => page(status, &[], "user-agent: *\ndisallow: /"),
                _ => html("open"),
            })
        })
        .await;
        let result = fetch(&pipeline(&site.url("/"))).await;
        assert_eq!(result.is_ok(), open, "{status}: {result:?}");
        assert_eq!(site.visits().len(), usize::from(open));
        if let Err(error) = result {
            assert!(error.to_string().contains(&status[..3]), "{error}");
        }
    }
}

#[tokio::test]
async fn a_robots_txt_that_moves_is_followed_five_times() {
    let site = Site::start(|path, _| {
        Some(match path {
            "/robots.txt" => moved("/1"),
            "/1" => page("200 OK", &[], "user-agent: *\ndisallow: /x"),
            _ => html("open"),
        })
    })
    .await;
    let error = fetch(&pipeline(&site.url("/x"))).await.unwrap_err();
    assert!(
        matches!(error, FetchError::DisallowedByRobots { .. }),
        "{error:?}"
    );
    let endless = Site::start(|path, _| {
        Some(match path {
            "/robots.txt" => moved("/robots.txt"),
            _ => html("open"),
        })
    })
    .await;
    fetch(&pipeline(&endless.url("/x"))).await.unwrap();
    assert_eq!(endless.all_visits().len(), 6 + 1);
}

#[tokio::test]
async fn a_crawl_delay_is_kept_up_to_its_limit() {
    for (asked, limit, least, most) in [("0.15", 60_000, 150, 5000), ("86400", 100, 100, 5000)] {
        let site = Site::start(move |path, _| {
            Some(match path {
                "/robots.txt" => page(
                    "200 OK",
                    &[],
                    format!("user-agent: *\ncrawl-delay: {asked}"),
                ),
                _ => html("open"),
            })
        })
        .await;
        let collector = collector(CollectSettings {
            longest_crawl_delay: Duration::from_millis(limit),
            ..settings()
        });
        let fetcher = collector.fetcher(&pipeline(&site.url("/"))).unwrap();
        for _ in 0..2 {
            fetcher.fetch(&request(&site.url("/"))).await.unwrap();
        }
        let visits = site.visits();
        let apart = visits[1].at - visits[0].at;
        assert!(
            apart >= Duration::from_millis(least - 20),
            "{asked}: {apart:?}"
        );
        assert!(apart <= Duration::from_millis(most), "{asked}: {apart:?}");
    }
}

/// Asks for this many pages with each fetcher, all at once.
async fn ask_all(fetchers: &[Arc<dyn Fetcher>], site: &Site, pages: usize) {
    let asking = fetchers.iter().flat_map(|fetcher| {
        (0..pages).map(|number| {
            let (fetcher, request) = (
                Arc::clone(fetcher),
                request(&site.url(&format!("/{number}"))),
            );
            tokio::spawn(async move { fetcher.fetch(&request).await.map(drop) })
        })
    });
    for task in asking.collect::<Vec<_>>() {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn two_pipelines_share_the_gentler_delay_of_their_host() {
    let site = Site::start(|path, _| (path != "/robots.txt").then(|| html("x"))).await;
    let collector = collector(settings());
    let fetchers = [20, 100].map(|delay| {
        let mut pipeline = pipeline(&site.url("/"));
        pipeline.politeness = Politeness {
            delay: Duration::from_millis(delay),
            concurrency: 4,
        };
        collector.fetcher(&pipeline).unwrap()
    });
    ask_all(&fetchers, &site, 3).await;
    let visits = site.visits();
    assert_eq!(visits.len(), 6);
    for pair in visits.windows(2) {
        let apart = pair[1].at - pair[0].at;
        // The log is written a moment after the request left.
        assert!(apart >= Duration::from_millis(80), "{apart:?}");
    }
}

#[tokio::test]
async fn two_pipelines_share_the_smaller_concurrency_of_their_host() {
    let site = Site::start(|path, _| {
        (path != "/robots.txt").then(|| late(Duration::from_millis(40), "x"))
    })
    .await;
    let collector = collector(settings());
    let fetchers = [2, 8].map(|concurrency| {
        let mut pipeline = pipeline(&site.url("/"));
        pipeline.politeness.concurrency = concurrency;
        collector.fetcher(&pipeline).unwrap()
    });
    ask_all(&fetchers, &site, 5).await;
    let most = site.visits().iter().map(|visit| visit.under_way).max();
    assert_eq!(most, Some(2));
}

#[tokio::test]
async fn a_dropped_fetch_gives_its_place_back() {
    let site = Site::start(|path, _| {
        Some(match path {
            "/slow" => late(Duration::from_mins(1), "x"),
            "/fast" => html("x"),
            _ => return None,
        })
    })
    .await;
    let collector = collector(settings());
    let mut pipeline = pipeline(&site.url("/"));
    pipeline.politeness.concurrency = 1;
    let fetcher = collector.fetcher(&pipeline).unwrap();
    let slow = request(&site.url("/slow"));
    let dropped = tokio::time::timeout(Duration::from_millis(100), fetcher.fetch(&slow)).await;
    assert!(dropped.is_err());
    fetcher.fetch(&request(&site.url("/fast"))).await.unwrap();
}

#[tokio::test]
async fn five_hundred_pages_of_a_dead_host_cost_seconds_for_all_its_pipelines_together() {
    let site = Site::start(|path, _| {
        (path != "/robots.txt").then(|| page("500 Internal Server Error", &[], ""))
    })
    .await;
    let collector = collector(settings());
    let fetchers = [(); 2].map(|()| collector.fetcher(&pipeline(&site.url("/"))).unwrap());
    let start = Instant::now();
    for number in 0..500 {
        let asked = request(&site.url(&format!("/{number}")));
        fetchers[number % 2].fetch(&asked).await.unwrap_err();
    }
    let error = fetchers[0].fetch(&request(&site.url("/x"))).await;
    let error = error.unwrap_err();
    assert!(matches!(error, FetchError::HostFailing { .. }), "{error:?}");
    assert_eq!(error.outcome(), Outcome::Failed);
    assert_eq!(site.visits().len(), 10);
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_host_that_is_half_dead_gets_so_much_of_a_run_and_no_more() {
    let site = Site::start(|path, _| {
        let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        Some(match path {
            "/robots.txt" => return None,
            "/good" => html("x"),
            _ => Answer::Drip(head, Duration::from_millis(20)),
        })
    })
    .await;
    let mut retry = settings().retry;
    retry.budget = Duration::from_millis(800);
    let collector = collector(CollectSettings {
        retry,
        ..settings()
    });
    let mut pipeline = pipeline(&site.url("/"));
    pipeline.source.timeout = Duration::from_millis(600);
    let (good, bad) = (request(&site.url("/good")), request(&site.url("/bad")));
    let run = collector.fetcher(&pipeline).unwrap();
    run.fetch(&good).await.unwrap();
    let error = run.fetch(&bad).await.unwrap_err();
    assert!(matches!(error, FetchError::BudgetSpent { .. }), "{error}");
    assert_eq!(error.outcome(), Outcome::Failed);
    assert_eq!(site.visits().len(), 1 + 2, "no third try");
    let error = run.fetch(&good).await.unwrap_err();
    assert!(matches!(error, FetchError::BudgetSpent { .. }), "{error}");

    let next_run = collector.fetcher(&pipeline).unwrap();
    next_run.fetch(&good).await.unwrap();
}

#[tokio::test]
async fn a_host_that_cannot_keep_up_is_asked_more_slowly_by_everyone() {
    let site = Site::start(|path, count| {
        Some(match (path, count) {
            ("/robots.txt", _) => return None,
            ("/busy", 1) => page("503 Service Unavailable", &[], ""),
            _ => html("x"),
        })
    })
    .await;
    let mut settings = settings();
    settings.retry.backoff = Duration::from_millis(500);
    let collector = collector(settings);
    let ask = async |path: &str| {
        let fetcher = collector.fetcher(&pipeline(&site.url("/"))).unwrap();
        fetcher.fetch(&request(&site.url(path))).await.unwrap();
    };
    ask("/quick").await;
    ask("/busy").await;
    for number in 0..3 {
        ask(&format!("/{number}")).await;
    }
    let visits = site.visits();
    assert!(visits[1].at - visits[0].at < Duration::from_millis(400));
    // 500 ms and what recovery leaves of them.
    let slowed = visits[5].at - visits[2].at;
    assert!(slowed >= Duration::from_millis(3 * 350), "{slowed:?}");
}

#[tokio::test]
async fn a_captcha_is_no_page_whatever_its_status() {
    let site = Site::start(|path, _| {
        Some(match path {
            "/cloudflare" => page("403 Forbidden", &[("cf-mitigated", "challenge")], "?"),
            "/amazon" => page("202 Accepted", &[("x-amzn-waf-action", "captcha")], ""),
            "/busy" => page("503 Busy", &[("cf-mitigated", "challenge")], "?"),
            _ => return None,
        })
    })
    .await;
    for path in ["/cloudflare", "/amazon", "/busy"] {
        let error = fetch(&pipeline(&site.url(path))).await.unwrap_err();
        assert!(matches!(error, FetchError::Challenged { .. }), "{error:?}");
        assert!(error.is_refusal());
    }
    assert_eq!(site.visits().len(), 3, "none is asked again");
}

#[tokio::test]
async fn a_refusal_that_names_a_time_is_a_pause_too() {
    let site = Site::start(|path, _| {
        (path != "/robots.txt").then(|| page("403 Forbidden", &[("Retry-After", "600")], ""))
    })
    .await;
    let collector = collector(settings());
    let fetcher = collector.fetcher(&pipeline(&site.url("/"))).unwrap();
    fetcher.fetch(&request(&site.url("/"))).await.unwrap_err();
    let error = fetcher.fetch(&request(&site.url("/"))).await.unwrap_err();
    assert!(matches!(error, FetchError::HostPaused { .. }), "{error:?}");
    assert_eq!(site.visits().len(), 1);
}

#[tokio::test]
async fn a_robots_txt_that_is_refused_for_now_opens_nothing() {
    let site = Site::start(|path, _| {
        Some(match path {
            "/robots.txt" => page("429 Too Many Requests", &[("Retry-After", "3600")], ""),
            _ => html("x"),
        })
    })
    .await;
    let error = fetch(&pipeline(&site.url("/x"))).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Blocked, "{error}");
    assert!(site.visits().is_empty());
}

fn collector_with_key(site: &Site) -> Collector {
    let settings = CollectSettings {
        twins: Twins::parse([
            format!("https://api.example=http://{}", site.address),
            format!("https://elsewhere.example={}", site.url("/elsewhere")),
        ])
        .unwrap(),
        ..settings()
    };
    let environment = Environment::of([("KEY", KEY), ("OTHER", "other-secret")]);
    Collector::new(settings, environment).unwrap()
}

#[tokio::test]
async fn a_secret_is_on_the_wire_and_nowhere_else() {
    let site = Site::start(|path, count| {
        Some(match path {
            "/data?key=ab%2Bc%2Fd%3D%3D" => html("data"),
            "/anchor?key=ab%2Bc%2Fd%3D%3D" if count == 1 => moved("#top"),
            "/anchor?key=ab%2Bc%2Fd%3D%3D" => html("anchor"),
            "/robots.txt" | "/gone?key=ab%2Bc%2Fd%3D%3D" => return None,
            "/drop?key=ab%2Bc%2Fd%3D%3D" => Answer::Send(Duration::ZERO, Vec::new()),
            "/login?key=ab%2Bc%2Fd%3D%3D" => {
                moved("https://elsewhere.example/in?from=/login?key=ab%2bc%2fd%3d%3d")
            }
            _ => html("elsewhere"),
        })
    })
    .await;
    let collector = collector_with_key(&site);
    let mut pipeline = pipeline("https://api.example/data?key=${KEY}");
    pipeline
        .source
        .headers
        .insert("X-Token".to_owned(), "token ${KEY}".to_owned());
    pipeline
        .source
        .headers
        .insert("Accept-Language".to_owned(), "ko".to_owned());
    let fetcher = collector.fetcher(&pipeline).unwrap();
    let asked = request("https://api.example/data?key=${KEY}");
    let data = read(fetcher.as_ref(), &asked).await.unwrap();
    assert_eq!(data.url.as_str(), "https://api.example/data?key=${KEY}");
    assert!(site.visits()[0].head.contains("x-token: token ab+c/d=="));

    let anchor = request("https://api.example/anchor?key=${KEY}");
    let page = read(fetcher.as_ref(), &anchor).await.unwrap();
    assert_eq!(
        page.url.as_str(),
        "https://api.example/anchor?key=${KEY}#top"
    );

    for path in ["gone", "drop"] {
        let asked = request(&format!("https://api.example/{path}?key=${{KEY}}"));
        let error = chain(&fetcher.fetch(&asked).await.unwrap_err());
        assert!(error.contains("key=${KEY}"), "{error}");
        assert!(
            !error.contains("ab%2B") && !error.contains("ab+c"),
            "{error}"
        );
    }

    let asked = request("https://api.example/login?key=${KEY}");
    let landed = read(fetcher.as_ref(), &asked).await.unwrap();
    assert_eq!(
        landed.url.as_str(),
        "https://elsewhere.example/in?from=/login?key=${KEY}"
    );
    let visit = site.visits().pop().unwrap();
    assert_eq!(visit.path, "/elsewhere/in?from=/login?key=${KEY}");
    assert!(!visit.head.contains("x-token") && visit.head.contains("accept-language: ko"));
}

#[tokio::test]
async fn a_page_cannot_ask_for_secrets() {
    let site = Site::start(|path, _| (path != "/robots.txt").then(|| html("x"))).await;
    let collector = collector_with_key(&site);
    let fetcher = collector
        .fetcher(&pipeline("https://api.example/?key=${KEY}"))
        .unwrap();
    for asked in [
        "https://api.example/?x=${OTHER}",
        "https://elsewhere.example/?x=${KEY}",
    ] {
        fetcher.fetch(&request(asked)).await.unwrap();
    }
    let paths: Vec<_> = site.visits().into_iter().map(|visit| visit.path).collect();
    assert_eq!(paths, ["/?x=${OTHER}", "/elsewhere/?x=${KEY}"]);
}

#[tokio::test]
async fn what_a_pipeline_lacks_is_told_before_anything_is_sent() {
    let collector = collector(settings());
    let error = |url: &str, header: Option<(&str, &str)>| {
        let mut pipeline = pipeline(url);
        let header = header.map(|(name, value)| (name.to_owned(), value.to_owned()));
        pipeline.source.headers.extend(header);
        collector.fetcher(&pipeline).err().unwrap()
    };
    let missing = error("https://api.example/?key=${TRENDY_NO_SUCH_KEY}", None);
    assert!(matches!(missing, SetupError::Secret { .. }), "{missing:?}");
    assert!(chain(&missing).contains("`TRENDY_NO_SUCH_KEY` is not set"));
    for wrong in ["api.example/jobs", "https://api.example/${KEY}/jobs"] {
        let address = error(wrong, None);
        assert!(matches!(address, SetupError::Address { .. }), "{address:?}");
    }
    let header = error("https://api.example/", Some(("X Token", "1")));
    assert!(matches!(header, SetupError::Header { .. }), "{header:?}");
}
