//! A publisher that stays: it sends each change soon after it is logged, until it is asked to stop.
//!
//! The lease of the target is taken for each turn and given back when there is nothing to send, so a run may publish in
//! between, and a rebuild is waited for. What takes long to come back, the store or the target, is asked again for ever;
//! what no waiting mends ends it.

use std::time::Duration;

use tokio::sync::watch;

use super::backoff::Backoff;
use super::stop::{asked_to_stop, until_stopped};
use super::{PublishEnd, PublishError, Tally, Target, lag, publish_counting};
use crate::load::Store;

/// How long until the log is looked at again after there was nothing to send: soon for a reader, and two cheap queries.
const IDLE: Duration = Duration::from_millis(500);

/// How long until the lease is tried for again.
const ELSEWHERE: Duration = Duration::from_secs(1);

/// One turn at most, so that counts are told; the next follows at once.
const TURN: Duration = Duration::from_mins(1);

/// Publishes until `stop` is true; gives what was sent by then.
pub async fn follow(
    store: &Store,
    target: &dyn Target,
    mut stop: watch::Receiver<bool>,
) -> Result<Tally, PublishError> {
    let mut followed = Tally::default();
    let mut backoff = Backoff::for_ever();
    let mut is_away = false;
    loop {
        let turn = Box::pin(turn(store, target, &mut followed));
        let wait = match until_stopped(&mut stop, turn).await {
            None => return Ok(followed),
            Some(Ok(wait)) => {
                if is_away {
                    tracing::warn!("target {} is published to again", target.name());
                }
                (is_away, backoff) = (false, Backoff::for_ever());
                wait
            }
            Some(Err(error)) if error.is_retryable() => {
                if !is_away {
                    let problem = crate::cause::with_causes(&error);
                    tracing::warn!("{problem}; trying again until it succeeds");
                }
                is_away = true;
                backoff.next(None).unwrap_or(ELSEWHERE)
            }
            Some(Err(error)) => return Err(error),
        };
        tokio::select! {
            biased;
            () = asked_to_stop(&mut stop) => return Ok(followed),
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Sends what there is; gives how long to wait until the next turn.
async fn turn(
    store: &Store,
    target: &dyn Target,
    tally: &mut Tally,
) -> Result<Duration, PublishError> {
    let of_store = |source| PublishError::Store {
        target: target.name().to_owned(),
        source,
    };
    if !store.is_same().await.map_err(of_store)? {
        return Err(PublishError::StoreReplaced {
            place: store.place().to_owned(),
        });
    }
    let cursor = store.cursor(target.name()).await.map_err(of_store)?;
    if cursor.is_some() && lag(store, target.name()).await.map_err(of_store)? <= 0 {
        return Ok(IDLE);
    }
    Ok(match publish_counting(store, target, TURN, tally).await? {
        PublishEnd::CaughtUp => IDLE,
        PublishEnd::Deadline => Duration::ZERO,
        PublishEnd::Elsewhere => ELSEWHERE,
    })
}
