//! (in work)

pub mod company;
pub mod date;
pub mod job;
pub mod number;
pub mod place;
pub mod text;
pub mod url;
pub mod weather;
