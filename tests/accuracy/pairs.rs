//! Pairs of postings and posts, the same or not: `pairs.txt`.

use std::fmt::Write;

use trendy::normalize::company::Companies;
use trendy::record::{Body, Job, Likeness, Post};

use crate::Score;

/// What the pairs are for: the threshold was chosen on the one half, and is measured on the other.
pub(crate) const TUNING: &str = "tuning";
pub(crate) const HELD_OUT: &str = "held out";

struct Pair {
    split: &'static str,
    kind: &'static str,
    same: bool,
    why: &'static str,
    /// None where the store would never compare them: they share no key.
    similarity: Option<f64>,
}

impl Pair {
    fn is_found(&self, threshold: f64) -> bool {
        self.similarity
            .is_some_and(|similarity| similarity >= threshold)
    }
}

/// A text under `## split | kind` is paired with each of those under `### same | why` behind it.
fn pairs() -> Vec<Pair> {
    let mut pairs = Vec::new();
    for group in include_str!("pairs.txt").split("## ").collect::<Groups>().0 {
        let (first, others) = group.split_first().unwrap();
        let (split, kind) = heading(first);
        let one = likeness(kind, first);
        for other in others {
            let (label, why) = heading(other);
            let two = likeness(kind, other);
            let meet = one.as_ref().zip(two.as_ref()).filter(|(one, two)| {
                let keys = two.keys();
                one.keys().iter().any(|key| keys.contains(key))
            });
            pairs.push(Pair {
                split,
                kind,
                same: label == "same",
                why,
                similarity: meet.map(|(one, two)| one.similarity(two)),
            });
        }
    }
    pairs
}

/// The texts of each group: what stands behind `#` continues the group before it.
struct Groups(Vec<Vec<&'static str>>);

impl FromIterator<&'static str> for Groups {
    fn from_iter<I: IntoIterator<Item = &'static str>>(parts: I) -> Self {
        let mut groups: Vec<Vec<&'static str>> = Vec::new();
        // `### ` splits into a `#` at the end of what is before it.
        let mut is_variant = false;
        for part in parts {
            let text = part.strip_suffix('#').unwrap_or(part);
            match groups.last_mut() {
                Some(group) if is_variant => group.push(text),
                _ if !text.trim().is_empty() => groups.push(vec![text]),
                _ => {}
            }
            is_variant = part.ends_with('#');
        }
        Self(groups)
    }
}

fn heading(text: &'static str) -> (&'static str, &'static str) {
    text.lines().next().unwrap().split_once(" | ").unwrap()
}

fn likeness(kind: &str, text: &str) -> Option<Likeness> {
    let (head, text) = text.split_once("\n\n").unwrap();
    let field = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(field, _)| *field == name);
        found.map(|(_, value)| value.to_owned())
    };
    let title = field("title").unwrap();
    let text = Some(text.trim_end().to_owned());
    if kind == "job" {
        return Likeness::of(&Body::Job(Box::new(Job {
            title,
            company: field("company").map(|name| Companies::bundled().canonical(&name)),
            location: field("location"),
            experience_min: field("experience").map(|years| years.parse().unwrap()),
            description: text,
            ..Job::default()
        })));
    }
    let (text, summary) = match field("form") {
        None => (text, None),
        Some(_) => (None, text),
    };
    let published_at = field("published").map(|day| format!("{day}T00:00:00Z").parse().unwrap());
    Likeness::of(&Body::Post(Box::new(Post {
        title,
        author: field("author"),
        published_at,
        language: field("language"),
        text,
        summary,
        ..Post::default()
    })))
}

fn score<'a>(pairs: impl Iterator<Item = &'a Pair>, threshold: f64) -> Score {
    let mut score = Score::default();
    for pair in pairs {
        let found = pair.is_found(threshold);
        score.cases += 1;
        score.right += usize::from(found == pair.same);
        score.found += usize::from(found);
        score.expected += usize::from(pair.same);
        score.found_rightly += usize::from(found && pair.same);
    }
    score
}

/// Of the pairs of a kind that the threshold was not chosen on.
pub(crate) fn held_out(kind: &str) -> Score {
    let pairs = pairs();
    let held_out = pairs
        .iter()
        .filter(|pair| (pair.split, pair.kind) == (HELD_OUT, kind));
    score(held_out, Likeness::THRESHOLD)
}

/// What each threshold would do, on both halves.
pub(crate) fn thresholds() -> String {
    let pairs = pairs();
    let mut table = String::from(
        "| threshold | tuning precision | tuning recall | held-out precision | held-out recall |\n|---|---|---|---|---|\n",
    );
    for percent in (30..=100).step_by(5) {
        let threshold = f64::from(percent) / 100.0;
        let of = |split| score(pairs.iter().filter(|pair| pair.split == split), threshold);
        let (tuning, held_out) = (of(TUNING), of(HELD_OUT));
        let mark = if (threshold - Likeness::THRESHOLD).abs() < 0.001 {
            " (chosen)"
        } else {
            ""
        };
        writeln!(
            table,
            "| {threshold:.2}{mark} | {:.3} | {:.3} | {:.3} | {:.3} |",
            tuning.precision(),
            tuning.recall(),
            held_out.precision(),
            held_out.recall()
        )
        .unwrap();
    }
    table
}

/// A link that is wrong hides an opening; one that is missing counts it twice, and what was said too differently may be.
#[test]
fn no_pair_that_was_tuned_on_is_linked_wrongly() {
    let pairs = pairs();
    let wrong: Vec<String> = pairs
        .iter()
        .filter(|pair| pair.split == TUNING && !pair.same && pair.is_found(Likeness::THRESHOLD))
        .map(|pair| format!("{} | {} | {:?}", pair.kind, pair.why, pair.similarity))
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
}
