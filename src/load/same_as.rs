//! Links between records of the same thing: `same_as`, from the newer to the oldest.
//!
//! Records are ordered by their age, that is by when they were first seen, then by id. In that order each is linked to the
//! oldest of those before it that has no link itself, stands on another board (or site), [is the same], was not closed
//! [too long] before, and is not taken; where there is none, it has no link. So there are no chains, and what the links are
//! follows from the records alone, not from the order in which they were loaded or how often.
//!
//! Two records of one board are two openings: it lists them both. So of each board one open record is linked to an opening
//! on another, which is then *taken*, and the next one goes to the next opening or stands for itself: three openings on one
//! board and one on the other are three, whichever board was seen first. Only where as many as are looked at are taken is
//! it left open which of a crowd a record is, and the oldest stands for them all.
//!
//! What a record is linked to depends on older ones only. So when records come or are compared by something else, they are
//! decided anew, and then those newer ones which that may concern, until nothing changes. Each such round is a few
//! statements for all of its records, and most batches have one a part: they are decided in parts, the oldest first, as
//! each record may bring 32 others into memory.
//!
//! A link is a change of the record that has it: *derived*, a revision more. The hash of its content and the older record
//! stay as they are, and boards close their own records as if there were no link.
//!
//! [is the same]: Likeness::is_same
//! [too long]: Likeness::lasts

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use serde_json::json;
use sqlx::FromRow;
use uuid::Uuid;

use super::likeness::{Look, key_row};
use super::staging::Staging;
use super::{At, Bind, StoreError, Transaction, binds};
use crate::record::{Likeness, RecordId, RunId, keys_in};

/// Most others that a record is compared with, those first with which it shares most keys.
const COMPARED: usize = 32;

/// Most records of a batch that are decided at once: with their others they are some four thousand, of about a kilobyte.
const PART: usize = 128;

/// What is linked anew, and why.
#[derive(Debug)]
pub(super) struct Due {
    scope: String,
    keys: Vec<i64>,
    /// Whether it is new to the store.
    fresh: bool,
    /// Whether it is compared by something else than before, or a link to it is gone, so that newer ones are concerned
    /// though its link stays.
    changed: bool,
    /// Whether its keys are staged for the first round of its part.
    staged: bool,
}

type Dues = BTreeMap<RecordId, Due>;

/// Says in which part each of these is decided: the oldest in the first, so that few are decided twice.
pub(super) fn divide(looks: &mut [Look]) {
    let mut by_age: Vec<&mut Look> = looks.iter_mut().collect();
    by_age.sort_unstable_by_key(|look| (look.first_seen_at, look.id));
    for (part, looks) in (0..).zip(by_age.chunks_mut(PART)) {
        for look in looks {
            look.part = part;
        }
    }
}

/// Those whose likeness is another, part by part; [`note`](super::likeness::note) has staged their keys.
pub(super) fn due_to(looks: &[Look]) -> Vec<Dues> {
    let mut parts: BTreeMap<i64, Dues> = BTreeMap::new();
    for look in looks {
        let due = Due {
            scope: look.scope.clone(),
            keys: look.now.as_ref().map(Likeness::keys).unwrap_or_default(),
            fresh: look.fresh,
            changed: true,
            staged: true,
        };
        parts.entry(look.part).or_default().insert(look.id, due);
    }
    parts.into_values().collect()
}

/// Those that are linked to staged records which are to be deleted, and those that these were linked to: they are free for
/// others.
pub(super) async fn due_to_deletion(
    transaction: &mut Transaction<'_>,
) -> Result<Vec<Dues>, StoreError> {
    let rows: Vec<OrphanRow> = transaction
        .rows(
            "SELECT r.id, r.scope, l.likeness, false AS is_free
               FROM staged_seen AS s JOIN records AS r ON r.same_as = s.id
               LEFT JOIN likenesses AS l ON l.number = r.number
              WHERE r.id NOT IN (SELECT id FROM staged_seen)
              UNION ALL
             SELECT DISTINCT r.id, r.scope, l.likeness, true
               FROM staged_seen AS s JOIN records AS d ON d.id = s.id JOIN records AS r ON r.id = d.same_as
               LEFT JOIN likenesses AS l ON l.number = r.number
              WHERE r.id NOT IN (SELECT id FROM staged_seen)",
            binds![],
        )
        .await?;
    let due = |row: &OrphanRow| {
        let keys = row.likeness.as_deref().map(keys_in).unwrap_or_default();
        let due = Due {
            scope: row.scope.clone(),
            keys,
            fresh: false,
            changed: row.is_free,
            staged: false,
        };
        (RecordId(row.id), due)
    };
    let parts = rows.chunks(PART);
    Ok(parts.map(|rows| rows.iter().map(due).collect()).collect())
}

