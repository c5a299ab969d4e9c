use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use url::Url;

use crate::config::Politeness;
use crate::record::Outcome;

/// Failures in a row after which a host is left alone: three requests with all their tries, and one more.
const MOST_FAILURES: u32 = 10;

/// How long a failing host is left alone before it is tried again.
const REST: Duration = Duration::from_mins(1);

/// Longest part of a delay that is added to it at random, so that pipelines do not march in step.
const JITTER: f64 = 0.2;

/// The hosts that this process asks. What is owed to a host is owed by all pipelines together.
#[derive(Debug, Default)]
pub(super) struct HostPool(Mutex<HashMap<String, Arc<Host>>>);

impl HostPool {
    /// The host of an address.
    pub(super) fn host(&self, url: &Url) -> Arc<Host> {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(
            hosts
                .entry(url.host_str().unwrap_or_default().to_owned())
                .or_default(),
        )
    }
}

/// One host: who may ask it, and when.
///
/// The first in the queue holds `queue` until its turn has come; nothing is reserved ahead, so a waiter that is dropped
/// leaves no trace, and a pause holds for everyone who has not been sent yet.
#[derive(Debug, Default)]
pub(super) struct Host {
    state: Mutex<State>,
    queue: tokio::sync::Mutex<()>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    delay: Duration,
    concurrency: usize,
    under_way: usize,
    next: Instant,
    paused_until: Instant,
    failures: u32,
    failure: Outcome,
    resting_until: Instant,
}

impl Default for State {
    fn default() -> Self {
        let now = Instant::now();
        Self {
            delay: Duration::ZERO,
            concurrency: usize::MAX,
            under_way: 0,
            next: now,
            paused_until: now,
            failures: 0,
            failure: Outcome::Failed,
            resting_until: now,
        }
    }
}

/// Why a host is not asked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It asked to be left alone for this long, which is longer than one waits.
    Paused(Duration),
    /// It failed this often in a row.
    Failing(u32, Outcome),
}

/// What the first in the queue waits for.
enum Wait {
    Until(Instant),
    ForSlot,
}

/// The right to one request. Dropping it gives the place to the next.
#[derive(Debug)]
pub(super) struct Slot(Arc<Host>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.state().under_way -= 1;
        self.0.freed.notify_one();
    }
}

impl Host {
    /// Asks the host no less gently than this from now on.
    pub(super) fn be_gentle(&self, politeness: Politeness) {
        let mut state = self.state();
        state.delay = state.delay.max(politeness.delay);
        state.concurrency = state.concurrency.min(politeness.concurrency.max(1));
    }

    /// Waits for a turn, unless a pause makes the wait longer than `patience`.
    pub(super) async fn slot(self: &Arc<Self>, patience: Duration) -> Result<Slot, Refusal> {
        let _first = self.queue.lock().await;
        loop {
            let step = self.state().next_step(patience)?;
            match step {
                None => return Ok(Slot(Arc::clone(self))),
                Some(Wait::Until(instant)) => sleep_until(instant).await,
                Some(Wait::ForSlot) => self.freed.notified().await,
            }
        }
    }

    /// A request goes out only now, some time after its turn: the delay counts from here.
    pub(super) fn begins(&self) {
        let mut state = self.state();
        state.next = state.next.max(Instant::now() + state.delay);
    }

    /// No request to the host for so long.
    pub(super) fn pause(&self, pause: Duration) {
        let mut state = self.state();
        state.paused_until = state.paused_until.max(after(pause));
    }

    /// The host answered, if only to say no.
    pub(super) fn answered(&self) {
        self.state().failures = 0;
    }

