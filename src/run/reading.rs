//! A page of the list on its way from a blocking thread to the walk, piece by piece: however many entries it names, some
//! hundred of them are in memory. The reader waits while the stages behind the walk are busy, and ends early once the walk
//! has broken off.

use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::transform::joined;
use super::visits::Visits;
use crate::config::Pipeline;
use crate::extract::{self, ExtractError};
use crate::load::{Content, KnownPage, Named};
use crate::record::{Item, Next, Page, RecordId, Rejection};

/// Entries of a piece, and about the bytes after which it ends before: the largest pages of most lists are one piece.
pub(super) const PIECE_ENTRIES: usize = 256;
const PIECE_BYTES: usize = 256 * 1024;

/// Most bytes of entries that are kept of a page, to be remembered when it has not changed: the largest sitemap's fit. A
/// longer list is read anew each time.
const KEPT_BYTES: usize = 8 * 1024 * 1024;

/// Most records that are kept of a page, for the same end: as many as the largest sitemap names. They are stored in one
/// row, which is in memory several times while it is written.
const KEPT_RECORDS: usize = 50_000;

/// What a page costs in memory besides the texts of its entries: an entry, and a field of one.
const ENTRY_BYTES: usize = 64;
const FIELD_BYTES: usize = 48;

/// Some entries of a page.
#[derive(Default)]
pub(super) struct Piece {
    pub(super) items: Vec<Item>,
    /// Entries that cannot be told apart.
    pub(super) rejections: Vec<Rejection>,
    bytes: usize,
}

impl Piece {
    fn push(&mut self, entry: Result<Item, Rejection>) {
        match entry {
            Ok(item) => {
                self.bytes += bytes_of(&item);
                self.items.push(item);
            }
            Err(rejection) => {
                self.bytes += rejection.reason.len();
                self.rejections.push(rejection);
            }
        }
    }

    fn len(&self) -> usize {
        self.items.len() + self.rejections.len()
    }

    fn is_full(&self) -> bool {
        self.len() >= PIECE_ENTRIES || self.bytes >= PIECE_BYTES
    }
}

fn bytes_of(item: &Item) -> usize {
    let (fields, texts) = item.values.size();
    let place = item.place.as_ref().map_or(0, String::len);
    ENTRY_BYTES + item.entry.url.as_str().len() + place + FIELD_BYTES * fields + texts
}

/// What comes of a page.
pub(super) enum Part {
    Piece(Piece),
    /// Where its list goes on, or why it cannot be read.
    End(Result<Next, ExtractError>),
}

/// A page that is being read.
pub(super) struct Reading {
    peeked: Option<Part>,
    parts: mpsc::Receiver<Part>,
    reader: JoinHandle<()>,
}

impl Reading {
    /// Begins to read a page; an error where it is not what the pipeline says.
    pub(super) async fn begin(
        pipeline: Arc<Pipeline>,
        page: Arc<Page>,
    ) -> Result<Self, ExtractError> {
        // One piece waits while the next is read.
        let (sender, parts) = mpsc::channel(1);
        let reader = tokio::task::spawn_blocking(move || read(&pipeline, &page, &sender));
        let mut reading = Self {
            peeked: None,
            parts,
            reader,
        };
        match reading.next().await {
            Part::End(Err(error)) => Err(error),
            part => {
                reading.peeked = Some(part);
                Ok(reading)
            }
        }
    }

    /// The next part; nothing comes after the end.
    pub(super) async fn next(&mut self) -> Part {
        if let Some(part) = self.peeked.take() {
            return part;
        }
        if let Some(part) = self.parts.recv().await {
            return part;
        }
        joined(&mut self.reader).await;
        unreachable!("a reader says that it has come to the end")
    }
}

fn read(pipeline: &Pipeline, page: &Page, parts: &mpsc::Sender<Part>) {
    let mut piece = Piece::default();
    let end = extract::read_list(pipeline, page, &mut |entry| {
        piece.push(entry);
        if !piece.is_full() {
            return ControlFlow::Continue(());
        }
        match parts.blocking_send(Part::Piece(std::mem::take(&mut piece))) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    });
    // A walk that has broken off waits for nothing.
    if piece.len() > 0 {
        drop(parts.blocking_send(Part::Piece(piece)));
    }
    drop(parts.blocking_send(Part::End(end)));
}

/// What is kept of a page of the list while it is read, to be remembered when it has not changed.
pub(super) struct Keeping {
    known: Box<KnownPage>,
    bytes: usize,
}

impl Keeping {
    /// For a page; none where its server does not say when it changes.
    pub(super) fn of(page: &Page, pipeline: &Pipeline, visits: &Visits<'_>) -> Option<Self> {
        let known = visits.keep(page, || Content {
            named: match pipeline.detail {
                Some(_) => Named::Entries(Vec::new()),
                None => Named::Records(Vec::new()),
            },
            next: Next::None,
        })?;
        Some(Self { known, bytes: 0 })
    }

    /// Keeps what a piece names; none where that is too much, or where an entry cannot be told apart.
    pub(super) fn piece(mut self, piece: &Piece, ids: &[RecordId]) -> Option<Self> {
        if !piece.rejections.is_empty() {
            return None;
        }
        match &mut self.known.content.named {
            Named::Entries(items) => {
                self.bytes += piece.bytes;
                items.extend_from_slice(&piece.items);
            }
            Named::Records(known) => known.extend_from_slice(ids),
        }
        let is_bounded = match &self.known.content.named {
            Named::Entries(_) => self.bytes <= KEPT_BYTES,
            Named::Records(known) => known.len() <= KEPT_RECORDS,
        };
        is_bounded.then_some(self)
    }

    /// The page, once it was read to its end. One without an entry is read anew.
    pub(super) fn end(mut self, next: &Next) -> Option<Box<KnownPage>> {
        if self.known.content.named.len() == 0 {
            return None;
        }
        self.known.content.next = next.clone();
        Some(self.known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Content;
    use crate::record::{Kind, Validators};

    #[test]
    fn of_a_page_with_more_records_than_a_row_should_hold_none_is_kept() {
        let url: url::Url = "https://blog.example/rss.xml".parse().unwrap();
        let known = KnownPage {
            url: url.clone(),
            basis: [0; 32],
            validators: Validators {
                url,
                etag: Some("\"1\"".to_owned()),
                last_modified: None,
            },
            content: Content {
                named: Named::Records(Vec::new()),
                next: Next::None,
            },
        };
        let keeping = Keeping {
            known: Box::new(known),
            bytes: 0,
        };
        let ids = vec![RecordId::of(Kind::Post, &["1"]); KEPT_RECORDS];
        let keeping = keeping.piece(&Piece::default(), &ids).unwrap();
        assert!(keeping.piece(&Piece::default(), &ids[..1]).is_none());
    }
}
