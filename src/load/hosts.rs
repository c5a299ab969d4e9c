use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sqlx::FromRow;

use super::{At, Purpose, Store, StoreError, binds, retrying};
use crate::record::HostMemory;

/// How long failures and slowness are remembered: after a day a host deserves to be met without prejudice. An instant
/// that it named is kept until it has come.
const MEMORY: SignedDuration = SignedDuration::from_hours(24);

#[derive(FromRow)]
struct Row {
    host: String,
    not_before: Option<At>,
    reason: String,
    failures: i64,
    delay_ms: i64,
    noted_at: At,
}

impl From<Row> for HostMemory {
    fn from(row: Row) -> Self {
        Self {
            host: row.host,
            not_before: row.not_before.map(Timestamp::from),
            reason: row.reason,
            failures: u32::try_from(row.failures).unwrap_or(u32::MAX),
            delay: Duration::from_millis(row.delay_ms.unsigned_abs()),
            noted_at: row.noted_at.into(),
        }
    }
}

impl Store {
    /// What hosts are still owed.
    pub async fn hosts(&self, now: Timestamp) -> Result<Vec<HostMemory>, StoreError> {
        let rows: Vec<Row> = self
            .rows(
                "SELECT * FROM hosts WHERE not_before > $1 OR noted_at > $2 ORDER BY host",
                binds![now, oldest(now)],
            )
            .await?;
        Ok(rows.into_iter().map(HostMemory::from).collect())
    }

    /// Notes what hosts are owed, and drops what is owed no more. Of two instants that two processes were told, the later
    /// one counts.
    pub async fn remember_hosts(
        &self,
        hosts: &[HostMemory],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if hosts.is_empty() {
            return Ok(());
        }
        retrying(|| async move {
            let mut transaction = self.begin(Purpose::Note).await?;
            for host in hosts {
                transaction
                    .execute(
                        "INSERT INTO hosts (host, not_before, reason, failures, delay_ms, noted_at)
                         VALUES ($1, $2, $3, $4, $5, $6)
                         ON CONFLICT (host) DO UPDATE
                            SET reason = CASE WHEN hosts.not_before > excluded.not_before OR excluded.not_before IS NULL
                                              THEN hosts.reason ELSE excluded.reason END,
                                not_before = CASE WHEN hosts.not_before > excluded.not_before
                                                       OR excluded.not_before IS NULL
                                                  THEN hosts.not_before ELSE excluded.not_before END,
                                failures = excluded.failures,
                                delay_ms = excluded.delay_ms,
                                noted_at = excluded.noted_at",
                        binds![
                            host.host.as_str(),
                            host.not_before,
                            host.reason.as_str(),
                            i64::from(host.failures),
                            i64::try_from(host.delay.as_millis()).unwrap_or(i64::MAX),
                            host.noted_at
                        ],
                    )
                    .await?;
            }
            transaction
                .execute(
                    "DELETE FROM hosts WHERE noted_at <= $2 AND (not_before IS NULL OR not_before <= $1)",
                    binds![now, oldest(now)],
                )
                .await?;
            transaction.commit().await
        })
        .await
    }
}

fn oldest(now: Timestamp) -> Timestamp {
    now.checked_sub(MEMORY).unwrap_or(Timestamp::MIN)
}
