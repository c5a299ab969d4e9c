//! How many bulk requests are under way at once: as many as make the server faster, and no more.
//!
//! Additive increase, multiplicative decrease, as TCP does it: each request that is answered as fast as before adds a part
//! of one, so that a round of answers adds one; a 429, a 5xx, or no answer halves. A server that is merely saturated
//! refuses nothing and answers more slowly: then it is not given more, and given less once it is slower by far. Memory
//! is bounded by the bytes under way.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// At the start: one that is prepared while the other is worked on.
const FIRST: f64 = 2.0;

/// At most: more have never been faster on one server, and each costs a thread of its write pool.
const MOST: f64 = 8.0;

/// How much slower than the fastest a request is that stands in a queue. Such a server is given nothing more.
const QUEUED: f64 = 2.0;

/// How much slower one is whose server is overloaded. Such a server is given less.
const OVERLOADED: f64 = 4.0;

/// What the memory of the fastest pace fades by with each answer: a server that has become slower for good, by merging or
/// by its neighbours, is not compared with its youth.
const FADING: f64 = 1.01;

/// Bytes below which a request takes as long as one of that many.
const SMALL: usize = 64 * 1024;

pub(super) struct Flight {
    state: Mutex<State>,
    landed: Notify,
    most_bytes: usize,
}

struct State {
    limit: f64,
    requests: u32,
    bytes: usize,
    /// The fastest pace, in seconds a byte.
    best: Option<f64>,
}

/// One request under way; it has landed once this is dropped.
pub(super) struct Permit<'a> {
    flight: &'a Flight,
    bytes: usize,
}

impl Flight {
    /// At most so many bytes at once; a larger request goes alone.
    pub(super) fn new(most_bytes: usize) -> Self {
        Self {
            state: Mutex::new(State {
                limit: FIRST,
                requests: 0,
                bytes: 0,
                best: None,
            }),
            landed: Notify::new(),
            most_bytes,
        }
    }

    /// Waits until one more may go.
    pub(super) async fn take_off(&self, bytes: usize) -> Permit<'_> {
        loop {
            let landed = self.landed.notified();
            tokio::pin!(landed);
            // Before looking, or the one that lands in between is missed.
            landed.as_mut().enable();
            if let Some(permit) = self.try_take_off(bytes) {
                return permit;
            }
            landed.await;
        }
    }

    /// The server cannot take what it is given.
    pub(super) fn overloaded(&self) {
        let mut state = self.state();
        state.limit = (state.limit / 2.0).max(1.0);
        tracing::debug!(limit = state.limit, "fewer bulk requests at once");
    }

    fn try_take_off(&self, bytes: usize) -> Option<Permit<'_>> {
        let mut state = self.state();
        let is_free =
            f64::from(state.requests + 1) <= state.limit && state.bytes + bytes <= self.most_bytes;
        if state.requests > 0 && !is_free {
            return None;
        }
        state.requests += 1;
        state.bytes += bytes;
        Some(Permit {
            flight: self,
            bytes,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Plain numbers, whole at any moment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// The server took it, in this time.
    pub(super) fn landed(self, took: Duration) {
        self.flight.state().learn(self.bytes, took);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.flight.state();
        state.requests -= 1;
        state.bytes -= self.bytes;
        drop(state);
        self.flight.landed.notify_waiters();
    }
}

impl State {
    fn learn(&mut self, bytes: usize, took: Duration) {
        #[expect(
            clippy::cast_precision_loss,
            reason = "sizes of requests are far below 2⁵³"
        )]
        let pace = took.as_secs_f64() / bytes.max(SMALL) as f64;
        let best = self.best.map_or(pace, |best| (best * FADING).min(pace));
        self.best = Some(best);
        if pace <= best * QUEUED {
            self.limit = (self.limit + 1.0 / self.limit).min(MOST);
        } else if pace > best * OVERLOADED {
            self.limit = (self.limit - 1.0 / self.limit).max(1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEBIBYTE: usize = 1 << 20;

    fn fast(flight: &Flight, times: u32, took: Duration) {
        for _ in 0..times {
            flight.try_take_off(MEBIBYTE).unwrap().landed(took);
        }
    }

    fn under_way(flight: &Flight, bytes: usize) -> usize {
        let permits: Vec<_> = std::iter::from_fn(|| flight.try_take_off(bytes)).collect();
        permits.len()
    }

    #[test]
    fn answers_as_fast_as_before_add_one_a_round_up_to_a_limit() {
        let flight = Flight::new(100 * MEBIBYTE);
        assert_eq!(under_way(&flight, MEBIBYTE), 2);
        fast(&flight, 3, Duration::from_millis(100));
        assert_eq!(under_way(&flight, MEBIBYTE), 3);
        fast(&flight, 100, Duration::from_millis(100));
        assert_eq!(under_way(&flight, MEBIBYTE), 8);
    }

    #[test]
    fn overload_halves_and_a_queue_adds_nothing() {
        let flight = Flight::new(100 * MEBIBYTE);
        fast(&flight, 100, Duration::from_millis(100));
        flight.overloaded();
        assert_eq!(under_way(&flight, MEBIBYTE), 4);
        fast(&flight, 10, Duration::from_millis(300));
        assert_eq!(under_way(&flight, MEBIBYTE), 4);
        fast(&flight, 4, Duration::from_millis(900));
        assert_eq!(under_way(&flight, MEBIBYTE), 2);
        for _ in 0..5 {
            flight.overloaded();
        }
        assert_eq!(under_way(&flight, MEBIBYTE), 1);
    }

    #[test]
    fn bytes_under_way_are_bounded_and_a_larger_request_goes_alone() {
        let flight = Flight::new(3 * MEBIBYTE);
        fast(&flight, 100, Duration::from_millis(100));
        assert_eq!(under_way(&flight, MEBIBYTE), 3);
        assert_eq!(under_way(&flight, 9 * MEBIBYTE), 1);
    }

    #[tokio::test]
    async fn waits_until_one_has_landed() {
        let flight = Flight::new(MEBIBYTE);
        let first = flight.take_off(MEBIBYTE).await;
        let second = flight.take_off(MEBIBYTE);
        tokio::pin!(second);
        let none = tokio::time::timeout(Duration::ZERO, second.as_mut()).await;
        assert!(none.is_err());
        drop(first);
        second.await;
    }
}
