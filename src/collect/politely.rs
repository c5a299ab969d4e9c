use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::tz::TimeZone;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use tokio::time::Instant;
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
            self.check_budget(visitor, url)?;
            let slot = host
                .slot(retry.longest_wait)
                .await
                .map_err(|refusal| not_asked(url, refusal))?;
            let began = Instant::now();
            let result = attempt().await;
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
                if let Some(Pause::For(asked)) = error.pause() {
                    host.pause(asked, asked_by(&error));
                }
                return Err(error);
            }
            let outcome = error.outcome();
            let is_given_up = host.failed(outcome);
            visitor.failures.spend(url, began.elapsed(), outcome);
            let backoff = retry.backoff(tries);
            let wait = match error.pause() {
                Some(Pause::For(asked)) => {
                    host.pause(asked, asked_by(&error));
                    // Some ask for nothing at all, or for a moment that has passed.
                    asked.max(backoff)
                }
                Some(Pause::Backoff) => {
                    host.pause(backoff, asked_by(&error));
                    backoff
                }
                None => backoff,
            };
            // A request says so once, however often it is repeated.
            if tries == 1 && error.means_too_fast() && !self.has_twin(url) {
                host.was_asked_too_fast(retry.backoff);
            }
            drop(slot);
            if is_given_up || tries >= retry.tries || wait > retry.longest_wait {
                return Err(error);
            }
            tracing::debug!(%url, tries, wait_ms = wait.as_millis(), %error, "asking again");
            visitor.failures.spend(url, wait, outcome);
            tokio::time::sleep(wait).await;
        }
    }

    /// Whether the run still has time for a host that keeps failing.
    fn check_budget(&self, visitor: &Visitor, url: &Url) -> Result<(), FetchError> {
        match visitor.failures.spent(url) {
            Some(spent) if spent.time >= self.settings.retry.budget => {
                Err(FetchError::BudgetSpent {
                    url: url.to_string(),
                    spent: spent.time,
                    outcome: spent.failure,
                })
            }
            _ => Ok(()),
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

/// How an answer asked for a pause.
fn asked_by(error: &FetchError) -> String {
    match error {
        FetchError::Status { status, .. } => format!("it answered {status}"),
        other => other.to_string(),
    }
}

fn not_asked(url: &Url, refusal: Refusal) -> FetchError {
    let url = url.to_string();
    let now = Timestamp::now();
    let until = |wait: Duration| now.checked_add(wait).unwrap_or(Timestamp::MAX);
    match refusal {
        Refusal::Paused(wait, reason) => FetchError::HostPaused {
            url,
            until: until(wait),
            reason,
        },
        Refusal::Failing(failures, outcome, wait) => FetchError::HostFailing {
            url,
            failures,
            outcome,
            until: until(wait),
        },
    }
}

/// What `Retry-After` asks for: seconds, or the time until a date. The date is by the server's clock, which it tells: that
/// of a small machine may be off by years.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = http_date(value)?;
    let server = headers.get(DATE).and_then(|date| date.to_str().ok());
    let now = server.and_then(http_date).unwrap_or(now);
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// A date as RFC 9110 (5.6.7) has it, the two obsolete forms included.
fn http_date(value: &str) -> Option<Timestamp> {
    const OBSOLETE: [&str; 2] = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let parser = DateTimeParser::new().relaxed_weekday(true);
    parser.parse_timestamp(value).ok().or_else(|| {
        OBSOLETE
            .iter()
            .find_map(|format| DateTime::strptime(format, value).ok())
            .and_then(|date| date.to_zoned(TimeZone::UTC).ok())
            .map(|zoned| zoned.timestamp())
    })
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
        assert_eq!(
            asked("Sunday, 01-Mar-26 00:01:30 GMT"),
            Some(Duration::from_secs(90))
        );
        assert_eq!(
            asked("Sun Mar  1 00:01:30 2026"),
            Some(Duration::from_secs(90))
        );
        assert_eq!(asked("soon"), None);
        assert_eq!(asked("-5"), None);
    }

    #[test]
    fn a_date_is_by_the_clock_of_the_server() {
        let headers = [
            (RETRY_AFTER, "Fri, 01 Mar 2030 00:01:30 GMT"),
            (DATE, "Fri, 01 Mar 2030 00:00:00 GMT"),
        ]
        .into_iter()
        .map(|(name, value)| (name, value.parse().unwrap()))
        .collect();
        let now = "2026-03-01T00:00:00Z".parse().unwrap();
        assert_eq!(retry_after(&headers, now), Some(Duration::from_secs(90)));
    }

    #[test]
    fn backoff_doubles_and_stays_within_its_bounds() {
        let retry = RetrySettings {
            tries: 3,
            backoff: Duration::from_secs(1),
            longest_wait: Duration::from_secs(10),
            budget: Duration::MAX,
        };
        for (tries, least, most) in [(1, 500, 1000), (2, 1000, 2000), (9, 5000, 10_000)] {
            let wait = retry.backoff(tries).as_millis();
            assert!((least..=most).contains(&wait), "try {tries}: {wait} ms");
        }
    }
}
