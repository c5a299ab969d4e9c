//! How far apart the requests to one host are: arithmetic alone, without a clock.
//!
//! The gentlest of three wins: what pipelines are set to, what `robots.txt` asks for, and what the host shows to be too
//! much for it. The last follows Scrapy's `AutoThrottle`: the delay aims at a share of the requests that pipelines allow at
//! once, meets a slow answer halfway, and is given up little by little. It only ever adds to the other two.

use std::time::Duration;

use crate::config::Politeness;

/// Longest delay that a host is granted beyond what pipelines are set to. Some sites ask for a day; at a minute, 500 pages
/// take a night.
pub(super) const LONGEST_DELAY: Duration = Duration::from_mins(1);

/// An answer that begins sooner than this says nothing of load: a page made to order, or half the way around the earth.
const QUICK: Duration = Duration::from_millis(500);

/// Share of the requests allowed at once that a slow host is to have under way, on average.
const SHARE: f64 = 0.5;

/// What a good answer leaves of the slowing: after twenty of them an eighth is left.
const RECOVERY: f64 = 0.9;

/// Less slowing than this is none; timers are no finer than a millisecond.
const NOTICEABLE: Duration = Duration::from_millis(5);

/// The pace at which a host is asked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pace {
    configured: Duration,
    concurrency: usize,
    crawl_delay: Duration,
    slowed: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            configured: Duration::ZERO,
            concurrency: usize::MAX,
            crawl_delay: Duration::ZERO,
            slowed: Duration::ZERO,
        }
    }
}

impl Pace {
    /// No faster than this from now on.
    pub(super) fn be_gentle(&mut self, politeness: Politeness) {
        self.configured = self.configured.max(politeness.delay);
        self.concurrency = self.concurrency.min(politeness.concurrency.max(1));
    }

    /// What a `robots.txt` of the host asks for; it may have one a port.
    pub(super) fn keep_crawl_delay(&mut self, delay: Duration) {
        self.crawl_delay = self.crawl_delay.max(delay);
    }

    /// What an earlier process had come to.
    pub(super) fn restore(&mut self, delay: Duration) {
        self.slowed = self.slowed.max(delay.min(LONGEST_DELAY));
    }

    /// A good answer began after so long.
    pub(super) fn answered_after(&mut self, latency: Duration) {
        let target = if latency <= QUICK {
            Duration::ZERO
        } else {
            let at_once = u32::try_from(self.concurrency).unwrap_or(u32::MAX);
            let target = latency.mul_f64(1.0 / (SHARE * f64::from(at_once)));
            target.min(LONGEST_DELAY)
        };
        self.slowed = if target > self.slowed {
            (self.slowed + target) / 2
        } else {
            self.slowed.mul_f64(RECOVERY).max(target)
        };
        if self.slowed < NOTICEABLE {
            self.slowed = Duration::ZERO;
        }
    }

    /// The host said, or showed, that this is too much for it, but not what would be enough: twice the delay, and no less
    /// than `least`.
    pub(super) fn was_too_fast(&mut self, least: Duration) {
        self.slowed = self.delay().saturating_mul(2).max(least).min(LONGEST_DELAY);
    }

    /// Least time between the beginnings of two requests.
    pub(super) fn delay(&self) -> Duration {
        self.configured.max(self.owed())
    }

    /// The part of the delay that is the host's own doing.
    pub(super) fn owed(&self) -> Duration {
        self.crawl_delay.max(self.slowed)
    }

    /// Most requests under way at once.
    pub(super) fn concurrency(&self) -> usize {
        self.concurrency
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pace(delay_ms: u64, concurrency: usize) -> Pace {
        let mut pace = Pace::default();
        pace.be_gentle(Politeness {
            delay: Duration::from_millis(delay_ms),
            concurrency,
        });
        pace
    }

    #[test]
    fn the_gentlest_wins() {
        let mut pace = pace(1000, 3);
        pace.be_gentle(Politeness {
            delay: Duration::ZERO,
            concurrency: 8,
        });
        assert_eq!((pace.delay(), pace.concurrency()), (SECOND, 3));
        pace.keep_crawl_delay(5 * SECOND);
        pace.keep_crawl_delay(SECOND);
        assert_eq!(pace.delay(), 5 * SECOND);
    }

    #[test]
    fn quick_answers_change_nothing() {
        let mut pace = pace(0, 1);
        for _ in 0..100 {
            pace.answered_after(QUICK);
        }
        assert_eq!(pace.delay(), Duration::ZERO);
    }

    #[test]
    fn slow_answers_slow_down_to_half_of_what_is_allowed() {
        for (concurrency, delay) in [(1, 8 * SECOND), (4, 2 * SECOND)] {
            let mut pace = pace(100, concurrency);
            pace.answered_after(4 * SECOND);
            assert_eq!(pace.delay(), delay / 2, "halfway at first");
            for _ in 0..30 {
                pace.answered_after(4 * SECOND);
            }
            assert!(pace.delay().abs_diff(delay) < SECOND / 100, "{pace:?}");
        }
    }

    #[test]
    fn a_host_that_recovers_is_trusted_little_by_little_and_never_beyond_what_is_set() {
        let mut pace = pace(1000, 1);
        pace.restore(10 * SECOND);
        let mut before = pace.delay();
        for _ in 0..60 {
            pace.answered_after(Duration::ZERO);
            assert!(pace.delay() <= before && pace.delay() >= before.mul_f64(RECOVERY));
            before = pace.delay();
        }
        assert_eq!(pace.delay(), SECOND);
        assert!(pace.owed() < SECOND);
    }

    #[test]
    fn a_host_that_cannot_keep_up_is_asked_half_as_often_each_time_up_to_a_limit() {
        let mut slow = pace(1500, 1);
        slow.was_too_fast(SECOND);
        assert_eq!(slow.delay(), 3 * SECOND);
        for _ in 0..20 {
            slow.was_too_fast(SECOND);
        }
        assert_eq!(slow.delay(), LONGEST_DELAY);

        let mut unset = pace(0, 1);
        unset.was_too_fast(SECOND);
        assert_eq!(unset.delay(), SECOND);
    }

    #[test]
    fn no_host_makes_its_own_delay_longer_than_the_limit() {
        let mut pace = pace(0, 1);
        for _ in 0..30 {
            pace.answered_after(Duration::from_hours(1));
        }
        assert!(pace.delay() <= LONGEST_DELAY, "{pace:?}");
        pace.restore(Duration::MAX);
        assert_eq!(pace.delay(), LONGEST_DELAY);
        pace.be_gentle(Politeness {
            delay: 2 * LONGEST_DELAY,
            concurrency: 1,
        });
        assert_eq!(pace.delay(), 2 * LONGEST_DELAY);
    }
}
