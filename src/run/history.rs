//! What a run means beside those before it. Pure: no store, no clock.
//!
//! A site that renames a class still answers 200, and every page still gives a record, only without its company. What
//! gives it away is the pipeline's own history: a field that was usually found is suddenly found on less than half as
//! many pages, by more than chance. Pages that were not read again say nothing, and most runs of a list that keeps its
//! pages read a handful, so small runs are taken together until there is enough to judge by.
//!
//! A run that was found broken is no measure for those after it. It stays in question instead: the next one may read
//! nothing anew, as the pages have not changed since, and is then as broken as it was.

use crate::record::Fill;

/// Least pages that say how usual a field is. Fewer, and one posting without a company is an alarm.
const ENOUGH: u64 = 10;

/// How many groups of runs, each with [`ENOUGH`] pages, make the usual: one odd day among five does not move the median.
const GROUPS: usize = 5;

/// How usual a field must be to be missed: what every other page lacks may well be absent for a day.
const USUAL: f64 = 0.5;

/// Share of the usual below which a field has fallen.
const FALLEN: f64 = 0.5;

/// How unlikely a fall must be if nothing has changed, as the negative logarithm: one in a million. With hundreds of
/// sources, some thousand runs a day and ten fields each, one in a thousand would be an alarm an hour.
const NO_CHANCE: f64 = 13.8;

/// Below this many entries a feed may shrink as it likes, as a list may.
const SHRINK_FLOOR: u64 = 10;

/// A field that was usually found, and is no more.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fall {
    /// Its name.
    pub(super) field: String,
    /// The share of pages that had it before.
    pub(super) before: f64,
    /// How many runs say so.
    pub(super) runs: usize,
    /// The share of pages that have it now.
    pub(super) now: f64,
    /// Of how many pages.
    pub(super) read: u64,
    /// Whether this run alone read them, rather than it and others before it.
    pub(super) is_own: bool,
}

/// The fields that fell in a run, the deepest fall first. `broken` is what the runs read that were found broken since the
/// last one that was not, `before` what those read that went well; both newest first.
pub(super) fn fallen(run: &Fill, broken: &[Fill], before: &[Fill]) -> Vec<Fall> {
    let mut in_question = std::iter::once(run)
        .chain(broken)
        .filter(|fill| fill.read > 0)
        .peekable();
    let Some(newest) = in_question.peek().copied() else {
        return Vec::new();
    };
    let mut recent = Fill::default();
    let mut rest = before.iter();
    while recent.read < ENOUGH {
        let Some(older) = in_question.next().or_else(|| rest.next()) else {
            return Vec::new();
        };
        recent += older;
    }
    let is_own = recent == *run;
    let (groups, runs) = groups(rest.as_slice());
    let Some(usual) = groups.first() else {
        return Vec::new();
    };
    let mut falls: Vec<Fall> = usual
        .found
        .keys()
        .map(|field| Fall {
            before: median(groups.iter().map(|group| group.rate(field)).collect()),
            runs,
            now: recent.rate(field),
            read: recent.read,
            is_own,
            field: field.clone(),
        })
        // A rule that was mended is not blamed for the runs before.
        .filter(|fall| has_fallen(fall) && newest.rate(&fall.field) < FALLEN * fall.before)
        .collect();
    falls.sort_by(|a, b| (b.before - b.now).total_cmp(&(a.before - a.now)));
    falls
}

fn has_fallen(fall: &Fall) -> bool {
    let &Fall {
        before, now, read, ..
    } = fall;
    before >= USUAL && now < FALLEN * before && surprise(before, now, read) >= NO_CHANCE
}

/// Runs taken together until each group has enough pages; and how many runs they are.
fn groups(fills: &[Fill]) -> (Vec<Fill>, usize) {
    let mut groups = Vec::new();
    let mut group = Fill::default();
    let mut runs = 0;
    for (index, fill) in fills.iter().enumerate() {
        group += fill;
        if group.read >= ENOUGH {
            groups.push(std::mem::take(&mut group));
            runs = index + 1;
        }
        if groups.len() == GROUPS {
            break;
        }
    }
    (groups, runs)
}

/// Chernoff's bound: the negative logarithm of how likely it is to find a field on at most this share of so many pages
/// while its true share is still what it was.
#[expect(
    clippy::cast_precision_loss,
    reason = "a run reads far less than 2^52 pages"
)]
fn surprise(before: f64, now: f64, read: u64) -> f64 {
    let part = |now: f64, before: f64| {
        if now > 0.0 {
            now * (now / before).ln()
        } else {
            0.0
        }
    };
    read as f64 * (part(now, before) + part(1.0 - now, 1.0 - before))
}

/// The middle one, the smaller of two.
fn median(mut shares: Vec<f64>) -> f64 {
    shares.sort_by(f64::total_cmp);
    shares[(shares.len() - 1) / 2]
}

