//! A file that cannot be written, or whose folder cannot: SQLite says no more of it than that something cannot be opened.

use std::fs::OpenOptions;
use std::io::{Error, ErrorKind};
use std::path::Path;

use uuid::Uuid;

use super::StoreError;

/// What failed at a store that is there, by its cause where it cannot be written.
pub(super) fn explained(path: &Path, error: StoreError) -> StoreError {
    let is_unclear = matches!(
        error,
        StoreError::Unreachable { .. } | StoreError::Statement { .. } | StoreError::LockFile { .. }
    );
    if !is_unclear {
        return error;
    }
    match write(path) {
        Err(source) if is_refusal(&source) => StoreError::ReadOnly {
            place: path.display().to_string(),
            source,
        },
        _ => error,
    }
}

fn is_refusal(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied
    )
}

/// Tries whether a file and its folder can be written, and leaves both as they are: permissions alone do not tell of a disk.
fn write(path: &Path) -> Result<(), Error> {
    OpenOptions::new().write(true).open(path)?;
    let mut probe = path.as_os_str().to_owned();
    probe.push(format!(".probe-{}", Uuid::new_v4().simple()));
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&probe)?;
    std::fs::remove_file(&probe)
}
