-- When the page behind an entry of a list was read last. The Postgres file beside this one holds the same table.

-- A row a page whose record is stored, for pipelines that ask for such pages from time to time only.
CREATE TABLE visits (
    pipeline  TEXT NOT NULL,
    record_id BLOB NOT NULL,
    -- Hash of all that the page was read with, what the list says of it included: with another, it is due.
    basis     BLOB NOT NULL,
    -- When its server last sent it, or said that it had not changed.
    read_at   TEXT NOT NULL,
    PRIMARY KEY (pipeline, record_id)
) STRICT, WITHOUT ROWID;
