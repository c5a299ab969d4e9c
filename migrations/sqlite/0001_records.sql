-- Records, their change log, and what runs and targets remember. The Postgres file beside this one holds the same
-- tables. Instants are RFC 3339 texts in UTC of one width (27 bytes), so text order is time order; ids are 16 bytes.

CREATE TABLE store (
    singleton  INTEGER PRIMARY KEY CHECK (singleton = 1),
    store_id   BLOB    NOT NULL,
    epoch      INTEGER NOT NULL,
    -- Highest number that was ever cut from the log; its head once the whole log was cut.
    pruned_seq INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE runs (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    pipeline       TEXT    NOT NULL,
    started_at     TEXT    NOT NULL,
    interrupted_at TEXT,
    finished_at    TEXT,
    outcome        TEXT,
    reason         TEXT,
    duration_ms    INTEGER,
    resumed        INTEGER NOT NULL DEFAULT 0,
    pages          INTEGER NOT NULL DEFAULT 0,
    records        INTEGER NOT NULL DEFAULT 0,
    added          INTEGER NOT NULL DEFAULT 0,
    updated        INTEGER NOT NULL DEFAULT 0,
    closed         INTEGER NOT NULL DEFAULT 0,
    reopened       INTEGER NOT NULL DEFAULT 0,
    unchanged      INTEGER NOT NULL DEFAULT 0,
    rejected       INTEGER NOT NULL DEFAULT 0,
    CHECK ((finished_at IS NULL) = (outcome IS NULL))
) STRICT;
CREATE INDEX runs_by_pipeline ON runs (pipeline, id);
-- A pipeline has one unfinished run at most: the one to go on with.
CREATE UNIQUE INDEX runs_unfinished ON runs (pipeline) WHERE finished_at IS NULL;

-- `last_seen_at` stands before the long columns and keeps its width, so that touching an unchanged record rewrites one
-- page and none of its document's overflow pages.
CREATE TABLE records (
    id            BLOB    NOT NULL PRIMARY KEY,
    kind          TEXT    NOT NULL,
    scope         TEXT    NOT NULL,
    pipeline      TEXT    NOT NULL,
    first_seen_at TEXT    NOT NULL,
    last_seen_at  TEXT    NOT NULL,
    -- The instant that trends count it under: what its source says, else when it was first seen.
    dated_at      TEXT    NOT NULL,
    content_hash  BLOB    NOT NULL,
    revision      INTEGER NOT NULL CHECK (revision > 0),
    active        INTEGER NOT NULL,
    closed_at     TEXT,
    url           TEXT    NOT NULL,
    terms         TEXT    NOT NULL,
    document      TEXT    NOT NULL,
    CHECK (active = (closed_at IS NULL))
) STRICT;
CREATE INDEX records_by_kind ON records (kind, id);
CREATE INDEX records_active ON records (kind, scope, id) WHERE active;
CREATE INDEX records_by_date ON records (kind, dated_at);

-- `kind` and `dated_at` repeat those of the record: counting terms a month then reads this index alone.
CREATE TABLE record_terms (
    record_id BLOB NOT NULL REFERENCES records (id) ON DELETE CASCADE,
    term      TEXT NOT NULL,
    type      TEXT NOT NULL,
    kind      TEXT NOT NULL,
    dated_at  TEXT NOT NULL,
    PRIMARY KEY (record_id, term)
) STRICT, WITHOUT ROWID;
CREATE INDEX record_terms_by_date ON record_terms (kind, dated_at, term, type);

-- AUTOINCREMENT: without it numbers would start again once the log was cut to nothing.
CREATE TABLE changes (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id    INTEGER,
    kind      TEXT    NOT NULL,
    record_id BLOB    NOT NULL,
    revision  INTEGER NOT NULL,
    op        TEXT    NOT NULL,
    at        TEXT    NOT NULL,
    diff      TEXT
) STRICT;
CREATE INDEX changes_by_run ON changes (run_id, seq);
CREATE INDEX changes_by_record ON changes (record_id, seq);

CREATE TABLE sightings (
    run_id    INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    record_id BLOB    NOT NULL,
    PRIMARY KEY (run_id, record_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE cursors (
    target   TEXT    NOT NULL PRIMARY KEY,
    seq      INTEGER NOT NULL,
    store_id BLOB    NOT NULL,
    epoch    INTEGER NOT NULL,
    moved_at TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tombstones (
    record_id  BLOB    NOT NULL PRIMARY KEY,
    kind       TEXT    NOT NULL,
    revision   INTEGER NOT NULL,
    deleted_at TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letters (
    id       BLOB    NOT NULL PRIMARY KEY,
    run_id   INTEGER,
    stage    TEXT    NOT NULL,
    pipeline TEXT,
    target   TEXT,
    url      TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    payload  TEXT,
    at       TEXT    NOT NULL,
    state    TEXT    NOT NULL
) STRICT;
CREATE INDEX dead_letters_by_state ON dead_letters (state, at);
CREATE INDEX dead_letters_by_run ON dead_letters (run_id);

-- For people who ask by SQL: the fields as columns, ids as text.

CREATE VIEW jobs AS
SELECT lower(substr(hex(id), 1, 8) || '-' || substr(hex(id), 9, 4) || '-' || substr(hex(id), 13, 4) || '-'
             || substr(hex(id), 17, 4) || '-' || substr(hex(id), 21)) AS id,
       pipeline, url, first_seen_at, last_seen_at, dated_at, revision, active, closed_at,
       document ->> 'board'                     AS board,
       document ->> 'external_id'               AS external_id,
       document ->> 'title'                     AS title,
       document ->> 'company'                   AS company,
       document ->> 'category'                  AS category,
       document ->> 'location'                  AS location,
       document ->> 'remote'                    AS remote,
       document -> 'employment_type'            AS employment_type,
       document ->> 'experience_min'            AS experience_min,
       document ->> 'experience_max'            AS experience_max,
       document ->> '$.salary.currency'         AS salary_currency,
       document ->> '$.salary.min'              AS salary_min,
       document ->> '$.salary.max'              AS salary_max,
       document ->> '$.salary.unit'             AS salary_unit,
       document ->> 'posted_at'                 AS posted_at,
       document ->> 'valid_through'             AS valid_through,
       document ->> 'description'               AS description,
       terms
  FROM records
 WHERE kind = 'job';

CREATE VIEW posts AS
SELECT lower(substr(hex(id), 1, 8) || '-' || substr(hex(id), 9, 4) || '-' || substr(hex(id), 13, 4) || '-'
             || substr(hex(id), 17, 4) || '-' || substr(hex(id), 21)) AS id,
       pipeline, url, first_seen_at, last_seen_at, dated_at, revision, active, closed_at,
       document ->> 'title'        AS title,
       document ->> 'author'       AS author,
       document ->> 'source'       AS source,
       document ->> 'published_at' AS published_at,
       document ->> 'summary'      AS summary,
       document ->> 'text'         AS text,
       document ->> 'language'     AS language,
       document -> 'tags'          AS tags,
       terms
  FROM records
 WHERE kind = 'post';

CREATE VIEW weather AS
SELECT lower(substr(hex(id), 1, 8) || '-' || substr(hex(id), 9, 4) || '-' || substr(hex(id), 13, 4) || '-'
             || substr(hex(id), 17, 4) || '-' || substr(hex(id), 21)) AS id,
       pipeline, url, first_seen_at, last_seen_at, revision,
       document ->> 'provider'     AS provider,
       document ->> 'station'      AS station,
       document ->> 'weather_kind' AS weather_kind,
       document ->> 'issued_at'    AS issued_at,
       document ->> 'valid_at'     AS valid_at,
       document -> 'values'        AS "values"
  FROM records
 WHERE kind = 'weather';

-- A row a variable.
CREATE VIEW weather_values AS
SELECT weather.id, weather.provider, weather.station, weather.weather_kind, weather.issued_at, weather.valid_at,
       reading.key               AS variable,
       reading.value ->> 'value' AS value,
       reading.value ->> 'unit'  AS unit,
       reading.value ->> 'raw'   AS raw,
       reading.value ->> 'min'   AS min,
       reading.value ->> 'max'   AS max
  FROM weather, json_each(weather."values") AS reading;
