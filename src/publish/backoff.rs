use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The first wait. A server that was busy for a moment is asked again before anyone notices.
const FIRST: Duration = Duration::from_millis(250);

/// The longest wait, also where the server asks for more: what takes longer is for the next publish.
const LONGEST: Duration = Duration::from_secs(10);

/// How long to wait before the next attempt: twice as long each time, with jitter so that publishers which failed
/// together do not come back together.
#[derive(Debug)]
pub(super) struct Backoff {
    left: u32,
    next: Duration,
}

impl Backoff {
    /// Waits between so many attempts.
    pub(super) const fn between(attempts: u32) -> Self {
        Self {
            left: attempts.saturating_sub(1),
            next: FIRST,
        }
    }

    /// Waits without an end.
    pub(super) const fn for_ever() -> Self {
        Self::between(u32::MAX)
    }

    /// The next wait, no shorter than what the server asked for; none once the attempts are used up.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let half = self.next / 2;
        self.next = (self.next * 2).min(LONGEST);
        let jittered = half + half.mul_f64(random_fraction());
        Some(jittered.max(asked.unwrap_or_default()).min(LONGEST))
    }
}

/// A number in [0, 1). Hash maps are seeded at random, which is random enough to spread attempts.
fn random_fraction() -> f64 {
    let bits = u32::try_from(RandomState::new().hash_one(0) >> 32).unwrap_or_default();
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_with_jitter_up_to_a_limit_and_end() {
        let mut backoff = Backoff::between(9);
        let waits: Vec<_> = std::iter::from_fn(|| backoff.next(None)).collect();
        assert_eq!(waits.len(), 8);
        for (wait, full) in waits
            .iter()
            .zip([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000])
        {
            let full = Duration::from_millis(full);
            assert!((full / 2..=full).contains(wait), "{wait:?} of {full:?}");
        }
    }

    #[test]
    fn server_can_ask_for_a_longer_wait_within_the_limit() {
        let mut backoff = Backoff::between(3);
        assert_eq!(
            backoff.next(Some(Duration::from_secs(3))),
            Some(Duration::from_secs(3))
        );
        assert_eq!(backoff.next(Some(Duration::from_hours(1))), Some(LONGEST));
        assert_eq!(backoff.next(None), None);
    }
}
