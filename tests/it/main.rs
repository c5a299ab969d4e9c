//! Tests of whole parts of trendy against real servers, files and processes. One crate, so that it links once.

#![expect(
    clippy::unwrap_used,
    reason = "what a test cannot go on without; clippy allows it in test functions, and helpers are of the test too"
)]

mod alarms;
mod archive;
mod browser;
mod cases;
mod collect;
mod db;
mod dead_letters;
mod declared;
mod demo;
mod elasticsearch;
mod files;
mod hostile;
mod hosts;
mod interrupted;
mod late_commit;
mod leases;
mod lists;
mod long_lists;
mod misbehaving;
mod mistakes;
mod news;
mod noindex;
mod numbers;
mod oracle;
mod paging;
mod presets;
mod quality;
mod readme;
mod refresh;
mod report;
mod retention;
mod same_as;
mod site;
mod store;
mod store_crash;
mod store_troubles;
mod support;
mod ten_days;
mod try_page;
mod unchanged;
