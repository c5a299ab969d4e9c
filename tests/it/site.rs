//! A web site on loopback that behaves as badly as a test asks, and remembers who came when; and the pipelines and
//! collectors that visit it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use trendy::collect::{CollectSettings, Collector, FetchError, Fetcher, RetrySettings, Twins};
use trendy::config::{
    Environment, Fetch, List, ListFormat, Pages, Paging, Pipeline, Politeness, Quality, Snapshot,
    Source,
};
use trendy::record::{Fetched, Kind, Page, PipelineId, Request, Role};
use url::Url;

/// What a site does with a request.
pub(crate) enum Answer {
    /// Sends this after so long.
    Send(Duration, Vec<u8>),
    /// Sends this, then one more byte every so often, for ever.
    Drip(Vec<u8>, Duration),
    /// Sends this, then the other over and over, as fast as it is read.
    Endless(Vec<u8>, Vec<u8>),
    /// Sends this, then resets the connection.
    Reset(Vec<u8>),
    /// Sends this once it is told to.
    Hold(Arc<Notify>, Vec<u8>),
}

/// A request as the site saw it.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    pub(crate) at: Instant,
    pub(crate) path: String,
    /// Request line and headers, in lower case.
    pub(crate) head: String,
    /// Requests under way, this one included.
    pub(crate) under_way: usize,
}

#[derive(Debug, Default)]
struct Log {
    visits: Vec<Visit>,
    under_way: usize,
}

pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<Log>>,
    task: JoinHandle<()>,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Site {
    /// A site that answers a path, asked for the nth time (from 1), so; `None` is a 404, also for `/robots.txt`.
    pub(crate) async fn start(
        answer: impl Fn(&str, usize) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Mutex::new(Log::default()));
        let answer = Arc::new(answer);
        let task = tokio::spawn({
            let log = Arc::clone(&log);
            async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                    tokio::spawn(async move {
                        serve(stream, &log, answer.as_ref()).await;
                    });
                }
            }
        });
        Self { address, log, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Who came, without those for `/robots.txt`.
    pub(crate) fn visits(&self) -> Vec<Visit> {
        let mut visits = self.all_visits();
        visits.retain(|visit| !visit.path.ends_with("/robots.txt"));
        visits
    }

    pub(crate) fn all_visits(&self) -> Vec<Visit> {
        self.log.lock().unwrap().visits.clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    log: &Mutex<Log>,
    answer: &(impl Fn(&str, usize) -> Option<Answer> + ?Sized),
) {
    let Some(head) = read_head(&mut stream).await else {
        return;
    };
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let count = {
        let mut log = log.lock().unwrap();
        log.under_way += 1;
        let visit = Visit {
            at: Instant::now(),
            path: path.clone(),
            head: head.to_lowercase(),
            under_way: log.under_way,
        };
        log.visits.push(visit);
        log.visits.iter().filter(|visit| visit.path == path).count()
    };
    let answer = answer(&path, count).unwrap_or_else(|| page("404 Not Found", &[], "not found"));
    match &answer {
        Answer::Send(wait, _) => tokio::time::sleep(*wait).await,
        Answer::Hold(told, _) => told.notified().await,
        Answer::Drip(..) | Answer::Endless(..) | Answer::Reset(_) => {}
    }
    log.lock().unwrap().under_way -= 1;
    // The client may be gone, which is what many tests are about.
    send(stream, answer).await.ok();
}

async fn send(mut stream: TcpStream, answer: Answer) -> io::Result<()> {
    match answer {
        Answer::Send(_, bytes) | Answer::Hold(_, bytes) => stream.write_all(&bytes).await?,
        Answer::Drip(bytes, every) => {
            stream.write_all(&bytes).await?;
            loop {
                tokio::time::sleep(every).await;
                stream.write_all(b".").await?;
            }
        }
        Answer::Endless(head, part) => {
            stream.write_all(&head).await?;
            loop {
                stream.write_all(&part).await?;
            }
        }
        Answer::Reset(bytes) => {
            stream.write_all(&bytes).await?;
            return stream.set_zero_linger();
        }
    }
    stream.shutdown().await
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let count = stream
            .read(&mut buffer)
            .await
            .ok()
            .filter(|&count| count > 0)?;
        head.extend_from_slice(&buffer[..count]);
    }
    Some(String::from_utf8(head).unwrap())
}

