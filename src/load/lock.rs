//! Mutual exclusion between processes, and the fence around what is written under it.
//!
//! A lock is held by a file or by a session of the server, and frees itself when its holder dies. A session can also end
//! under a holder that lives: the server restarts, a network is cut. The holder need not notice, while another process
//! takes the lock and goes on with the same run or the same cursor. So whoever takes a lock leaves a token in the store,
//! and a transaction of [`Store::under`] a lock reads it before it writes anything and keeps it as it is until its
//! commit: once another has taken the lock, nothing more is written under the old one. A lock that was lost and that
//! nobody took since costs nothing. What is done outside of the store is done under a [`Hold`], which is such a
//! transaction that writes nothing.

use std::fs::File;
use std::sync::Arc;

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::{Locks, Purpose, Store, StoreError, Transaction, binds, postgres, retrying, sqlite};

/// Notes who has a lock.
pub(super) const TAKE: &str = "INSERT INTO leases (name, token) VALUES ($1, $2)
                               ON CONFLICT (name) DO UPDATE SET token = excluded.token";

/// Mutual exclusion between processes: held until dropped, and freed by the system or the server when the process dies.
#[derive(Debug)]
#[must_use = "the lock is free again once this is dropped"]
pub struct Lock {
    holder: Holder,
    fence: Arc<Fence>,
}

#[derive(Debug)]
enum Holder {
    File(#[expect(dead_code, reason = "held open: the lock ends with it")] File),
    Session(PgConnection),
}

/// Nobody takes the lock while this lives and its connection holds, also where that of the lock is lost.
#[must_use = "the lock can be taken once this is dropped"]
pub struct Hold<'a> {
    _transaction: Option<Transaction<'a>>,
}

/// What tells one holder of a lock from the next.
#[derive(Debug)]
pub(super) struct Fence {
    pub(super) name: String,
    pub(super) token: Uuid,
}

impl Store {
    /// Takes the lock of this name, such as `pipeline:programmers` or `target:elasticsearch`; none when another process,
    /// or another holder in this one, has it.
    pub async fn lock(&self, name: &str) -> Result<Option<Lock>, StoreError> {
        let fence = Fence {
            name: name.to_owned(),
            token: Uuid::new_v4(),
        };
        let holder = match &self.shared.locks {
            Locks::Files { database, .. } => match sqlite::lock(database, name).await? {
                Some(file) => {
                    self.note(TAKE, binds![name, fence.token]).await?;
                    Some(Holder::File(file))
                }
                None => None,
            },
            Locks::Sessions(options) => {
                let lock = retrying(|| postgres::lock(options, self.place(), &fence));
                lock.await?.map(Holder::Session)
            }
        };
        let fence = Arc::new(fence);
        Ok(holder.map(|holder| Lock { holder, fence }))
    }

    /// The same store, which writes nothing more once another holder has this lock: it fails with
    /// [`StoreError::LockLost`].
    #[must_use]
    pub fn under(&self, lock: &Lock) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            fence: Some(Arc::clone(&lock.fence)),
        }
    }

    /// Fails where another holder has the lock that this store writes under, else keeps the next one waiting: for
    /// something that is done elsewhere, where no transaction holds it back.
    pub async fn hold_lock(&self) -> Result<Hold<'_>, StoreError> {
        let transaction = retrying(|| self.begin(Purpose::Note)).await?;
        // A file stays locked for as long as its holder lives, and everybody who writes would wait for this.
        let is_needed = !transaction.is_alone();
        Ok(Hold {
            _transaction: is_needed.then_some(transaction),
        })
    }
}

impl Lock {
    /// Frees the lock and waits until it is free. A drop frees it too, in Postgres a moment later.
    pub async fn release(self) {
        if let Holder::Session(connection) = self.holder {
            // A connection that is lost holds no lock either.
            connection.close().await.ok();
        }
    }
}

impl Fence {
    /// Fails where another holder has the lock, and keeps the next one waiting until the transaction ends.
    pub(super) async fn check(&self, transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
        let sql = if transaction.is_alone() {
            "SELECT token FROM leases WHERE name = $1 AND token = $2"
        } else {
            "SELECT token FROM leases WHERE name = $1 AND token = $2 FOR SHARE"
        };
        let binds = binds![self.name.as_str(), self.token];
        let held: Vec<(Uuid,)> = transaction.rows(sql, binds).await?;
        if held.is_empty() {
            return Err(StoreError::LockLost {
                name: self.name.clone(),
                place: transaction.place().to_owned(),
            });
        }
        Ok(())
    }
}
