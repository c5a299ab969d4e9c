use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use include_dir::Dir;
use url::form_urlencoded;

/// What a case says of its site, [`EXPECTED`], and of itself, [`ABOUT`], lies beside the pages and is none.
const BESIDE: [&str; 2] = [EXPECTED, ABOUT];
/// The records expected of a case.
pub(super) const EXPECTED: &str = "expected.json";
/// What else is to be known of a case.
pub(super) const ABOUT: &str = "case.toml";

/// Where saved sites are kept: `<pipeline>/day-<n>/<path>` below this.
#[derive(Debug, Clone)]
pub enum Files {
    /// In the program.
    Embedded(&'static Dir<'static>),
    /// In a directory.
    Disk(PathBuf),
}

/// A saved site that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    /// There is no day 1 of it.
    #[error("no saved site `{pipeline}` (known: {known}); add `fixtures/{pipeline}/day-1/`")]
    Unknown {
        /// The pipeline asked for.
        pipeline: String,
        /// Those that have one.
        known: String,
    },
    /// A file or directory of it cannot be read.
    #[error("cannot read saved site at `{}`", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A saved site as it stood on one day: every file in memory, by the name it answers to.
///
/// Only these names are ever compared with a request, so no path in a request can reach a file outside the site. They
/// are compared as spelled: what a URL percent-encodes is percent-encoded in the file's name too.
#[derive(Debug, Clone)]
pub struct Saved {
    pages: BTreeMap<String, Vec<Variant>>,
}

/// One file, and the query that it answers.
#[derive(Debug, Clone)]
struct Variant {
    query: Vec<(String, String)>,
    page: SavedPage,
}

/// A file of a saved site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SavedPage {
    pub(super) body: Bytes,
    /// The day whose directory holds it.
    pub(super) day: u8,
    /// Extension of the file's name; empty without one.
    pub(super) extension: String,
}

impl Saved {
    /// The site of a pipeline on a day, counted from 1. Days that nobody saved are like the day before.
    pub fn open(files: &Files, pipeline: &str, day: u8) -> Result<Self, SavedError> {
        let layers = (1..=day).map(|day| (day, format!("day-{day}")));
        Self::layered(files, pipeline, layers)
    }

    /// The site that stands in one folder of a pipeline; a day's on those before it.
    pub fn open_case(files: &Files, pipeline: &str, case: &str) -> Result<Self, SavedError> {
        match day_of(case) {
            Some(day) => Self::open(files, pipeline, day),
            None => Self::layered(files, pipeline, [(1, case.to_owned())]),
        }
    }

    fn layered(
        files: &Files,
        pipeline: &str,
        layers: impl IntoIterator<Item = (u8, String)>,
    ) -> Result<Self, SavedError> {
        let mut standing = BTreeMap::new();
        for (day, folder) in layers {
            let directory = PathBuf::from(pipeline).join(folder);
            for (name, body) in files.below(&directory)? {
                if BESIDE.contains(&name.as_str()) {
                    continue;
                }
                match name.strip_suffix(".gone") {
                    Some(gone) => {
                        standing.remove(gone);
                    }
                    None => {
                        standing.insert(name, (day, body));
                    }
                }
            }
        }
        if standing.is_empty() {
            return Err(SavedError::Unknown {
                pipeline: pipeline.to_owned(),
                known: files.sites()?.join(", "),
            });
        }
        let mut pages: BTreeMap<String, Vec<Variant>> = BTreeMap::new();
        for (file, (day, body)) in standing {
            let (name, query) = answers_to(&file);
            let extension = Path::new(&name)
                .extension()
                .and_then(|extension| extension.to_str())
                .unwrap_or_default()
                .to_owned();
            let page = SavedPage {
                body,
                day,
                extension,
            };
            pages.entry(name).or_default().push(Variant { query, page });
        }
        Ok(Self { pages })
    }

    /// The page that answers this path and query.
    pub(super) fn find(&self, path: &str, query: &str) -> Option<&SavedPage> {
        let asked: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        let answers = |variant: &&Variant| {
            variant
                .query
                .iter()
                .all(|(name, value)| asked.iter().any(|pair| pair.0 == *name && pair.1 == *value))
        };
        names_of(path).into_iter().find_map(|name| {
            self.pages
                .get(&name)?
                .iter()
                .filter(answers)
                .max_by_key(|variant| variant.query.len())
                .map(|variant| &variant.page)
        })
    }
}

