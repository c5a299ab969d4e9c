//! Collects: a request becomes a page.

pub mod robots;
