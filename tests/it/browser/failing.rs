//! Browsers that crash, and drivers and browsers that do not fit.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Client, Method};
use tempfile::TempDir;
use trendy::collect::{CollectSettings, FetchError};

use super::processes::wait_for_visit;
use super::{browser_pipeline, browser_settings, fetch};
use crate::site::{Site, collector, html, page};

fn script(folder: &TempDir, name: &str, lines: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, format!("#!/bin/sh\n{lines}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// A command to the driver that trendy has started, behind its back, and its whole answer.
async fn command(said: &Path, method: Method, path: &str, body: String) -> String {
    let said = fs::read_to_string(said).unwrap();
    let (_, port) = said.split_once("started successfully on port ").unwrap();
    let port = port.split('.').next().unwrap();
    let client = Client::builder().no_proxy().build().unwrap();
    let asked = client.request(method, format!("http://127.0.0.1:{port}{path}"));
    let answer = asked.body(body).send().await.unwrap();
    answer.text().await.unwrap()
}

#[tokio::test]
async fn a_tab_that_crashes_costs_its_session_and_one_try() {
    for (method, params) in [
        ("Page.crash", "{}"),
        ("Page.navigate", "{\"url\":\"chrome://crash\"}"),
    ] {
        let site = Site::start(|path, count| {
            (path == "/").then(|| {
                html(if count == 1 {
                    "<p>doomed"
                } else {
                    "<p id=end>here"
                })
            })
        })
        .await;
        let folder = TempDir::new().unwrap();
        let said = folder.path().join("said");
        let driver = std::env::var("TRENDY_TEST_CHROMEDRIVER").unwrap_or("chromedriver".to_owned());
        let lines = format!("{driver} \"$@\" | tee {}", said.display());
        let collector = collector(CollectSettings {
            chromedriver: Some(script(&folder, "driver", &lines)),
            ..browser_settings()
        });
        let mut pipeline = browser_pipeline(&site.url("/"));
        pipeline.source.wait_for = Some("#end".to_owned());
        // The crash ends the wait, not its time, however slow the machine.
        pipeline.source.timeout = Duration::from_mins(1);
        let crash = async {
            wait_for_visit(&site, 1).await;
            let sessions = command(&said, Method::GET, "/sessions", String::new()).await;
            let (_, session) = sessions.split_once("\"id\":\"").unwrap();
            let session = session.split('"').next().unwrap();
            let call = format!("{{\"cmd\":\"{method}\",\"params\":{params}}}");
            let path = format!("/session/{session}/goog/cdp/execute");
            command(&said, Method::POST, &path, call).await;
        };
        let (read, ()) = tokio::join!(fetch(&collector, &pipeline), crash);
        let body = read.unwrap().body;
        assert!(String::from_utf8_lossy(&body).contains("here"), "{method}");
        collector.close().await;
        let asked = site.visits().into_iter().filter(|visit| visit.path == "/");
        assert_eq!(asked.count(), 2, "{method}");
    }
}

/// The browser is as old as the site says that it is.
#[tokio::test]
async fn a_driver_and_a_browser_that_do_not_fit_are_named_with_both_versions() {
    let site = Site::start(|path, _| {
        let version = r#"{"Browser":"Chrome/90.0.4430.212","Protocol-Version":"1.3","User-Agent":"old",
            "V8-Version":"9.0","WebKit-Version":"537.36 (@0)","webSocketDebuggerUrl":"ws://127.0.0.1/x"}"#;
        (path == "/json/version")
            .then(|| page("200 OK", &[("Content-Type", "application/json")], version))
    })
    .await;
    let folder = TempDir::new().unwrap();
    let lines = format!(
        "for word; do case $word in --user-data-dir=*) profile=${{word#*=}};; esac; done\n\
         printf '{}\\n/devtools/browser/x\\n' > \"$profile/DevToolsActivePort\"\nexec sleep 60",
        site.address.port()
    );
    let browser = script(&folder, "old-chromium", &lines);
    let settings = CollectSettings {
        chromium: Some(browser.clone()),
        ..browser_settings()
    };
    let driver = settings.chromedriver.clone();
    let collector = collector(settings);
    let mut pipeline = browser_pipeline(&site.url("/"));
    pipeline.source.timeout = Duration::from_secs(5);
    let error = fetch(&collector, &pipeline).await.unwrap_err();
    assert!(
        matches!(error, FetchError::BrowserMismatch { .. }),
        "{error:?}"
    );
    assert!(!error.is_retryable());
    let error = error.to_string();
    let driver = driver.map_or_else(String::new, |driver| driver.display().to_string());
    for words in [
        &driver,
        browser.to_str().unwrap(),
        "only supports Chrome version ",
        "90.0.4430.212",
        "`apt-get install chromium chromium-driver`",
    ] {
        assert!(error.contains(words), "{words}: {error}");
    }
    collector.close().await;
}
