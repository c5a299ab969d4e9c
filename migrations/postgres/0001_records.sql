-- Records, their change log, and what runs and targets remember. The SQLite file beside this one holds the same tables.

CREATE TABLE store (
    singleton  SMALLINT PRIMARY KEY CHECK (singleton = 1),
    store_id   UUID     NOT NULL,
    epoch      BIGINT   NOT NULL,
    -- Highest number that was ever cut from the log; its head once the whole log was cut.
    pruned_seq BIGINT   NOT NULL DEFAULT 0
);

CREATE TABLE runs (
    id             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pipeline       TEXT        NOT NULL,
    started_at     TIMESTAMPTZ NOT NULL,
    interrupted_at TIMESTAMPTZ,
    finished_at    TIMESTAMPTZ,
    outcome        TEXT,
    reason         TEXT,
    duration_ms    BIGINT,
    resumed        BIGINT      NOT NULL DEFAULT 0,
    pages          BIGINT      NOT NULL DEFAULT 0,
    records        BIGINT      NOT NULL DEFAULT 0,
    added          BIGINT      NOT NULL DEFAULT 0,
    updated        BIGINT      NOT NULL DEFAULT 0,
    closed         BIGINT      NOT NULL DEFAULT 0,
    reopened       BIGINT      NOT NULL DEFAULT 0,
    unchanged      BIGINT      NOT NULL DEFAULT 0,
    rejected       BIGINT      NOT NULL DEFAULT 0,
    CHECK ((finished_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX runs_by_pipeline ON runs (pipeline, id);
-- A pipeline has one unfinished run at most: the one to go on with.
CREATE UNIQUE INDEX runs_unfinished ON runs (pipeline) WHERE finished_at IS NULL;

-- No index holds `last_seen_at`, and pages keep room: touching an unchanged record is a heap-only update.
CREATE TABLE records (
    id            UUID        NOT NULL PRIMARY KEY,
    kind          TEXT        NOT NULL,
    scope         TEXT        NOT NULL,
    pipeline      TEXT        NOT NULL,
    first_seen_at TIMESTAMPTZ NOT NULL,
    last_seen_at  TIMESTAMPTZ NOT NULL,
    -- The instant that trends count it under: what its source says, else when it was first seen.
    dated_at      TIMESTAMPTZ NOT NULL,
    content_hash  BYTEA       NOT NULL,
    revision      BIGINT      NOT NULL CHECK (revision > 0),
    active        BOOLEAN     NOT NULL,
    closed_at     TIMESTAMPTZ,
    url           TEXT        NOT NULL,
    terms         JSONB       NOT NULL,
    document      JSONB       NOT NULL,
    CHECK (active = (closed_at IS NULL))
) WITH (fillfactor = 90);
CREATE INDEX records_by_kind ON records (kind, id);
CREATE INDEX records_active ON records (kind, scope, id) WHERE active;
CREATE INDEX records_by_date ON records (kind, dated_at);

-- `kind` and `dated_at` repeat those of the record: counting terms a month then reads this index alone.
CREATE TABLE record_terms (
    record_id UUID        NOT NULL REFERENCES records (id) ON DELETE CASCADE,
    term      TEXT        NOT NULL,
    type      TEXT        NOT NULL,
    kind      TEXT        NOT NULL,
    dated_at  TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (record_id, term)
);
CREATE INDEX record_terms_by_date ON record_terms (kind, dated_at, term, type);

CREATE TABLE changes (
    seq       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id    BIGINT,
    kind      TEXT        NOT NULL,
    record_id UUID        NOT NULL,
    revision  BIGINT      NOT NULL,
    op        TEXT        NOT NULL,
    at        TIMESTAMPTZ NOT NULL,
    diff      JSONB
);
CREATE INDEX changes_by_run ON changes (run_id, seq);
CREATE INDEX changes_by_record ON changes (record_id, seq);

CREATE TABLE sightings (
    run_id    BIGINT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    record_id UUID   NOT NULL,
    PRIMARY KEY (run_id, record_id)
);

CREATE TABLE cursors (
    target   TEXT        NOT NULL PRIMARY KEY,
    seq      BIGINT      NOT NULL,
    store_id UUID        NOT NULL,
    epoch    BIGINT      NOT NULL,
    moved_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE tombstones (
    record_id  UUID        NOT NULL PRIMARY KEY,
    kind       TEXT        NOT NULL,
    revision   BIGINT      NOT NULL,
    deleted_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE dead_letters (
    id       UUID        NOT NULL PRIMARY KEY,
    run_id   BIGINT,
    stage    TEXT        NOT NULL,
    pipeline TEXT,
    target   TEXT,
    url      TEXT        NOT NULL,
    reason   TEXT        NOT NULL,
    payload  JSONB,
    at       TIMESTAMPTZ NOT NULL,
    state    TEXT        NOT NULL
);
CREATE INDEX dead_letters_by_state ON dead_letters (state, at);
CREATE INDEX dead_letters_by_run ON dead_letters (run_id);

-- For people who ask by SQL: the fields as columns. An instant outside the years 1000 to 2999 reads as null, as one
-- absurd date would else fail every query.

CREATE VIEW jobs AS
SELECT id, pipeline, url, first_seen_at, last_seen_at, dated_at, revision, active, closed_at,
       document ->> 'board'                              AS board,
       document ->> 'external_id'                        AS external_id,
       document ->> 'title'                              AS title,
       document ->> 'company'                            AS company,
       document ->> 'category'                           AS category,
       document ->> 'location'                           AS location,
       (document ->> 'remote')::boolean                  AS remote,
       document -> 'employment_type'                     AS employment_type,
       (document ->> 'experience_min')::integer          AS experience_min,
       (document ->> 'experience_max')::integer          AS experience_max,
       document -> 'salary' ->> 'currency'               AS salary_currency,
       (document -> 'salary' ->> 'min')::double precision AS salary_min,
       (document -> 'salary' ->> 'max')::double precision AS salary_max,
       document -> 'salary' ->> 'unit'                   AS salary_unit,
       CASE WHEN document ->> 'posted_at' ~ '^[12]\d{3}-'
            THEN (document ->> 'posted_at')::timestamptz END     AS posted_at,
       CASE WHEN document ->> 'valid_through' ~ '^[12]\d{3}-'
            THEN (document ->> 'valid_through')::timestamptz END AS valid_through,
       document ->> 'description'                        AS description,
       terms
  FROM records
 WHERE kind = 'job';

CREATE VIEW posts AS
SELECT id, pipeline, url, first_seen_at, last_seen_at, dated_at, revision, active, closed_at,
       document ->> 'title'    AS title,
       document ->> 'author'   AS author,
       document ->> 'source'   AS source,
       CASE WHEN document ->> 'published_at' ~ '^[12]\d{3}-'
            THEN (document ->> 'published_at')::timestamptz END AS published_at,
       document ->> 'summary'  AS summary,
       document ->> 'text'     AS text,
       document ->> 'language' AS language,
       document -> 'tags'      AS tags,
       terms
  FROM records
 WHERE kind = 'post';

CREATE VIEW weather AS
SELECT id, pipeline, url, first_seen_at, last_seen_at, revision,
       document ->> 'provider'     AS provider,
       document ->> 'station'      AS station,
       document ->> 'weather_kind' AS weather_kind,
       CASE WHEN document ->> 'issued_at' ~ '^[12]\d{3}-'
            THEN (document ->> 'issued_at')::timestamptz END AS issued_at,
       CASE WHEN document ->> 'valid_at' ~ '^[12]\d{3}-'
            THEN (document ->> 'valid_at')::timestamptz END  AS valid_at,
       document -> 'values'        AS "values"
  FROM records
 WHERE kind = 'weather';

-- A row a variable.
CREATE VIEW weather_values AS
SELECT weather.id, weather.provider, weather.station, weather.weather_kind, weather.issued_at, weather.valid_at,
       reading.key                                  AS variable,
       (reading.value ->> 'value')::double precision AS value,
       reading.value ->> 'unit'                     AS unit,
       reading.value ->> 'raw'                      AS raw,
       (reading.value ->> 'min')::double precision  AS min,
       (reading.value ->> 'max')::double precision  AS max
  FROM weather, jsonb_each(weather."values") AS reading;
