use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use url::Url;

use crate::record::Outcome;

/// What one run has spent on failed requests, host by host. A breaker forgives a host that answers in between; this does
/// not.
#[derive(Debug, Default)]
pub(super) struct Budget(Mutex<HashMap<String, Spent>>);

/// What went into one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spent {
    pub(super) time: Duration,
    /// What the last failure was.
    pub(super) failure: Outcome,
}

impl Budget {
    /// Adds a failed request, or the wait before it is repeated.
    pub(super) fn spend(&self, url: &Url, time: Duration, failure: Outcome) {
        let mut hosts = self.hosts();
        let host = url.host_str().unwrap_or_default().to_owned();
        let spent = hosts.entry(host).or_insert(Spent {
            time: Duration::ZERO,
            failure,
        });
        spent.time = spent.time.saturating_add(time);
        spent.failure = failure;
    }

    /// What has gone into the host of an address.
    pub(super) fn spent(&self, url: &Url) -> Option<Spent> {
        self.hosts()
            .get(url.host_str().unwrap_or_default())
            .copied()
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<String, Spent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
