use serde::{Deserialize, Serialize};

use super::fold::{combine, each_word, hash, hash32, joined};
use super::sketch::{Overlap, Sketch};
use super::{About, Likeness, Said};
use crate::record::{Kind, Post};

/// Fewest shingles that a text can be judged by, some five sentences. A feed's summary has fewer.
const LEAST: u32 = 40;

/// Share of the longer text that the shorter one has at least, where their titles differ: a week's digest holds the
/// summaries of many posts whole, and is none of them.
const PART: f64 = 0.5;

/// Days between two publications that mean the same one: sites write days in their own time zone, and mirrors fetch daily.
const DAYS: u64 = 2;

/// Fewest words of a title that tells a post from others: `공지`, `Release notes`.
const TITLE: u32 = 3;

/// Words that number the parts of a series.
const ORDINALS: &[&str] = &[
    "one", "two", "three", "four", "first", "second", "third", "상", "중", "하", "상편", "중편",
    "하편", "전편", "후편",
];

/// The facts of a post.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Article {
    title: u64,
    title_words: u32,
    /// Numbers in the title: versions, years, parts of a series.
    numbers: Said,
    author: Option<u64>,
    language: Option<u32>,
    /// Days since 1970.
    day: Option<i64>,
}

pub(super) fn likeness(post: &Post) -> Likeness {
    // Sites write their own name behind it.
    let title = post.title.split(" | ").next().unwrap_or_default();
    let (mut name, mut title_words, mut numbers) = (String::new(), 0, Vec::new());
    each_word(title, |word| {
        name.push_str(word);
        title_words += 1;
        let digits: String = word.chars().filter(char::is_ascii_digit).collect();
        if !digits.is_empty() {
            numbers.push(digits);
        } else if ORDINALS.contains(&word) {
            numbers.push(word.to_owned());
        }
    });
    let author = joined(post.author.as_deref().unwrap_or_default());
    let language = post
        .language
        .as_deref()
        .and_then(|tag| tag.split('-').next());
    let text = post.text.as_deref().or(post.summary.as_deref());
    let article = Article {
        title: hash(&name),
        title_words,
        numbers: Said::of(numbers),
        author: (!author.is_empty()).then(|| hash(&author)),
        language: language.filter(|tag| !tag.is_empty()).map(hash32),
        day: post
            .published_at
            .map(|at| at.as_second().div_euclid(24 * 60 * 60)),
    };
    Likeness {
        about: About::Post(article),
        sketch: Sketch::of(text.unwrap_or_default().lines()),
    }
}

pub(super) fn similarity(one: &Article, two: &Article, texts: Overlap) -> f64 {
    let languages = one.language.zip(two.language);
    if languages.is_some_and(|(one, two)| one != two) || one.numbers.contradicts(&two.numbers) {
        return 0.0;
    }
    let same_title = one.title == two.title && one.title_words >= TITLE;
    if texts.least < LEAST {
        // Too short to judge by, and feeds cut their summaries anywhere.
        let same_author = one.author.is_some() && one.author == two.author;
        let days = one.day.zip(two.day);
        let same_day = days.is_some_and(|(one, two)| one.abs_diff(two) <= DAYS);
        return if same_title && same_author && same_day {
            1.0
        } else {
            0.0
        };
    }
    let is_part = f64::from(texts.least) < PART * f64::from(texts.most);
    if is_part && !same_title {
        0.0
    } else {
        texts.share
    }
}

impl Article {
    /// One by the title, which a cut text needs, and six by parts of the text, as who publishes a post again often gives
    /// it another title. Two texts that share four fifths have one of the six but once in a thousand.
    pub(super) fn keys(&self, sketch: &Sketch) -> Vec<u64> {
        let post = hash(Kind::Post.as_str());
        let mut keys = Vec::new();
        if self.title_words >= TITLE {
            keys.push(combine(&[post, self.title]));
        }
        if sketch.size >= LEAST {
            keys.extend(sketch.bands(6, 2).map(|band| combine(&[post, band])));
        }
        keys
    }
}
