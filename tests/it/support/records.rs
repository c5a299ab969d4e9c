//! Records with defaults that a test only overrides where it matters.

use jiff::Timestamp;
use trendy::load::Batch;
use trendy::record::{Body, ContentHash, Job, Kind, PipelineId, Record, RecordId, Term, TermType};

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
    let body = Body::Job(Box::new(job));
    Record {
        id: job_id(number),
        pipeline: pipeline(),
        url: format!("https://jobs.example/{number}"),
        content_hash: ContentHash::of(&body),
        terms: vec![term("Go"), term("Kotlin")],
        body,
        seen_at: minute(0),
    }
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
