//! How a posting on two boards, or a post on two sites, is known to be the same.
//!
//! A [`Likeness`] is what two records are compared by: a function of their fields alone, like [`ContentHash`], small
//! enough to be kept beside each record. It has two parts. *Facts* decide against: another employer, another title once
//! the board's decorations are away, another place. The *sketch* of the text decides for: how much of the shorter text
//! stands in the longer one ([`sketch`]). Postings of one company share most of their words, so a posting's sketch leaves
//! the sections out that speak of the company ([`section`]).
//!
//! Who is to be compared with whom is found through [`Likeness::keys`], not by comparing everything: two records that are
//! the same share a key but by rare chance. Nothing here says which of two records is the first; the store does.
//!
//! [`ContentHash`]: super::ContentHash

mod encoding;
mod fold;
mod job;
mod place;
mod post;
mod section;
mod sketch;
mod title;
mod vocabulary;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::Body;
use job::Opening;
use post::Article;
use sketch::Sketch;

pub use encoding::keys_in;

/// What a record is compared by.
#[derive(Debug, Clone, PartialEq)]
pub struct Likeness {
    about: About,
    sketch: Sketch,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum About {
    Job(Opening),
    Post(Article),
}

impl Likeness {
    /// Version of everything in this module that makes a likeness; one of another recipe is made anew.
    pub const RECIPE: i64 = 2;

    /// Least [`similarity`](Self::similarity) of what is the same. `docs/accuracy.md` has what other values would do.
    pub const THRESHOLD: f64 = 0.75;

    /// None where too little is said to tell it from others: a job without a company or with a line of text, a reading.
    pub fn of(body: &Body) -> Option<Self> {
        match body {
            Body::Job(job) => job::likeness(job),
            Body::Post(post) => Some(post::likeness(post)),
            Body::Weather(_) => None,
        }
    }

    /// Whether both are of the same thing. It does not matter which one is asked.
    pub fn is_same(&self, other: &Self) -> bool {
        self.similarity(other) >= Self::THRESHOLD
    }

    /// How long after the older one was closed the same thing may still be seen anew; none where that is no matter. A posting that
    /// comes back long after is another opening, while an article stays the same one.
    pub const fn lasts(&self) -> Option<SignedDuration> {
        match self.about {
            About::Job(_) => Some(job::LASTS),
            About::Post(_) => None,
        }
    }

    /// From 0, what cannot be the same, to 1.
    pub fn similarity(&self, other: &Self) -> f64 {
        match (&self.about, &other.about) {
            (About::Job(one), About::Job(two)) if one.contradicts(two) => 0.0,
            (About::Job(_), About::Job(_)) => self.sketch.overlap(&other.sketch).share,
            (About::Post(one), About::Post(two)) => {
                post::similarity(one, two, self.sketch.overlap(&other.sketch))
            }
            _ => 0.0,
        }
    }

    /// Where it is looked up, and found: sorted, each once.
    pub fn keys(&self) -> Vec<i64> {
        let mut keys = match &self.about {
            About::Job(opening) => opening.keys(&self.sketch),
            About::Post(article) => article.keys(&self.sketch),
        };
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter().map(u64::cast_signed).collect()
    }
}

/// What is said of one matter, as hashes; nothing where nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Said(Vec<u32>);

impl Said {
    fn of<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> Self {
        let hashes = words.into_iter().map(|word| fold::hash32(word.as_ref()));
        let mut said: Vec<u32> = hashes.collect();
        said.sort_unstable();
        said.dedup();
        Self(said)
    }

    /// Whether each says something that the other does not. One that says more than the other is more exact.
    fn contradicts(&self, other: &Self) -> bool {
        let within = |one: &Self, two: &Self| one.0.iter().all(|hash| two.0.contains(hash));
        !within(self, other) && !within(other, self)
    }
}

#[cfg(test)]
mod tests;
