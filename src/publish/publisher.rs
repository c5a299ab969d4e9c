use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{Stream, TryStreamExt, try_unfold};
use jiff::Timestamp;
use tokio::time::{Instant, timeout, timeout_at};

use super::error::{PublishError, SendError};
use super::portion::Portion;
use super::{Refused, SendReport, Target};
use crate::cause::with_causes;
use crate::load::{Hold, Lock, NewDeadLetter, Store, StoreError, Tombstone};
use crate::record::{Change, Kind, Op, Stage, StoredRecord, Subject};

/// Deletions read at a time.
const TOMBSTONES: u32 = 1000;

/// Pieces under way at once. A target decides by itself how many requests that is; the next are read and written down
/// meanwhile, and while an answer is late whose piece comes first.
const AHEAD: usize = 4;

/// Longer than anything takes.
const FOREVER: Duration = Duration::from_hours(24 * 365);

/// A cursor that stands before every change, also before those that were cut from the log: it asks for a snapshot.
const BEFORE_ALL: i64 = -1;

/// Changes, each with its record as it is now.
type Batch = Vec<(Change, Option<StoredRecord>)>;

/// What became of records. They are counted as the target acknowledges them, so it holds whatever comes after.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records that were written or deleted.
    pub sent: u64,
    /// Records of which the target already had a newer revision.
    pub superseded: u64,
    /// Records that are past the age that the target keeps, so that they were not sent.
    pub expired: u64,
    /// Records that the target refused for good; now dead letters.
    pub refused: u64,
}

/// What [`publish`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishReport {
    /// Records that were written or deleted.
    pub sent: u64,
    /// Records of which the target already had a newer revision.
    pub superseded: u64,
    /// Records that are past the age that the target keeps, so that they were not sent.
    pub expired: u64,
    /// Records that the target refused for good; now dead letters.
    pub refused: u64,
    /// How far the target is behind, in numbers of the log; with gaps, so an upper bound.
    pub lag: i64,
    /// Why it ended.
    pub end: PublishEnd,
}

/// Why [`publish`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishEnd {
    /// The target has everything.
    CaughtUp,
    /// The time was up.
    Deadline,
    /// Another publisher is at it.
    Elsewhere,
}

/// Sends to a target what it does not have yet, until it has caught up or the time is up.
///
/// A target without a cursor, or with one of this store before a restore, takes a snapshot first: the head of the log is
/// noted, every record is sent as it is now, and the cursor starts at the noted head. So does a target whose place in the
/// log was cut; it is told of what was deleted, too, as it may hold that still. A snapshot that was cut off begins anew, so
/// it goes on past the deadline for as long as the target acknowledges pieces; everything else ends in time.
pub async fn publish(
    store: &Store,
    target: &dyn Target,
    deadline: Duration,
) -> Result<PublishReport, PublishError> {
    let mut tally = Tally::default();
    let end = publish_counting(store, target, deadline, &mut tally).await?;
    let lag = lag(store, target.name())
        .await
        .map_err(|error| Failure::from(error).of(target))?;
    let Tally {
        sent,
        superseded,
        expired,
        refused,
    } = tally;
    Ok(PublishReport {
        sent,
        superseded,
        expired,
        refused,
        lag,
        end,
    })
}

/// [`publish`], for whoever wants to know what was sent before an error: it is added to `tally`.
pub async fn publish_counting(
    store: &Store,
    target: &dyn Target,
    deadline: Duration,
    tally: &mut Tally,
) -> Result<PublishEnd, PublishError> {
    let until = Instant::now() + deadline;
    let named = |failure: Failure| failure.of(target);
    let Some(lease) = lease(store, target).await.map_err(named)? else {
        return Ok(PublishEnd::Elsewhere);
    };
    let mut publisher = Publisher {
        store: &store.under(&lease),
        target,
        deadline,
        until,
        cursor: Cursor::Moves,
        tally,
    };
    let end = publisher.run().await;
    // Whatever became of it; and waited for, since the next publisher may start at once.
    lease.release().await;
    match end {
        Err(Failure::Store(StoreError::LockLost { .. })) => Ok(PublishEnd::Elsewhere),
        end => end.map_err(named),
    }
}

/// Makes the next [`publish`] take a snapshot: for a target whose memory is gone, such as an index that is created anew.
pub async fn start_over(store: &Store, target: &dyn Target) -> Result<(), PublishError> {
    let lease = take_lease(store, target).await?;
    let moved = move_cursor(&store.under(&lease), target, BEFORE_ALL).await;
    lease.release().await;
    moved
}

