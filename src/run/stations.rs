//! The walk of weather stations: one request each, for the newest issue that is out.

use std::ops::ControlFlow;
use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use super::loader::Load;
use super::requests;
use super::snapshot::WalkEnd;
use super::walk::{Ending, ListedPage, Outlets, Tally, Walk, send, stopped};
use crate::extract::kma::Retry;
use crate::normalize::place::Station;
use crate::record::{Outcome, Rejection, Stage};

/// How many issues back a station is asked for when the newest is not out after all.
const ISSUES_BACK: u32 = 1;
/// Pauses before a service that stumbled is asked again: 1, 2 and 4 seconds, then the next station has its turn.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(4);

impl Walk<'_> {
    pub(super) async fn stations(&self, tally: &mut Tally, outlets: &Outlets) -> WalkEnd {
        let now = self.world.now;
        let mut last_failure = None;
        let mut answered = false;
        for station in self
            .world
            .dictionaries
            .stations
            .chosen(&self.pipeline.source.stations)
        {
            if let Some(reason) = self.visits.refused() {
                return WalkEnd::Failed(Outcome::Blocked, reason);
            }
            let (url, list) = match self.station(station, now, outlets).await {
                Ok(answer) => answer,
                Err(error) => return WalkEnd::Failed(Outcome::Failed, error.to_string()),
            };
            match list {
                Ok(page) => {
                    answered = true;
                    if let ControlFlow::Break(end) = self.take(page, tally, outlets).await {
                        return end;
                    }
                }
                // What is wrong with the key or the quota is wrong for every station.
                Err(ending @ Ending::Stopped) => return ending.after(1),
                Err(ending)
                    if matches!(
                        ending.refusal(),
                        Some(Retry::WhenQuotaRenews | Retry::Never)
                    ) =>
                {
                    return ending.after(1);
                }
                Err(ending) => {
                    let (outcome, reason) = ending.fact();
                    let rejection = Rejection {
                        stage: Stage::Collect,
                        url: url.into(),
                        reason: reason.clone(),
                        payload: None,
                    };
                    let rejected = Load::Rejected {
                        rejection,
                        means: outcome,
                        present: None,
                        list_page: None,
                    };
                    send(&outlets.loads, rejected).await;
                    last_failure = Some(WalkEnd::Failed(outcome, reason));
                }
            }
        }
        last_failure
            .filter(|_| !answered)
            .unwrap_or(WalkEnd::Complete)
    }

    /// Asks for a station's newest issue, or the one before it where the newest is not out after all.
    async fn station(
        &self,
        station: &Station,
        now: Timestamp,
        outlets: &Outlets,
    ) -> Result<(Url, Result<ListedPage, Ending>), requests::BadAddress> {
        let mut back = 0;
        let mut pause = FIRST_PAUSE;
        loop {
            let request = requests::station(self.pipeline, station, now, back)?;
            let url = request.url.clone();
            let result = self.ask(request, 1, outlets).await;
            match result.as_ref().err().and_then(Ending::refusal) {
                Some(Retry::OneSlotBack) if back < ISSUES_BACK => back += 1,
                Some(Retry::WithBackoff) if pause <= LAST_PAUSE => {
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = stopped(self.world.stop.clone()) => {}
                    }
                    pause *= 2;
                }
                _ => return Ok((url, result)),
            }
        }
    }
}
