//! The sites that `trendy demo` and the tests visit: saved pages, served on loopback.
//!
//! A pipeline file holds the address of a real site. Its *local twin* is what we saved of that site, served by a
//! [`Site`] on a port of its own; only the origin differs, paths and queries are the real ones. Twins answer with what
//! was saved, never with what was asked for: a weather twin gives the same hour whatever hour the query names.
//!
//! A twin has days. Day 1 is a whole site; each later day says only what had changed by then, so a test sees a posting
//! appear, change and vanish. `fixtures/README.md` has the layout, `fixtures/expected.toml` what each day must give.

mod saved;
mod site;

use include_dir::{Dir, include_dir};

pub use saved::{Files, Saved, SavedError};
pub use site::{Arrival, Site, SiteError};

/// The saved sites this build ships with, so that `trendy demo` needs no file but the program.
pub static FIXTURES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/fixtures");
