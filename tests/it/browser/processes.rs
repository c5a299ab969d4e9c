//! What is running before, during and after.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;
use trendy::collect::CollectSettings;

use super::{browser_pipeline, browser_settings, fetch};
use crate::site::{Site, collector, html, late};

/// Set for the process that [`a_killed_process_leaves_no_browser`] kills.
const HOLD: &str = "TRENDY_TEST_HOLD_BROWSER";

/// In the environment of every process of a test's browser.
pub(super) const MARK: &str = "TRENDY_TEST_MARK";

/// A chromedriver whose processes, browser included, can be told from those of other tests.
fn marked_driver(folder: &TempDir) -> (PathBuf, String) {
    let mark = format!("{MARK}={}", folder.path().display());
    let driver = std::env::var("TRENDY_TEST_CHROMEDRIVER").unwrap_or("chromedriver".to_owned());
    let script = folder.path().join("chromedriver");
    fs::write(&script, format!("#!/bin/sh\n{mark} exec {driver} \"$@\"\n")).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    (script, mark)
}

/// The processes with a mark in their environment, as number and command line. Those that ended, reaped or not, have
/// none.
pub(super) fn processes(mark: &str) -> Vec<String> {
    let marked = |process: &Path| {
        let environment = fs::read(process.join("environ")).ok()?;
        environment
            .split(|&byte| byte == 0)
            .find(|&entry| entry == mark.as_bytes())?;
        let line = fs::read(process.join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        Some(format!("{} {line}", process.file_name()?.display()))
    };
    let entries = fs::read_dir("/proc").unwrap();
    entries
        .filter_map(|entry| marked(&entry.unwrap().path()))
        .collect()
}

/// Kills the one process with these words in its command line: the driver or the browser.
pub(super) fn kill(mark: &str, words: &str) {
    let running = processes(mark);
    let victims: Vec<_> = running
        .iter()
        .filter(|line| line.contains(words) && !line.contains("--type=") && !line.contains("sh -c"))
        .collect();
    let [victim] = victims[..] else {
        panic!("{words}: {running:#?}");
    };
    signal("-KILL", victim.split(' ').next().unwrap());
}

/// Kills the processes of the browser's tabs. They wipe their environment, and are known by their process group: that
/// of the driver's shell.
pub(super) fn kill_tabs(mark: &str) {
    let running = processes(mark);
    let shell = running.iter().find(|line| line.contains("sh -c")).unwrap();
    let group = shell.split(' ').next().unwrap();
    let is_tab = |process: &Path| {
        let stat = fs::read_to_string(process.join("stat")).ok()?;
        let (_, after_name) = stat.rsplit_once(')')?;
        after_name.split(' ').nth(3).filter(|own| *own == group)?;
        let line = fs::read(process.join("cmdline")).ok()?;
        String::from_utf8_lossy(&line)
            .contains("--type=renderer")
            .then(|| process.file_name().unwrap().display().to_string())
    };
    let entries = fs::read_dir("/proc").unwrap();
    let tabs: Vec<_> = entries
        .filter_map(|entry| is_tab(&entry.unwrap().path()))
        .collect();
    assert!(!tabs.is_empty(), "{running:#?}");
    for tab in tabs {
        signal("-KILL", &tab);
    }
}

pub(super) fn signal(signal: &str, process: &str) {
    let status = Command::new("kill").args([signal, process]).status();
    assert!(status.unwrap().success());
}

fn profile(processes: &[String]) -> PathBuf {
    processes
        .iter()
        .find_map(|line| {
            line.split(' ')
                .find_map(|word| word.strip_prefix("--user-data-dir="))
        })
        .map(PathBuf::from)
        .unwrap()
}

/// A kill is done when the kernel gets to it.
pub(super) async fn wait_until_none(mark: &str) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !processes(mark).is_empty() {
        assert!(Instant::now() < deadline, "{:#?}", processes(mark));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn no_process_and_no_folder_is_left() {
    let site = Site::start(|path, _| {
        Some(match path {
            "/" => html("<p>page"),
            "/slow" => late(Duration::from_mins(1), "late"),
            _ => return None,
        })
    })
    .await;
    for end in ["close", "drop", "cancel"] {
        let folder = TempDir::new().unwrap();
        let (driver, mark) = marked_driver(&folder);
        let collector = collector(CollectSettings {
            chromedriver: Some(driver),
            ..browser_settings()
        });
        fetch(&collector, &browser_pipeline(&site.url("/")))
            .await
            .unwrap();
        let running = processes(&mark);
        assert!(running.len() > 3, "driver and browser: {running:#?}");
        let profile = profile(&running);
        assert!(profile.is_dir());
        match end {
            "close" => collector.close().await,
            "drop" => drop(collector),
            _ => {
                let slow = browser_pipeline(&site.url("/slow"));
                let fetching = fetch(&collector, &slow);
                assert!(
                    tokio::time::timeout(Duration::from_millis(500), fetching)
                        .await
                        .is_err()
                );
            }
        }
        wait_until_none(&mark).await;
        assert!(!profile.exists(), "{end}: {}", profile.display());
    }
}

#[tokio::test]
async fn a_browser_that_died_is_replaced() {
    let site = Site::start(|path, _| (path == "/").then(|| html("<p>page"))).await;
    let folder = TempDir::new().unwrap();
    let (driver, mark) = marked_driver(&folder);
    let collector = collector(CollectSettings {
        chromedriver: Some(driver),
        ..browser_settings()
    });
    let pipeline = browser_pipeline(&site.url("/"));
    for victim in ["--user-data-dir=", "chromedriver --port"] {
        fetch(&collector, &pipeline).await.unwrap();
        kill(&mark, victim);
    }
    fetch(&collector, &pipeline).await.unwrap();
    collector.close().await;
    wait_until_none(&mark).await;
}

/// Runs itself in a process of its own and kills that one.
#[tokio::test]
async fn a_killed_process_leaves_no_browser() {
    if let Ok(url) = std::env::var(HOLD) {
        let collector = collector(browser_settings());
        fetch(&collector, &browser_pipeline(&url)).await.unwrap();
        std::future::pending::<()>().await;
    }
    let site = Site::start(|path, _| (path == "/").then(|| html("<p>page"))).await;
    let folder = TempDir::new().unwrap();
    let mark = format!("{MARK}={}", folder.path().display());
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "browser::processes::a_killed_process_leaves_no_browser",
        ])
        .env(HOLD, site.url("/"))
        .env(MARK, folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while !site.visits().iter().any(|visit| visit.path == "/") {
        assert!(Instant::now() < deadline, "{:#?}", processes(&mark));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let running = processes(&mark);
    assert!(running.len() > 4, "{running:#?}");
    let profile = profile(&running);
    victim.kill().unwrap();
    victim.wait().unwrap();
    wait_until_none(&mark).await;
    // Nobody is left to do it.
    fs::remove_dir_all(profile).unwrap();
}
