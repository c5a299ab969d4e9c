//! What is running before, during and after.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::time::Instant;
use trendy::collect::CollectSettings;

use super::{browser_pipeline, browser_settings, fetch};
use crate::site::{Answer, Site, collector, html, late, request};

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

/// What the processes of a browser are known by. The driver's have a mark in their environment; renderers and zygotes wipe
/// theirs, but stay in the process group of the driver's shell and name their profile.
pub(super) struct Family {
    pub(super) mark: String,
    groups: Vec<String>,
    pub(super) profile: PathBuf,
}

impl Family {
    /// Of the browsers that run now.
    pub(super) fn running(mark: &str) -> Self {
        let running = processes(mark);
        let shells = running.iter().filter(|line| line.contains("sh -c"));
        let profile = running.iter().find_map(|line| {
            line.split(' ')
                .find_map(|word| word.strip_prefix("--user-data-dir="))
        });
        let family = Self {
            mark: mark.to_owned(),
            groups: shells
                .map(|line| line.split(' ').next().unwrap().to_owned())
                .collect(),
            profile: profile.map(PathBuf::from).unwrap(),
        };
        assert!(
            family
                .members()
                .iter()
                .any(|line| line.contains("--type=zygote")),
            "driver, browser and their children: {:#?}",
            family.members()
        );
        family
    }

    /// Of browsers whose profiles are below a folder.
    pub(super) fn below(mark: &str, folder: &Path) -> Self {
        Self {
            mark: mark.to_owned(),
            groups: Vec::new(),
            profile: folder.to_owned(),
        }
    }

    /// Those of them that run, as number and command line.
    pub(super) fn members(&self) -> Vec<String> {
        let profile = self.profile.to_str().unwrap();
        let marked = processes(&self.mark);
        let entries = fs::read_dir("/proc").unwrap();
        let others = entries.filter_map(|entry| {
            let process = entry.unwrap().path();
            let line = fs::read(process.join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            let stat = fs::read_to_string(process.join("stat")).ok()?;
            let (_, after_name) = stat.rsplit_once(')')?;
            let mut fields = after_name.split_ascii_whitespace();
            // A process that ended and was not yet reaped is none.
            let is_running = fields.next()? != "Z";
            let is_kin =
                line.contains(profile) || self.groups.iter().any(|own| fields.nth(1) == Some(own));
            (is_running && is_kin)
                .then(|| format!("{} {line}", process.file_name().unwrap().display()))
        });
        marked.into_iter().chain(others).collect()
    }

    /// A kill is done when the kernel gets to it.
    pub(super) async fn wait_until_gone(&self) {
        let deadline = Instant::now() + Duration::from_secs(5);
        while !self.members().is_empty() {
            assert!(Instant::now() < deadline, "{:#?}", self.members());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Kills the processes of the browser's tabs.
    pub(super) fn kill_tabs(&self) {
        let members = self.members();
        let tabs = members
            .iter()
            .filter(|line| line.contains("--type=renderer"));
        let tabs: Vec<_> = tabs.map(|line| line.split(' ').next().unwrap()).collect();
        assert!(!tabs.is_empty(), "{members:#?}");
        // One may end with the other, before its turn.
        let killed = Command::new("kill").arg("-KILL").args(tabs).output();
        killed.unwrap();
    }
}

pub(super) fn signal(signal: &str, process: &str) {
    let status = Command::new("kill").args([signal, process]).status();
    assert!(status.unwrap().success());
}

/// Waits until the site's page was asked for this often.
pub(super) async fn wait_for_visit(site: &Site, nth: usize) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let visits = || site.visits().into_iter().filter(|visit| visit.path == "/");
    while visits().count() < nth {
        assert!(Instant::now() < deadline, "no visit {nth}");
        tokio::time::sleep(Duration::from_millis(20)).await;
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
        let family = Family::running(&mark);
        assert!(family.profile.is_dir());
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
        family.wait_until_gone().await;
        let profile = family.profile.display();
        assert!(!family.profile.exists(), "{end}: {profile}");
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
    let mut families = Vec::new();
    for victim in ["--user-data-dir=", "chromedriver --port"] {
        fetch(&collector, &pipeline).await.unwrap();
        families.push(Family::running(&mark));
        kill(&mark, victim);
    }
    fetch(&collector, &pipeline).await.unwrap();
    families.push(Family::running(&mark));
    collector.close().await;
    for family in families {
        family.wait_until_gone().await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_browser_that_holds_too_much_makes_room_for_a_new_one() {
    for (browser_memory, is_replaced) in [(64 << 20, true), (8 << 30, false)] {
        let shown = Arc::new(Notify::new());
        let told = Arc::clone(&shown);
        let site = Site::start(move |path, _| {
            let Answer::Send(_, page) = html("<p>page") else {
                unreachable!("pages are sent");
            };
            (path == "/").then(|| Answer::Hold(Arc::clone(&told), page))
        })
        .await;
        let folder = TempDir::new().unwrap();
        let (driver, mark) = marked_driver(&folder);
        let collector = collector(CollectSettings {
            browser_memory,
            chromedriver: Some(driver),
            ..browser_settings()
        });
        let pipeline = browser_pipeline(&site.url("/"));
        let fetcher = collector.fetcher(&pipeline).unwrap();
        let mut families = Vec::new();
        for nth in 1..=2 {
            let page = request(&site.url("/"));
            let watch = async {
                wait_for_visit(&site, nth).await;
                families.push(Family::running(&mark));
                shown.notify_one();
            };
            let (page, ()) = tokio::join!(fetcher.fetch(&page), watch);
            page.unwrap();
            if is_replaced {
                families[nth - 1].wait_until_gone().await;
            }
        }
        let [first, second] = &families[..] else {
            unreachable!("two pages");
        };
        assert_eq!(first.profile != second.profile, is_replaced);
        drop(fetcher);
        collector.close().await;
    }
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
    wait_for_visit(&site, 1).await;
    let family = Family::running(&mark);
    victim.kill().unwrap();
    victim.wait().unwrap();
    family.wait_until_gone().await;
    // Nobody is left to do it.
    fs::remove_dir_all(&family.profile).unwrap();
}
