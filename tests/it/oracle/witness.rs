//! A reader outside of the program: what it has seen once was acknowledged.

use std::collections::HashMap;

use sqlx::FromRow;
use uuid::Uuid;

use super::reader::{Locks, Process, Reader};
use super::truth::Held;

/// What a process was doing when it was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Not yet, or no longer, in a run or at a target.
    Idle,
    /// In a run, reading.
    Collect,
    /// In a transaction that writes.
    Load,
    /// At the target, as its leased publisher.
    Publish,
}

/// The program as seen from outside.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    locks: Locks,
    pub(super) reach: Reach,
}

/// How far the store and the target are.
#[derive(Debug, Clone, Copy, Default, FromRow)]
pub(super) struct Reach {
    /// Number of the last change.
    pub(super) head: i64,
    /// The last change that the target has acknowledged.
    pub(super) acknowledged: i64,
}

impl Look {
    pub(super) const fn of_collector(self) -> Stage {
        match self.locks {
            Locks { loads: true, .. } => Stage::Load,
            Locks { runs: true, .. } => Stage::Collect,
            _ => Stage::Idle,
        }
    }

    pub(super) const fn of_publisher(self) -> Stage {
        if self.locks.publishes {
            Stage::Publish
        } else {
            Stage::Idle
        }
    }

    /// Of a process that does both, one after the other.
    pub(super) const fn of_run(self) -> Stage {
        match self.of_publisher() {
            Stage::Publish => Stage::Publish,
            _ => self.of_collector(),
        }
    }
}

pub(super) struct Witness {
    reader: Reader,
    target: String,
    reach: Reach,
    /// The newest revision seen of each record, and its hash.
    seen: HashMap<Uuid, (i64, Vec<u8>)>,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    revision: i64,
    content_hash: Vec<u8>,
}

#[derive(FromRow)]
struct WholeRow {
    #[sqlx(flatten)]
    row: Row,
    number: String,
    active: bool,
    title: String,
    description: String,
    ops: String,
    revisions: String,
}

const REACH: &str = "
SELECT (SELECT COALESCE(MAX(seq), 0) FROM changes) AS head,
       (SELECT COALESCE(MAX(seq), 0) FROM cursors WHERE target = $1) AS acknowledged";

/// A full join, so that a change without its record, or a record without a change, is no row that can be read.
const WHOLE: &str = "
SELECT r.id, r.revision, r.content_hash, r.active, r.document ->> 'external_id' AS number,
       r.document ->> 'title' AS title, r.document ->> 'description' AS description, c.ops, c.revisions
  FROM records AS r
  FULL JOIN (SELECT record_id, string_agg(op, ',' ORDER BY seq) AS ops,
                    string_agg(CAST(revision AS TEXT), ',' ORDER BY seq) AS revisions
               FROM changes WHERE kind <> $1 GROUP BY record_id) AS c ON c.record_id = r.id";

const ACKNOWLEDGED: &str = "
SELECT r.document ->> 'external_id', MAX(c.revision)
  FROM changes AS c JOIN records AS r ON r.id = c.record_id
 WHERE c.seq <= (SELECT seq FROM cursors WHERE target = $1) GROUP BY 1";

const COUNTED: &str = "
SELECT CAST(SUM(added) AS BIGINT), CAST(SUM(updated) AS BIGINT), CAST(SUM(closed) AS BIGINT),
       CAST(SUM(reopened) AS BIGINT), COUNT(*) - COUNT(finished_at) FROM runs WHERE pipeline = $1";

impl Witness {
    /// Of the store at this URL, and its target of this name.
    pub(super) async fn at(url: &str, target: String) -> Self {
        Self {
            reader: Reader::of(url).await,
            target,
            reach: Reach::default(),
            seen: HashMap::new(),
        }
    }

    pub(super) async fn now(&mut self) -> String {
        self.reader.now().await
    }

    /// Looks at a process, and at what has been committed since the last look.
    pub(super) async fn look(&mut self, process: &Process) -> Look {
        let locks = self.reader.locks(process, &self.target).await;
        if locks.runs || locks.publishes {
            let before = self.reach.head;
            self.reach = self.reach().await;
            if self.reach.head > before {
                let sql = "SELECT id, revision, content_hash FROM records WHERE kind <> $1";
                let rows: Vec<Row> = self.reader.rows(sql, "run").await;
                self.compare(&rows);
            }
        }
        Look {
            locks,
            reach: self.reach,
        }
    }

    async fn reach(&mut self) -> Reach {
        let reach: Vec<Reach> = self.reader.rows(REACH, &self.target).await;
        reach[0]
    }

    /// All that the store holds, once no transaction is under way: that of a process which was killed may still be.
    pub(super) async fn read(&mut self) -> Vec<Held> {
        self.reader.settle().await;
        self.reach = self.reach().await;
        let whole: Vec<WholeRow> = self.reader.rows(WHOLE, "run").await;
        let mut rows = Vec::with_capacity(whole.len());
        let mut held = Vec::with_capacity(whole.len());
        for whole in whole {
            held.push(Held {
                number: whole.number.parse().unwrap(),
                revision: whole.row.revision,
                is_active: whole.active,
                title: whole.title,
                description: whole.description,
                ops: whole.ops,
                revisions: whole.revisions,
            });
            rows.push(whole.row);
        }
        self.compare(&rows);
        held
    }

    /// What was seen once is still there, or something newer is.
    fn compare(&mut self, rows: &[Row]) {
        for row in rows {
            let now = (row.revision, row.content_hash.clone());
            let before = self.seen.insert(row.id, now.clone());
            let goes_on = before.is_none_or(|before| before.0 < now.0 || before == now);
            assert!(goes_on, "{} is not what was acknowledged, or older", row.id);
        }
        let (there, seen) = (rows.len(), self.seen.len());
        assert_eq!(there, seen, "records that were acknowledged are gone");
    }

    /// The revision of each posting that the target has acknowledged.
    pub(super) async fn acknowledged(&mut self) -> Vec<(u32, i64)> {
        let rows: Vec<(String, i64)> = self.reader.rows(ACKNOWLEDGED, &self.target).await;
        let numbered = |(number, revision): (String, i64)| (number.parse().unwrap(), revision);
        rows.into_iter().map(numbered).collect()
    }

    /// What the runs have counted together (added, updated, closed, reopened), and how many of them have not ended.
    pub(super) async fn counted(&mut self) -> ([i64; 4], i64) {
        let rows: Vec<(i64, i64, i64, i64, i64)> = self.reader.rows(COUNTED, "board").await;
        let (added, updated, closed, reopened, open) = rows[0];
        ([added, updated, closed, reopened], open)
    }

    /// Lets go of the store, until it is looked at again.
    pub(super) async fn leave(&mut self) {
        self.reader.leave().await;
    }
}
