//! (in work)
pub mod terms;
