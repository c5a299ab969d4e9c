//! When a host that keeps failing is left alone, and when it is tried again. The clock is the caller's.

use std::time::Duration;

use tokio::time::Instant;

use crate::record::Outcome;

/// Failures in a row after which a host is left alone: three requests with all their tries, and one more.
pub(super) const MOST_FAILURES: u32 = 10;

/// How long it is left alone at first; twice as long after each trial that fails.
pub(super) const REST: Duration = Duration::from_mins(1);

/// Longest rest: shorter than the shortest usual schedule, so that each scheduled run knocks once.
const LONGEST_REST: Duration = Duration::from_mins(15);

/// The breaker of one host. Closed: it is asked. Open: it rests. Half-open, the rest being over: one request decides.
#[derive(Debug)]
pub(super) struct Breaker {
    failures: u32,
    failure: Outcome,
    open_until: Option<Instant>,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            failures: 0,
            failure: Outcome::Failed,
            open_until: None,
        }
    }
}

impl Breaker {
    pub(super) fn failed(&mut self, failure: Outcome, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        self.failure = failure;
        if let Some(trials) = self.failures.checked_sub(MOST_FAILURES) {
            self.open_until = Some(now + (REST * (1 << trials.min(16))).min(LONGEST_REST));
        }
    }

    /// The host answered, if only to say no. Tells whether it had failed before.
    pub(super) fn answered(&mut self) -> bool {
        let had_failed = self.failures > 0;
        self.failures = 0;
        self.open_until = None;
        had_failed
    }

    /// Takes up the failures of an earlier process, and their rest if there is one.
    pub(super) fn restore(&mut self, failures: u32, open_until: Option<Instant>) {
        self.failures = self.failures.max(failures);
        if self.failures >= MOST_FAILURES {
            self.open_until = self.open_until.max(open_until);
        }
    }

    /// Failures in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// What the last failure was; of an earlier process nothing is known but that it keeps us from asking.
    pub(super) fn failure(&self) -> Outcome {
        self.failure
    }

    /// The end of the rest, while it lasts.
    pub(super) fn open_until(&self, now: Instant) -> Option<Instant> {
        self.open_until.filter(|until| *until > now)
    }

    /// Whether the next request decides, and no other may be under way.
    pub(super) fn is_half_open(&self) -> bool {
        self.failures >= MOST_FAILURES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn opens_after_so_many_failures_and_longer_after_each_trial_that_fails() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 1..MOST_FAILURES {
            breaker.failed(Outcome::Failed, now);
        }
        assert_eq!(breaker.open_until(now), None);
        for rest in [REST, 2 * REST, 4 * REST, 8 * REST, LONGEST_REST] {
            breaker.failed(Outcome::Failed, now);
            assert_eq!(breaker.open_until(now), Some(now + rest));
            assert_eq!(breaker.open_until(now + rest), None);
            assert!(breaker.is_half_open());
        }
        assert!(breaker.answered());
        assert!(!breaker.is_half_open() && breaker.open_until(now).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn few_failures_of_an_earlier_process_count_but_are_no_reason_to_rest() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        breaker.restore(MOST_FAILURES - 1, Some(now + REST));
        assert_eq!(breaker.open_until(now), None);
        breaker.failed(Outcome::Failed, now);
        assert_eq!(breaker.open_until(now), Some(now + REST));
    }
}
