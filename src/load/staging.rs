/// A temporary table of the transaction that writes: many rows reach it in one go, and plain SQL that is the same on
/// both servers takes them from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Staging {
    /// Every id of a batch, with what tells whether it changed: `ord, id, content_hash, terms, seen_at, pipeline,
    /// url`.
    Seen,
    /// Records that changed: `ord, id, kind, scope, pipeline, url, seen_at, dated_at, content_hash, revision, op, terms,
    /// document, diff`. No document where the source showed only that it is still there.
    Changed,
    /// Their terms: `record_id, term, type`.
    Terms,
    /// Dead letters: `id, run_id, stage, pipeline, target, url, reason, payload, at`.
    Letters,
    /// Pages that were read or are known: `url, basis, address, etag, last_modified, content`. Only a known one has more
    /// than its `url`.
    Pages,
    /// Pages behind entries that were read: `record_id, basis, read_at`.
    Visits,
    /// What records are compared by, and where they are looked up: `round, record_id, scope, key, place, likeness`. A row has
    /// either a key or a likeness; a place only where the key is new to the record. One table for both, as each costs a
    /// trip to the server.
    Likenesses,
    /// Records that links are decided by: `round, id`.
    Kin,
    /// Links that are other than before: `ord, record_id, same_as, diff`.
    Links,
}

impl Staging {
    /// Every table.
    #[cfg(test)]
    pub(super) const ALL: [Self; 9] = [
        Self::Seen,
        Self::Changed,
        Self::Terms,
        Self::Letters,
        Self::Pages,
        Self::Visits,
        Self::Likenesses,
        Self::Kin,
        Self::Links,
    ];

    pub(super) const fn table(self) -> &'static str {
        match self {
            Self::Seen => "staged_seen",
            Self::Changed => "staged_changed",
            Self::Terms => "staged_terms",
            Self::Letters => "staged_letters",
            Self::Pages => "staged_pages",
            Self::Visits => "staged_visits",
            Self::Likenesses => "staged_likenesses",
            Self::Kin => "staged_kin",
            Self::Links => "staged_links",
        }
    }
}
