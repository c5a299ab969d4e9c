//! What is known of a feed or an entry so far, and who is believed where it was said twice.

use url::Url;

use super::text::{FeedText, one_line, strip_tags};
use super::{FeedEntry, FeedHead};

/// A title made of an entry's text has at most so many characters.
const MADE_TITLE_LENGTH: usize = 100;

/// More tags or authors than this say nothing; a hostile feed has a million.
const MAX_LIST: usize = 100;

/// A value and the rank of who said it: a better rank replaces it, the same rank does not.
#[derive(Debug)]
pub(super) struct Ranked<T>(Option<(u8, T)>);

impl<T> Default for Ranked<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Ranked<T> {
    pub(super) fn offer(&mut self, rank: u8, value: T) {
        if self.0.as_ref().is_none_or(|(held, _)| rank < *held) {
            self.0 = Some((rank, value));
        }
    }

    pub(super) fn get(&self) -> Option<&T> {
        self.0.as_ref().map(|(_, value)| value)
    }

    fn into_value(self) -> Option<T> {
        self.0.map(|(_, value)| value)
    }
}

/// The fields of a feed or an entry while it is read.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) title: Ranked<FeedText>,
    pub(super) link: Ranked<Url>,
    pub(super) language: Ranked<String>,
    pub(super) next: Option<Url>,
    id: Ranked<String>,
    authors: Ranked<Vec<String>>,
    published: Ranked<String>,
    updated: Ranked<String>,
    summary: Ranked<FeedText>,
    content: Ranked<FeedText>,
    tags: Vec<String>,
}

impl Draft {
    pub(super) fn title(&mut self, rank: u8, text: FeedText) {
        offer_text(&mut self.title, rank, text);
    }

    pub(super) fn summary(&mut self, rank: u8, text: FeedText) {
        offer_text(&mut self.summary, rank, text);
    }

    pub(super) fn content(&mut self, rank: u8, text: FeedText) {
        offer_text(&mut self.content, rank, text);
    }

    pub(super) fn id(&mut self, rank: u8, id: &str) {
        offer_words(&mut self.id, rank, id.trim());
    }

    pub(super) fn published(&mut self, rank: u8, date: &str) {
        offer_words(&mut self.published, rank, &one_line(date));
    }

    pub(super) fn updated(&mut self, rank: u8, date: &str) {
        offer_words(&mut self.updated, rank, &one_line(date));
    }

    /// A date of which nobody says what happened then: the best guess for both, until somebody does.
    pub(super) fn date(&mut self, date: &str) {
        self.published(3, date);
        self.updated(2, date);
    }

    /// The language tag in its usual spelling: lower case, parts joined by `-`.
    pub(super) fn language(&mut self, rank: u8, tag: &str) {
        let tag = tag.trim().to_ascii_lowercase().replace('_', "-");
        offer_words(&mut self.language, rank, &tag);
    }

    /// One of the authors of that rank.
    pub(super) fn author(&mut self, rank: u8, name: &str) {
        let name = strip_tags(name);
        if name.is_empty() {
            return;
        }
        match &mut self.authors.0 {
            Some((held, names)) if *held == rank => {
                if names.len() < MAX_LIST && !names.contains(&name) {
                    names.push(name);
                }
            }
            _ => self.authors.offer(rank, vec![name]),
        }
    }

    pub(super) fn tag(&mut self, tag: &str) {
        let tag = one_line(tag);
        if !tag.is_empty() && self.tags.len() < MAX_LIST && !self.tags.contains(&tag) {
            self.tags.push(tag);
        }
    }

    /// Whether nothing was said that would make it an entry.
    pub(super) fn is_empty(&self) -> bool {
        let texts = [&self.title, &self.summary, &self.content];
        texts.iter().all(|text| text.0.is_none()) && self.link.0.is_none()
    }

    pub(super) fn into_head(self) -> FeedHead {
        FeedHead {
            title: self.title.into_value(),
            link: self.link.into_value(),
            language: self.language.into_value(),
            author: joined(&self.authors),
            next: self.next,
        }
    }

    /// The entry of a feed with that head.
    pub(super) fn into_entry(self, head: &Self) -> FeedEntry {
        let author = joined(&self.authors).or_else(|| joined(&head.authors));
        let mut entry = FeedEntry {
            id: self.id.into_value(),
            title: self.title.into_value(),
            link: self.link.into_value(),
            author,
            published: self.published.into_value(),
            updated: self.updated.into_value(),
            summary: self.summary.into_value(),
            content: self.content.into_value(),
            tags: self.tags,
        };
        let address = entry.link.as_ref().map(Url::as_str);
        if entry.id.is_none() {
            entry.id = address.map(ToOwned::to_owned);
        }
        if entry.updated.is_none() {
            entry.updated.clone_from(&entry.published);
        }
        if entry.title.is_none() {
            let text = entry.summary.as_ref().or(entry.content.as_ref());
            entry.title = text
                .and_then(made_title)
                .or_else(|| address.map(FeedText::plain));
        }
        entry
    }
}

fn offer_text(slot: &mut Ranked<FeedText>, rank: u8, text: FeedText) {
    if !text.value.is_empty() {
        slot.offer(rank, text);
    }
}

fn offer_words(slot: &mut Ranked<String>, rank: u8, words: &str) {
    if !words.is_empty() {
        slot.offer(rank, words.to_owned());
    }
}

fn joined(authors: &Ranked<Vec<String>>) -> Option<String> {
    authors.get().map(|names| names.join(", "))
}

/// The beginning of a text as a title, for the short notes that have none.
fn made_title(text: &FeedText) -> Option<FeedText> {
    let words = text.first_words();
    if words.is_empty() {
        return None;
    }
    let title = match words.char_indices().nth(MADE_TITLE_LENGTH) {
        Some((end, _)) => format!("{}…", words[..end].trim_end()),
        None => words,
    };
    Some(FeedText::plain(&title))
}
