//! The nodes of a cluster: asked in turn, and left alone for a while once they cannot be reached.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use elasticsearch::http::transport::Transport;

/// How long a node is left alone after it could not be reached once; each further time twice as long. A connection that is
/// refused costs nothing, one that times out costs the whole time-out.
const FIRST_REST: Duration = Duration::from_secs(5);

/// The longest rest: a node that is back is used again within some minutes.
const LONGEST_REST: Duration = Duration::from_mins(5);

pub(super) struct Nodes {
    all: Vec<Node>,
    /// Whose turn it is.
    turn: AtomicUsize,
    addresses: String,
}

pub(super) struct Node {
    pub(super) address: String,
    pub(super) transport: Transport,
    health: Mutex<Health>,
}

#[derive(Default)]
struct Health {
    /// Times in a row that it could not be reached.
    failures: u32,
    rests_until: Option<Instant>,
}

impl Nodes {
    pub(super) fn of(transports: Vec<(String, Transport)>) -> Self {
        let addresses: Vec<&str> = transports
            .iter()
            .map(|(address, _)| address.as_str())
            .collect();
        Self {
            addresses: addresses.join(", "),
            turn: AtomicUsize::default(),
            all: transports
                .into_iter()
                .map(|(address, transport)| Node {
                    address,
                    transport,
                    health: Mutex::default(),
                })
                .collect(),
        }
    }

    pub(super) fn addresses(&self) -> &str {
        &self.addresses
    }

    /// The nodes to ask for one request, the one whose turn it is first, and behind the others those that rest: they are
    /// asked only where nobody else can be reached.
    pub(super) fn in_turn(&self) -> impl Iterator<Item = &Node> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.all.len().max(1);
        let (before, from) = self.all.split_at(turn);
        let now = Instant::now();
        let (rested, resting): (Vec<&Node>, Vec<&Node>) =
            from.iter().chain(before).partition(|node| !node.rests(now));
        rested.into_iter().chain(resting)
    }
}

impl Node {
    /// It answered, whatever it said.
    pub(super) fn note_answer(&self) {
        *self.health() = Health::default();
    }

    /// It could not be reached.
    pub(super) fn note_silence(&self) {
        let mut health = self.health();
        let rest = FIRST_REST * 2_u32.saturating_pow(health.failures.min(10));
        health.rests_until = Some(Instant::now() + rest.min(LONGEST_REST));
        health.failures += 1;
    }

    fn rests(&self, now: Instant) -> bool {
        self.health().rests_until.is_some_and(|until| now < until)
    }

    fn health(&self) -> std::sync::MutexGuard<'_, Health> {
        // Two plain values: whoever panicked left them whole.
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