/// Links what is due, part by part, and whatever that concerns. The keys of those that are due because of their likeness are
/// staged.
pub(super) async fn relink(
    transaction: &mut Transaction<'_>,
    run: Option<RunId>,
    at: Timestamp,
    parts: Vec<Dues>,
) -> Result<(), StoreError> {
    // The first rounds are those of the parts, by which their keys are staged.
    let mut next_round = i64::try_from(parts.len()).unwrap_or(i64::MAX);
    let mut links = 0;
    for (part, due) in (0..).zip(parts) {
        let mut family = Family::default();
        decide(transaction, &mut family, due, part, &mut next_round).await?;
        links += write(transaction, run, at, &family, links).await?;
    }
    Ok(())
}

/// Decides what is due in a part, and then what that concerns, round by round.
async fn decide(
    transaction: &mut Transaction<'_>,
    family: &mut Family,
    mut due: Dues,
    mut round: i64,
    next_round: &mut i64,
) -> Result<(), StoreError> {
    loop {
        let unstaged = due.iter().filter(|(_, due)| !due.staged);
        let keys = unstaged.flat_map(|(id, due)| {
            let keys = due.keys.iter();
            keys.map(|key| key_row(round, *id, &due.scope, *key, None))
        });
        let keys: Vec<Vec<Bind>> = keys.collect();
        if !keys.is_empty() {
            transaction.stage(Staging::Likenesses, keys).await?;
        }
        family.meet(
            transaction
                .rows(MEETINGS, binds![round, COMPARED as u64])
                .await?,
        );
        // Nothing links to what is new to the store, so where it meets nobody there is nothing to decide.
        due.retain(|id, due| !due.fresh || family.near.contains_key(id));
        if due.is_empty() {
            return Ok(());
        }
        let kin = family.unknown_kin(&due);
        family.asked.extend(&kin);
        stage_kin(transaction, round, &kin).await?;
        // What is new to the store leaves nothing.
        let left = due.values().any(|due| !due.fresh);
        let left = left.then_some(LINKED_FROM_KIN);
        for sql in [KIN, LINKED_TO_KIN].into_iter().chain(left) {
            let binds = binds![round, Likeness::RECIPE];
            let rows: Vec<MemberRow> = transaction.rows(sql, binds).await?;
            family.know(rows);
        }
        due = family.decide(&due);
        if due.is_empty() {
            return Ok(());
        }
        round = *next_round;
        *next_round += 1;
    }
}

/// With whom a record is to be compared: with those of other lists alone, and of a crowd with those that are nearest.
const MEETINGS: &str = "SELECT met.id, met.other
  FROM (SELECT s.record_id AS id, k.record_id AS other,
               ROW_NUMBER() OVER (PARTITION BY s.record_id ORDER BY COUNT(*) DESC, k.record_id) AS place
          FROM staged_likenesses AS s JOIN likeness_keys AS k ON k.key = s.key AND k.scope <> s.scope
         WHERE s.round = $1
         GROUP BY s.record_id, k.record_id) AS met
 WHERE met.place <= $2 ORDER BY met.id, met.place";

const KIN: &str = "SELECT r.id, r.scope, r.first_seen_at, r.closed_at, r.same_as, l.likeness
       FROM staged_kin AS s JOIN records AS r ON r.id = s.id
       LEFT JOIN likenesses AS l ON l.number = r.number AND l.recipe = $2
      WHERE s.round = $1";

/// Whether a record is taken is told by who is linked to it.
const LINKED_TO_KIN: &str =
    "SELECT r.id, r.scope, r.first_seen_at, r.closed_at, r.same_as, l.likeness
       FROM staged_kin AS s JOIN records AS r ON r.same_as = s.id
       LEFT JOIN likenesses AS l ON l.number = r.number AND l.recipe = $2
      WHERE s.round = $1";

/// What a record leaves when its link becomes another is free.
const LINKED_FROM_KIN: &str =
    "SELECT r.id, r.scope, r.first_seen_at, r.closed_at, r.same_as, l.likeness
       FROM staged_kin AS s JOIN records AS k ON k.id = s.id JOIN records AS r ON r.id = k.same_as
       LEFT JOIN likenesses AS l ON l.number = r.number AND l.recipe = $2
      WHERE s.round = $1";

async fn stage_kin(
    transaction: &mut Transaction<'_>,
    round: i64,
    kin: &BTreeSet<RecordId>,
) -> Result<(), StoreError> {
    let rows = kin.iter().map(|id| binds![round, *id].into());
    transaction.stage(Staging::Kin, rows.collect()).await
}

