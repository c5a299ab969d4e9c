//! A Postgres cluster of a test's own, to be restarted at will. It listens on a socket in its folder alone, which nobody
//! but its user can enter.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::unprivileged::{as_server, folder, succeed};

pub(crate) struct Cluster {
    folder: TempDir,
    programs: PathBuf,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        let cluster = Self {
            folder: folder(),
            programs: programs(),
        };
        succeed(cluster.program("initdb").args([
            "-U",
            "trendy",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ]));
        cluster.control("start");
        cluster
    }

    pub(crate) fn url(&self) -> String {
        let host = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://trendy@{host}/postgres")
    }

    /// Ends every session where it stands, as a crash does, and comes back.
    pub(crate) fn crash_and_come_back(&self) {
        self.control("restart");
    }

    fn control(&self, what: &str) {
        let mut command = self.program("pg_ctl");
        let log = self.folder.path().join("log");
        command
            .args([what, "-w", "-t", "60", "-m", "immediate", "-l"])
            .arg(log);
        // Synced to disk, as crashes are what it is for.
        let socket = self.folder.path().display();
        command
            .arg("-o")
            .arg(format!("-c listen_addresses= -k {socket}"));
        succeed(&mut command);
    }

    fn program(&self, name: &str) -> Command {
        let mut command = as_server(self.programs.join(name));
        command.arg("-D").arg(self.folder.path().join("data"));
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.program("pg_ctl")
            .args(["stop", "-m", "immediate"])
            .stdout(Stdio::null())
            .status()
            .ok();
    }
}

/// The newest installed version's programs; Debian keeps them out of PATH.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let versions = versions.map(|version| version.unwrap().path().join("bin"));
    versions
        .filter(|programs| programs.join("initdb").exists())
        .max()
        .expect("install Postgres with dev/up")
}