/// The lease of a target, which only one publisher has; an error where another process has it.
pub(super) async fn take_lease(store: &Store, target: &dyn Target) -> Result<Lock, PublishError> {
    let lease = lease(store, target).await;
    lease
        .map_err(|failure| failure.of(target))?
        .ok_or_else(|| PublishError::Leased {
            target: target.name().to_owned(),
        })
}

/// Fails where the lease that the store is under was lost and another process has it, else keeps the next one waiting.
pub(super) async fn hold_lease<'a>(
    store: &'a Store,
    target: &dyn Target,
) -> Result<Hold<'a>, PublishError> {
    let held = store.hold_lock().await;
    held.map_err(|error| Failure::from(error).of(target))
}

/// Lets the next [`publish`] go on from here. The store is that under the lease.
pub(super) async fn move_cursor(
    store: &Store,
    target: &dyn Target,
    seq: i64,
) -> Result<(), PublishError> {
    let moved = store
        .move_cursor(target.name(), seq, Timestamp::now())
        .await;
    moved.map_err(|error| Failure::from(error).of(target))
}

/// How far a target without a cursor was brought.
#[derive(Debug, Clone, Copy)]
pub(super) struct Brought {
    /// What it has of the log.
    pub(super) seq: i64,
    pub(super) tally: Tally,
}

/// Sends every record as it is now to a target that nobody follows yet, however long it takes. No cursor moves.
pub(super) async fn fill(store: &Store, target: &dyn Target) -> Result<Brought, PublishError> {
    let mut tally = Tally::default();
    let mut publisher = Publisher::patient(store, target, &mut tally);
    let head = publisher.whole().await;
    let head = head.map_err(|failure| failure.of(target))?;
    Ok(publisher.brought_to(head))
}

/// Sends the changes after a number of the log until there are no more. No cursor moves.
pub(super) async fn catch_up(
    store: &Store,
    target: &dyn Target,
    mut from: i64,
) -> Result<Brought, PublishError> {
    let mut tally = Tally::default();
    let mut publisher = Publisher::patient(store, target, &mut tally);
    let named = |failure: Failure| failure.of(target);
    loop {
        if let Some((seq, _)) = publisher.follow(from).await.map_err(named)? {
            return Ok(publisher.brought_to(seq));
        }
        from = publisher.whole().await.map_err(named)?;
    }
}

/// How far a target is behind, in numbers of the log; with gaps, so an upper bound.
pub async fn lag(store: &Store, target: &str) -> Result<i64, StoreError> {
    let position = position(store, target).await?;
    Ok(store.head().await? - position.unwrap_or(0))
}

/// Where the target stands in the log of this store; none asks for a snapshot.
pub(super) async fn position(store: &Store, target: &str) -> Result<Option<i64>, StoreError> {
    let cursor = store.cursor(target).await?;
    let Some(cursor) = cursor.filter(|cursor| cursor.store == store.identity()) else {
        return Ok(None);
    };
    let holds = cursor.seq > BEFORE_ALL && store.follows_on(cursor.seq).await?;
    Ok(holds.then_some(cursor.seq))
}

async fn lease(store: &Store, target: &dyn Target) -> Result<Option<Lock>, Failure> {
    Ok(store.lock(&format!("target:{}", target.name())).await?)
}

/// One publisher at work; it holds the lease of its target.
struct Publisher<'a> {
    store: &'a Store,
    target: &'a dyn Target,
    deadline: Duration,
    until: Instant,
    cursor: Cursor,
    tally: &'a mut Tally,
}

/// What an acknowledged change does to the cursor of the target.
enum Cursor {
    Moves,
    Stands,
}

/// What failed: one side of the publisher or the other.
enum Failure {
    Target(SendError),
    Store(StoreError),
}

/// Why the log was read no further.
enum Break {
    /// It was cut past what comes next.
    Cut,
    Failure(Failure),
}

impl<'a> Publisher<'a> {
    /// One without a cursor and without an end.
    fn patient(store: &'a Store, target: &'a dyn Target, tally: &'a mut Tally) -> Self {
        Self {
            store,
            target,
            deadline: FOREVER,
            until: Instant::now() + FOREVER,
            cursor: Cursor::Stands,
            tally,
        }
    }

    const fn brought_to(&self, seq: i64) -> Brought {
        Brought {
            seq,
            tally: *self.tally,
        }
    }

