//! A Postgres cluster of a test's own, to be restarted at will. It listens on a socket in its folder alone, which nobody
//! but its user can enter.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The user of the servers where root runs the tests: a cluster refuses root.
const SERVER_USER: &str = "nobody";

pub(crate) struct Cluster {
    folder: TempDir,
    programs: PathBuf,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        // Not the tests' own temporary folder, which the servers' user may not be able to enter.
        let folder = TempDir::new_in("/tmp").unwrap();
        let cluster = Self {
            folder,
            programs: programs(),
        };
        let path = cluster.folder.path();
        std::fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
        if is_root() {
            let owner = format!("{SERVER_USER}:");
            succeed(Command::new("chown").arg(owner).arg(path));
        }
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
        let program = self.programs.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args([
                "--reuid",
                SERVER_USER,
                "--regid",
                "nogroup",
                "--clear-groups",
                "--",
            ]);
            command.arg(program);
            command
        } else {
            Command::new(program)
        };
        command
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .current_dir("/");
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

/// Whether the tests run as root.
fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
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

fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
}
