//! Servers of a test's own, which refuse to run as root. Where root runs the tests, they run as the user of those that
//! dev/up starts.

use std::ffi::OsStr;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

const SERVER_USER: &str = "nobody";

/// An empty folder of a server's own, which nobody but its user can enter.
pub(crate) fn folder() -> TempDir {
    // Not the tests' own temporary folder, which the servers' user may not be able to enter.
    let folder = TempDir::new_in("/tmp").unwrap();
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    own(folder.path());
    folder
}

/// Gives a folder, with all that is in it, to the servers' user.
pub(crate) fn own(path: &Path) {
    if is_root() {
        let owner = format!("{SERVER_USER}:");
        succeed(Command::new("chown").arg("-R").arg(owner).arg(path));
    }
}

/// A program of a server, from a folder that its user can enter.
pub(crate) fn as_server(program: impl AsRef<OsStr>) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        let group = ["--regid", "nogroup", "--clear-groups", "--"];
        command.args(["--reuid", SERVER_USER]).args(group);
        command.arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir("/");
    command
}

/// Runs a command to its end; gives what it printed.
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}
