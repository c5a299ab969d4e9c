//! How long a target has acknowledged nothing, for whoever runs out of time and is to say what it waited for. A server that
//! is asked again and again, as it is away or busy, is silent in this sense.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::{SendError, SendReport, Target};
use crate::record::{Change, StoredRecord};

/// A target whose silence is timed.
pub struct Timed<'a> {
    target: &'a dyn Target,
    waiting: Mutex<Waiting>,
}

/// Calls that have no answer yet. One that is given up stays: the target has not answered it.
#[derive(Default)]
struct Waiting {
    calls: usize,
    /// When there was an answer last, or the first of the calls.
    since: Option<Instant>,
}

impl<'a> Timed<'a> {
    /// This target, from now on.
    pub fn of(target: &'a dyn Target) -> Self {
        Self {
            target,
            waiting: Mutex::default(),
        }
    }

    /// How long the target has given no answer; none where it was not asked for one.
    pub fn silence(&self) -> Option<Duration> {
        let waiting = self.waiting();
        let since = waiting.since.filter(|_| waiting.calls > 0);
        since.map(|since| since.elapsed())
    }

    async fn answered<T>(&self, call: impl Future<Output = T>) -> T {
        {
            let mut waiting = self.waiting();
            if waiting.calls == 0 {
                waiting.since = Some(Instant::now());
            }
            waiting.calls += 1;
        }
        let answer = call.await;
        let mut waiting = self.waiting();
        waiting.calls -= 1;
        waiting.since = Some(Instant::now());
        answer
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Whole at any moment.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Target for Timed<'_> {
    fn name(&self) -> &str {
        self.target.name()
    }

    async fn check(&self) -> Result<(), SendError> {
        self.answered(self.target.check()).await
    }

    async fn expire(&self) -> Result<(), SendError> {
        self.answered(self.target.expire()).await
    }

    async fn send(
        &self,
        batch: &[(Change, Option<StoredRecord>)],
    ) -> Result<SendReport, SendError> {
        self.answered(self.target.send(batch)).await
    }
}
