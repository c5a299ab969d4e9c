use crate::load::{StoreError, StoreIdentity};

/// Why publishing ended before its time. Nothing is lost: the cursor stands after what was acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The target failed.
    #[error("`{target}` failed")]
    Target {
        /// Its name.
        target: String,
        /// What it says.
        source: SendError,
    },
    /// The store failed.
    #[error("cannot follow the change log for `{target}`")]
    Store {
        /// Name of the target.
        target: String,
        /// What the store says.
        source: StoreError,
    },
    /// The store was restored, or made anew, while it was followed.
    #[error(
        "the store `{place}` is not the one that was opened; start again, and `trendy index rebuild` if asked to"
    )]
    StoreReplaced {
        /// Where it is, without its password.
        place: String,
    },
    /// Another process took the lease while new indices took over, and may have sent to the old ones what these lack.
    #[error(
        "another process published to `{target}` while new indices took over; see what they lack by `trendy index verify`, \
         and mend it by `--repair`"
    )]
    Overtaken {
        /// Its name.
        target: String,
    },
    /// The store holds nothing, and the target does: most likely it is the wrong store.
    #[error(
        "the store `{place}` is empty, and `{target}` shows {documents} documents: they stay; name the right store, or delete \
         the indices and run `trendy index setup`"
    )]
    EmptyStore {
        /// Where it is, without its password.
        place: String,
        /// The target.
        target: String,
        /// How many documents are shown.
        documents: u64,
    },
    /// Another process publishes to the target just now.
    #[error("another process publishes to `{target}`; try again once it has ended")]
    Leased {
        /// Its name.
        target: String,
    },
}

impl PublishError {
    /// Whether the same call can succeed later, with nothing mended by hand.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Target { source, .. } => source.is_retryable(),
            Self::Store { source, .. } => source.is_retryable(),
            Self::Leased { .. } => true,
            Self::StoreReplaced { .. } | Self::Overtaken { .. } | Self::EmptyStore { .. } => false,
        }
    }

    /// Whether the target holds what is not of this store, or not of this version, so that it must be made anew.
    pub const fn needs_rebuild(&self) -> bool {
        matches!(
            self,
            Self::Target {
                source: SendError::ForeignIndex { .. } | SendError::OtherSchema { .. },
                ..
            }
        )
    }
}

/// Why a target could not take a batch. No variant holds a password: an address is a URL without its user part.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No connection, or it broke before the answer was there.
    #[error("cannot reach `{address}`; is the server up?")]
    Unreachable {
        /// The server.
        address: String,
        /// What the client says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It takes nothing now, and did not for as long as it was asked.
    #[error("`{address}` is busy ({status}): {reason}")]
    Busy {
        /// The server.
        address: String,
        /// HTTP status of the answer, or of an item in it.
        status: u16,
        /// What it says.
        reason: String,
    },
    /// It does not let us.
    #[error(
        "`{address}` denies access ({status}): {reason}; check the user, its rights on the indices, and blocks on them"
    )]
    Denied {
        /// The server.
        address: String,
        /// HTTP status of the answer, or of an item in it.
        status: u16,
        /// What it says.
        reason: String,
    },
    /// It refuses a request as a whole, which is no record's fault.
    #[error("`{address}` refuses `{request}` ({status}): {reason}")]
    Refused {
        /// The server.
        address: String,
        /// Method and path.
        request: String,
        /// HTTP status of the answer.
        status: u16,
        /// What it says.
        reason: String,
    },
    /// Something answers, but not as Elasticsearch does.
    #[error(
        "`{address}` answers `{request}` with what is no answer of Elasticsearch; is there a proxy or login page?"
    )]
    Unreadable {
        /// The server.
        address: String,
        /// Method and path.
        request: String,
        /// Where reading failed.
        source: serde_json::Error,
    },
    /// The alias that writes go through is missing.
    #[error("`{index}` is not set up at `{address}`; run `trendy index setup`")]
    NotSetUp {
        /// The server.
        address: String,
        /// Name of the alias.
        index: String,
    },
    /// The index holds records of another store, or of this one before a restore.
    #[error(
        "index `{index}` belongs to {}; run `trendy index rebuild`",
        other_owner(found.as_ref(), expected)
    )]
    ForeignIndex {
        /// Its name.
        index: String,
        /// The store that it was set up for; none where it was not set up by trendy.
        found: Option<StoreIdentity>,
        /// The store at hand.
        expected: StoreIdentity,
    },
    /// An index has the name of an alias of ours, so that nothing can be swapped behind it.
    #[error(
        "`{index}` at `{address}` is an index, where trendy has an alias; copy what is worth keeping, delete it, and run \
         `trendy index rebuild` again"
    )]
    NameTaken {
        /// The server.
        address: String,
        /// The name.
        index: String,
    },
    /// The index has the fields of another version of trendy.
    #[error(
        "index `{index}` has schema {found}, this program writes schema {known}; run `trendy index rebuild`, or install \
         the newer trendy"
    )]
    OtherSchema {
        /// Its name.
        index: String,
        /// Its schema.
        found: u64,
        /// The schema of this program.
        known: u64,
    },
}

impl SendError {
    /// Whether the same call can succeed later, with nothing mended by hand.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Busy { .. })
    }
}

/// Whose an index is that is not of this store as it is now.
fn other_owner(found: Option<&StoreIdentity>, expected: &StoreIdentity) -> String {
    let identity =
        |StoreIdentity { store_id, epoch }: &StoreIdentity| format!("{store_id}, epoch {epoch}");
    let this = identity(expected);
    match found {
        Some(found) if found.store_id == expected.store_id => format!(
            "this store before a restore (epoch {}), which is another one since ({this})",
            found.epoch
        ),
        Some(found) => format!(
            "another store ({}), not to this one ({this})",
            identity(found)
        ),
        None => format!("another store (unknown), not to this one ({this})"),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn foreign_index_names_both_stores_and_the_remedy() {
        let store = |number| StoreIdentity {
            store_id: Uuid::from_u128(number),
            epoch: 2,
        };
        let error = SendError::ForeignIndex {
            index: "trendy-job-000001".into(),
            found: Some(store(1)),
            expected: store(2),
        };
        assert_eq!(
            error.to_string(),
            "index `trendy-job-000001` belongs to another store (00000000-0000-0000-0000-000000000001, epoch 2), not \
             to this one (00000000-0000-0000-0000-000000000002, epoch 2); run `trendy index rebuild`"
        );
        assert!(!error.is_retryable());
    }

    #[test]
    fn index_of_this_store_before_a_restore_is_told_apart_by_its_epoch() {
        let store = |epoch| StoreIdentity {
            store_id: Uuid::from_u128(1),
            epoch,
        };
        let error = SendError::ForeignIndex {
            index: "trendy-job-000001".into(),
            found: Some(store(2)),
            expected: store(7),
        };
        assert_eq!(
            error.to_string(),
            "index `trendy-job-000001` belongs to this store before a restore (epoch 2), which is another one since \
             (00000000-0000-0000-0000-000000000001, epoch 7); run `trendy index rebuild`"
        );
    }
}
