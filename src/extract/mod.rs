//! (in work)

pub mod kma;
