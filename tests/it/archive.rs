//! The raw archive: what is in it, who can read it, and the runs it replays.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;
use tempfile::TempDir;
use trendy::collect::{
    ArchiveFetcher, ArchiveSettings, CollectSettings, Collector, FetchError, Fetcher,
};
use trendy::config::{Environment, Pipeline};
use trendy::record::{Page, Request, Role};

use crate::site::{Site, html, moved, page, pipeline, read, request, settings};
use crate::support::trendy::{Said, Workspace};

const SHIPPED: [&str; 7] = [
    "daangn-careers",
    "daangn-greenhouse",
    "kma-observation",
    "naver-d2",
    "programmers",
    "python-jobs",
    "toss-tech",
];

const SECRET: &str = "ab+c/d==";

/// Fetches pages of a pipeline one after the other, as one run with an archive.
async fn archived_with(
    archive: ArchiveSettings,
    pipeline: &Pipeline,
    requests: &[Request],
) -> Vec<Result<Page, FetchError>> {
    let settings = CollectSettings {
        archive: Some(archive),
        ..settings()
    };
    let collector = Collector::new(settings, Environment::of([("KEY", SECRET)])).unwrap();
    let fetcher = collector.fetcher(pipeline).unwrap();
    let mut answers = Vec::new();
    for request in requests {
        answers.push(read(fetcher.as_ref(), request).await);
    }
    drop(fetcher);
    collector.close().await;
    answers
}

async fn archived(folder: &TempDir, url: &str) -> Page {
    let archive = ArchiveSettings::new(folder.path());
    let mut answers = archived_with(archive, &pipeline(url), &[request(url)]).await;
    answers.pop().unwrap().unwrap()
}

