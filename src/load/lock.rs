use std::fs::File;

use sqlx::{Connection, PgConnection};

use super::{Locks, Store, StoreError, postgres, retrying, sqlite};

/// Mutual exclusion between processes: held until dropped, and freed by the system or the server when the process dies.
#[derive(Debug)]
#[must_use = "the lock is free again once this is dropped"]
pub struct Lock {
    holder: Holder,
}

#[derive(Debug)]
enum Holder {
    File(#[expect(dead_code, reason = "held open: the lock ends with it")] File),
    Session(PgConnection),
}

impl Store {
    /// Takes the lock of this name, such as `pipeline:programmers` or `target:elasticsearch`; none when another process,
    /// or another holder in this one, has it.
    pub async fn lock(&self, name: &str) -> Result<Option<Lock>, StoreError> {
        let holder = match &self.shared.locks {
            Locks::Files { database, .. } => sqlite::lock(database, name).await?.map(Holder::File),
            Locks::Sessions(options) => {
                let lock = retrying(|| postgres::lock(options, self.place(), name));
                lock.await?.map(Holder::Session)
            }
        };
        Ok(holder.map(|holder| Lock { holder }))
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
