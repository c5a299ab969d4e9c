//! Integration tests: real servers, real browser, real files.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod browser;
mod collect;
mod site;
