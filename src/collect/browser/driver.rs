//! The driver's process, and the promise that neither it nor its browser outlives trendy.
//!
//! The driver runs under a shell that leads a process group of its own and waits for the end of its standard input,
//! a pipe that trendy holds. When trendy lets go of the pipe, on purpose or because it was killed, the shell kills the
//! group: the driver and every process of the browser. No signal has to be caught for that.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::ChildStdout;
use tokio::time::timeout;
use url::Url;
use uuid::Uuid;

use crate::collect::collector::{BrowserKind, CollectSettings};
use crate::collect::error::FetchError;
use crate::config::Environment;

/// Longest wait for a driver to say its port; a Raspberry Pi with a cold disk takes some seconds.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Starts the driver, then waits for the end of standard input. The driver is waited for, since nobody else would reap
/// it; `0` is the process group.
const SCRIPT: &str = r#""$0" "$@" & exec >&-; read -r _; kill -KILL $!; wait; kill -KILL 0"#;

/// What needs a driver's name, how it is started, and what it says when it is ready; the port follows.
struct Kind {
    driver: &'static str,
    browser: &'static str,
    browser_names: &'static [&'static str],
    arguments: &'static [&'static str],
    ready: &'static str,
    install: &'static str,
}

const CHROMIUM: Kind = Kind {
    driver: "chromedriver",
    browser: "Chromium",
    browser_names: &[
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    ],
    arguments: &["--port=0"],
    ready: "started successfully on port ",
    install: "`apt-get install chromium chromium-driver`",
};

const FIREFOX: Kind = Kind {
    driver: "geckodriver",
    browser: "Firefox",
    browser_names: &["firefox", "firefox-esr"],
    arguments: &["--port=0", "--websocket-port=0", "--profile-root"],
    ready: "Listening on 127.0.0.1:",
    install: "`apt-get install firefox-esr`, and geckodriver by `cargo install geckodriver`",
};

/// The programs that a browser needs, as far as the user named them.
#[derive(Debug)]
pub(super) struct Programs {
    kind: BrowserKind,
    driver: Option<PathBuf>,
    browser: Option<PathBuf>,
    path: OsString,
}

/// The programs that a browser needs.
#[derive(Debug)]
pub(super) struct Found {
    kind: BrowserKind,
    driver: PathBuf,
    browser: PathBuf,
}

impl Programs {
    pub(super) fn new(settings: &CollectSettings, environment: &Environment) -> Self {
        Self {
            kind: settings.browser,
            driver: match settings.browser {
                BrowserKind::Chrome => settings.chromedriver.clone(),
                BrowserKind::Firefox => settings.geckodriver.clone(),
            },
            browser: match settings.browser {
                BrowserKind::Chrome => settings.chromium.clone(),
                BrowserKind::Firefox => settings.firefox.clone(),
            },
            path: environment.get("PATH").unwrap_or_default().into(),
        }
    }

    pub(super) fn find(&self) -> Result<Found, FetchError> {
        let kind = self.kind.programs();
        Ok(Found {
            kind: self.kind,
            driver: self.locate(kind.driver, self.driver.as_deref(), &[kind.driver])?,
            browser: self.locate(kind.browser, self.browser.as_deref(), kind.browser_names)?,
        })
    }

    fn locate(
        &self,
        program: &'static str,
        configured: Option<&Path>,
        names: &[&str],
    ) -> Result<PathBuf, FetchError> {
        let looked_for: Vec<PathBuf> = match configured {
            Some(path) => vec![path.to_owned()],
            None => std::env::split_paths(&self.path)
                .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
                .collect(),
        };
        match looked_for.iter().find(|path| path.is_file()) {
            Some(path) => Ok(path.clone()),
            None => Err(FetchError::BrowserMissing {
                program,
                looked_for,
                install: self.kind.programs().install,
            }),
        }
    }
}

impl BrowserKind {
    const fn programs(self) -> &'static Kind {
        match self {
            Self::Chrome => &CHROMIUM,
            Self::Firefox => &FIREFOX,
        }
    }
}

/// A WebDriver: one that someone else runs, or one of our own.
#[derive(Debug)]
pub(super) struct WebDriver {
    pub(super) address: Url,
    /// Set where the browser runs on this machine, started by us.
    pub(super) local: Option<LocalBrowser>,
}

