//! What the store lets go of after a run, by the settings.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use crate::config::Settings;
use crate::load::{Pruned, Retention, Store, StoreError};

/// Longest that a run removes what is past its age: some ten thousand rows, far more than half an hour adds.
pub const PRUNE_LIMIT: Duration = Duration::from_secs(2);

/// Shortest time that changes are kept: a target that takes a snapshot of a large store must find those behind it.
const SHORTEST_LOG: Duration = Duration::from_hours(24);

/// Shortest time that weather stays in an index: `36m` is no three years, and would leave little.
const SHORTEST_WEATHER: SignedDuration = SignedDuration::from_hours(31 * 24);

/// How long what is kept, by the settings; a text that says what is wrong with one.
pub fn retention(settings: &Settings) -> Result<Retention, String> {
    let log = settings.age("log_keep")?;
    if log.is_some_and(|log| log < SHORTEST_LOG) {
        return Err("`log_keep`: a day, `1d`, is the least: a target may need as long for everything there is".to_owned());
    }
    Ok(Retention {
        log: log.map(signed),
        forecasts: age(settings, "forecast_keep")?,
        targets: age(settings, "target_keep")?.unwrap_or(SignedDuration::MAX),
    })
}

/// How long weather stays in an index, by the settings.
pub(super) fn weather_index_keep(settings: &Settings) -> Result<Option<SignedDuration>, String> {
    let keep = age(settings, "weather_index_keep")?;
    if keep.is_some_and(|keep| keep < SHORTEST_WEATHER) {
        return Err("`weather_index_keep`: a month, `31d`, is the least: indices are deleted by whole months".to_owned());
    }
    Ok(keep)
}

/// An age of the settings; none where there is no limit.
fn age(settings: &Settings, key: &'static str) -> Result<Option<SignedDuration>, String> {
    Ok(settings.age(key)?.map(signed))
}

fn signed(age: Duration) -> SignedDuration {
    SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX)
}

/// Removes what is past its age until nothing is left, or the time is up: the next call goes on.
pub async fn prune(
    store: &Store,
    retention: &Retention,
    limit: Duration,
) -> Result<Pruned, StoreError> {
    let started = Instant::now();
    let mut total = Pruned::default();
    loop {
        let piece = store.prune(retention, Timestamp::now()).await?;
        total += piece;
        if piece.is_empty() || started.elapsed() >= limit {
            return Ok(total);
        }
    }
}
