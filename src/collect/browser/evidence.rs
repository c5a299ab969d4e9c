//! What the browser saw when a page was not as its pipeline has it: the HTML and a picture, for its author.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

/// Failures that are kept: more than anyone looks at, and with their pictures some megabytes.
const KEPT: usize = 20;

/// A page at the moment of a failure.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) html: Option<String>,
    /// PNG; of what is in view.
    pub(super) picture: Option<Vec<u8>>,
}

impl Seen {
    /// Writes both into the folder, under names that begin with the time, removes the oldest, and gives the files
    /// written. A disk that fails is a warning: the failure of the page is worth more than its picture.
    pub(super) fn keep(&self, folder: &Path, at: Timestamp, pipeline: &str) -> Vec<PathBuf> {
        self.write(folder, at, pipeline).unwrap_or_else(|error| {
            tracing::warn!(folder = %folder.display(), %error, "cannot keep what the browser saw");
            Vec::new()
        })
    }

    fn write(&self, folder: &Path, at: Timestamp, pipeline: &str) -> io::Result<Vec<PathBuf>> {
        std::fs::create_dir_all(folder)?;
        let stem = format!("{}-{pipeline}", at.strftime("%Y%m%dT%H%M%S.%6fZ"));
        let mut written = Vec::new();
        let parts = [
            ("html", self.html.as_deref().map(str::as_bytes)),
            ("png", self.picture.as_deref()),
        ];
        for (extension, bytes) in parts {
            if let Some(bytes) = bytes {
                let path = folder.join(format!("{stem}.{extension}"));
                std::fs::write(&path, bytes)?;
                written.push(path);
            }
        }
        prune(folder)?;
        Ok(written)
    }
}

fn prune(folder: &Path) -> io::Result<()> {
    let mut ours = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if let Some(stem) = stem(&path) {
            ours.insert(stem.to_owned());
        }
    }
    for stem in ours.iter().rev().skip(KEPT) {
        for extension in ["html", "png"] {
            match std::fs::remove_file(folder.join(format!("{stem}.{extension}"))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

/// The name without its extension, if the file is one of ours: the folder may hold others.
fn stem(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?;
    let stem = name
        .strip_suffix(".html")
        .or_else(|| name.strip_suffix(".png"))?;
    let (time, _) = stem.split_once("Z-")?;
    let fits = time
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'T' | b'.'));
    (fits && time.len() == "20260301T000000.000000".len()).then_some(stem)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_newest_are_kept_and_other_files_left_alone() {
        let folder = tempfile::TempDir::new().unwrap();
        let other = folder.path().join("notes.html");
        std::fs::write(&other, "mine").unwrap();
        let seen = Seen {
            html: Some("<p>".to_owned()),
            picture: Some(vec![1]),
        };
        let start: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let mut written = Vec::new();
        for second in 0..KEPT + 3 {
            let at = start + Duration::from_secs(second as u64);
            written.push(seen.keep(folder.path(), at, "board"));
        }
        assert!(written[0][0].ends_with("20260301T000000.000000Z-board.html"));
        for (index, files) in written.iter().enumerate() {
            assert_eq!(files.len(), 2);
            assert!(
                files.iter().all(|file| file.exists() == (index >= 3)),
                "{index}"
            );
        }
        assert!(other.exists());
    }
}
