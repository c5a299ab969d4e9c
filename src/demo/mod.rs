//! The sites that `trendy demo` and the tests visit: saved pages, served on loopback.
//!
//! A pipeline file holds the address of a real site. Its *local twin* is what we saved of that site, served by a
//! [`Site`] on a port of its own; only the origin differs, paths and queries are the real ones. Twins answer with what
//! was saved, never with what was asked for: a weather twin gives the same hour whatever hour the query names.
//!
//! A twin has days. Day 1 is a whole site; each later day says only what had changed by then, so a test sees a posting
//! appear, change and vanish. A [`Case`] is a site with the records expected of it. `fixtures/README.md` has the layout, `fixtures/expected.toml` what each day must give.

mod case;
mod difference;
mod fetcher;
mod saved;
mod site;

use std::path::Path;

use include_dir::{Dir, include_dir};

use crate::config::{ConfigError, Pipeline};

pub use case::{Case, CaseError};
pub use difference::{Difference, Expected, FieldDifference, differences};
pub use fetcher::SavedFetcher;
pub use saved::{Files, Saved, SavedError};
pub use site::{Arrival, Site, SiteError};

/// The saved sites this build ships with, so that `trendy demo` needs no file but the program.
pub static FIXTURES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/fixtures");

/// The pipeline files this build ships with.
static PIPELINES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/pipelines");

/// The shipped pipelines, in the order of their names.
pub fn pipelines() -> Result<Vec<Pipeline>, ConfigError> {
    let mut pipelines = Vec::new();
    for file in PIPELINES.files() {
        let path = Path::new("pipelines").join(file.path());
        let text = String::from_utf8_lossy(file.contents()).into_owned();
        pipelines.push(Pipeline::parse(&path, text)?);
    }
    pipelines.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(pipelines)
}

/// The part of a pipeline's address that its saved site stands in for on the wire.
pub fn origin(pipeline: &Pipeline) -> String {
    let end = pipeline
        .source
        .url
        .find("://")
        .map_or(0, |scheme| scheme + 3);
    let host_end = pipeline.source.url[end..]
        .find(['/', '?', '#'])
        .map_or(pipeline.source.url.len(), |host| end + host);
    pipeline.source.url[..host_end].to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::record::Counts;

    type Expected = BTreeMap<String, BTreeMap<String, Counts>>;

    fn expected() -> Expected {
        let file = FIXTURES.get_file("expected.toml").unwrap();
        toml_edit::de::from_str(file.contents_utf8().unwrap()).unwrap()
    }

    #[test]
    fn every_pipeline_has_a_saved_site_and_the_counts_it_must_give() {
        let pipelines: BTreeSet<_> = PIPELINES
            .files()
            .map(|file| file.path().file_stem().unwrap().to_str().unwrap())
            .collect();
        let sites: BTreeSet<_> = FIXTURES
            .dirs()
            .map(|dir| dir.path().to_str().unwrap())
            .collect();
        let expected = expected();
        let counted: BTreeSet<_> = expected.keys().map(String::as_str).collect();
        assert_eq!(pipelines, sites);
        assert_eq!(pipelines, counted);
    }

    #[test]
    fn expected_counts_add_up() {
        for (pipeline, days) in expected() {
            let [first, again, second] = ["day-1", "day-1-again", "day-2"].map(|day| days[day]);
            assert_eq!(first.records, first.added, "{pipeline}");
            assert_eq!(again.records, again.unchanged, "{pipeline}");
            assert_eq!(
                second.records,
                second.added + second.updated + second.unchanged,
                "{pipeline}"
            );
        }
    }
}
