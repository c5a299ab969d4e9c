//! (in work)

pub mod date;
