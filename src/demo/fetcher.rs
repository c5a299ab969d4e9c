use async_trait::async_trait;
use jiff::Timestamp;

use super::saved::Saved;
use crate::collect::{FetchError, Fetcher};
use crate::record::{Fetched, Page, Request};

/// Answers requests from a saved site: no socket, no robots.txt, no browser.
///
/// Path and query are asked for, whatever host an address names. A pipeline that uses a browser finds its pages as they
/// were saved, so they are saved as the browser left them. All pages say that they were fetched at one instant.
#[derive(Debug)]
pub struct SavedFetcher {
    saved: Saved,
    fetched_at: Timestamp,
}

impl SavedFetcher {
    /// Answers with this site, as of an instant.
    pub const fn new(saved: Saved, fetched_at: Timestamp) -> Self {
        Self { saved, fetched_at }
    }
}

#[async_trait]
impl Fetcher for SavedFetcher {
    async fn fetch(&self, request: &Request) -> Result<Fetched, FetchError> {
        let url = &request.url;
        let Some(page) = self.saved.find(url.path(), url.query().unwrap_or_default()) else {
            return Err(FetchError::Status {
                url: url.to_string(),
                status: 404,
                retry_after: None,
            });
        };
        Ok(Fetched::Page(Box::new(Page {
            request: request.clone(),
            url: url.clone(),
            status: 200,
            content_type: Some(page.content_type().to_owned()),
            body: page.body.clone(),
            robots_tags: Vec::new(),
            fetched_at: self.fetched_at,
            validators: None,
            is_cut: false,
            unseen: None,
        })))
    }
}