/// Writes what has another link, and gives its number. So many links are staged already, and written.
async fn write(
    transaction: &mut Transaction<'_>,
    run: Option<RunId>,
    at: Timestamp,
    family: &Family,
    written: i64,
) -> Result<i64, StoreError> {
    let rows: Vec<Vec<Bind>> = family
        .relinked()
        .zip(written..)
        .map(|((id, before, after), ord)| {
            let diff = json!({"same_as": [before, after]});
            binds![ord, id, after, diff].into()
        })
        .collect();
    if rows.is_empty() {
        return Ok(0);
    }
    let links = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    transaction.stage(Staging::Links, rows).await?;
    transaction
        .write(
            "INSERT INTO changes (run_id, kind, record_id, revision, op, at, diff)
             SELECT $1, r.kind, r.id, r.revision + 1, 'derived', $2, s.diff
               FROM staged_links AS s JOIN records AS r ON r.id = s.record_id WHERE s.ord >= $3 ORDER BY s.ord",
            binds![run, at, written],
        )
        .await?;
    transaction
        .write(
            "UPDATE records SET same_as = s.same_as, revision = records.revision + 1
               FROM staged_links AS s WHERE records.id = s.record_id AND s.ord >= $1",
            binds![written],
        )
        .await?;
    Ok(links)
}

#[derive(FromRow)]
struct OrphanRow {
    id: Uuid,
    scope: String,
    likeness: Option<Vec<u8>>,
    /// Whether a link to it is gone, rather than the one that it has.
    is_free: bool,
}

#[derive(FromRow)]
struct MeetingRow {
    id: Uuid,
    other: Uuid,
}

#[derive(FromRow)]
struct MemberRow {
    id: Uuid,
    scope: String,
    first_seen_at: At,
    closed_at: Option<At>,
    same_as: Option<Uuid>,
    likeness: Option<Vec<u8>>,
}

/// Records that may be the same, and how they are linked. Pure: the transaction asks, this decides.
#[derive(Default)]
struct Family {
    members: HashMap<RecordId, Member>,
    /// With whom a record shares keys.
    near: HashMap<RecordId, Vec<RecordId>>,
    /// Members by what they are linked to.
    linked: HashMap<RecordId, BTreeSet<RecordId>>,
    /// Those of whom everything is known that is linked to them.
    asked: HashSet<RecordId>,
}

struct Member {
    scope: String,
    age: Age,
    /// When its board let go of it; none while it is open.
    closed_at: Option<Timestamp>,
    keys: Vec<i64>,
    likeness: Option<Likeness>,
    /// As it is stored.
    before: Option<RecordId>,
    /// As it is to be.
    same_as: Option<RecordId>,
}

/// What comes first is older.
type Age = (Timestamp, RecordId);

impl Family {
    fn meet(&mut self, meetings: Vec<MeetingRow>) {
        for row in meetings {
            let near = self.near.entry(RecordId(row.id)).or_default();
            if near.len() < COMPARED && !near.contains(&RecordId(row.other)) {
                near.push(RecordId(row.other));
            }
        }
    }

    /// The records that are to be read with those that are linked to them: those that are due and those near them.
    fn unknown_kin(&self, due: &Dues) -> BTreeSet<RecordId> {
        let near = due.keys().filter_map(|id| self.near.get(id)).flatten();
        let kin = near.chain(due.keys()).copied();
        kin.filter(|id| !self.asked.contains(id)).collect()
    }

    fn know(&mut self, rows: Vec<MemberRow>) {
        for row in rows {
            let id = RecordId(row.id);
            let Entry::Vacant(unknown) = self.members.entry(id) else {
                continue;
            };
            let same_as = row.same_as.map(RecordId);
            unknown.insert(Member {
                scope: row.scope,
                age: (row.first_seen_at.0, id),
                closed_at: row.closed_at.map(|at| at.0),
                keys: row.likeness.as_deref().map(keys_in).unwrap_or_default(),
                likeness: row.likeness.as_deref().and_then(Likeness::from_bytes),
                before: same_as,
                same_as,
            });
            if let Some(root) = same_as {
                self.linked.entry(root).or_default().insert(id);
            }
        }
    }

