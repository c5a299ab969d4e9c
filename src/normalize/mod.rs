//! `Item → Record`: reads meaning into what a page says.
//!
//! [`normalize`] is a function of the item and its context alone: no I/O, no clock, no globals, so a replayed page gives
//! the same record. It reads dates in the source's zone, names companies and technologies by the dictionaries, and
//! hashes the result. What cannot be read is never guessed: a date that is none, or a posting without a title, is a
//! [`Rejection`] with its reason.

pub mod company;
pub mod date;
mod fields;
pub mod job;
pub mod number;
pub mod place;
pub mod quality;
mod records;
pub mod salary;
pub mod terms;
pub mod text;
pub mod url;
pub mod weather;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::config::Pipeline;
use crate::record::{Field, Item, Kind, Record, RecordId, Rejection, Stage, Values};

use company::Companies;
use fields::Fields;
use place::Stations;
use terms::{Dictionary, DictionaryError};

/// What the stage knows of the world.
#[derive(Debug)]
pub struct Dictionaries {
    /// The user's own terms joined with those that ship; none where there are no own ones.
    extended: Option<Dictionary>,
    /// SHA-256 of the user's own terms.
    own_terms_hash: [u8; 32],
    /// Companies.
    pub companies: &'static Companies,
    /// Weather stations.
    pub stations: &'static Stations,
}

impl Dictionaries {
    /// Those that ship with the program.
    pub fn bundled() -> Self {
        Self {
            extended: None,
            own_terms_hash: Sha256::digest("").into(),
            companies: Companies::bundled(),
            stations: Stations::bundled(),
        }
    }

    /// Those that ship with the program, and a user's own terms.
    pub fn with_terms(own: &str) -> Result<Self, DictionaryError> {
        let extended = Dictionary::bundled().extended_by(own)?;
        Ok(Self {
            extended: Some(extended),
            own_terms_hash: Sha256::digest(own).into(),
            ..Self::bundled()
        })
    }

    /// SHA-256 of the user's own terms; what else is known changes with the program's version only.
    pub const fn own_terms_hash(&self) -> [u8; 32] {
        self.own_terms_hash
    }

    /// Technologies.
    pub fn terms(&self) -> &Dictionary {
        self.extended
            .as_ref()
            .unwrap_or_else(|| Dictionary::bundled())
    }
}

/// What an item is read against.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Where it comes from.
    pub pipeline: &'a Pipeline,
    /// What is known of the world.
    pub dictionaries: &'a Dictionaries,
    /// When its page was fetched: what `3 days ago` counts from.
    pub fetched_at: Timestamp,
}

/// The record that an item is, or why it is none: it cannot be read, or is not what the pipeline expects.
pub fn normalize(item: &Item, context: &Context<'_>) -> Result<Record, Rejection> {
    let id = identity(context.pipeline, item);
    let record = records::build(item, id, context);
    match record.and_then(|record| quality::check(&record, context).map(|()| record)) {
        Ok(record) => Ok(record),
        Err(reason) => Err(Rejection {
            stage: Stage::Normalize,
            url: item.whereabouts().to_owned(),
            reason,
            payload: serde_json::to_value(item).ok(),
        }),
    }
}

/// What an item says that counts: without the fields that the pipeline ignores, and those that move with the instant of
/// the visit. As long as it is the same, a list has no news of the item.
pub fn counted(item: &Item, context: &Context<'_>) -> Item {
    let uncounted = Fields::of(item, context).uncounted();
    let mut item = item.clone();
    if let Values::Fields(values) = &mut item.values {
        values.retain(|field, _| {
            !uncounted
                .iter()
                .any(|other| other.fills(field.as_str()) || other == field)
        });
    }
    item
}

/// The fields whose texts cannot be read as what they are, each with the reason: all of them, where [`normalize`] stops
/// at the first.
pub fn unreadable(item: &Item, context: &Context<'_>) -> Vec<(Field, String)> {
    let fields = Fields::of(item, context);
    let instants =
        [Field::PostedAt, Field::PublishedAt].map(|field| (field, fields.instant(field)));
    let deadline = (Field::ValidThrough, fields.deadline(Field::ValidThrough));
    instants
        .into_iter()
        .chain([deadline])
        .filter_map(|(field, read)| Some((field, read.err()?)))
        .collect()
}

/// The id of the record that an item will be, from its natural key alone: the same before its detail page is read.
pub fn identity(pipeline: &Pipeline, item: &Item) -> RecordId {
    if let Values::Weather(weather) = &item.values {
        let (issued_at, valid_at) = (weather.issued_at.to_string(), weather.valid_at.to_string());
        let key = [
            &weather.provider,
            &weather.station,
            weather.kind.as_str(),
            &issued_at,
            &valid_at,
        ];
        return RecordId::of(Kind::Weather, &key);
    }
    let address = url::canonical(&item.entry.url);
    match (pipeline.kind, &item.entry.external_id) {
        (Kind::Job, Some(id)) => RecordId::of(Kind::Job, &[&pipeline.scope, id]),
        (Kind::Job, None) => RecordId::of(Kind::Job, &[&pipeline.scope, address.as_str()]),
        (kind, _) => RecordId::of(kind, &[address.as_str()]),
    }
}
