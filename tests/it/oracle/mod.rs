//! The proof that nothing is lost and nothing twice: a driver outside of the program knows what is true, kills the
//! program at any moment, and compares.
//!
//! - [`truth`] is a board that changes by chance, the same for the same seed, and knows the revision that each posting
//!   must have.
//! - [`witness`] reads the store on a [connection of its own](reader): what it has seen once was
//!   acknowledged, and must stay.
//! - [`index`] asks the index itself.
//! - [`driver`] serves the board, starts the program, and kills it: at a random moment, in a transaction, or while it is
//!   publishing; a collector while another process publishes, and the other way round.
//!
//! After each kill every posting in the store is as it was before or after the one change that may have been under way,
//! its changes are in the log once each, and the index holds what its cursor says. After each recovery the store holds
//! all that is true and the index all that the store holds.

mod chance;
mod driver;
mod index;
mod reader;
mod truth;
mod witness;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::support::scratch::{Scratch, on_postgres, on_sqlite};
use driver::Driver;
use witness::Stage;

/// How many processes were killed at each stage.
type Kills = BTreeMap<Stage, usize>;

#[tokio::test(flavor = "multi_thread")]
async fn postgres_and_elasticsearch_lose_nothing_and_double_nothing_under_200_kills() {
    let kills = Arc::default();
    // Two boards: while one waits for its servers, the other has the processor.
    let boards = [1, 2].map(|seed| {
        let kills = Arc::clone(&kills);
        tokio::spawn(on_postgres(move |store| drive(store, seed, 100, kills)))
    });
    // Both to their end, so that one that fails leaves no schema of the other.
    for board in futures_util::future::join_all(boards).await {
        board.unwrap();
    }
    assert_fair(&kills, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_and_elasticsearch_lose_nothing_and_double_nothing_under_40_kills() {
    let kills = Arc::default();
    let own = Arc::clone(&kills);
    on_sqlite(move |store| drive(store, 3, 40, own)).await;
    assert_fair(&kills, 40);
}

/// Drives a board of this seed over a store, and notes what was killed.
async fn drive(store: Scratch, seed: u64, times: usize, kills: Arc<Mutex<Kills>>) {
    let own = Driver::of(&store, seed).await.kill(times).await;
    let mut kills = kills.lock().unwrap();
    for (stage, count) in own {
        *kills.entry(stage).or_default() += count;
    }
}

/// So often, and often enough where it matters: a test that kills nothing proves nothing.
#[expect(
    clippy::print_stdout,
    reason = "what was killed where is what the proof rests on"
)]
fn assert_fair(kills: &Mutex<Kills>, times: usize) {
    let kills = kills.lock().unwrap();
    println!("killed at each stage: {kills:?}");
    assert_eq!(kills.values().sum::<usize>(), times);
    for stage in [Stage::Load, Stage::Publish] {
        let killed = kills.get(&stage).copied().unwrap_or_default();
        assert!(killed >= times / 8, "{killed} at {stage:?}: {kills:?}");
    }
}