impl SavedPage {
    /// By the file's extension, or by how the body begins. No charset is claimed: a page says its own.
    pub(super) fn content_type(&self) -> &'static str {
        match self.extension.as_str() {
            "html" => "text/html",
            "json" => "application/json",
            "xml" => "application/xml",
            "rss" => "application/rss+xml",
            "atom" => "application/atom+xml",
            "js" => "text/javascript",
            "css" => "text/css",
            "txt" => "text/plain",
            _ => match self.body.trim_ascii_start() {
                [b'{' | b'[', ..] => "application/json",
                [b'<', b'?', ..] => "application/xml",
                [b'<', ..] => "text/html",
                _ => "application/octet-stream",
            },
        }
    }
}

/// The number of a folder that is named as a day.
pub(super) fn day_of(folder: &str) -> Option<u8> {
    let day = folder.strip_prefix("day-")?.parse().ok()?;
    (day >= 1).then_some(day)
}

/// The name and the query that a file answers to: `jobs/index@page=2.html` is `jobs/index.html` for `page=2`.
fn answers_to(file: &str) -> (String, Vec<(String, String)>) {
    let Some((stem, rest)) = file.split_once('@') else {
        return (file.to_owned(), Vec::new());
    };
    let (query, name) = match rest.rsplit_once('.') {
        Some((query, extension)) => (query, format!("{stem}.{extension}")),
        None => (rest, stem.to_owned()),
    };
    let pairs = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    (name, pairs)
}

/// The names that may answer a path, first choice first.
fn names_of(path: &str) -> Vec<String> {
    let path = path.trim_matches('/');
    if path.is_empty() {
        return vec!["index.html".to_owned()];
    }
    let mut names = vec![path.to_owned(), format!("{path}/index.html")];
    names.extend(["html", "json", "xml"].map(|extension| format!("{path}.{extension}")));
    names
}

impl Files {
    /// The files below a directory, with their paths from there; none if there is no such directory.
    fn below(&self, directory: &Path) -> Result<Vec<(String, Bytes)>, SavedError> {
        let mut found = Vec::new();
        match self {
            Self::Embedded(root) => {
                if let Some(start) = root.get_dir(directory) {
                    collect_embedded(start, directory, &mut found);
                }
            }
            Self::Disk(root) => {
                let start = root.join(directory);
                if start.is_dir() {
                    collect_on_disk(&start, &start, &mut found)?;
                }
            }
        }
        Ok(found)
    }

    /// Names of the directories at the top.
    fn sites(&self) -> Result<Vec<String>, SavedError> {
        let mut names: Vec<String> = match self {
            Self::Embedded(root) => root.dirs().map(|dir| slashed(dir.path())).collect(),
            Self::Disk(root) => entries_of(root)?
                .iter()
                .filter(|path| path.is_dir())
                .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
                .collect(),
        };
        names.sort();
        Ok(names)
    }
}

fn collect_embedded(dir: &'static Dir<'static>, start: &Path, found: &mut Vec<(String, Bytes)>) {
    for file in dir.files() {
        if let Ok(path) = file.path().strip_prefix(start) {
            found.push((slashed(path), Bytes::from_static(file.contents())));
        }
    }
    for dir in dir.dirs() {
        collect_embedded(dir, start, found);
    }
}

fn collect_on_disk(
    directory: &Path,
    start: &Path,
    found: &mut Vec<(String, Bytes)>,
) -> Result<(), SavedError> {
    for path in entries_of(directory)? {
        if path.is_dir() {
            collect_on_disk(&path, start, found)?;
        } else if let Ok(name) = path.strip_prefix(start) {
            let body = std::fs::read(&path).map_err(|source| SavedError::Read {
                path: path.clone(),
                source,
            })?;
            found.push((slashed(name), body.into()));
        }
    }
    Ok(())
}

fn entries_of(directory: &Path) -> Result<Vec<PathBuf>, SavedError> {
    std::fs::read_dir(directory)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .map_err(|source| SavedError::Read {
            path: directory.to_owned(),
            source,
        })
}

