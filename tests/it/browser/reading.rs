//! Pages as the browser finds them.

use std::time::Duration;

use trendy::collect::{CollectSettings, Collector, FetchError, SetupError, Twins};
use trendy::config::Environment;
use trendy::record::Outcome;

use super::{browser_pipeline, browser_settings, fetch};
use crate::site::{Site, collector, html, late, moved, page, request, settings};

const LIST: &str = "<!DOCTYPE html><title>Jobs</title><img src=/logo.png><ul></ul><script>
    setTimeout(() => {
        for (const name of ['Backend', '데이터']) {
            document.querySelector('ul').insertAdjacentHTML('beforeend', `<li>${name}</li>`);
        }
    }, 200);
</script>";

#[tokio::test]
async fn reads_a_list_that_a_script_renders_later() {
    let site = Site::start(|path, _| (path == "/jobs").then(|| html(LIST))).await;
    let collector = collector(browser_settings());
    collector.browser_available().unwrap();
    let mut pipeline = browser_pipeline(&site.url("/jobs"));
    pipeline.source.wait_for = Some("ul > li:nth-child(2)".to_owned());
    for _ in 0..2 {
        let page = fetch(&collector, &pipeline).await.unwrap();
        assert_eq!(page.status, 200);
        assert_eq!(page.url.as_str(), site.url("/jobs"));
        assert_eq!(
            page.content_type.as_deref(),
            Some("text/html; charset=utf-8")
        );
        let body = std::str::from_utf8(&page.body).unwrap();
        assert!(body.contains("<li>Backend</li><li>데이터</li>"), "{body}");
    }
    collector.close().await;
    let visits = site.visits();
    let pages: Vec<_> = visits
        .iter()
        .filter(|visit| visit.path == "/jobs")
        .collect();
    assert_eq!(pages.len(), 2);
    for visit in pages {
        let agent = visit
            .head
            .lines()
            .find(|line| line.starts_with("user-agent:"))
            .unwrap();
        assert!(
            agent.contains("chrome/") && agent.contains(" trendy/"),
            "{agent}"
        );
    }
    assert!(
        !visits.iter().any(|visit| visit.path == "/logo.png"),
        "images are off"
    );
}

#[tokio::test]
async fn says_which_selector_never_came_and_goes_on() {
    let site = Site::start(|path, _| {
        Some(match path {
            "/jobs" => html("<ul></ul>"),
            "/alert" => html("<script>alert('stop'); document.title = 'on'</script><p>read"),
            _ => return None,
        })
    })
    .await;
    let collector = collector(browser_settings());
    let mut pipeline = browser_pipeline(&site.url("/jobs"));
    pipeline.source.wait_for = Some("ul > li".to_owned());
    pipeline.source.timeout = Duration::from_secs(4);
    let error = fetch(&collector, &pipeline).await.unwrap_err();
    assert!(
        matches!(error, FetchError::SelectorAbsent { .. }),
        "{error:?}"
    );
    assert_eq!(error.outcome(), Outcome::Broken);
    let expected = format!(
        "`ul > li` did not appear on {} within 4 s",
        site.url("/jobs")
    );
    assert!(error.to_string().starts_with(&expected), "{error}");

    pipeline.source.wait_for = Some("ul >".to_owned());
    let error = fetch(&collector, &pipeline).await.unwrap_err();
    assert!(matches!(error, FetchError::Browser { .. }), "{error:?}");

    let alert = browser_pipeline(&site.url("/alert"));
    let page = fetch(&collector, &alert).await.unwrap();
    assert!(String::from_utf8_lossy(&page.body).contains("read"));
    collector.close().await;
}

#[tokio::test]
async fn statuses_time_outs_and_limits_count_as_over_http() {
    let site = Site::start(|path, count| {
        Some(match (path, count) {
            ("/robots.txt", _) => page("200 OK", &[], "user-agent: *\ndisallow: /private"),
            ("/busy", 1) => page("503 Service Unavailable", &[], "<p>busy"),
            ("/busy", _) => html("<p>fine"),
            ("/blocked", _) => page("403 Forbidden", &[], "<p>no"),
            ("/slow", _) => late(Duration::from_mins(1), "late"),
            ("/large", _) => html(&"large ".repeat(100_000)),
            _ => return None,
        })
    })
    .await;
    let collector = collector(CollectSettings {
        body_limit: 100_000,
        ..browser_settings()
    });
    let fine = fetch(&collector, &browser_pipeline(&site.url("/busy")))
        .await
        .unwrap();
    assert!(String::from_utf8_lossy(&fine.body).contains("fine"));
    let mut blocked = browser_pipeline(&site.url("/blocked"));
    blocked.source.wait_for = Some("ul > li".to_owned());
    let error = fetch(&collector, &blocked).await.unwrap_err();
    assert!(
        matches!(error, FetchError::Status { status: 403, .. }),
        "{error:?}"
    );
    let error = fetch(&collector, &browser_pipeline(&site.url("/private")))
        .await
        .unwrap_err();
    assert!(
        matches!(error, FetchError::DisallowedByRobots { .. }),
        "{error:?}"
    );
    let error = fetch(&collector, &browser_pipeline(&site.url("/large")))
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { .. }), "{error:?}");
    let mut slow = browser_pipeline(&site.url("/slow"));
    slow.source.timeout = Duration::from_millis(300);
    let error = fetch(&collector, &slow).await.unwrap_err();
    assert!(matches!(error, FetchError::TimedOut { .. }), "{error:?}");
    collector.close().await;
    assert!(!site.visits().iter().any(|visit| visit.path == "/private"));
}

