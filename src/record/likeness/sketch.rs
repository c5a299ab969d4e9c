//! A text as a set of hashes, small enough to keep: how much of a text stands in another is estimated from two sketches.
//!
//! The set is that of the *shingles*, runs of [`WORDS`] words (Broder, *On the resemblance and containment of documents*,
//! 1997). Of a long text only the [`SIZE`] smallest hashes are kept, which are a fair sample of all; below the smaller of
//! two samples' largest hash both are whole, so they are compared there. A short text is kept whole. `SimHash` (Charikar
//! 2002, Manku 2007) is smaller, but tells resemblance alone: a posting that another board cut in half resembles the
//! whole one no more than a posting of another team does. Containment tells them apart.

use super::fold::{combine, each_word, hash, high};

/// Words of a shingle: two are often shared by chance, and an edited word spoils as many shingles as it has words.
const WORDS: usize = 3;

/// Most hashes of a sketch. A text of a tenth of the other's length is then still compared by some twenty of them.
const SIZE: usize = 192;

/// Fewest hashes of a sample that an estimate can rest on: it is then off by an eighth at most, as a rule.
const SAMPLE: usize = 12;

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sketch {
    /// Different shingles of the text.
    pub(super) size: u32,
    /// The smallest hashes of these, sorted.
    pub(super) smallest: Vec<u32>,
}

/// What two texts have in common.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Overlap {
    /// Shingles of the shorter text.
    pub(super) least: u32,
    /// Shingles of the longer text.
    pub(super) most: u32,
    /// The share of the shorter text that stands in the longer one; 0 where it cannot be told.
    pub(super) share: f64,
}

impl Sketch {
    pub(super) fn of<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut words = Vec::new();
        for line in lines {
            each_word(line, |word| words.push(hash(word)));
        }
        let mut smallest: Vec<u32> = words
            .windows(WORDS)
            .map(|words| high(combine(words)))
            .collect();
        smallest.sort_unstable();
        smallest.dedup();
        let size = u32::try_from(smallest.len()).unwrap_or(u32::MAX);
        smallest.truncate(SIZE);
        Self { size, smallest }
    }

    pub(super) fn overlap(&self, other: &Self) -> Overlap {
        let (short, long) = if self.size <= other.size {
            (self, other)
        } else {
            (other, self)
        };
        let limit = short.known_below().min(long.known_below());
        let sample = |sketch: &Self| sketch.smallest.partition_point(|hash| *hash <= limit);
        let (in_short, in_long) = (sample(short), sample(long));
        let common = short.smallest[..in_short]
            .iter()
            .filter(|hash| long.smallest[..in_long].binary_search(hash).is_ok())
            .count();
        // The smaller sample, whichever text it is of: of two texts of one length either may be asked first.
        let least = in_short.min(in_long);
        let is_told = least > 0 && least >= SAMPLE.min(short.smallest.len());
        Overlap {
            least: short.size,
            most: long.size,
            share: if is_told { ratio(common, least) } else { 0.0 },
        }
    }

    /// The largest hash up to which every shingle is in the sketch.
    fn known_below(&self) -> u32 {
        if self.smallest.len() < self.size as usize {
            self.smallest.last().copied().unwrap_or(u32::MAX)
        } else {
            u32::MAX
        }
    }

    /// A hash of each of so many random parts of the text, made of its `depth` smallest shingles there: two texts share
    /// one of them the likelier, the more alike they are (Broder's *min-wise* hashes, by one permutation).
    pub(super) fn bands(&self, parts: u32, depth: usize) -> impl Iterator<Item = u64> {
        (0..parts).map(move |part| {
            let inside = self
                .smallest
                .iter()
                .filter(move |hash| **hash % parts == part);
            let band = [u64::from(part)]
                .into_iter()
                .chain(inside.take(depth).map(|hash| u64::from(*hash)));
            combine(&band.collect::<Vec<_>>())
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a sketch has few hashes")]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(words: std::ops::Range<u32>) -> String {
        let words: Vec<String> = words.map(|word| format!("w{word}")).collect();
        words.join(" ")
    }

    fn share(one: &str, two: &str) -> f64 {
        let share = |one: &str, two: &str| Sketch::of([one]).overlap(&Sketch::of([two])).share;
        assert!((share(one, two) - share(two, one)).abs() < f64::EPSILON);
        share(one, two)
    }

    #[test]
    fn what_was_cut_short_stands_in_the_whole() {
        assert!(share(&text(0..60), &text(0..150)) >= 1.0);
        assert!(share(&text(0..300), &text(0..2_000)) >= 1.0);
    }

    #[test]
    fn the_estimate_of_long_texts_is_near_the_truth() {
        for (from, truth) in [(0, 1.0), (200, 0.8), (500, 0.5), (1_000, 0.0)] {
            let share = share(&text(0..1_000), &text(from..from + 1_000));
            assert!((share - truth).abs() < 0.1, "{share} for {truth}");
        }
    }

    #[test]
    fn a_few_words_are_no_measure_for_a_book() {
        assert!(share(&text(0..30), &text(0..90_000)) <= 0.0);
        assert!(share("", "") <= 0.0);
    }
}
