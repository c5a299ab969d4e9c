use std::collections::HashMap;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use url::Url;

use super::reader::{ArchivedAnswer, Head, RecordReader};
use super::record::without_fragment;
use super::{ArchiveError, LANDED, ROLE, folder, role_text};
use crate::collect::error::FetchError;
use crate::collect::http::ROBOTS_TAG;
use crate::collect::{CollectSettings, Fetcher};
use crate::record::{Fetched, Page, PipelineId, Request, Role};

/// Longest `warcinfo` that is read.
const LONGEST_INFO: u64 = 64 * 1024;

/// Answers requests from an archive: no network, no robots.txt, no turn at a host.
///
/// The newest answer to an address counts, as the run that made it saw it: redirects are followed within the archive,
/// and an archived refusal is one. Nothing is asked twice, so of an address that first failed the last try is found. A
/// station is found by its id instead, whatever hour its address names. A page says that it was fetched when it was
/// archived.
pub struct ArchiveFetcher(Arc<Index>);

struct Index {
    archive: PathBuf,
    files: Vec<PathBuf>,
    /// By address, and by role for stations.
    newest: HashMap<String, Place>,
    body_limit: usize,
    redirects: usize,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    file: usize,
    position: u64,
    at: Timestamp,
}

/// An archived response.
struct Found {
    url: Url,
    landed: Option<Url>,
    at: Timestamp,
    answer: ArchivedAnswer,
}

impl ArchiveFetcher {
    /// Reads through a file, or all files of a folder, for the answers to a pipeline. Files that name another pipeline
    /// are left out; those of other tools name none. This reads everything once, so it belongs on a blocking thread.
    pub fn open(archive: &Path, pipeline: &PipelineId) -> Result<Self, ArchiveError> {
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            |source| ArchiveError::Unreadable { path, source }
        };
        let CollectSettings {
            body_limit,
            redirects,
            ..
        } = CollectSettings::default();
        let files = folder::files(archive).map_err(unreadable(archive))?;
        let mut index = Index {
            archive: archive.to_owned(),
            files: Vec::new(),
            newest: HashMap::new(),
            body_limit,
            redirects,
        };
        for path in files {
            let reader = RecordReader::open(&path).map_err(unreadable(&path))?;
            index.files.push(path);
            index.add(reader, pipeline);
        }
        if index.newest.is_empty() {
            let path = archive.to_owned();
            return Err(ArchiveError::NothingOf {
                path,
                pipeline: pipeline.clone(),
            });
        }
        Ok(Self(Arc::new(index)))
    }
}

#[async_trait]
impl Fetcher for ArchiveFetcher {
    async fn fetch(&self, request: &Request) -> Result<Fetched, FetchError> {
        let (index, request) = (Arc::clone(&self.0), request.clone());
        match tokio::task::spawn_blocking(move || index.page(request)).await {
            Ok(page) => page.map(|page| Fetched::Page(Box::new(page))),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // A blocking task is never aborted, and the runtime outlives the fetch.
                Err(_) => unreachable!("the runtime ended before the fetch"),
            },
        }
    }
}

impl Index {
    /// Notes the answers in the last of `files`. Where it cannot be read on, which is how a crash leaves a file, what
    /// stands before counts.
    fn add(&mut self, mut reader: RecordReader, pipeline: &PipelineId) {
        let file = self.files.len() - 1;
        loop {
            let found = reader.position().and_then(|position| {
                let meaning = reader.next(|head, block| Meaning::of(head, block, pipeline))?;
                Ok(meaning.map(|meaning| (position, meaning)))
            });
            match found {
                Ok(Some((position, Meaning::Response { keys, at }))) => {
                    for key in keys {
                        let place = Place { file, position, at };
                        let newest = self.newest.entry(key).or_insert(place);
                        if newest.at <= at {
                            *newest = place;
                        }
                    }
                }
                Ok(Some((_, Meaning::Nothing))) => {}
                Ok(Some((_, Meaning::OtherPipeline)) | None) => return,
                Err(error) => {
                    let path = self.files[file].display();
                    tracing::warn!(
                        "`{path}` cannot be read to its end ({error}); what comes before is used"
                    );
                    return;
                }
            }
        }
    }

    fn page(&self, mut request: Request) -> Result<Page, FetchError> {
        let asked = request.url.to_string();
        let mut found = match &request.role {
            role @ Role::Station { .. } => self.read(&role_text(role), &request.url)?,
            Role::List { .. } | Role::Detail { .. } => self.answer_to(&request.url)?,
        };
        if matches!(request.role, Role::Station { .. }) {
            request.url = found.url.clone();
        }
        let mut url = request.url.clone();
        for _ in 0..=self.redirects {
            let Some(target) = redirect_target(&url, &found.answer)? else {
                return deliver(request, url, found);
            };
            found = self.answer_to(&target)?;
            url = target;
        }
        Err(FetchError::TooManyRedirects {
            url: asked,
            limit: self.redirects,
        })
    }

