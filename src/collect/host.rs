use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use url::Url;

use super::breaker::{Breaker, MOST_FAILURES};
use super::pace::Pace;
use crate::config::Politeness;
use crate::record::{HostMemory, Outcome};

/// Longest part of a delay that is added to it at random, so that pipelines do not march in step.
const JITTER: f64 = 0.2;

/// Longest pause that is kept, whatever a host asks for: after a day it is asked whether it still means it.
const LONGEST_PAUSE: Duration = Duration::from_hours(24);

/// The hosts that this process asks. What is owed to a host is owed by all pipelines together.
#[derive(Debug, Default)]
pub(super) struct HostPool(Mutex<HashMap<String, Arc<Host>>>);

impl HostPool {
    /// The host of an address.
    pub(super) fn host(&self, url: &Url) -> Arc<Host> {
        self.named(url.host_str().unwrap_or_default())
    }

    /// Takes up what an earlier process learnt, unless this one knows better.
    pub(super) fn restore(&self, memory: &HostMemory, now: Timestamp) {
        self.named(&memory.host).restore(memory, now);
    }

    /// What was learnt since this was last taken.
    pub(super) fn take_news(&self, now: Timestamp) -> Vec<HostMemory> {
        let hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hosts
            .iter()
            .filter_map(|(name, host)| host.take_news(name, now))
            .collect()
    }

    fn named(&self, name: &str) -> Arc<Host> {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(hosts.entry(name.to_owned()).or_default())
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
    pace: Pace,
    breaker: Breaker,
    under_way: usize,
    next: Instant,
    paused_until: Instant,
    /// Why it is paused, in words.
    reason: String,
    /// What the store knows is as of then.
    noted_at: Option<Timestamp>,
    /// Whether the store does not know something that has to outlast the process.
    is_news: bool,
}

impl Default for State {
    fn default() -> Self {
        let now = Instant::now();
        Self {
            pace: Pace::default(),
            breaker: Breaker::default(),
            under_way: 0,
            next: now,
            paused_until: now,
            reason: String::new(),
            noted_at: None,
            is_news: false,
        }
    }
}

/// Why a host is not asked now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It asked to be left alone for this long, which is longer than one waits; and how it said so.
    Paused(Duration, String),
    /// It failed this often in a row, and is left alone for so long.
    Failing(u32, Outcome, Duration),
}

/// What the first in the queue waits for.
enum Wait {
    Until(Instant),
    ForSlot,
}

