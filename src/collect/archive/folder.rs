use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::reader::RecordReader;
use crate::record::PipelineId;

/// End of the name of every archive file.
const ENDING: &str = ".warc.gz";
/// End of the name of one that is being written.
const OPEN: &str = ".open";
/// Time in a name, in UTC, as web archives write it.
const TIME: &str = "%Y%m%d%H%M%S";

/// Makes the first file of these that is not there yet, locked for as long as it is open. Gives its final path.
pub(super) fn create(
    folder: &Path,
    pipeline: &PipelineId,
    now: Timestamp,
    numbers: &mut impl Iterator<Item = u32>,
) -> io::Result<(PathBuf, File)> {
    for number in numbers {
        let time = now.strftime(TIME);
        let path = folder.join(format!("trendy-{pipeline}-{time}-{number:05}{ENDING}"));
        if path.exists() {
            continue;
        }
        let open = open_path(&path);
        let file = match OpenOptions::new().write(true).create_new(true).open(&open) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        };
        // On a file system without locks nobody gets one: then open files are simply never closed by others.
        let locked = file.lock();
        // Before it was locked it looked like the empty leftover of a crash, and one such may be removed.
        if locked.is_ok() && !open.exists() {
            continue;
        }
        return Ok((path, file));
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Path of a file while it is being written.
pub(super) fn open_path(path: &Path) -> PathBuf {
    let mut open = path.as_os_str().to_owned();
    open.push(OPEN);
    open.into()
}

/// The archive files of a folder, those that are being written included, by name; or the one file.
pub(super) fn files(archive: &Path) -> io::Result<Vec<PathBuf>> {
    if fs::metadata(archive)?.is_file() {
        return Ok(vec![archive.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(archive)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.strip_suffix(OPEN).unwrap_or(&name).ends_with(ENDING) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Closes what a crash left open, and removes our files that were begun too long ago.
pub(super) fn tidy(folder: &Path, keep: Option<Duration>, now: Timestamp) -> io::Result<()> {
    for path in files(folder)? {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let Some(begun) = begun(&name) else { continue };
        let done = if name.ends_with(OPEN) {
            close_leftover(&path)
        } else if keep.is_some_and(|keep| is_older(begun, keep, now)) {
            fs::remove_file(&path)
        } else {
            continue;
        };
        // Runs begin side by side, and another may have been here first.
        done.or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
    }
    Ok(())
}

/// Whether so much time has passed since; a clock that was wrong may have named files of the future.
fn is_older(begun: Timestamp, keep: Duration, now: Timestamp) -> bool {
    Duration::try_from(now.duration_since(begun)).is_ok_and(|age| age > keep)
}

/// When one of our files was begun; none of anyone else's.
fn begun(name: &str) -> Option<Timestamp> {
    let name = name.strip_suffix(OPEN).unwrap_or(name);
    let (rest, number) = name
        .strip_prefix("trendy-")?
        .strip_suffix(ENDING)?
        .rsplit_once('-')?;
    let (_, time) = rest.rsplit_once('-')?;
    number.parse::<u32>().ok()?;
    let begun = DateTime::strptime(TIME, time).ok()?;
    Some(begun.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Cuts a file after its last whole record and gives it its final name, unless someone is writing it.
fn close_leftover(open: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(open)?;
    if file.try_lock().is_err() {
        return Ok(());
    }
    let mut reader = RecordReader::open(open)?;
    let mut whole = 0;
    while let Ok(Some(())) = reader.next(|_, _| Ok(())) {
        whole = reader.position()?;
    }
    if whole == 0 {
        return fs::remove_file(open);
    }
    file.set_len(whole)?;
    fs::rename(open, open.with_extension(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_files_have_an_age() {
        let at = Some("2026-11-21T13:57:13Z".parse().unwrap());
        assert_eq!(begun("trendy-a-b-20261121135713-00002.warc.gz"), at);
        assert_eq!(begun("trendy-a-20261121135713-00000.warc.gz.open"), at);
        for other in [
            "crawl-20261121135713-00000.warc.gz",
            "trendy-a-00000.warc.gz",
            "trendy-a-20261121135713-00000.gz",
        ] {
            assert_eq!(begun(other), None, "{other}");
        }
    }
}
