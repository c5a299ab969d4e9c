//! Dead letters of targets: the documents that they refused, sent once more as the store has them now.
//!
//! A target is checked before the first of its letters is sent, as a publisher checks it: what belongs to another store ends
//! the command before anything was sent. One that is away is not asked anew for each letter, which would use up its attempts
//! every time; its letters stay as they are, and count as left.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use uuid::Uuid;

use super::Services;
use super::retry::{Tried, open, redriven};
use super::walk::stopped;
use crate::cause::with_causes;
use crate::load::DeadLetter;
use crate::publish::{PublishError, Resender, Resent, SendError, Target};
use crate::record::RecordId;

/// A target that takes nothing now.
#[derive(Debug)]
pub struct Away {
    /// Its name.
    pub target: String,
    /// What it says.
    pub error: SendError,
    /// How many of its letters were left as they are.
    pub left: usize,
}

/// The targets of a retry, as far as they were asked.
pub(super) struct Resending<'a> {
    services: &'a Services,
    targets: &'a [&'a dyn Target],
    asked: BTreeMap<&'a str, Asked<'a>>,
}

enum Asked<'a> {
    Ready(Resender<'a>),
    Away(Away),
}

impl<'a> Resending<'a> {
    pub(super) const fn to(services: &'a Services, targets: &'a [&'a dyn Target]) -> Self {
        Self {
            services,
            targets,
            asked: BTreeMap::new(),
        }
    }

    /// Sends the document of a letter; none where it was not tried, as the process is asked to stop or the target is away.
    pub(super) async fn attempt(
        &mut self,
        letter: &DeadLetter,
    ) -> Result<Option<Tried>, PublishError> {
        let name = letter.target.as_deref().unwrap_or_default();
        let Some(target) = self.targets.iter().find(|target| target.name() == name) else {
            return Ok(Some(open(format!("target `{name}` is not configured"))));
        };
        let Some(id) = record_of(letter) else {
            return Ok(Some(open("the letter does not name its record")));
        };
        let stop = self.services.stop.clone();
        tokio::select! {
            biased;
            // Nothing is lost with a request that is cut off: what arrived is the same when it is sent again.
            () = stopped(stop) => Ok(None),
            tried = self.send(*target, id) => tried,
        }
    }

    async fn send(
        &mut self,
        target: &'a dyn Target,
        id: RecordId,
    ) -> Result<Option<Tried>, PublishError> {
        let asked = match self.asked.entry(target.name()) {
            Entry::Occupied(asked) => asked.into_mut(),
            Entry::Vacant(asked) => {
                let checked = Resender::checked(&self.services.store, target).await;
                asked.insert(match checked {
                    Ok(resender) => Asked::Ready(resender),
                    Err(error) => Asked::Away(away(error)?),
                })
            }
        };
        let sent = match asked {
            Asked::Ready(resender) => resender.send(id).await,
            Asked::Away(away) => {
                away.left += 1;
                return Ok(None);
            }
        };
        Ok(Some(match sent {
            Ok(Resent::Accepted) => redriven("sent"),
            Ok(Resent::Unknown) => redriven("the store does not have it any more"),
            Ok(Resent::Expired) => redriven(
                "not sent: it is past the age that the target keeps (`weather_index_keep`)",
            ),
            Ok(Resent::Refused(reason)) => open(reason),
            Err(PublishError::Target { source, .. }) if !source.is_retryable() => {
                open(with_causes(&source))
            }
            Err(error) => {
                *asked = Asked::Away(Away {
                    left: 1,
                    ..away(error)?
                });
                return Ok(None);
            }
        }))
    }

    /// The targets that were found to be away.
    pub(super) fn away(self) -> Vec<Away> {
        let asked = self.asked.into_values();
        let away = asked.filter_map(|asked| match asked {
            Asked::Away(away) => Some(away),
            Asked::Ready(_) => None,
        });
        away.collect()
    }
}

/// A target that takes nothing now. With any other error no letter would fare better than the first.
#[expect(
    clippy::result_large_err,
    reason = "it gives back the error that it was given"
)]
fn away(error: PublishError) -> Result<Away, PublishError> {
    match error {
        PublishError::Target { target, source } if source.is_retryable() => Ok(Away {
            target,
            error: source,
            left: 0,
        }),
        error => Err(error),
    }
}

/// The record that a target refused.
fn record_of(letter: &DeadLetter) -> Option<RecordId> {
    let payload = letter.payload.as_ref();
    let named = payload.and_then(|payload| payload.get("id")?.as_str());
    // A deletion has nothing but its id.
    let named = named.unwrap_or(&letter.url);
    named.parse::<Uuid>().ok().map(RecordId)
}
