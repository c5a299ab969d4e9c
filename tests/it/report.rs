//! What the report says is what the store holds, on both servers alike; and what a page says stays text.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use trendy::load::{Batch, Store};
use trendy::record::{
    Body, ContentHash, Job, Kind, Outcome, PipelineId, Post, Reading, Record, RecordId, Term,
    TermType, Weather, WeatherKind,
};
use trendy::trends::queries::{
    CompanyJobs, JobFlow, TermLimits, TermTrend, job_flow, last_runs, newest, open_jobs,
    station_hours, term_trend, totals,
};
use trendy::trends::{self, Buckets, Step};

use crate::support::scratch::{Scratch, on_postgres, on_sqlite};

macro_rules! on_both {
    ($($test:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::on_sqlite(super::$test).await;
            })*
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::on_postgres(super::$test).await;
            })*

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn and_sqlite_give_the_same_report() {
                let (sender, receiver) = tokio::sync::oneshot::channel();
                super::on_sqlite(|scratch| async move {
                    sender.send(super::report_of_examples(scratch).await).unwrap();
                })
                .await;
                let of_sqlite = receiver.await.unwrap();
                super::on_postgres(|scratch| async move {
                    assert_eq!(super::report_of_examples(scratch).await, of_sqlite);
                })
                .await;
            }
        }
    };
}

on_both! {
    empty_store_says_what_is_missing
    terms_are_counted_by_month_and_type
    month_ends_where_the_zone_says
    terms_of_other_kinds_and_other_years_are_left_out
    openings_count_by_their_date_and_closings_by_the_visit_that_missed_them
    open_listings_are_counted_by_company
    newest_posts_stand_first_and_absurd_dates_do_not
    observation_wins_over_forecasts_of_its_hour
    weather_of_the_past_is_shown_as_of_then
    last_run_of_each_pipeline_is_told_and_trouble_first
    numbers_of_the_report_are_those_loaded
    hostile_text_stays_text
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-11-21T13:00:00Z")
}

fn months(count: u16) -> Buckets {
    Buckets::back_from(&now().to_zoned(jiff::tz::TimeZone::UTC), Step::Month, count)
}

fn terms(names: &[&str]) -> Vec<Term> {
    let kind = |name: &str| match name {
        "PostgreSQL" | "Redis" => TermType::Database,
        "Kubernetes" => TermType::Devops,
        _ => TermType::Language,
    };
    names
        .iter()
        .map(|name| Term {
            name: (*name).to_owned(),
            kind: kind(name),
        })
        .collect()
}

fn record(id: RecordId, url: &str, names: &[&str], body: Body) -> Record {
    Record {
        id,
        pipeline: PipelineId("test".to_owned()),
        url: url.to_owned(),
        content_hash: ContentHash::of(&body, &[]),
        uncounted: Vec::new(),
        terms: terms(names),
        body,
        seen_at: now(),
    }
}

fn job(number: u32, posted_at: &str, company: Option<&str>, names: &[&str]) -> Record {
    let number = number.to_string();
    let body = Job {
        board: "board".to_owned(),
        external_id: Some(number.clone()),
        title: format!("Engineer {number}"),
        company: company.map(str::to_owned),
        posted_at: Some(at(posted_at)),
        ..Job::default()
    };
    let url = format!("https://jobs.example/{number}");
    record(job_id(&number), &url, names, Body::Job(Box::new(body)))
}

fn job_id(number: &str) -> RecordId {
    RecordId::of(Kind::Job, &["board", number])
}

fn post(slug: &str, published_at: &str, title: &str, names: &[&str]) -> Record {
    let url = format!("https://blog.example/{slug}");
    let body = Post {
        title: title.to_owned(),
        source: "blog".to_owned(),
        published_at: Some(at(published_at)),
        ..Post::default()
    };
    record(
        RecordId::of(Kind::Post, &[&url]),
        &url,
        names,
        Body::Post(Box::new(body)),
    )
}

