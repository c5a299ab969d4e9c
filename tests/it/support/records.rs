//! Records with defaults that a test only overrides where it matters.

use jiff::Timestamp;
use trendy::load::Batch;
use trendy::record::{
    Body, ContentHash, Job, Kind, PipelineId, Post, Reading, Record, RecordId, Term, TermType,
    Weather, WeatherKind,
};

pub(crate) const PIPELINE: &str = "programmers";
pub(crate) const BOARD: &str = "programmers";

/// Minutes after a fixed midnight.
pub(crate) fn minute(minute: i64) -> Timestamp {
    Timestamp::from_second(1_772_323_200 + minute * 60).unwrap()
}

pub(crate) fn pipeline() -> PipelineId {
    PipelineId(PIPELINE.to_owned())
}

pub(crate) fn job_id(number: u32) -> RecordId {
    RecordId::of(Kind::Job, &[BOARD, &number.to_string()])
}

pub(crate) fn job_with(number: u32, change: impl FnOnce(&mut Job)) -> Record {
    let mut job = Job {
        board: BOARD.to_owned(),
        external_id: Some(number.to_string()),
        title: format!("Backend engineer {number}"),
        company: Some("Daangn".to_owned()),
        description: Some("We write Kotlin and Go.".to_owned()),
        ..Job::default()
    };
    change(&mut job);
    record(job_id(number), Body::Job(Box::new(job)))
}

fn record(id: RecordId, body: Body) -> Record {
    Record {
        id,
        pipeline: pipeline(),
        url: format!("https://source.example/{id}"),
        content_hash: ContentHash::of(&body, &[]),
        uncounted: Vec::new(),
        terms: vec![term("Go"), term("Kotlin")],
        body,
        seen_at: minute(0),
    }
}

pub(crate) fn post(number: u32) -> Record {
    let post = Post {
        title: format!("Post {number}"),
        source: "tech-blog".to_owned(),
        published_at: Some(minute(-60)),
        ..Post::default()
    };
    record(
        RecordId::of(Kind::Post, &[&post.title]),
        Body::Post(Box::new(post)),
    )
}

/// The reading of one hour: a variable and a missing one.
pub(crate) fn weather(hour: u32) -> Record {
    let valid_at = minute(i64::from(hour) * 60);
    let reading = |value, raw: &str| Reading {
        value,
        unit: Some("°C".to_owned()),
        raw: raw.to_owned(),
        min: None,
        max: None,
    };
    let values = [
        ("temperature", reading(Some(20.5), "20.5")),
        ("snow", reading(None, "-999")),
    ];
    let weather = Weather {
        provider: "kma".to_owned(),
        station: "seoul".to_owned(),
        kind: WeatherKind::Forecast,
        issued_at: minute(0),
        valid_at,
        values: values
            .map(|(name, reading)| (name.to_owned(), reading))
            .into(),
    };
    let id = RecordId::of(
        Kind::Weather,
        &["kma", "seoul", "forecast", &valid_at.to_string()],
    );
    record(id, Body::Weather(weather))
}

pub(crate) fn job(number: u32) -> Record {
    job_with(number, |_| {})
}

pub(crate) fn term(name: &str) -> Term {
    Term {
        name: name.to_owned(),
        kind: TermType::Language,
    }
}

/// A batch of one page, loaded at this minute, as whose records were seen then.
pub(crate) fn batch(minute_of: i64, records: Vec<Record>) -> Batch {
    let at = minute(minute_of);
    let records = records
        .into_iter()
        .map(|record| Record {
            seen_at: at,
            ..record
        })
        .collect();
    Batch {
        records,
        pages: 1,
        at,
        ..Batch::default()
    }
}
