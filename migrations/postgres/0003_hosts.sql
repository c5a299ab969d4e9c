-- What hosts are owed by whichever process asks them next.
CREATE TABLE hosts (
    host       TEXT        NOT NULL PRIMARY KEY,
    not_before TIMESTAMPTZ,
    reason     TEXT        NOT NULL,
    failures   BIGINT      NOT NULL,
    delay_ms   BIGINT      NOT NULL,
    noted_at   TIMESTAMPTZ NOT NULL
);