fn weather(
    station: &str,
    kind: WeatherKind,
    issued_at: &str,
    valid_at: &str,
    temperature: Option<f64>,
) -> Record {
    let reading = Reading {
        value: temperature,
        unit: Some("°C".to_owned()),
        raw: temperature.map_or("-998.9".to_owned(), |value| value.to_string()),
        min: None,
        max: None,
    };
    let body = Weather {
        provider: "kma".to_owned(),
        station: station.to_owned(),
        kind,
        issued_at: at(issued_at),
        valid_at: at(valid_at),
        values: BTreeMap::from([("temperature".to_owned(), reading)]),
    };
    let id = RecordId::of(
        Kind::Weather,
        &["kma", station, kind.as_str(), issued_at, valid_at],
    );
    record(id, "https://kma.example", &[], Body::Weather(body))
}

fn observed(station: &str, valid_at: &str, temperature: f64) -> Record {
    weather(
        station,
        WeatherKind::Observation,
        valid_at,
        valid_at,
        Some(temperature),
    )
}

/// A store after one run of one pipeline, which loaded these and closed those.
async fn store_with(scratch: &Scratch, records: Vec<Record>, closed: &[RecordId]) -> Store {
    let store = scratch.open().await;
    let run = store
        .begin_run(&PipelineId("test".to_owned()), now())
        .await
        .unwrap()
        .id;
    let batch = Batch {
        records,
        pages: 1,
        at: now(),
        ..Batch::default()
    };
    store.load(run, &batch).await.unwrap();
    store.close(run, closed, now()).await.unwrap();
    store
        .finish_run(run, Outcome::Ok, None, now())
        .await
        .unwrap();
    store
}

async fn trend(store: &Store, kind: Kind, buckets: &Buckets) -> TermTrend {
    let limits = TermLimits {
        overall: 2,
        per_type: 1,
    };
    term_trend(store, kind, buckets, limits).await.unwrap()
}

async fn html(store: &Store) -> String {
    trends::report(store, now()).await.unwrap()
}

async fn empty_store_says_what_is_missing(scratch: Scratch) {
    let html = html(&scratch.open().await).await;
    for sentence in [
        "No run yet",
        "No technology named in job listings yet",
        "No job listings yet",
        "No posts yet",
        "No weather yet",
    ] {
        assert!(html.contains(sentence), "{sentence}");
    }
    assert!(!html.contains("NaN"));
}

async fn terms_are_counted_by_month_and_type(scratch: Scratch) {
    let records = vec![
        job(1, "2026-10-05T00:00:00Z", None, &["Go", "Kotlin", "Redis"]),
        job(2, "2026-10-31T23:59:59Z", None, &["Go"]),
        job(
            3,
            "2026-11-01T00:00:00Z",
            None,
            &["Go", "PostgreSQL", "Redis"],
        ),
        job(4, "2026-11-20T00:00:00Z", None, &["Kotlin", "Kubernetes"]),
        job(5, "2026-11-20T00:00:00Z", None, &[]),
    ];
    let store = store_with(&scratch, records, &[]).await;
    let trend = trend(&store, Kind::Job, &months(3)).await;
    assert_eq!(trend.records, [0, 2, 3]);
    let rows: Vec<(&str, i64, &[i64])> = trend
        .terms
        .iter()
        .map(|row| (row.term.name.as_str(), row.place, row.counts.as_slice()))
        .collect();
    // The two most named, ties by name; then the first of each type that is not among them.
    assert_eq!(
        rows,
        [
            ("Go", 1, &[0, 2, 1][..]),
            ("Kotlin", 2, &[0, 1, 1]),
            ("Redis", 3, &[0, 1, 1]),
            ("Kubernetes", 4, &[0, 0, 1]),
        ]
    );
    assert_eq!(trend.share(&trend.terms[0], 0), None);
    assert_eq!(trend.share(&trend.terms[0], 1), Some(1.0));
    assert_eq!(trend.total_share(&trend.terms[0]), Some(0.6));
}

async fn month_ends_where_the_zone_says(scratch: Scratch) {
    let store = store_with(
        &scratch,
        vec![job(1, "2026-10-31T15:00:00Z", None, &["Go"])],
        &[],
    )
    .await;
    let in_seoul = now().in_tz("Asia/Seoul").unwrap();
    let seoul = Buckets::back_from(&in_seoul, Step::Month, 2);
    assert_eq!(trend(&store, Kind::Job, &seoul).await.records, [0, 1]);
    assert_eq!(trend(&store, Kind::Job, &months(2)).await.records, [1, 0]);
}