/// The usual number of entries of a source that names few at a time, where this run saw too few of them to be believed.
pub(super) fn usual_entries(entries: u64, before: &[u64], shrink_limit: f64) -> Option<u64> {
    let mut before = before.to_vec();
    before.sort_unstable();
    let usual = *before.get(before.len().checked_sub(1)? / 2)?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "a source has far fewer than 2^52 entries"
    )]
    let shrunk = usual.saturating_sub(entries) as f64 >= shrink_limit * usual as f64;
    (usual >= SHRINK_FLOOR && entries < usual && shrunk).then_some(usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run that read so many pages, and found the company on some of them and a title on all.
    fn run(read: u64, company: u64) -> Fill {
        let found = [("company", company), ("title", read)];
        Fill {
            read,
            found: found
                .into_iter()
                .filter(|(_, found)| *found > 0)
                .map(|(field, found)| (field.to_owned(), found))
                .collect(),
        }
    }

    fn fields(now: &Fill, before: &[Fill]) -> Vec<String> {
        let falls = fallen(now, &[], before).into_iter();
        falls.map(|fall| fall.field).collect()
    }

    #[test]
    fn a_field_that_was_usual_and_is_gone_is_named_with_its_numbers() {
        let before: Vec<Fill> = (0..8).map(|_| run(100, 98)).collect();
        let falls = fallen(&run(120, 4), &[], &before);
        let [fall] = falls.as_slice() else {
            panic!("{falls:?}");
        };
        assert_eq!(
            (fall.field.as_str(), fall.runs, fall.read, fall.is_own),
            ("company", 5, 120, true)
        );
        assert!((fall.before - 0.98).abs() < 1e-9 && (fall.now - 1.0 / 30.0).abs() < 1e-9);
    }

    #[test]
    fn the_first_runs_and_those_that_read_nothing_are_not_judged() {
        assert_eq!(fields(&run(100, 0), &[]), [""; 0]);
        assert_eq!(fields(&run(0, 0), &[run(100, 98)]), [""; 0]);
        assert_eq!(fields(&run(5, 0), &[run(4, 4)]), [""; 0]);
        assert_eq!(fields(&run(100, 0), &[run(9, 9)]), [""; 0]);
    }

    #[test]
    fn one_run_before_is_enough() {
        assert_eq!(fields(&run(100, 0), &[run(100, 98)]), ["company"]);
    }

    #[test]
    fn what_was_rare_is_not_missed_and_half_of_the_usual_is_no_fall() {
        assert_eq!(fields(&run(100, 0), &[run(100, 40)]), [""; 0]);
        assert_eq!(fields(&run(100, 50), &[run(100, 98)]), [""; 0]);
    }

    #[test]
    fn a_few_pages_without_what_two_of_three_have_are_chance() {
        assert_eq!(fields(&run(10, 2), &[run(120, 80)]), [""; 0]);
        assert_eq!(fields(&run(60, 12), &[run(120, 80)]), ["company"]);
    }

    #[test]
    fn small_runs_are_taken_together() {
        let usual = run(40, 40);
        let before = [run(4, 0), run(4, 0), usual.clone(), usual.clone()];
        let falls = fallen(&run(4, 0), &[], &before);
        assert_eq!((falls[0].read, falls[0].is_own), (12, false));
        assert_eq!(falls[0].runs, 2);
        assert_eq!(fields(&run(4, 0), &before[1..]), [""; 0]);
        let small: Vec<Fill> = (0..6).map(|_| run(3, 3)).collect();
        assert_eq!(fields(&run(20, 0), &small), ["company"]);
    }

    #[test]
    fn a_run_that_finds_the_field_again_is_well_whatever_those_before_found() {
        let before = [run(4, 0), run(4, 0), run(40, 40)];
        assert_eq!(fields(&run(4, 4), &before), [""; 0]);
    }

    #[test]
    fn a_broken_run_stays_in_question_until_one_finds_the_field_again() {
        let (broken, before) = ([run(120, 0)], [run(120, 120)]);
        assert_eq!(fallen(&run(0, 0), &broken, &before).len(), 1);
        assert_eq!(fallen(&run(2, 0), &broken, &before).len(), 1);
        assert_eq!(fallen(&run(2, 2), &broken, &before), []);
    }

    #[test]
    fn one_odd_run_among_five_is_not_the_usual() {
        let mut before = vec![run(100, 2)];
        before.extend((0..4).map(|_| run(100, 98)));
        assert_eq!(fields(&run(100, 2), &before), ["company"]);
    }

    #[test]
    fn the_deepest_fall_is_told_first() {
        let both = |company, location| {
            let mut fill = run(100, company);
            fill.found.insert("location".into(), location);
            fill
        };
        assert_eq!(
            fields(&both(30, 0), &[both(98, 98)]),
            ["location", "company"]
        );
    }

    #[test]
    fn a_feed_that_lost_half_of_its_usual_entries_is_not_believed() {
        assert_eq!(usual_entries(5, &[20, 20, 10], 0.5), Some(20));
        assert_eq!(usual_entries(10, &[20], 0.5), Some(20));
        assert_eq!(usual_entries(11, &[20], 0.5), None);
        assert_eq!(usual_entries(1, &[9, 9], 0.5), None);
        assert_eq!(usual_entries(0, &[], 0.5), None);
        assert_eq!(usual_entries(20, &[20], 0.0), None);
    }
}