/// A whole answer.
pub(crate) fn page(status: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Answer {
    Answer::Send(Duration::ZERO, message(status, headers, body.as_ref()))
}

/// A whole answer, after so long.
pub(crate) fn late(wait: Duration, body: &str) -> Answer {
    Answer::Send(wait, message("200 OK", &[], body.as_bytes()))
}

pub(crate) fn html(body: &str) -> Answer {
    page(
        "200 OK",
        &[("Content-Type", "text/html; charset=utf-8")],
        body,
    )
}

pub(crate) fn moved(location: &str) -> Answer {
    page("302 Found", &[("Location", location)], "")
}

fn message(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let length = body.len().to_string();
    let always = [("Connection", "close"), ("Content-Length", &length)];
    let mut lines = vec![format!("HTTP/1.1 {status}")];
    lines.extend(
        headers
            .iter()
            .chain(&always)
            .map(|(name, value)| format!("{name}: {value}")),
    );
    let head = lines.join("\r\n") + "\r\n\r\n";
    [head.as_bytes(), body].concat()
}

/// A pipeline at an address, asked without delay.
pub(crate) fn pipeline(url: &str) -> Pipeline {
    Pipeline {
        id: PipelineId("example".to_owned()),
        kind: Kind::Post,
        description: "An example.".to_owned(),
        enabled: true,
        path: PathBuf::from("pipelines/example.toml"),
        file_hash: [0; 32],
        preset: None,
        source: Source {
            fetch: Fetch::Http,
            url: url.to_owned(),
            headers: BTreeMap::new(),
            timezone: TimeZone::UTC,
            wait_for: None,
            steps: Vec::new(),
            timeout: Duration::from_secs(10),
            stations: Vec::new(),
            issue: None,
            pages: Pages {
                paging: Paging::None,
                max: 1,
            },
        },
        list: List {
            format: ListFormat::Feed,
            script: None,
            group: None,
            link: None,
            id: None,
            fields: BTreeMap::new(),
        },
        detail: None,
        refresh: None,
        fields: BTreeMap::new(),
        scope: "example".to_owned(),
        defaults: BTreeMap::new(),
        politeness: Politeness {
            delay: Duration::ZERO,
            concurrency: 4,
        },
        ignored: Vec::new(),
        snapshot: Snapshot {
            allow_empty: false,
            shrink_limit: 0.5,
        },
        quality: Quality::default(),
    }
}

pub(crate) fn request(url: &str) -> Request {
    Request {
        pipeline: PipelineId("example".to_owned()),
        url: Url::parse(url).unwrap(),
        role: Role::List { number: 1 },
        validators: None,
    }
}

/// Settings with which a test does not take long.
pub(crate) fn settings() -> CollectSettings {
    CollectSettings {
        retry: RetrySettings {
            tries: 3,
            backoff: Duration::from_millis(20),
            longest_wait: Duration::from_secs(5),
            ..RetrySettings::default()
        },
        ..CollectSettings::default()
    }
}

/// A collector for which `https://jobs.example` is this site.
pub(crate) fn collector_with_twin(site: &Site) -> Collector {
    let settings = CollectSettings {
        twins: Twins::parse([format!("https://jobs.example=http://{}", site.address)]).unwrap(),
        ..settings()
    };
    collector(settings)
}

pub(crate) fn collector(settings: CollectSettings) -> Collector {
    Collector::new(settings, Environment::of_process()).unwrap()
}

/// Fetches one page of a pipeline with a collector of its own.
pub(crate) async fn fetch(pipeline: &Pipeline) -> Result<Page, FetchError> {
    let collector = collector(settings());
    let fetcher = collector.fetcher(pipeline).unwrap();
    read(fetcher.as_ref(), &request(&pipeline.source.url)).await
}

/// Fetches a page that nothing is known of.
pub(crate) async fn read(fetcher: &dyn Fetcher, request: &Request) -> Result<Page, FetchError> {
    match fetcher.fetch(request).await? {
        Fetched::Page(page) => Ok(*page),
        Fetched::NotModified => panic!("asked without validators"),
    }
}