async fn terms_of_other_kinds_and_other_years_are_left_out(scratch: Scratch) {
    let records = vec![
        job(1, "2024-11-20T00:00:00Z", None, &["Java"]),
        job(2, "2027-01-01T00:00:00Z", None, &["Java"]),
        post("a", "2026-11-20T00:00:00Z", "A", &["Rust"]),
    ];
    let store = store_with(&scratch, records, &[]).await;
    let jobs = trend(&store, Kind::Job, &months(24)).await;
    assert_eq!((jobs.terms.len(), jobs.total_records()), (0, 0));
    let posts = trend(&store, Kind::Post, &months(24)).await;
    assert_eq!(posts.terms[0].term.name, "Rust");
}

async fn openings_count_by_their_date_and_closings_by_the_visit_that_missed_them(scratch: Scratch) {
    let records = vec![
        job(1, "2026-11-20T08:00:00Z", None, &[]),
        job(2, "2026-11-20T23:59:59Z", None, &[]),
        job(3, "2026-11-19T00:00:00Z", None, &[]),
        job(4, "2020-01-01T00:00:00Z", None, &[]),
        post("a", "2026-11-20T00:00:00Z", "A", &[]),
    ];
    let store = store_with(&scratch, records, &[job_id("3"), job_id("4")]).await;
    let zoned = now().to_zoned(jiff::tz::TimeZone::UTC);
    let flow = job_flow(&store, &Buckets::back_from(&zoned, Step::Day, 3))
        .await
        .unwrap();
    let day = |date: &str, opened, closed| JobFlow {
        date: date.parse().unwrap(),
        opened,
        closed,
    };
    assert_eq!(
        flow,
        [
            day("2026-11-19", 1, 0),
            day("2026-11-20", 2, 0),
            day("2026-11-21", 0, 2)
        ]
    );
}

async fn open_listings_are_counted_by_company(scratch: Scratch) {
    let date = "2026-11-20T00:00:00Z";
    let records = vec![
        job(1, date, Some("당근"), &[]),
        job(2, date, Some("당근"), &[]),
        job(3, date, Some("toss"), &[]),
        job(4, date, Some("Kakao"), &[]),
        job(5, date, None, &[]),
        job(6, date, Some("gone"), &[]),
    ];
    let store = store_with(&scratch, records, &[job_id("6")]).await;
    let open = open_jobs(&store, 3).await.unwrap();
    assert_eq!((open.jobs, open.companies), (5, 4));
    let row = |company: Option<&str>, jobs| CompanyJobs {
        company: company.map(str::to_owned),
        jobs,
    };
    assert_eq!(
        open.by_company,
        [row(Some("당근"), 2), row(None, 1), row(Some("Kakao"), 1)]
    );
}

async fn newest_posts_stand_first_and_absurd_dates_do_not(scratch: Scratch) {
    let records = vec![
        post("old", "2026-11-01T00:00:00Z", "Old", &["Go"]),
        post("new", "2026-11-21T00:00:00Z", "New", &[]),
        post("typo", "2062-11-21T00:00:00Z", "Typo", &[]),
    ];
    let store = store_with(&scratch, records, &[]).await;
    let posts = newest(&store, Kind::Post, now(), 10).await.unwrap();
    let titles: Vec<&str> = posts.iter().map(|post| post.title.as_str()).collect();
    assert_eq!(titles, ["New", "Old"]);
    assert_eq!(posts[1].terms, terms(&["Go"]));
    assert_eq!(posts[1].by.as_deref(), Some("blog"));
    assert_eq!(newest(&store, Kind::Post, now(), 1).await.unwrap().len(), 1);
}

