//! What a browser asks for besides the page, and what it may not ask for.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::time::Duration;

use trendy::collect::{CollectSettings, FetchError};

use super::collecting::entries;
use super::{both_ways, browser_settings, fetch, scripted};
use crate::site::{Site, collector, html, moved, page};

both_ways! {
    only_what_is_read_is_fetched
    a_page_cannot_ask_for_what_is_inside
}

/// A place inside the network that nobody may come to.
struct Inside(TcpListener);

impl Inside {
    fn at(host: &str) -> Self {
        let listener = TcpListener::bind((host, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    fn assert_nobody_came(&self) {
        let error = self.0.accept().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
    }
}

async fn only_what_is_read_is_fetched(settings: CollectSettings) {
    let site = Site::start(|path, _| {
        Some(match path {
            "/" => html("<style>@font-face { font-family: own; src: url(/font.woff2) } p { font-family: own }</style>
                <p>text</p><img src=/picture.png><video src=/film.mp4 autoplay muted></video>
                <audio src=/sound.mp3 preload=auto></audio><a href=/file.zip download>file</a>
                <script src=/script.js></script>"),
            "/script.js" => page("200 OK", &[], "document.body.insertAdjacentHTML('beforeend', '<li>scripted');"),
            "/file.zip" => page("200 OK", &[("Content-Disposition", "attachment")], "bytes"),
            _ => return Some(page("200 OK", &[], "unwanted")),
        })
    })
    .await;
    let collector = collector(settings);
    let steps = "[[source.steps]]\nclick = \"a\"\n[[source.steps]]\nwait = { idle = true }\nsettle = \"300ms\"";
    let page = fetch(&collector, &scripted(&site.url("/"), steps))
        .await
        .unwrap();
    assert_eq!(entries(&page), 1);
    let error = fetch(&collector, &scripted(&site.url("/file.zip"), ""))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("a download"), "{error}");
    collector.close().await;
    let mut asked: Vec<_> = site.visits().into_iter().map(|visit| visit.path).collect();
    asked.dedup();
    // The icon is the browser's own wish.
    asked.retain(|path| !["/", "/script.js", "/file.zip", "/favicon.ico"].contains(&path.as_str()));
    assert!(asked.is_empty(), "{asked:?}");
}

/// By script, socket, frame, link and redirect, under all its names; `done` appears when all have been answered.
fn intruder(place: &str) -> String {
    format!(
        "<link rel=stylesheet href=http://{place}/style><iframe src=http://{place}/frame></iframe><script>
            const asked = [
                fetch('/own').then((own) => own.text()).then((text) => document.body.append(text)),
                fetch('http://{place}/fetch', {{ mode: 'no-cors' }}),
                fetch('https://{place}/tunnel', {{ mode: 'no-cors' }}),
                fetch('/away', {{ mode: 'no-cors' }}),
                new Promise((done) => new WebSocket('ws://{place}/socket').onerror = done),
                new Promise((done) => {{
                    const script = document.createElement('script');
                    script.src = 'http://{place}/script';
                    script.onerror = done;
                    document.head.append(script);
                }}),
            ];
            navigator.sendBeacon('http://{place}/beacon', 'x');
            Promise.allSettled(asked).then(() => document.body.insertAdjacentHTML('beforeend', '<li id=done>'));
        </script>"
    )
}

async fn a_page_cannot_ask_for_what_is_inside(settings: CollectSettings) {
    let inside = Inside::at("127.0.0.2");
    let port = inside.port();
    for name in ["127.0.0.2", "0x7f.2", "[::ffff:7f00:2]"] {
        let place = format!("{name}:{port}");
        let front = intruder(&place);
        let site = Site::start(move |path, _| {
            Some(match path {
                "/" => html(&front),
                "/own" => html("our own"),
                "/away" => moved(&format!("http://{place}/redirect")),
                _ => return None,
            })
        })
        .await;
        let collector = collector(settings.clone());
        let pipeline = scripted(&site.url("/"), "wait_for = \"#done\"");
        let page = fetch(&collector, &pipeline).await.unwrap();
        let body = String::from_utf8_lossy(&page.body);
        assert!(body.contains("our own"), "{name}: {body}");
        collector.close().await;
    }
    inside.assert_nobody_came();
}

/// The pipeline may have its own port of a host inside, and no other.
#[tokio::test]
async fn a_page_cannot_go_on_to_another_port_of_its_host() {
    let inside = Inside::at("127.0.0.1");
    let port = inside.port();
    let site = Site::start(move |path, _| {
        Some(match path {
            "/" => html(&intruder(&format!("localhost:{port}"))),
            "/own" => html("our own"),
            "/script" => html(&format!(
                "<script>location = 'http://127.0.0.1:{port}/'</script>"
            )),
            "/secret" => moved(&format!("https://127.0.0.1:{port}/")),
            "/moved" | "/away" => moved(&format!("http://127.0.0.1:{port}/")),
            _ => return None,
        })
    })
    .await;
    let collector = collector(browser_settings());
    let front = scripted(&site.url("/"), "wait_for = \"#done\"");
    fetch(&collector, &front).await.unwrap();
    for path in ["/script", "/moved", "/secret"] {
        let mut pipeline = scripted(&site.url(path), "wait_for = \"#never\"");
        pipeline.source.timeout = Duration::from_secs(6);
        let error = fetch(&collector, &pipeline).await.unwrap_err();
        assert!(
            matches!(error, FetchError::AddressRefused { .. }),
            "{path}: {error:?}"
        );
    }
    collector.close().await;
    inside.assert_nobody_came();
}

#[tokio::test]
async fn a_page_that_is_not_reached_says_why() {
    let collector = collector(browser_settings());
    let site = Site::start(|path, _| (path == "/").then(|| moved("http://nowhere.invalid/"))).await;
    let error = fetch(&collector, &scripted(&site.url("/"), "")).await;
    let error = error.unwrap_err();
    assert!(matches!(error, FetchError::Navigation { .. }), "{error:?}");
    collector.close().await;
}

#[tokio::test]
async fn a_page_and_what_it_asks_for_go_through_the_users_own_proxy() {
    // As a proxy it is asked by whole addresses, and by host and port for a tunnel.
    let proxy = Site::start(|path, _| {
        Some(match path {
            "http://jobs.example/" => html(
                "<script>fetch('https://tunnel.example/').catch(() => document.body.append('answered'))</script>
                <p>page",
            ),
            "tunnel.example:443" => page("502 Bad Gateway", &[], "no"),
            _ => return None,
        })
    })
    .await;
    let address = format!("http://me:secret@{}", proxy.address);
    let collector = collector(CollectSettings {
        proxy: Some(address.parse().unwrap()),
        ..browser_settings()
    });
    let steps = "[[source.steps]]\nwait = { text = \"answered\" }";
    let page = fetch(&collector, &scripted("http://jobs.example/", steps)).await;
    assert!(String::from_utf8_lossy(&page.unwrap().body).contains("<p>page"));
    collector.close().await;
    for path in ["http://jobs.example/", "tunnel.example:443"] {
        let visits = proxy.visits();
        let visit = visits.iter().find(|visit| visit.path == path).unwrap();
        let credentials = "proxy-authorization: basic bwu6c2vjcmv0";
        assert!(visit.head.contains(credentials), "{path}: {}", visit.head);
    }
}
