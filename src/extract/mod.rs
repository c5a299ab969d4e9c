//! (in work)

pub mod feed;
mod xml;