    /// The host failed once more.
    pub(super) fn failed(&self, outcome: Outcome) {
        let mut state = self.state();
        state.failures += 1;
        state.failure = outcome;
        if state.failures >= MOST_FAILURES {
            state.resting_until = after(REST);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes a slot, or says what to wait for first.
    fn next_step(&mut self, patience: Duration) -> Result<Option<Wait>, Refusal> {
        let now = Instant::now();
        if self.resting_until > now {
            return Err(Refusal::Failing(self.failures, self.failure));
        }
        let pause = self.paused_until.saturating_duration_since(now);
        if pause > patience {
            return Err(Refusal::Paused(pause));
        }
        let turn = self.next.max(self.paused_until);
        if turn > now {
            return Ok(Some(Wait::Until(turn)));
        }
        if self.under_way >= self.concurrency {
            return Ok(Some(Wait::ForSlot));
        }
        self.under_way += 1;
        self.next = now + self.delay.mul_f64(1.0 + JITTER * chance());
        Ok(None)
    }
}

/// The instant after so long; a host may ask for more than a clock can hold.
fn after(pause: Duration) -> Instant {
    const YEAR: Duration = Duration::from_hours(365 * 24);
    Instant::now() + pause.min(YEAR)
}

/// A random number from 0 to 1. The keys of a hash map are random enough to keep two clients out of step.
pub(super) fn chance() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 32;
    f64::from(u32::try_from(bits).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_mins(1);

    fn host(delay_ms: u64, concurrency: usize) -> Arc<Host> {
        let host = Arc::new(Host::default());
        host.be_gentle(Politeness {
            delay: Duration::from_millis(delay_ms),
            concurrency,
        });
        host
    }

    #[tokio::test(start_paused = true)]
    async fn turns_are_a_delay_apart() {
        let host = host(1000, 10);
        let start = Instant::now();
        for _ in 0..4 {
            host.slot(PATIENCE).await.unwrap();
        }
        let elapsed = start.elapsed();
        assert!(elapsed >= Duration::from_secs(3), "{elapsed:?}");
        assert!(elapsed <= Duration::from_millis(3700), "{elapsed:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_gentlest_setting_wins() {
        let host = host(1000, 3);
        host.be_gentle(Politeness {
            delay: Duration::from_millis(10),
            concurrency: 1,
        });
        let start = Instant::now();
        let first = host.slot(PATIENCE).await.unwrap();
        let second = tokio::time::timeout(Duration::from_secs(5), host.slot(PATIENCE)).await;
        assert!(second.is_err(), "one at a time");
        drop(first);
        host.slot(PATIENCE).await.unwrap();
        assert!(start.elapsed() >= Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_waiter_costs_nobody_a_turn() {
        let host = host(1000, 1);
        drop(host.slot(PATIENCE).await.unwrap());
        let start = Instant::now();
        for _ in 0..5 {
            let waiter = tokio::time::timeout(Duration::from_millis(10), host.slot(PATIENCE));
            assert!(waiter.await.is_err());
        }
        host.slot(PATIENCE).await.unwrap();
        assert!(start.elapsed() < Duration::from_millis(1300));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_for_those_already_waiting() {
        let host = host(1000, 1);
        drop(host.slot(PATIENCE).await.unwrap());
        let start = Instant::now();
        let waiter = tokio::spawn({
            let host = Arc::clone(&host);
            async move { host.slot(PATIENCE).await.map(drop) }
        });
        tokio::task::yield_now().await;
        host.pause(Duration::from_secs(30));
        waiter.await.unwrap().unwrap();
        assert!(start.elapsed() >= Duration::from_secs(30));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_longer_than_patience_is_an_answer() {
        let host = host(0, 1);
        host.pause(Duration::from_hours(1));
        let refusal = host.slot(PATIENCE).await.map(drop).unwrap_err();
        assert_eq!(refusal, Refusal::Paused(Duration::from_hours(1)));
        host.pause(Duration::MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_host_rests_and_gets_another_chance() {
        let host = host(0, 1);
        for _ in 0..MOST_FAILURES {
            drop(host.slot(PATIENCE).await.unwrap());
            host.failed(Outcome::Failed);
        }
        let refusal = host.slot(PATIENCE).await.map(drop).unwrap_err();
        assert_eq!(refusal, Refusal::Failing(MOST_FAILURES, Outcome::Failed));
        tokio::time::sleep(REST).await;
        drop(host.slot(PATIENCE).await.unwrap());
        host.failed(Outcome::Failed);
        assert!(
            host.slot(PATIENCE).await.is_err(),
            "one more failure is enough"
        );
        tokio::time::sleep(REST).await;
        host.answered();
        host.failed(Outcome::Failed);
        drop(host.slot(PATIENCE).await.unwrap());
    }
}
