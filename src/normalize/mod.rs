//! (in work)
pub mod date;
pub mod terms;
