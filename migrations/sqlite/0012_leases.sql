-- Who took a lock last; what is written under a lock asks for its own token first.
CREATE TABLE leases (
    name  TEXT PRIMARY KEY,
    token BLOB NOT NULL
);
