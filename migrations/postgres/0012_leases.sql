-- Who took a lock last. A session's lock is gone with its session, which its holder may not notice: what it writes under
-- the lock asks for its own token first.
CREATE TABLE leases (
    name  TEXT PRIMARY KEY,
    token UUID NOT NULL
);
