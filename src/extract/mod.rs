//! (in work)

pub mod feed;
mod link;
pub mod sitemap;
mod xml;
