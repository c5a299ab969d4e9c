-- What hosts are owed by whichever process asks them next.
CREATE TABLE hosts (
    host       TEXT    NOT NULL PRIMARY KEY,
    not_before TEXT,
    reason     TEXT    NOT NULL,
    failures   INTEGER NOT NULL,
    delay_ms   INTEGER NOT NULL,
    noted_at   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