fn slashed(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(files: &[(&str, &str)], day: u8) -> Saved {
        let root = tempfile::tempdir().unwrap();
        for (name, body) in files {
            let path = root.path().join("board").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, body).unwrap();
        }
        Saved::open(&Files::Disk(root.path().to_owned()), "board", day).unwrap()
    }

    fn body<'a>(saved: &'a Saved, path: &str, query: &str) -> Option<&'a str> {
        let page = saved.find(path, query)?;
        Some(std::str::from_utf8(&page.body).unwrap())
    }

    #[test]
    fn a_path_finds_its_file_its_index_or_its_name_with_an_extension() {
        let saved = site(
            &[
                ("day-1/index.html", "home"),
                ("day-1/rss.xml", "feed"),
                ("day-1/jobs/index.html", "jobs"),
                ("day-1/jobs/7801/index.html", "job"),
                ("day-1/v1/jobs.json", "api"),
            ],
            1,
        );
        assert_eq!(body(&saved, "/", ""), Some("home"));
        assert_eq!(body(&saved, "/rss.xml", ""), Some("feed"));
        assert_eq!(body(&saved, "/rss", ""), Some("feed"));
        assert_eq!(body(&saved, "/jobs", ""), Some("jobs"));
        assert_eq!(body(&saved, "/jobs/", ""), Some("jobs"));
        assert_eq!(body(&saved, "/jobs/7801/", ""), Some("job"));
        assert_eq!(body(&saved, "/v1/jobs", ""), Some("api"));
        assert_eq!(body(&saved, "/jobs/7802/", ""), None);
    }

    #[test]
    fn the_file_that_names_most_of_the_query_answers() {
        let saved = site(
            &[
                ("day-1/jobs/index.html", "first"),
                ("day-1/jobs/index@page=2.html", "second"),
                ("day-1/jobs/index@page=2&lang=ko.html", "둘째"),
                ("day-1/now@nx=60&ny=127.json", "Seoul"),
                ("day-1/now@nx=98&ny=76.json", "Busan"),
            ],
            1,
        );
        assert_eq!(body(&saved, "/jobs/", "utm=x"), Some("first"));
        assert_eq!(body(&saved, "/jobs/", "utm=x&page=2"), Some("second"));
        assert_eq!(body(&saved, "/jobs/", "lang=ko&page=2"), Some("둘째"));
        assert_eq!(body(&saved, "/now", "ny=76&nx=98&key=%2B"), Some("Busan"));
        assert_eq!(body(&saved, "/now", "nx=98&ny=127"), None);
    }

    #[test]
    fn a_later_day_shadows_and_hides_what_stood_before() {
        let files = [
            ("day-1/a.html", "a1"),
            ("day-1/b.html", "b1"),
            ("day-1/c@page=2.html", "c1"),
            ("day-2/a.html", "a2"),
            ("day-2/b.html.gone", ""),
            ("day-2/c@page=2.html.gone", ""),
            ("day-2/d.html", "d2"),
        ];
        let first = site(&files, 1);
        assert_eq!(body(&first, "/a", ""), Some("a1"));
        assert_eq!(body(&first, "/b", ""), Some("b1"));
        assert_eq!(body(&first, "/d", ""), None);
        for day in [2, 3] {
            let later = site(&files, day);
            assert_eq!(body(&later, "/a", ""), Some("a2"));
            assert_eq!(body(&later, "/b", ""), None);
            assert_eq!(body(&later, "/c", "page=2"), None);
            assert_eq!(body(&later, "/d", ""), Some("d2"));
        }
    }

    #[test]
    fn no_path_leads_out_of_the_site() {
        let saved = site(&[("day-1/index.html", "home"), ("secret.txt", "s")], 1);
        for path in [
            "/../secret.txt",
            "/%2e%2e/secret.txt",
            "/..%2fsecret.txt",
            "/day-1/../../secret.txt",
            "//../secret.txt",
            "/..\\secret.txt",
        ] {
            assert_eq!(body(&saved, path, ""), None, "{path}");
        }
    }

    #[test]
    fn an_unknown_site_is_answered_with_the_known_ones() {
        let root = tempfile::tempdir().unwrap();
        for name in ["toss-tech", "naver-d2"] {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        let error = Saved::open(&Files::Disk(root.path().to_owned()), "tosstech", 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no saved site `tosstech` (known: naver-d2, toss-tech); add `fixtures/tosstech/day-1/`"
        );
    }
}