    fn answer_to(&self, url: &Url) -> Result<Found, FetchError> {
        self.read(without_fragment(url).as_str(), url)
    }

    /// Reads the newest response under a key; `url` is what was asked for.
    fn read(&self, key: &str, url: &Url) -> Result<Found, FetchError> {
        let place = self
            .newest
            .get(key)
            .ok_or_else(|| FetchError::NotArchived {
                url: url.to_string(),
                archive: self.archive.clone(),
            })?;
        let path = &self.files[place.file];
        let found = RecordReader::open(path).and_then(|mut reader| {
            reader.seek(place.position)?;
            reader.next(|head, block| {
                Ok(Found {
                    url: address(head, "WARC-Target-URI").unwrap_or_else(|| url.clone()),
                    landed: address(head, LANDED),
                    at: place.at,
                    answer: ArchivedAnswer::read(block, self.body_limit)?,
                })
            })
        });
        found
            .and_then(|found| found.ok_or_else(|| io::ErrorKind::UnexpectedEof.into()))
            .map_err(|source| FetchError::ArchiveUnreadable {
                url: url.to_string(),
                file: path.clone(),
                source,
            })
    }
}

/// The page of an answer, or the refusal that it is.
fn deliver(request: Request, url: Url, found: Found) -> Result<Page, FetchError> {
    let ArchivedAnswer { status, head, body } = found.answer;
    if !(200..300).contains(&status) {
        let url = url.to_string();
        return Err(FetchError::Status {
            url,
            status,
            retry_after: None,
        });
    }
    Ok(Page {
        request,
        url: found.landed.unwrap_or(url),
        status,
        // As it is read off the wire: a value that is not plain text is none.
        content_type: head
            .get("Content-Type")
            .filter(|value| {
                value
                    .bytes()
                    .all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
            })
            .map(str::to_owned),
        robots_tags: head.all(ROBOTS_TAG).map(str::to_owned).collect(),
        body: body.into(),
        fetched_at: found.at,
        // An old answer says nothing of what the site has today.
        validators: None,
        is_cut: false,
        unseen: None,
    })
}

/// What a record means for a pipeline's replay.
enum Meaning {
    Nothing,
    /// The file is of another pipeline.
    OtherPipeline,
    /// An answer, found under these keys.
    Response {
        keys: Vec<String>,
        at: Timestamp,
    },
}

impl Meaning {
    fn of(head: &Head, block: &mut dyn BufRead, pipeline: &PipelineId) -> io::Result<Self> {
        match head.get("WARC-Type") {
            Some("warcinfo") => {
                let mut info = String::new();
                block.take(LONGEST_INFO).read_to_string(&mut info)?;
                let owner = info.lines().find_map(|line| line.strip_prefix("isPartOf:"));
                let is_other = info.contains("software: trendy/")
                    && owner.is_some_and(|owner| owner.trim() != pipeline.as_str());
                Ok(if is_other {
                    Self::OtherPipeline
                } else {
                    Self::Nothing
                })
            }
            Some("response") => {
                let mut keys: Vec<String> = address(head, "WARC-Target-URI")
                    .map(|url| without_fragment(&url).into())
                    .into_iter()
                    .collect();
                keys.extend(
                    head.get(ROLE)
                        .filter(|role| role.starts_with("station "))
                        .map(str::to_owned),
                );
                Ok(match head.at() {
                    Some(at) => Self::Response { keys, at },
                    None => Self::Nothing,
                })
            }
            _ => Ok(Self::Nothing),
        }
    }
}

fn redirect_target(url: &Url, answer: &ArchivedAnswer) -> Result<Option<Url>, FetchError> {
    let Some(location) = answer
        .head
        .get("Location")
        .filter(|_| matches!(answer.status, 301 | 302 | 303 | 307 | 308))
    else {
        return Ok(None);
    };
    match url.join(location) {
        Ok(target) => Ok(Some(target)),
        Err(_) => Err(FetchError::BadRedirect {
            url: url.to_string(),
            location: location.to_owned(),
        }),
    }
}

/// The address in a field, with or without the angle brackets of WARC 1.0.
fn address(head: &Head, field: &str) -> Option<Url> {
    Url::parse(head.get(field)?.trim_matches(['<', '>'])).ok()
}