fn replay(archive: &Path) -> ArchiveFetcher {
    ArchiveFetcher::open(archive, &pipeline("http://a.example/").id).unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

fn only_file(folder: &Path) -> PathBuf {
    let [file] = files(folder).try_into().unwrap();
    file
}

/// All records of a file, unpacked.
fn text(file: &Path) -> String {
    let mut bytes = Vec::new();
    MultiGzDecoder::new(fs::File::open(file).unwrap())
        .read_to_end(&mut bytes)
        .unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn sorted_lines(said: &Said) -> Vec<&str> {
    let mut lines: Vec<&str> = said.stdout.lines().collect();
    lines.sort_unstable();
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_of_every_pipeline_prints_the_same_records_without_network() {
    let mut workspace = Workspace::shipped(&SHIPPED, 1).await;
    workspace.set("KMA_SERVICE_KEY", SECRET);
    workspace.set("TRENDY_ARCHIVE", "raw");
    let first = workspace
        .trendy(&[&["run", "--dry-run"], &SHIPPED[..]].concat())
        .await;
    assert_eq!(first.status, 0, "{first:#?}");
    let archived = files(&workspace.path("raw"));
    assert_eq!(archived.len(), SHIPPED.len(), "{archived:?}");
    for file in &archived {
        assert!(!text(file).contains(SECRET), "{}", file.display());
    }

    // Neither twins nor a key: whoever asked a site now would be told.
    workspace.write("trendy.toml", "");
    workspace.set("KMA_SERVICE_KEY", "");
    let before: Vec<_> = SHIPPED.map(|name| workspace.asked(name).len()).into();
    let again = workspace
        .trendy(&[&["run", "--dry-run", "--replay", "raw"], &SHIPPED[..]].concat())
        .await;
    assert_eq!(again.status, 0, "{again:#?}");
    assert!(sorted_lines(&first).len() > 50, "{first:#?}");
    assert_eq!(sorted_lines(&again), sorted_lines(&first));
    let after: Vec<_> = SHIPPED.map(|name| workspace.asked(name).len()).into();
    assert_eq!(after, before);
    assert_eq!(files(&workspace.path("raw")), archived);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_loads_records_and_closes_none() {
    let mut workspace = Workspace::shipped(&["python-jobs"], 1).await;
    workspace.set("TRENDY_ARCHIVE", "raw");
    let run = ["run", "python-jobs", "--format", "json"];
    let said = workspace.trendy(&run).await;
    let added = said.json()[0]["added"].as_u64().unwrap();
    let file = only_file(&workspace.path("raw"));

    workspace.set("DATABASE_URL", "sqlite:other.db");
    let replay = [&run[..], &["--replay", file.to_str().unwrap()]].concat();
    for expected in [("added", added), ("unchanged", added)] {
        let said = workspace.trendy(&replay).await;
        let row = &said.json()[0];
        assert_eq!(
            (said.status, &row[expected.0], &row["closed"]),
            (0, &expected.1.into(), &0.into()),
            "{said:#?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_replayed_is_told() {
    let mut workspace = Workspace::shipped(&["python-jobs", "toss-tech"], 1).await;
    workspace.set("TRENDY_ARCHIVE", "raw");
    let said = workspace.trendy(&["run", "python-jobs"]).await;
    assert_eq!(said.status, 0, "{said:#?}");

    let said = workspace
        .trendy(&["run", "python-jobs", "--replay", "row"])
        .await;
    assert_eq!(said.status, 2, "{said:#?}");
    assert!(
        said.stderr.contains("there is no archive `row`"),
        "{}",
        said.stderr
    );

    let said = workspace
        .trendy(&["run", "toss-tech", "--replay", "raw"])
        .await;
    assert_eq!(said.status, 1, "{said:#?}");
    let reason = "archive `raw` holds no answer for pipeline `toss-tech`";
    assert!(said.stderr.contains(reason), "{}", said.stderr);

    let moved = fs::read_to_string(workspace.path("pipelines/python-jobs.toml"))
        .unwrap()
        .replacen("url = \"https://", "url = \"https://new.", 1);
    workspace.write("pipelines/python-jobs.toml", &moved);
    let said = workspace
        .trendy(&["run", "python-jobs", "--replay", "raw", "--format", "json"])
        .await;
    assert_eq!(
        (said.status, &said.json()[0]["outcome"]),
        (1, &"failed".into()),
        "{said:#?}"
    );
    assert!(
        said.stderr.contains("is not in archive `raw`"),
        "{}",
        said.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_cannot_be_written_is_told_once_and_fails_no_run() {
    let mut workspace = Workspace::shipped(&["python-jobs"], 1).await;
    workspace.write("raw", "in the way");
    workspace.set("TRENDY_ARCHIVE", "raw");
    let said = workspace.trendy(&["run", "python-jobs"]).await;
    assert_eq!(said.status, 0, "{said:#?}");
    let told = said
        .stderr
        .matches("the archive in `raw` cannot be written")
        .count();
    assert_eq!(told, 1, "{}", said.stderr);

    workspace.set("TRENDY_ARCHIVE_KEEP", "long");
    let said = workspace.trendy(&["run", "python-jobs"]).await;
    assert_eq!(said.status, 2, "{said:#?}");
    assert!(
        said.stderr.contains("`archive_keep`: `long` is no age"),
        "{}",
        said.stderr
    );
}

#[tokio::test]
async fn redirects_and_refusals_are_replayed_as_they_were() {
    let site = Site::start(|path, count| match (path, count) {
        ("/old", _) => Some(moved("/new?page=1#top")),
        ("/new?page=1", _) => Some(html("<p>here</p>")),
        // The second try succeeds, and it is the one that counts.
        ("/shaky", 1) => Some(page("503 Service Unavailable", &[], "later")),
        ("/shaky", _) => Some(page("200 OK", &[("Content-Type", "text/plain")], "now")),
        _ => None,
    })
    .await;
    let folder = TempDir::new().unwrap();
    let requests = ["/old", "/shaky", "/gone"].map(|path| request(&site.url(path)));
    let archive = ArchiveSettings::new(folder.path());
    let first = archived_with(archive, &pipeline(&site.url("/old")), &requests).await;
    let visits = site.all_visits().len();

    let replay = replay(folder.path());
    for (request, first) in requests.iter().zip(first) {
        match (read(&replay, request).await, first) {
            (Ok(again), Ok(first)) => assert_eq!(again, first),
            (Err(FetchError::Status { url, status, .. }), Err(_)) => {
                assert_eq!((url, status), (site.url("/gone"), 404));
            }
            (again, first) => panic!("{again:?} where there was {first:?}"),
        }
    }
    let missing = replay
        .fetch(&request(&site.url("/never")))
        .await
        .unwrap_err();
    assert!(
        matches!(missing, FetchError::NotArchived { .. }),
        "{missing}"
    );
    assert_eq!(site.all_visits().len(), visits);
}

#[tokio::test]
async fn no_secret_gets_into_an_archive() {
    let echo = format!("https://elsewhere.example/?back={SECRET}");
    let site = Site::start(move |path, _| match path.split('?').next() {
        Some("/start") => Some(moved("/list?k=ab%2Bc%2Fd%3D%3D")),
        Some("/list") => Some(page(
            "200 OK",
            &[("X-Echo", &echo)],
            format!("<key>{SECRET}</key>"),
        )),
        _ => None,
    })
    .await;
    let folder = TempDir::new().unwrap();
    let mut pipeline = pipeline(&site.url("/start?k=${KEY}"));
    for (name, value) in [
        ("X-Key", "v1 ${KEY}"),
        ("Authorization", "Basic bWU6cGFzcw=="),
        ("X-Open", "yes"),
    ] {
        pipeline
            .source
            .headers
            .insert(name.to_owned(), value.to_owned());
    }
    let requests = [request(&pipeline.source.url)];
    let answers = archived_with(ArchiveSettings::new(folder.path()), &pipeline, &requests).await;
    assert!(answers[0].is_ok(), "{answers:?}");

    let text = text(&only_file(folder.path()));
    for secret in [SECRET, "ab%2Bc%2Fd%3D%3D", "bWU6cGFzcw"] {
        assert!(!text.contains(secret), "{text}");
    }
    for shown in [
        &*format!("WARC-Target-URI: {}\r\n", site.url("/start?k=${KEY}")),
        "GET /start?k=${KEY} HTTP/1.1\r\n",
        "x-key: v1 ${KEY}\r\n",
        "authorization: ***\r\n",
        "x-open: yes\r\n",
        "x-echo: https://elsewhere.example/?back=${KEY}\r\n",
        "<key>${KEY}</key>",
    ] {
        assert!(text.contains(shown), "`{shown}` is not in {text}");
    }
}

#[tokio::test]
async fn a_station_is_found_by_its_id_whatever_the_hour() {
    let site = Site::start(|path, _| path.starts_with("/w?at=").then(|| html(path))).await;
    let station = |id: &str, hour: u32| Request {
        role: Role::Station {
            station: id.to_owned(),
        },
        ..request(&site.url(&format!("/w?at={hour}&of={id}")))
    };
    let folder = TempDir::new().unwrap();
    let requests = [station("108", 9), station("108", 8), station("159", 9)];
    let archive = ArchiveSettings::new(folder.path());
    archived_with(archive, &pipeline(&site.url("/w")), &requests).await;

    let replay = replay(folder.path());
    let page = read(&replay, &station("108", 23)).await.unwrap();
    assert_eq!(page.request, requests[1]);
    assert_eq!(page.url, requests[1].url);
    assert_eq!(page.body, "/w?at=8&of=108");
}

#[tokio::test]
async fn a_file_cut_short_by_a_crash_is_read_and_closed_by_the_next_run() {
    let site = Site::start(|path, _| (path != "/robots.txt").then(|| html(path))).await;
    let folder = TempDir::new().unwrap();
    let requests = ["/a", "/b"].map(|path| request(&site.url(path)));
    let pipeline = pipeline(&site.url("/"));
    archived_with(ArchiveSettings::new(folder.path()), &pipeline, &requests).await;
    let closed = only_file(folder.path());
    let left_open = PathBuf::from(format!("{}.open", closed.display()));
    let bytes = fs::read(&closed).unwrap();
    fs::write(&left_open, &bytes[..bytes.len() - 9]).unwrap();
    fs::remove_file(&closed).unwrap();

    // The request of the last exchange is damaged, the answer before it is not.
    assert!(replay(folder.path()).fetch(&requests[1]).await.is_ok());

    archived(&folder, &site.url("/c")).await;
    let files = files(folder.path());
    assert_eq!(
        (files.len(), files.contains(&closed)),
        (2, true),
        "{files:?}"
    );
    let text = text(&closed);
    assert_eq!(text.matches("WARC-Type: response").count(), 3, "{text}");
    assert_eq!(text.matches("WARC-Type: request").count(), 2, "{text}");
}

#[tokio::test]
async fn files_are_rotated_by_size_and_removed_by_age() {
    let site = Site::start(|path, _| (path != "/robots.txt").then(|| html(path))).await;
    let folder = TempDir::new().unwrap();
    let place = |name: &str| folder.path().join(name);
    let (old, new) = (
        "trendy-x-20200101000000-00000.warc.gz",
        "trendy-x-29990101000000-00000.warc.gz",
    );
    for name in [old, new, "crawl-20200101000000-00000.warc.gz"] {
        fs::write(place(name), gzip(b"")).unwrap();
    }
    let archive = ArchiveSettings {
        keep: Some(Duration::from_hours(24)),
        rotate_at: 1,
        ..ArchiveSettings::new(folder.path())
    };
    let requests = ["/a", "/b"].map(|path| request(&site.url(path)));
    archived_with(archive, &pipeline(&site.url("/")), &requests).await;
    assert!(!place(old).exists());
    assert!(place("crawl-20200101000000-00000.warc.gz").exists());
    let files = files(folder.path());
    // One for `robots.txt` and each page, one of another tool, and one of the future.
    assert_eq!(files.len(), 5, "{files:?}");
    for name in [new, "crawl-20200101000000-00000.warc.gz"] {
        fs::remove_file(place(name)).unwrap();
    }
    for request in &requests {
        assert!(replay(folder.path()).fetch(request).await.is_ok());
    }
}

/// The output of warcio, a reader of the field that is not ours.
fn warcio(arguments: &[&str]) -> Vec<u8> {
    let program = std::env::var_os("TRENDY_TEST_WARCIO")
        .expect("TRENDY_TEST_WARCIO is not set: run `dev/up warc` and `. target/dev-services/env`");
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

#[tokio::test]
async fn warcio_reads_every_record_and_the_decoded_body() {
    let body = "<p>서울, decoded</p>".repeat(100);
    let packed = gzip(body.as_bytes());
    let site = Site::start(move |path, _| {
        let headers = [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Encoding", "gzip"),
            ("X-Kept", "yes"),
        ];
        (path == "/list?page=1").then(|| page("200 OK", &headers, &packed))
    })
    .await;
    let folder = TempDir::new().unwrap();
    let url = site.url("/list?page=1");
    let fetched = archived(&folder, &url).await;
    assert_eq!(fetched.body, body.as_bytes());
    let file = only_file(folder.path());
    let file = file.to_str().unwrap();
    assert!(
        !text(Path::new(file))
            .to_lowercase()
            .contains("content-encoding")
    );

    let fields =
        "offset,warc-type,warc-target-uri,warc-date,http:status,http:content-length,http:x-kept";
    let index = String::from_utf8(warcio(&["index", "-f", fields, file])).unwrap();
    let records: Vec<Value> = index
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let types: Vec<&str> = records
        .iter()
        .map(|record| record["warc-type"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        ["warcinfo", "response", "request", "response", "request"]
    );
    let response = &records[3];
    assert_eq!(response["warc-target-uri"], url);
    assert_eq!(response["warc-date"], fetched.fetched_at.to_string());
    assert_eq!(response["http:status"], "200");
    assert_eq!(response["http:content-length"], body.len().to_string());
    assert_eq!(response["http:x-kept"], "yes");
    warcio(&["check", file]);
    let payload = warcio(&[
        "extract",
        "--payload",
        file,
        response["offset"].as_str().unwrap(),
    ]);
    assert_eq!(String::from_utf8(payload).unwrap(), body);
}
