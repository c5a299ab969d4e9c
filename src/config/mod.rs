//! What the user says: pipeline files, schedule files, `trendy.toml`, profiles, the environment, secrets.

mod environment;
mod pipeline;
mod rule;

pub use environment::{Environment, MissingVariable, Secret, fill, placeholders};
pub use pipeline::{
    Detail, Fetch, Issue, List, ListFormat, Pages, Paging, Pipeline, PipelineFile, Politeness,
    Snapshot, Source,
};
pub use rule::{Rule, Select, Transform};