async fn observation_wins_over_forecasts_of_its_hour(scratch: Scratch) {
    let forecast = |issued_at: &str, valid_at: &str, value| {
        weather(
            "seoul",
            WeatherKind::Forecast,
            issued_at,
            valid_at,
            Some(value),
        )
    };
    let records = vec![
        forecast("2026-11-21T05:00:00Z", "2026-11-21T12:00:00Z", 1.0),
        observed("seoul", "2026-11-21T12:00:00Z", 2.0),
        forecast("2026-11-21T02:00:00Z", "2026-11-21T13:00:00Z", 3.0),
        forecast("2026-11-21T05:00:00Z", "2026-11-21T13:00:00Z", 4.0),
        forecast("2026-11-21T05:00:00Z", "2026-11-22T13:00:00Z", 9.0),
        weather(
            "busan",
            WeatherKind::Observation,
            "2026-11-21T13:00:00Z",
            "2026-11-21T13:00:00Z",
            None,
        ),
    ];
    let store = store_with(&scratch, records, &[]).await;
    let hours = station_hours(&store, "temperature", now(), 24, 10)
        .await
        .unwrap();
    let rows: Vec<(&str, WeatherKind, f64)> = hours
        .iter()
        .map(|hour| (hour.station.as_str(), hour.weather_kind, hour.value))
        .collect();
    assert_eq!(
        rows,
        [
            ("seoul", WeatherKind::Observation, 2.0),
            ("seoul", WeatherKind::Forecast, 4.0)
        ]
    );
    let html = html(&store).await;
    assert!(
        html.contains("4.0 °C") && html.contains(">forecast<"),
        "{html}"
    );
}

async fn weather_of_the_past_is_shown_as_of_then(scratch: Scratch) {
    let records = vec![observed("seoul", "2026-03-01T00:00:00Z", -4.5)];
    let store = store_with(&scratch, records, &[]).await;
    let html = html(&store).await;
    assert!(html.contains("−4.5 °C") && html.contains("1 Mar, 00:00"));
}

async fn last_run_of_each_pipeline_is_told_and_trouble_first(scratch: Scratch) {
    let store = scratch.open().await;
    let runs = [
        ("a", Some(Outcome::Failed)),
        ("b", Some(Outcome::Blocked)),
        ("a", Some(Outcome::Ok)),
        ("c", None),
    ];
    for (minute, (pipeline, outcome)) in (0..).zip(runs) {
        let began_at = now() + SignedDuration::from_mins(minute);
        let pipeline = PipelineId(pipeline.to_owned());
        let run = store.begin_run(&pipeline, began_at).await.unwrap().id;
        if let Some(outcome) = outcome {
            let ended_at = began_at + SignedDuration::from_secs(3);
            store
                .finish_run(run, outcome, Some("why"), ended_at)
                .await
                .unwrap();
        }
    }
    let last = last_runs(&store, 10).await.unwrap();
    let rows: Vec<(&str, Option<Outcome>)> = last
        .iter()
        .map(|run| (run.pipeline.as_str(), run.outcome))
        .collect();
    assert_eq!(
        rows,
        [
            ("c", None),
            ("b", Some(Outcome::Blocked)),
            ("a", Some(Outcome::Ok))
        ]
    );
    assert!(html(&store).await.contains("1 of 3"));
}

fn examples() -> Vec<Record> {
    let mut records = vec![
        post(
            "a",
            "2026-11-18T00:00:00Z",
            "Größer & schneller",
            &["Rust", "Redis"],
        ),
        post("b", "2026-09-18T00:00:00Z", "안녕", &["Go"]),
        observed("seoul", "2026-11-21T12:00:00Z", -1.5),
        observed("seoul", "2026-11-21T13:00:00Z", 0.25),
        observed("busan", "2026-11-21T13:00:00Z", 11.0),
    ];
    let names = ["Go", "Kotlin", "PostgreSQL", "c", "B", "가", "Kubernetes"];
    for number in 0..1_234_u32 {
        let day = number % 28 + 1;
        let month = number % 11 + 1;
        let date = format!("2026-{month:02}-{day:02}T00:00:00Z");
        let company = ["당근", "toss", "Kakao", "naver"][number as usize % 4];
        let first = number as usize % names.len();
        records.push(job(number, &date, Some(company), &names[first..]));
    }
    records
}

async fn report_of_examples(scratch: Scratch) -> String {
    let closed = [job_id("0"), job_id("1")];
    html(&store_with(&scratch, examples(), &closed).await).await
}

