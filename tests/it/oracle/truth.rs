//! What is true of a board, and what a store that has heard all of it must hold.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::chance::Chance;

/// Entries of a page of the list. A posting keeps its page, so that a page on which nothing happens stays as it is.
const PER_PAGE: u32 = 50;

/// Postings at the beginning.
const FIRST: u32 = 600;

/// Texts that a posting has in turn: the third edit brings the first text back.
const TEXTS: u32 = 3;

/// Terms come and go with the texts.
const LANGUAGES: [&str; TEXTS as usize] = ["Kotlin", "Rust", "Go"];

/// A board whose postings come, change, vanish and come back, the same for the same seed.
///
/// Between two turns there is at most one change of each posting that the store may or may not have heard of, so
/// what it holds at any moment is judged exactly, and the revision that a posting must have in the end is known.
pub(super) struct Truth {
    chance: Chance,
    postings: BTreeMap<u32, Posting>,
}

#[derive(Default)]
struct Posting {
    is_shown: bool,
    text: u32,
    /// What the store has kept of it so far: all that ever happened to it there, and the last text and whether it is open.
    ops: Vec<&'static str>,
    kept: Option<(u32, bool)>,
}

/// What a store holds of a posting.
#[derive(Debug, PartialEq)]
pub(super) struct Held {
    pub(super) number: u32,
    pub(super) revision: i64,
    pub(super) is_active: bool,
    pub(super) title: String,
    pub(super) description: String,
    /// Its changes, in the order of the log, and the revision that each brought; commas between them.
    pub(super) ops: String,
    pub(super) revisions: String,
}

impl Truth {
    pub(super) fn of(seed: u64) -> Self {
        let mut truth = Self {
            chance: Chance::of(seed),
            postings: BTreeMap::new(),
        };
        truth.post(FIRST);
        truth
    }

    fn post(&mut self, postings: u32) {
        let next = self.postings.keys().last().map_or(0, |last| last + 1);
        for number in next..next + postings {
            let posting = Posting {
                is_shown: true,
                ..Posting::default()
            };
            self.postings.insert(number, posting);
        }
    }

    /// Time goes by: on some pages postings are edited, vanish and come back, edited or not; and there are new ones.
    pub(super) fn turn(&mut self) {
        let chance = &mut self.chance;
        let last = self
            .postings
            .keys()
            .last()
            .map_or(0, |last| last / PER_PAGE);
        let busy: Vec<bool> = (0..=last).map(|_| chance.percent(60)).collect();
        for (number, posting) in &mut self.postings {
            if !busy[(number / PER_PAGE) as usize] {
                continue;
            }
            posting.is_shown = chance.percent(if posting.is_shown { 92 } else { 50 });
            if chance.percent(50) {
                posting.text = (posting.text + 1) % TEXTS;
            }
        }
        let new = chance.below(12);
        self.post(u32::try_from(new).unwrap());
    }

    /// The list's pages, each with its path.
    pub(super) fn pages(&self) -> Vec<(String, String)> {
        let mut pages: BTreeMap<u32, String> = BTreeMap::new();
        for (number, posting) in self.postings.iter().filter(|(_, posting)| posting.is_shown) {
            let page = pages.entry(number / PER_PAGE).or_default();
            let (title, description) = texts(*number, posting.text);
            write!(
                page,
                "<li><a href='/jobs/{number}'>{title}</a><p>{description}</p></li>"
            )
            .unwrap();
        }
        let last = pages.len() - 1;
        let mut pages: Vec<String> = pages.into_values().collect();
        for (page, body) in pages.iter_mut().enumerate().take(last) {
            write!(
                body,
                "<a class='next' href='/jobs/page-{}'>next</a>",
                page + 1
            )
            .unwrap();
        }
        let path = |page| match page {
            0 => "jobs/index.html".to_owned(),
            page => format!("jobs/page-{page}.html"),
        };
        let pages = pages.into_iter().enumerate();
        pages.map(|(page, body)| (path(page), body)).collect()
    }

    /// Compares with what a store holds, which is each posting before or after the one change that it may not have heard
    /// of yet. What it has kept once, it must hold from now on.
    pub(super) fn judge(&mut self, rows: &[Held]) {
        for row in rows {
            let posting = self.postings.get_mut(&row.number);
            let posting = posting.unwrap_or_else(|| panic!("nobody posted {row:?}"));
            if row.ops != posting.ops.join(",") {
                posting.keep();
            }
            assert_eq!(*row, posting.held(row.number));
        }
        let kept = self
            .postings
            .values()
            .filter(|posting| posting.kept.is_some());
        assert_eq!(
            rows.len(),
            kept.count(),
            "postings are gone from the store, or there twice"
        );
    }

    /// Postings of which the store has not heard all.
    pub(super) fn untold(&self) -> Vec<u32> {
        let untold = self
            .postings
            .iter()
            .filter(|(_, posting)| posting.untold().is_some());
        untold.map(|(number, _)| *number).collect()
    }

    /// How often this happened, to all postings together.
    pub(super) fn count(&self, op: &str) -> i64 {
        let ops = self.postings.values().flat_map(|posting| &posting.ops);
        i64::try_from(ops.filter(|other| **other == op).count()).unwrap()
    }
}

impl Posting {
    /// What has happened to it since the store heard of it last.
    fn untold(&self) -> Option<&'static str> {
        match (self.kept, self.is_shown) {
            (None, true) => Some("added"),
            (Some((_, false)), true) => Some("reopened"),
            (Some((text, true)), true) if text != self.text => Some("updated"),
            (Some((_, true)), false) => Some("closed"),
            _ => None,
        }
    }

    fn keep(&mut self) {
        let Some(op) = self.untold() else { return };
        self.ops.push(op);
        self.kept = match self.kept {
            Some((text, _)) if !self.is_shown => Some((text, false)),
            _ => Some((self.text, true)),
        };
    }

    /// What a store holds that has kept so much of it.
    fn held(&self, number: u32) -> Held {
        let (text, is_active) = self.kept.unwrap_or_default();
        let (title, description) = texts(number, text);
        let revision = i64::try_from(self.ops.len()).unwrap();
        Held {
            number,
            revision,
            is_active,
            title,
            description,
            ops: self.ops.join(","),
            revisions: joined(revision),
        }
    }
}

fn joined(revisions: i64) -> String {
    let revisions: Vec<String> = (1..=revisions)
        .map(|revision| revision.to_string())
        .collect();
    revisions.join(",")
}

fn texts(number: u32, text: u32) -> (String, String) {
    let language = LANGUAGES[((number + text) % TEXTS) as usize];
    (
        format!("Engineer {number}, text {text}"),
        format!("We write {language}, in team {number}."),
    )
}
