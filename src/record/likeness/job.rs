use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::fold::{combine, hash, joined};
use super::section::of_position;
use super::sketch::Sketch;
use super::title::Title;
use super::{About, Likeness, Said, place};
use crate::record::{Job, Kind};

/// Fewest shingles of a posting, some two sentences: with less, all positions of a company look alike.
const LEAST: u32 = 20;

/// Years by which two boards may differ in the experience that they ask for: `3년 이상` is `3~5년` and `3년 초과`.
const YEARS: u8 = 1;

/// Half a year: few openings stay open for longer, and a team that grows advertises with last year's text.
pub(super) const LASTS: SignedDuration = SignedDuration::from_hours(24 * 182);

/// The facts of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Opening {
    employer: u64,
    position: u64,
    notes: Said,
    levels: Said,
    places: Said,
    employment: Said,
    experience: Option<u8>,
}

pub(super) fn likeness(job: &Job) -> Option<Likeness> {
    let employer = employer(job.company.as_deref()?);
    let title = Title::of(&job.title, &employer);
    let position = title.position.filter(|_| !employer.is_empty())?;
    let text = job.description.as_deref()?;
    let mut sketch = Sketch::of(of_position(text));
    if sketch.size < LEAST {
        sketch = Sketch::of(text.lines());
    }
    let opening = Opening {
        employer: hash(&employer),
        position,
        notes: title.notes,
        levels: title.levels,
        places: place::said(job.location.as_deref(), &title.places),
        employment: Said::of(&job.employment_type),
        experience: job.experience_min.or(title.experience),
    };
    (sketch.size >= LEAST).then_some(Likeness {
        about: About::Job(opening),
        sketch,
    })
}

/// A company's name as one word, without a note in brackets. The dictionary has already given its spellings one name.
fn employer(company: &str) -> String {
    let outside = company.split(['(', '（']).next().unwrap_or_default();
    let name = joined(outside);
    if name.is_empty() {
        joined(company)
    } else {
        name
    }
}

impl Opening {
    pub(super) fn contradicts(&self, other: &Self) -> bool {
        let years = self.experience.zip(other.experience);
        self.employer != other.employer
            || self.position != other.position
            || self.notes.contradicts(&other.notes)
            || self.levels.contradicts(&other.levels)
            || self.places.contradicts(&other.places)
            || self.employment.contradicts(&other.employment)
            || years.is_some_and(|(one, two)| one.abs_diff(two) > YEARS)
    }

    /// One by what must be the same. A company may list hundreds under one title: they are told apart by place, and by
    /// two parts of the text.
    pub(super) fn keys(&self, sketch: &Sketch) -> Vec<u64> {
        let about = combine(&[hash(Kind::Job.as_str()), self.employer, self.position]);
        let mut keys = vec![about];
        if !self.places.0.is_empty() {
            let places: Vec<u64> = self
                .places
                .0
                .iter()
                .map(|place| u64::from(*place))
                .collect();
            keys.push(combine(&[about, combine(&places)]));
        }
        keys.extend(sketch.bands(2, 1).map(|band| combine(&[about, band])));
        keys
    }
}
