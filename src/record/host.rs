use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What one process learnt of a host that the next one has to honour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostMemory {
    /// Its name, without port.
    pub host: String,
    /// No request before this instant.
    pub not_before: Option<Timestamp>,
    /// Why, in words.
    pub reason: String,
    /// Failures in a row.
    pub failures: u32,
    /// Time between two requests that it asked for (`crawl-delay`) or turned out to need.
    pub delay: Duration,
    /// When this was so.
    pub noted_at: Timestamp,
}