async fn numbers_of_the_report_are_those_loaded(scratch: Scratch) {
    let closed = [job_id("0"), job_id("1")];
    let store = store_with(&scratch, examples(), &closed).await;
    let counted: Vec<(Kind, i64, i64)> = totals(&store)
        .await
        .unwrap()
        .iter()
        .map(|total| (total.kind, total.records, total.active))
        .collect();
    assert_eq!(
        counted,
        [
            (Kind::Job, 1_234, 1_232),
            (Kind::Post, 2, 2),
            (Kind::Weather, 3, 3)
        ]
    );

    let html = html(&store).await;
    // "Kubernetes" is named by every listing, as it is the last of the names.
    let loaded = examples();
    let named = |name: &str, kind: Kind| {
        let names = |record: &&Record| record.terms.iter().any(|term| term.name == name);
        loaded
            .iter()
            .filter(|record| record.kind() == kind)
            .filter(names)
            .count()
    };
    assert_eq!(named("Kubernetes", Kind::Job), 1_234);
    for text in [
        "<strong>1,232</strong>",
        "of 1,234 ever seen",
        "<td>1,234</td><td class=\"share\">100%</td>",
        &format!("<td>{}</td>", named("Go", Kind::Job)),
        "1,232 open, of 4 companies",
        "Größer &amp; schneller",
        "0.2 °C",
        "−1.5 to 0.2",
        "2 closed",
    ] {
        assert!(html.contains(text), "{text}");
    }
    assert!(html.len() < 200_000, "{} bytes", html.len());
}

async fn hostile_text_stays_text(scratch: Scratch) {
    const SCRIPT: &str = "<script>alert(1)</script>";
    const QUOTES: &str = "\" onmouseover=\"alert(1)\" '><img src=x onerror=alert(1)>";
    let listing = Body::Job(Box::new(Job {
        board: "board".to_owned(),
        title: SCRIPT.to_owned(),
        company: Some(QUOTES.to_owned()),
        posted_at: Some(now()),
        ..Job::default()
    }));
    let article = Body::Post(Box::new(Post {
        title: QUOTES.to_owned(),
        source: "</style><script>alert(1)</script>{{ 7 * 7 }}".to_owned(),
        language: Some("en\" onclick=\"alert(1)".to_owned()),
        published_at: Some(now()),
        ..Post::default()
    }));
    let listing = record(job_id("1"), "javascript:alert(1)", &[SCRIPT, "Go"], listing);
    let article = record(
        RecordId::of(Kind::Post, &["x"]),
        "data:text/html,<script>alert(1)</script>",
        &[QUOTES],
        article,
    );
    let records = vec![
        listing,
        article,
        post("good", "2026-11-19T00:00:00Z", "Good", &[]),
        observed("</title><svg onload=alert(1)>", "2026-11-21T12:00:00Z", 1.0),
        observed("</title><svg onload=alert(1)>", "2026-11-21T13:00:00Z", 1.0),
    ];
    let store = store_with(&scratch, records, &[]).await;
    let run = store
        .begin_run(&PipelineId(SCRIPT.to_owned()), now())
        .await
        .unwrap();
    store
        .finish_run(run.id, Outcome::Failed, Some(SCRIPT), now())
        .await
        .unwrap();
    let html = html(&store).await;

    assert!(html.contains("&lt;script&gt;alert(1)&lt;"), "it is shown");
    let document = scraper::Html::parse_document(&html);
    for element in document.root_element().descendent_elements() {
        let name = element.value().name();
        assert!(
            !["script", "img", "iframe", "object"].contains(&name),
            "{name}"
        );
        for (attribute, value) in element.value().attrs() {
            assert!(!attribute.starts_with("on"), "{attribute}={value}");
            if attribute == "href" {
                assert!(
                    value.starts_with('#') || value.starts_with("https://"),
                    "{value}"
                );
            }
        }
    }
    let links = scraper::Selector::parse("a[target]").unwrap();
    let links: Vec<_> = document.select(&links).collect();
    assert_eq!(links.len(), 1, "the good address alone is a link");
    assert!(
        links[0]
            .attr("rel")
            .unwrap()
            .contains("noopener noreferrer")
    );
    let policy =
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
    assert!(html.contains(policy));
    assert!(!html.contains("49"), "nothing is rendered twice");
}
