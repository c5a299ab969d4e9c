//! What tests of several modules need: scratch stores, and builders for records.

pub(crate) mod cluster;
pub(crate) mod node;
pub(crate) mod records;
pub(crate) mod scratch;
pub(crate) mod trendy;
pub(crate) mod unprivileged;
