use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use url::Url;

use super::collector::{RetrySettings, Shared};
use super::error::{FetchError, Pause};
use super::host::{Refusal, chance};
use super::visitor::Visitor;

impl Shared {
    /// Makes a request when its host's turn has come, and again while it may still succeed. The one loop that retries.
    pub(super) async fn politely<T, F>(
        &self,
        visitor: &Visitor,
        url: &Url,
        attempt: impl Fn() -> F + Send + Sync,
    ) -> Result<T, FetchError>
    where
        F: Future<Output = Result<T, FetchError>> + Send,
        T: Send,
    {
        let retry = &self.settings.retry;
        let host = self.hosts.host(url);
        host.be_gentle(self.owed_to(url, visitor.politeness));
        let mut tries = 0;
        loop {
            let slot = host
                .slot(retry.longest_wait)
                .await
                .map_err(|refusal| not_asked(url, refusal))?;
            let result = attempt().await;
            drop(slot);
            tries += 1;
            let error = match result {
                Ok(value) => {
                    host.answered();
                    return Ok(value);
                }
                Err(error) => error,
            };
            if !error.is_retryable() {
                host.answered();
                return Err(error);
            }
            host.failed(error.outcome());
            let backoff = retry.backoff(tries);
            let wait = match error.pause() {
                Some(pause) => {
                    let pause = match pause {
                        Pause::For(asked) => asked,
                        Pause::Backoff => backoff,
                    };
                    host.pause(pause);
                    pause
                }
                None => backoff,
            };
            if tries >= retry.tries || wait > retry.longest_wait {
                return Err(error);
            }
            tracing::debug!(%url, tries, wait_ms = wait.as_millis(), %error, "asking again");
            tokio::time::sleep(wait).await;
        }
    }
}

impl RetrySettings {
    /// The wait after so many tries: doubled each time, half of it at random.
    fn backoff(&self, tries: u32) -> Duration {
        let doubled = self
            .backoff
            .saturating_mul(1 << tries.saturating_sub(1).min(16));
        doubled.min(self.longest_wait).mul_f64(0.5 + 0.5 * chance())
    }
}

fn not_asked(url: &Url, refusal: Refusal) -> FetchError {
    let url = url.to_string();
    match refusal {
        Refusal::Paused(wait) => FetchError::HostPaused { url, wait },
        Refusal::Failing(failures, outcome) => FetchError::HostFailing {
            url,
            failures,
            outcome,
        },
    }
}

/// What `Retry-After` asks for: seconds, or the time until a date.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(value: &str) -> Option<Duration> {
        let headers = [(RETRY_AFTER, value.parse().unwrap())]
            .into_iter()
            .collect();
        retry_after(&headers, "2026-03-01T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        assert_eq!(asked("120"), Some(Duration::from_mins(2)));
        assert_eq!(
            asked("Sun, 01 Mar 2026 00:01:30 GMT"),
            Some(Duration::from_secs(90))
        );
        assert_eq!(asked("Sat, 28 Feb 2026 00:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(asked("soon"), None);
        assert_eq!(asked("-5"), None);
    }

    #[test]
    fn backoff_doubles_and_stays_within_its_bounds() {
        let retry = RetrySettings {
            tries: 3,
            backoff: Duration::from_secs(1),
            longest_wait: Duration::from_secs(10),
        };
        for (tries, least, most) in [(1, 500, 1000), (2, 1000, 2000), (9, 5000, 10_000)] {
            let wait = retry.backoff(tries).as_millis();
            assert!((least..=most).contains(&wait), "try {tries}: {wait} ms");
        }
    }
}