#[tokio::test]
async fn a_browser_stays_with_the_twin_and_outside() {
    let inside = Site::start(|_, _| Some(html("inside"))).await;
    let target = inside.url("/");
    let site = Site::start(move |path, _| {
        Some(match path {
            "/old" => moved("/scripted"),
            "/scripted" => html("<script>location.replace('/final?x=1')</script>"),
            "/final?x=1" => html("<p id=end>here"),
            "/inside" => moved(&target),
            _ => return None,
        })
    })
    .await;
    let collector = collector(CollectSettings {
        twins: Twins::parse([format!("https://jobs.example=http://{}", site.address)]).unwrap(),
        ..browser_settings()
    });
    let mut pipeline = browser_pipeline("https://jobs.example/old");
    pipeline.source.wait_for = Some("#end".to_owned());
    let page = fetch(&collector, &pipeline).await.unwrap();
    assert_eq!(page.url.as_str(), "https://jobs.example/final?x=1");
    let pipeline = browser_pipeline("https://jobs.example/inside");
    let error = fetch(&collector, &pipeline).await.unwrap_err();
    assert!(
        matches!(error, FetchError::AddressRefused { .. }),
        "{error:?}"
    );
    collector.close().await;
}

#[tokio::test]
async fn runs_share_the_browser_and_not_its_cookies() {
    let site = Site::start(|path, _| {
        (path == "/").then(|| {
            page(
                "200 OK",
                &[("Set-Cookie", "run=1"), ("Content-Type", "text/html")],
                "<p>",
            )
        })
    })
    .await;
    let collector = collector(browser_settings());
    let pipeline = browser_pipeline(&site.url("/"));
    for _ in 0..2 {
        let fetcher = collector.fetcher(&pipeline).unwrap();
        fetcher.fetch(&request(&site.url("/"))).await.unwrap();
        fetcher.fetch(&request(&site.url("/"))).await.unwrap();
    }
    collector.close().await;
    let visits = site.visits();
    let sent: Vec<_> = visits
        .iter()
        .filter(|visit| visit.path == "/")
        .map(|visit| visit.head.contains("run=1"))
        .collect();
    assert_eq!(sent, [false, true, false, true]);
}

#[tokio::test]
async fn a_missing_browser_is_told_with_where_it_was_looked_for() {
    let path = Environment::of([("PATH", "/nowhere:/else/where")]);
    let collector = Collector::new(settings(), path).unwrap();
    let error = collector.browser_available().unwrap_err().to_string();
    assert_eq!(
        error,
        "no chromedriver: looked for `/nowhere/chromedriver`, `/else/where/chromedriver`; install it (`apt-get \
         install chromium chromium-driver`) or name a WebDriver address"
    );
    let collector = Collector::new(
        CollectSettings {
            chromium: Some("/nowhere/chromium".into()),
            ..settings()
        },
        Environment::of_process(),
    )
    .unwrap();
    let error = collector.browser_available().unwrap_err();
    assert!(error.to_string().contains("`/nowhere/chromium`"), "{error}");
}

#[tokio::test]
async fn a_browser_pipeline_with_headers_is_refused() {
    let mut pipeline = browser_pipeline("https://jobs.example/");
    pipeline
        .source
        .headers
        .insert("X-Token".to_owned(), "1".to_owned());
    let error = collector(settings()).fetcher(&pipeline).err().unwrap();
    assert!(matches!(error, SetupError::BrowserHeaders(_)), "{error:?}");
}

#[tokio::test]
async fn a_page_that_hangs_costs_its_session_and_one_try() {
    let site = Site::start(|path, count| {
        Some(match (path, count) {
            ("/", 1) => html("<p>hung<script>for (;;) {}</script>"),
            ("/", _) => html("<p>fine"),
            _ => return None,
        })
    })
    .await;
    let collector = collector(browser_settings());
    let mut pipeline = browser_pipeline(&site.url("/"));
    pipeline.source.timeout = Duration::from_secs(5);
    let page = fetch(&collector, &pipeline).await.unwrap();
    assert!(String::from_utf8_lossy(&page.body).contains("fine"));
    collector.close().await;
}

#[tokio::test]
async fn a_web_driver_that_is_not_there_is_named() {
    let site = Site::start(|_, _| None).await;
    let collector = collector(CollectSettings {
        webdriver_url: Some("http://127.0.0.1:1/wd/hub".parse().unwrap()),
        ..settings()
    });
    let error = fetch(&collector, &browser_pipeline(&site.url("/"))).await;
    let error = error.unwrap_err().to_string();
    assert!(
        error.starts_with("no session from the WebDriver at http://127.0.0.1:1/wd/hub/: "),
        "{error}"
    );
    assert!(
        error.ends_with("check `webdriver_url`, and that it runs"),
        "{error}"
    );
}