/// What is known of a browser that our own driver starts.
#[derive(Debug)]
pub(super) struct LocalBrowser {
    pub(super) driver: PathBuf,
    pub(super) program: PathBuf,
    pub(super) profile: PathBuf,
    /// How driver and browser are installed.
    pub(super) install: &'static str,
    process: Process,
}

impl LocalBrowser {
    /// Of the driver and everything that it started.
    pub(super) fn process_group(&self) -> u32 {
        self.process.shell.id()
    }
}

impl WebDriver {
    /// A driver that runs already.
    pub(super) fn at(address: &Url) -> Self {
        let mut address = address.clone();
        // Without the slash the last part would be replaced when a command's path is joined.
        if !address.path().ends_with('/') {
            address.set_path(&format!("{}/", address.path()));
        }
        Self {
            address,
            local: None,
        }
    }

    /// The address without its credentials.
    pub(super) fn shown_address(&self) -> String {
        let mut address = self.address.clone();
        // Neither fails: an address without a host was no driver's.
        let _ = address.set_username("");
        let _ = address.set_password(None);
        address.to_string()
    }

    /// Starts a driver on a free port of loopback.
    pub(super) async fn start(programs: &Found) -> Result<Self, FetchError> {
        let profile = std::env::temp_dir().join(format!("trendy-browser-{}", Uuid::new_v4()));
        let failed = |source| FetchError::DriverStart {
            program: programs.driver.clone(),
            source,
        };
        let kind = programs.kind.programs();
        let (process, stdout) =
            Process::start(&programs.driver, kind.arguments, &profile).map_err(failed)?;
        let port = timeout(START_TIMEOUT, port(stdout, kind.ready))
            .await
            .unwrap_or_else(|_| {
                Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "it did not say its port",
                ))
            })
            .map_err(failed)?;
        let address = format!("http://127.0.0.1:{port}/")
            .parse()
            .map_err(|error| failed(io::Error::other(error)))?;
        Ok(Self {
            address,
            local: Some(LocalBrowser {
                driver: programs.driver.clone(),
                program: programs.browser.clone(),
                profile,
                install: kind.install,
                process,
            }),
        })
    }
}

/// The driver's process group and the folder of its browser. Dropping it ends the one and removes the other.
#[derive(Debug)]
struct Process {
    shell: Child,
    profile: PathBuf,
}

impl Process {
    fn start(driver: &Path, arguments: &[&str], profile: &Path) -> io::Result<(Self, ChildStdout)> {
        // Geckodriver makes its profiles in here, and does not make the folder.
        std::fs::create_dir_all(profile)?;
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT])
            .arg(driver)
            .args(arguments)
            .args(arguments.contains(&"--profile-root").then_some(profile))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let stdout = shell.stdout.take();
        let process = Self {
            shell,
            profile: profile.to_owned(),
        };
        let stdout = stdout.ok_or_else(|| io::Error::other("it has no output"))?;
        Ok((process, ChildStdout::from_std(stdout)?))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // A matter of milliseconds: the shell does nothing but kill its group.
        if let Err(error) = self.shell.wait() {
            tracing::warn!(%error, "cannot wait for the browser's driver");
        }
        remove_folder(&self.profile);
    }
}

/// A killed process may still be about to create its last file, so once is not always enough.
fn remove_folder(folder: &Path) {
    for _ in 0..10 {
        match std::fs::remove_dir_all(folder) {
            Ok(()) => return,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(_) => std::thread::yield_now(),
        }
    }
    tracing::warn!(folder = %folder.display(), "cannot remove the browser's folder");
}

/// Reads the port that the driver chose, and goes on reading what it says: a full pipe would stop it.
async fn port(stdout: ChildStdout, ready: &str) -> io::Result<u16> {
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await? {
        let Some((_, rest)) = line.split_once(ready) else {
            continue;
        };
        let port = rest
            .trim()
            .trim_end_matches('.')
            .parse()
            .map_err(io::Error::other)?;
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        return Ok(port);
    }
    Err(io::Error::other("it ended without saying its port"))
}