    /// A snapshot, however long it takes.
    async fn whole(&mut self) -> Result<i64, Failure> {
        loop {
            if let Some(head) = self.snapshot().await? {
                return Ok(head);
            }
        }
    }

    async fn run(&mut self) -> Result<PublishEnd, Failure> {
        let Ok(checked) = timeout_at(self.until, self.target.check()).await else {
            return Ok(PublishEnd::Deadline);
        };
        checked?;
        match timeout_at(self.until, self.target.expire()).await {
            Err(_) => return Ok(PublishEnd::Deadline),
            // What is too old does no harm, and what is new is to get there.
            Ok(Err(error)) => {
                let (target, problem) = (self.target.name(), with_causes(&error));
                tracing::warn!("target {target} keeps what is past its age: {problem}");
            }
            Ok(Ok(())) => {}
        }
        let mut position = position(self.store, self.target.name()).await?;
        loop {
            let from = match position.take() {
                Some(position) => position,
                None => match self.snapshot().await? {
                    Some(head) => head,
                    None => return Ok(PublishEnd::Deadline),
                },
            };
            if let Some((_, end)) = self.follow(from).await? {
                return Ok(end);
            }
        }
    }

    /// Sends every record as it is now; gives the number of the log to follow from, or none when the target did not
    /// acknowledge a piece in the time that the whole was given.
    async fn snapshot(&mut self) -> Result<Option<i64>, Failure> {
        let (store, target) = (self.store, self.target);
        let head = store.head().await?;
        // A target that was never fed holds nothing that could have been deleted.
        if store.cursor(target.name()).await?.is_some() && !self.tombstones(head).await? {
            return Ok(None);
        }
        for kind in Kind::ALL {
            let pieces = try_unfold((None, Portion::FIRST), move |(after, portion)| async move {
                let records = store.records_after(kind, after, portion.rows()).await?;
                let last = records.last().map(|record| record.id);
                let next = Portion::after(records.len(), records.iter().map(size).sum());
                let piece = last.map(|last| (((), as_changes(records, head)), (Some(last), next)));
                Ok::<_, Failure>(piece)
            });
            let mut sent = pin!(sending(pieces, target));
            loop {
                let Ok(piece) = timeout(self.deadline, sent.try_next()).await else {
                    return Ok(None);
                };
                let Some(((), batch, report)) = piece? else {
                    break;
                };
                self.note(&batch, report).await?;
            }
        }
        self.acknowledged(head).await?;
        Ok(Some(head))
    }

    /// Sends the deletions that are remembered; false when the target did not acknowledge a piece in time.
    async fn tombstones(&mut self, head: i64) -> Result<bool, Failure> {
        let mut after = None;
        loop {
            let tombstones = self.store.tombstones_after(after, TOMBSTONES).await?;
            let Some(last) = tombstones.last() else {
                return Ok(true);
            };
            after = Some(last.record_id);
            let batch = as_deletions(&tombstones, head);
            let Ok(report) = timeout(self.deadline, self.target.send(&batch)).await else {
                return Ok(false);
            };
            self.note(&batch, report?).await?;
        }
    }

    /// Sends the changes after a number; gives the last that was acknowledged, or none when the log was cut past it.
    async fn follow(&mut self, mut position: i64) -> Result<Option<(i64, PublishEnd)>, Failure> {
        let (store, target) = (self.store, self.target);
        let pieces = try_unfold(
            (position, Portion::FIRST),
            move |(after, portion)| async move {
                let changes = store.changes_after(after, portion.rows()).await?;
                // Asked once they are read: a cut in between costs a snapshot, one before is never overlooked.
                if !store.follows_on(after).await? {
                    return Err(Break::Cut);
                }
                let last = changes.last().map(|(last, _)| last.seq);
                let records = changes.iter().filter_map(|(_, record)| record.as_ref());
                let next = Portion::after(changes.len(), records.map(size).sum());
                Ok(last.map(|last| ((last, changes), (last, next))))
            },
        );
        let mut sent = pin!(sending(pieces, target));
        loop {
            let Ok(piece) = timeout_at(self.until, sent.try_next()).await else {
                return Ok(Some((position, PublishEnd::Deadline)));
            };
            let piece = match piece {
                Ok(piece) => piece,
                Err(Break::Cut) => return Ok(None),
                Err(Break::Failure(failure)) => return Err(failure),
            };
            let Some((last, changes, report)) = piece else {
                return Ok(Some((position, PublishEnd::CaughtUp)));
            };
            self.note(&changes, report).await?;
            position = last;
            self.acknowledged(position).await?;
        }
    }