    /// Links what is due, the oldest first, and gives what is due because of that.
    fn decide(&mut self, due: &Dues) -> Dues {
        let mut open: BTreeSet<Age> = due
            .keys()
            .filter_map(|id| self.members.get(id))
            .map(|member| member.age)
            .collect();
        let mut next = Dues::new();
        while let Some(age) = open.pop_first() {
            let id = age.1;
            let root = self.root_of(id);
            let before = self.link(id, root);
            let moved = before != root;
            if moved || due[&id].changed {
                let concerned = self.concerned_by(id);
                let concerned = concerned.filter(|member| !open.contains(&member.age));
                for member in concerned {
                    next.entry(member.age.1)
                        .or_insert_with(|| member.due(false));
                }
            }
            // What it leaves is there for others, who are found from there.
            if moved && let Some(left) = before.and_then(|left| self.members.get(&left)) {
                next.insert(left.age.1, left.due(true));
            }
        }
        next
    }

    /// Links a record, and gives what it was linked to.
    fn link(&mut self, id: RecordId, root: Option<RecordId>) -> Option<RecordId> {
        let member = self.members.get_mut(&id)?;
        let before = std::mem::replace(&mut member.same_as, root);
        if let Some(linked) = before.and_then(|before| self.linked.get_mut(&before)) {
            linked.remove(&id);
        }
        if let Some(root) = root {
            self.linked.entry(root).or_default().insert(id);
        }
        before
    }

    /// The record that this one is linked to.
    fn root_of(&self, id: RecordId) -> Option<RecordId> {
        let member = self.members.get(&id)?;
        let near = self.near.get(&id)?.iter();
        let mut roots: Vec<Age> = near
            .filter_map(|other| self.members.get(other))
            .filter(|other| {
                other.age < member.age && other.same_as.is_none() && other.is_same(member)
            })
            .map(|other| other.age)
            .collect();
        roots.sort_unstable();
        let free = roots
            .iter()
            .find(|(_, root)| !self.is_taken(*root, member))
            .or_else(|| roots.first().filter(|_| roots.len() == COMPARED));
        free.map(|(_, root)| *root)
    }

    /// Whether an older record of the same board is linked to it, and was still open when this one came.
    fn is_taken(&self, root: RecordId, by: &Member) -> bool {
        self.linked_to(root).any(|other| {
            other.scope == by.scope
                && other.age < by.age
                && other.closed_at.is_none_or(|at| at >= by.age.0)
        })
    }

    fn linked_to(&self, root: RecordId) -> impl Iterator<Item = &Member> {
        let linked = self.linked.get(&root).into_iter().flatten();
        linked.filter_map(|id| self.members.get(id))
    }

    /// Newer records whose link may have to be another now: those linked to it; those of its board that are linked to
    /// what it takes; and, if it has no link, those that may be linked to it.
    fn concerned_by(&self, id: RecordId) -> impl Iterator<Item = &Member> {
        let member = self.members.get(&id);
        let taken = member.and_then(|member| member.same_as.zip(Some(member)));
        let rivals = taken.into_iter().flat_map(|(root, member)| {
            let rivals = self.linked_to(root);
            rivals.filter(|rival| rival.scope == member.scope && rival.age > member.age)
        });
        let root = member.filter(|member| member.same_as.is_none());
        let near = self.near.get(&id).into_iter().flatten();
        let near = near.filter_map(|other| self.members.get(other));
        let nearer = near.filter(move |other| {
            root.is_some_and(|root| {
                let older = |link: &RecordId| {
                    self.members
                        .get(link)
                        .is_some_and(|link| link.age < root.age)
                };
                root.age < other.age
                    && other.same_as != Some(id)
                    && !other.same_as.as_ref().is_some_and(older)
                    && root.is_same(other)
            })
        });
        self.linked_to(id).chain(rivals).chain(nearer)
    }

    /// What has another link now: id, link before, link after.
    fn relinked(&self) -> impl Iterator<Item = (RecordId, Option<RecordId>, Option<RecordId>)> {
        let mut moved: Vec<&Member> = self
            .members
            .values()
            .filter(|member| member.before != member.same_as)
            .collect();
        moved.sort_unstable_by_key(|member| member.age);
        moved
            .into_iter()
            .map(|member| (member.age.1, member.before, member.same_as))
    }
}

impl Member {
    fn due(&self, changed: bool) -> Due {
        Due {
            scope: self.scope.clone(),
            keys: self.keys.clone(),
            fresh: false,
            changed,
            staged: false,
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        let Some((one, two)) = self.likeness.as_ref().zip(other.likeness.as_ref()) else {
            return false;
        };
        let (older, newer) = if self.age < other.age {
            (self, other)
        } else {
            (other, self)
        };
        let is_in_time = one
            .lasts()
            .zip(older.closed_at)
            .is_none_or(|(lasts, closed_at)| newer.age.0.duration_since(closed_at) <= lasts);
        self.scope != other.scope && is_in_time && one.is_same(two)
    }
}