/// The right to one request. Dropping it gives the place to the next, so what came of the request is told before.
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
        self.state().pace.be_gentle(politeness);
    }

    /// What its `robots.txt` asks for.
    pub(super) fn keep_crawl_delay(&self, delay: Duration) {
        self.state().learn(|pace| pace.keep_crawl_delay(delay));
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
        state.next = state.next.max(Instant::now() + state.pace.delay());
    }

    /// A good answer began after so long.
    pub(super) fn answered_after(&self, latency: Duration) {
        self.state().learn(|pace| pace.answered_after(latency));
    }

    /// The host cannot keep up; without knowing better, `least` between two requests is the least.
    pub(super) fn was_asked_too_fast(&self, least: Duration) {
        self.state().learn(|pace| pace.was_too_fast(least));
    }

    /// No request to the host for so long, for this reason.
    pub(super) fn pause(&self, pause: Duration, reason: String) {
        let mut state = self.state();
        let until = after(pause);
        if until > state.paused_until {
            state.paused_until = until;
            state.reason = reason;
            state.is_news = true;
        }
    }

    /// The host answered, if only to say no.
    pub(super) fn answered(&self) {
        let mut state = self.state();
        state.is_news |= state.breaker.answered();
    }

    /// The host failed once more. Tells whether it is left alone from now on.
    pub(super) fn failed(&self, outcome: Outcome) -> bool {
        let mut state = self.state();
        let now = Instant::now();
        state.breaker.failed(outcome, now);
        state.is_news = true;
        state.breaker.open_until(now).is_some()
    }

    fn restore(&self, memory: &HostMemory, now: Timestamp) {
        let mut state = self.state();
        if state.noted_at.is_some_and(|noted| noted >= memory.noted_at) {
            return;
        }
        state.noted_at = Some(memory.noted_at);
        state.pace.restore(memory.delay);
        let until = memory
            .not_before
            .filter(|not_before| *not_before > now)
            .map(|not_before| after(not_before.duration_since(now).unsigned_abs()));
        state.breaker.restore(memory.failures, until);
        if let Some(until) = until
            && memory.failures < MOST_FAILURES
            && until > state.paused_until
        {
            state.paused_until = until;
            state.reason.clone_from(&memory.reason);
        }
    }

    fn take_news(&self, name: &str, now: Timestamp) -> Option<HostMemory> {
        let mut state = self.state();
        if !std::mem::take(&mut state.is_news) {
            return None;
        }
        state.noted_at = Some(now);
        let instant = Instant::now();
        let until = state
            .breaker
            .open_until(instant)
            .max(Some(state.paused_until).filter(|until| *until > instant));
        Some(HostMemory {
            host: name.to_owned(),
            not_before: until
                .map(|until| now.checked_add(until - instant).unwrap_or(Timestamp::MAX)),
            reason: state.reason.clone(),
            failures: state.breaker.failures(),
            delay: state.pace.owed(),
            noted_at: now,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes a slot, or says what to wait for first.
    fn next_step(&mut self, patience: Duration) -> Result<Option<Wait>, Refusal> {
        let now = Instant::now();
        if let Some(until) = self.breaker.open_until(now) {
            let (failures, failure) = (self.breaker.failures(), self.breaker.failure());
            return Err(Refusal::Failing(failures, failure, until - now));
        }
        let pause = self.paused_until.saturating_duration_since(now);
        if pause > patience {
            return Err(Refusal::Paused(pause, self.reason.clone()));
        }
        let turn = self.next.max(self.paused_until);
        if turn > now {
            return Ok(Some(Wait::Until(turn)));
        }
        let most = if self.breaker.is_half_open() {
            1
        } else {
            self.pace.concurrency()
        };
        if self.under_way >= most {
            return Ok(Some(Wait::ForSlot));
        }
        self.under_way += 1;
        self.next = now + self.pace.delay().mul_f64(1.0 + JITTER * chance());
        Ok(None)
    }

    fn learn(&mut self, change: impl FnOnce(&mut Pace)) {
        let before = self.pace.owed();
        change(&mut self.pace);
        self.is_news |= self.pace.owed() != before;
    }
}

/// The instant after so long.
fn after(pause: Duration) -> Instant {
    Instant::now() + pause.min(LONGEST_PAUSE)
}

/// A random number from 0 to 1. The keys of a hash map are random enough to keep two clients out of step.
pub(super) fn chance() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 32;
    f64::from(u32::try_from(bits).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::breaker::REST;

    const PATIENCE: Duration = Duration::from_mins(1);

    fn asked() -> String {
        "it asked".to_owned()
    }

    fn at(time: &str) -> Timestamp {
        format!("2026-03-01T{time}:00Z").parse().unwrap()
    }

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
        host.pause(Duration::from_secs(30), asked());
        waiter.await.unwrap().unwrap();
        assert!(start.elapsed() >= Duration::from_secs(30));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_longer_than_patience_is_an_answer() {
        let host = host(0, 1);
        host.pause(Duration::from_hours(1), asked());
        let refusal = host.slot(PATIENCE).await.map(drop).unwrap_err();
        assert_eq!(refusal, Refusal::Paused(Duration::from_hours(1), asked()));
        host.pause(Duration::MAX, asked());
        let refusal = host.slot(PATIENCE).await.map(drop).unwrap_err();
        assert_eq!(refusal, Refusal::Paused(LONGEST_PAUSE, asked()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_host_asked_for_is_told_once_and_restored_elsewhere() {
        let url = Url::parse("https://a.example/x").unwrap();
        let before = HostPool::default();
        before.host(&url).answered();
        assert_eq!(before.take_news(at("00:00")), [], "no trouble, no news");
        before.host(&url).failed(Outcome::Blocked);
        before.host(&url).keep_crawl_delay(Duration::from_secs(7));
        before.host(&url).pause(Duration::from_hours(1), asked());
        let news = before.take_news(at("00:00"));
        assert_eq!(news[0].not_before, Some(at("01:00")));
        assert_eq!(before.take_news(at("00:00")), []);

        let after = HostPool::default();
        after.restore(&news[0], at("00:30"));
        let refusal = after.host(&url).slot(PATIENCE).await.map(drop).unwrap_err();
        let half_an_hour = Duration::from_mins(30);
        assert_eq!(refusal, Refusal::Paused(half_an_hour, asked()));
        assert_eq!(
            after.host(&url).state().pace.delay(),
            Duration::from_secs(7)
        );
        assert_eq!(after.take_news(at("00:30")), []);
        after.host(&url).answered();
        assert_eq!(after.take_news(at("00:30"))[0].failures, 0);
        after.restore(&news[0], at("00:31"));
        assert_eq!(after.host(&url).state().breaker.failures(), 0, "old news");
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_failed_in_an_earlier_process_gets_one_trial_when_it_has_rested() {
        let url = Url::parse("https://a.example/x").unwrap();
        let before = HostPool::default();
        for _ in 0..MOST_FAILURES {
            before.host(&url).failed(Outcome::Failed);
        }
        let news = before.take_news(at("00:00"));
        assert_eq!(news[0].not_before, Some(at("00:01")));

        let early = HostPool::default();
        early.restore(&news[0], at("00:00"));
        let refusal = early.host(&url).slot(PATIENCE).await.map(drop).unwrap_err();
        assert_eq!(
            refusal,
            Refusal::Failing(MOST_FAILURES, Outcome::Failed, REST)
        );
        let late = HostPool::default();
        late.restore(&news[0], at("00:02"));
        let host = late.host(&url);
        let trial = host.slot(PATIENCE).await.unwrap();
        host.failed(Outcome::Failed);
        drop(trial);
        assert!(host.slot(PATIENCE).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn one_request_alone_tries_a_host_that_has_rested() {
        let host = host(0, 4);
        for _ in 0..MOST_FAILURES {
            host.failed(Outcome::Failed);
        }
        tokio::time::sleep(REST).await;
        let trial = host.slot(PATIENCE).await.unwrap();
        let second = tokio::time::timeout(Duration::from_secs(5), host.slot(PATIENCE)).await;
        assert!(second.is_err(), "waits for the trial");
        host.answered();
        drop(trial);
        let _both = (
            host.slot(PATIENCE).await.unwrap(),
            host.slot(PATIENCE).await.unwrap(),
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_host_rests_and_gets_another_chance() {
        let host = host(0, 1);
        for _ in 0..MOST_FAILURES {
            drop(host.slot(PATIENCE).await.unwrap());
            host.failed(Outcome::Failed);
        }
        let refusal = host.slot(PATIENCE).await.map(drop).unwrap_err();
        assert_eq!(
            refusal,
            Refusal::Failing(MOST_FAILURES, Outcome::Failed, REST)
        );
        tokio::time::sleep(REST).await;
        drop(host.slot(PATIENCE).await.unwrap());
        host.failed(Outcome::Failed);
        assert!(
            host.slot(PATIENCE).await.is_err(),
            "one more failure is enough"
        );
        host.answered();
        host.failed(Outcome::Failed);
        drop(host.slot(PATIENCE).await.unwrap());
    }
}
