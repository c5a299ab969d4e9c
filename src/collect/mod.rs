//! Collects: a [`Request`] becomes a [`Page`], over HTTP, through a real browser, or from an archive.
//!
//! Every address goes the same way: the address guard, `robots.txt`, the host's turn (delay, concurrency, pauses), the
//! wire, and a few tries. A redirect is an address like any other and goes that way again. Whatever a host asks for
//! (a crawl-delay, a `Retry-After`) or turns out to need ([`pace`], [`breaker`]) holds for all pipelines of the process,
//! and can be taken from it to be restored in the next.
//!
//! Invariants. Outside this module an address is the real one with its secrets as `${NAME}`; the twin that stands in
//! for a host and the value of a secret exist on the wire only. A secret goes to the pipeline's own origin only. No
//! answer leads to an address inside the network that the pipeline did not name. Nothing read is unbounded, in bytes or
//! in time. A dropped future lets go of all it held.

mod archive;
mod breaker;
mod browser;
mod budget;
mod collector;
mod error;
mod file;
mod guard;
mod host;
mod http;
mod pace;
mod politely;
pub mod robots;
mod secrets;
mod table;
mod twins;
mod visitor;

use async_trait::async_trait;

use crate::record::{Fetched, Request};

pub use archive::{ArchiveError, ArchiveFetcher, ArchiveSettings};
pub use browser::BrowserFetcher;
pub use collector::{BrowserKind, CollectSettings, Collector, RetrySettings, SetupError};
pub use error::FetchError;
pub use file::FileFetcher;
pub use http::HttpFetcher;
pub use twins::{TwinError, Twins};

/// Turns requests into pages. One fetcher serves one run of one pipeline: cookies last as long as it does.
#[async_trait]
pub trait Fetcher: Send + Sync {
    /// Fetches a page: status 2xx, the whole body; or 304 where the request has validators. The request waits for its
    /// host's turn, so this can take long; dropping the future gives the turn back.
    async fn fetch(&self, request: &Request) -> Result<Fetched, FetchError>;
}
