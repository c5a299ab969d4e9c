//! What becomes of publishing that is asked to stop: what is in hand may come to its end, and no more than that.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// How long what is in hand may take once it was asked to stop; what is not acknowledged then is sent again by the next.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// Works to the end, or where it is asked to stop, for a grace at most; none where that was not enough.
pub(crate) async fn until_stopped<T>(
    stop: &mut watch::Receiver<bool>,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut work = pin!(work);
    tokio::select! {
        biased;
        () = asked_to_stop(stop) => timeout(GRACE, work).await.ok(),
        done = work.as_mut() => Some(done),
    }
}

/// Ends once it is asked to stop, or nobody is left to ask.
pub(super) async fn asked_to_stop(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}
