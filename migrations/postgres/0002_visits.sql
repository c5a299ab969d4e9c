-- What a visit leaves for the next one. The SQLite file beside this one holds the same tables.

-- Pages that need not be read again while their server says that they have not changed.
CREATE TABLE validators (
    pipeline      TEXT  NOT NULL,
    -- As it was asked for; a secret stands in it as `${NAME}`.
    url           TEXT  NOT NULL,
    -- Hash of all that the page was read with: with another, it is read again.
    basis         BYTEA NOT NULL,
    -- The address that answered, after redirects.
    address       TEXT  NOT NULL,
    etag          TEXT,
    last_modified TEXT,
    -- What the page named.
    content       JSONB NOT NULL,
    PRIMARY KEY (pipeline, url),
    CHECK (etag IS NOT NULL OR last_modified IS NOT NULL)
);
