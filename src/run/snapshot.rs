//! What a list that was walked means for the records that it no longer names. Pure: no store, no clock.

use std::collections::BTreeSet;

use crate::config::Snapshot;
use crate::record::{Outcome, RecordId};

/// Below this many known entries a list may shrink as it likes: a board of three that loses two is no alarm.
const SHRINK_FLOOR: usize = 10;

/// How a walk of a list ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WalkEnd {
    /// At the end of the list.
    Complete,
    /// At the pipeline's own bound on pages.
    MaxPages(u32),
    /// At the `--limit` of this run, or where everything is older than its `--since`.
    Limited,
    /// At a request to stop.
    Interrupted,
    /// At a page that could not be had or read.
    Failed(Outcome, String),
}

/// Whether a run believes its list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It does, and these records are gone from it.
    Close(Vec<RecordId>),
    /// It does not.
    Refuse(Outcome, String),
}

/// Compares what the list names with the records that were open before.
pub(super) fn judge(
    listed: &BTreeSet<RecordId>,
    before: &[RecordId],
    policy: Snapshot,
    accepted: bool,
) -> Verdict {
    let absent: Vec<RecordId> = before
        .iter()
        .copied()
        .filter(|id| !listed.contains(id))
        .collect();
    if listed.is_empty() {
        if accepted || policy.allow_empty {
            return Verdict::Close(absent);
        }
        let reason = "the list is empty; nothing was closed (if that is true: `--accept` once, or `allow_empty`)";
        return Verdict::Refuse(Outcome::Empty, reason.to_owned());
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "a list has far fewer than 2^52 entries"
    )]
    let shrunk = before.len() >= SHRINK_FLOOR
        && absent.len() as f64 >= policy.shrink_limit * before.len() as f64;
    if shrunk && !accepted {
        let reason = format!(
            "{} of {} known entries are gone from the list; nothing was closed (if that is true: `--accept` once)",
            absent.len(),
            before.len()
        );
        return Verdict::Refuse(Outcome::Partial, reason);
    }
    Verdict::Close(absent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Kind;

    const POLICY: Snapshot = Snapshot {
        allow_empty: false,
        shrink_limit: 0.5,
    };

    fn ids(range: std::ops::Range<u32>) -> Vec<RecordId> {
        range
            .map(|n| RecordId::of(Kind::Job, &["board", &n.to_string()]))
            .collect()
    }

    fn listed(range: std::ops::Range<u32>) -> BTreeSet<RecordId> {
        ids(range).into_iter().collect()
    }

    #[test]
    fn absent_entries_are_closed() {
        assert_eq!(
            judge(&listed(2..20), &ids(0..20), POLICY, false),
            Verdict::Close(ids(0..2))
        );
    }

    #[test]
    fn an_empty_list_closes_nothing_unless_it_is_accepted() {
        assert!(matches!(
            judge(&listed(0..0), &ids(0..3), POLICY, false),
            Verdict::Refuse(Outcome::Empty, _)
        ));
        assert_eq!(
            judge(&listed(0..0), &ids(0..3), POLICY, true),
            Verdict::Close(ids(0..3))
        );
        let allowed = Snapshot {
            allow_empty: true,
            ..POLICY
        };
        assert_eq!(
            judge(&listed(0..0), &ids(0..3), allowed, false),
            Verdict::Close(ids(0..3))
        );
    }

    #[test]
    fn a_list_that_lost_half_is_not_believed_from_ten_entries_up() {
        assert!(matches!(
            judge(&listed(5..10), &ids(0..10), POLICY, false),
            Verdict::Refuse(Outcome::Partial, _)
        ));
        assert_eq!(
            judge(&listed(5..10), &ids(0..10), POLICY, true),
            Verdict::Close(ids(0..5))
        );
        assert_eq!(
            judge(&listed(4..9), &ids(0..9), POLICY, false),
            Verdict::Close(ids(0..4))
        );
    }

    #[test]
    fn new_entries_do_not_hide_a_shrunken_list() {
        assert!(matches!(
            judge(&listed(10..30), &ids(0..20), POLICY, false),
            Verdict::Refuse(Outcome::Partial, _)
        ));
    }
}