    /// Counts, and keeps what was refused: before the cursor moves, or a crash would lose it.
    async fn note(
        &mut self,
        batch: &[(Change, Option<StoredRecord>)],
        report: SendReport,
    ) -> Result<(), Failure> {
        self.tally.sent += report.sent;
        self.tally.superseded += report.superseded;
        self.tally.expired += report.expired;
        self.tally.refused += report.refused.len() as u64;
        keep_refused(self.store, self.target.name(), batch, report.refused).await?;
        Ok(())
    }

    async fn acknowledged(&self, seq: i64) -> Result<(), Failure> {
        match self.cursor {
            Cursor::Stands => Ok(()),
            Cursor::Moves => Ok(self
                .store
                .move_cursor(self.target.name(), seq, Timestamp::now())
                .await?),
        }
    }
}

/// Sends pieces while the next are read and sent, and gives them back in their order, each once the target acknowledged it
/// and all before it: what is given back last is how far the cursor may go.
fn sending<'a, K: Send + 'a, E: From<SendError> + Send + 'a>(
    pieces: impl Stream<Item = Result<(K, Batch), E>> + Send + 'a,
    target: &'a dyn Target,
) -> impl Stream<Item = Result<(K, Batch, SendReport), E>> + Send + 'a {
    let send = move |(last, batch): (K, Batch)| async move {
        let report = target.send(&batch).await?;
        Ok((last, batch, report))
    };
    pieces.map_ok(send).try_buffered(AHEAD)
}

/// About how many bytes a row takes.
fn size(record: &StoredRecord) -> usize {
    size_of::<(Change, StoredRecord)>() + record.fields.len() + record.terms.len()
}

/// Records of a snapshot as changes: no run made them, and nobody is to be told of them.
fn as_changes(records: Vec<StoredRecord>, head: i64) -> Vec<(Change, Option<StoredRecord>)> {
    let at = Timestamp::now();
    let change = |record: &StoredRecord| Change {
        seq: head,
        run_id: None,
        kind: Subject::Record(record.kind),
        record_id: record.id,
        revision: record.revision,
        op: Op::Derived,
        at,
        diff: None,
    };
    records
        .into_iter()
        .map(|record| (change(&record), Some(record)))
        .collect()
}

/// Deletions of a snapshot, as changes that nobody is to be told of.
fn as_deletions(tombstones: &[Tombstone], head: i64) -> Vec<(Change, Option<StoredRecord>)> {
    let at = Timestamp::now();
    let change = |tombstone: &Tombstone| Change {
        seq: head,
        run_id: None,
        kind: Subject::Record(tombstone.kind),
        record_id: tombstone.record_id,
        revision: tombstone.revision,
        op: Op::Deleted,
        at,
        diff: None,
    };
    let changes = tombstones.iter().map(change);
    changes.map(|change| (change, None)).collect()
}

/// What a target refused becomes dead letters.
pub(super) async fn keep_refused(
    store: &Store,
    target: &str,
    batch: &[(Change, Option<StoredRecord>)],
    refused: Vec<Refused>,
) -> Result<(), StoreError> {
    if refused.is_empty() {
        return Ok(());
    }
    let at = Timestamp::now();
    let letters: Vec<NewDeadLetter> = refused
        .into_iter()
        .map(|refused| dead_letter(refused, batch, target, at))
        .collect();
    store.add_dead_letters(&letters).await.map(drop)
}

fn dead_letter(
    refused: Refused,
    batch: &[(Change, Option<StoredRecord>)],
    target: &str,
    at: Timestamp,
) -> NewDeadLetter {
    let of_record = batch
        .iter()
        .rfind(|(change, _)| change.record_id == refused.record_id);
    let record = of_record.and_then(|(_, record)| record.as_ref());
    NewDeadLetter {
        run_id: of_record.and_then(|(change, _)| change.run_id),
        stage: Stage::Publish,
        pipeline: record.map(|record| record.pipeline.clone()),
        target: Some(target.to_owned()),
        url: record.map_or_else(
            || refused.record_id.to_string(),
            |record| record.url.clone(),
        ),
        reason: refused.reason,
        payload: refused.payload,
        at,
    }
}

impl Failure {
    fn of(self, target: &dyn Target) -> PublishError {
        let target = target.name().to_owned();
        match self {
            Self::Target(source) => PublishError::Target { target, source },
            Self::Store(source) => PublishError::Store { target, source },
        }
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        Self::Target(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<E: Into<Failure>> From<E> for Break {
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}
