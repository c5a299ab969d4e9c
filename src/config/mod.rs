//! What the user says: pipeline files, schedule files, `trendy.toml`, profiles, the environment, secrets.
//!
//! Files are read into plain structs ([`PipelineFile`], [`ScheduleFile`]) whose doc comments are the reference and the
//! JSON Schema, then checked into types that cannot be wrong ([`Pipeline`], [`Schedule`]). Every problem of a file is
//! found at once, with its line, column and a hint, before anything is fetched; after that nothing is checked twice.
//! The process's environment is read in `main` only and handed in as [`Environment`].

mod catalog;
mod check;
mod cron;
mod document;
mod environment;
mod pipeline;
mod preset;
mod problem;
mod quality;
mod rule;
mod schedule;
mod settings;
mod step;

pub use catalog::{Catalog, load_pipelines, load_schedules};
pub(crate) use check::KEYS;
pub use check::parse_duration;
pub use cron::{CronExpression, InvalidCron};
pub use document::suggestion;
pub use environment::{Environment, MissingVariable, Secret, fill, placeholders};
pub use pipeline::{
    Detail, Fetch, Issue, List, ListFormat, Pages, Paging, Pipeline, PipelineFile, Politeness,
    Snapshot, Source,
};
pub use preset::Preset;
pub use problem::{ConfigError, Position, Problem};
pub use quality::{Earliest, Quality};
pub use rule::{Choice, Conversion, Pick, Read, Rule, Select, Transform, Within};
pub use schedule::{CatchUp, Overlap, Schedule, ScheduleFile};
pub use settings::{Origin, Setting, Settings, SettingsFile, addresses};
pub use step::{Action, Condition, Step, StepPages};
