-- Records have a small number that grows, beside the id that is random: what is written with each record is found by it, so
-- that new rows stand at the end of their tables, and those of one batch beside each other. The Postgres file beside this
-- one does the same.

DROP VIEW weather_values;
DROP VIEW weather;
DROP VIEW posts;
DROP VIEW jobs;

CREATE TABLE
-- `records`, once the old one is gone.
numbered (
    -- Never given twice, also once its record was deleted.
    number        INTEGER PRIMARY KEY AUTOINCREMENT,
    id            BLOB    NOT NULL UNIQUE,
    kind          TEXT    NOT NULL,
    scope         TEXT    NOT NULL,
    pipeline      TEXT    NOT NULL,
    first_seen_at TEXT    NOT NULL,
    -- The instant that trends count it under: what its source says, else when it was first seen.
    dated_at      TEXT    NOT NULL,
    content_hash  BLOB    NOT NULL,
    revision      INTEGER NOT NULL CHECK (revision > 0),
    active        INTEGER NOT NULL,
    closed_at     TEXT,
    -- The oldest record of the same thing; none where this is the oldest, or the only one.
    same_as       BLOB,
    url           TEXT    NOT NULL,
    terms         TEXT    NOT NULL,
    document      TEXT    NOT NULL,
    CHECK (active = (closed_at IS NULL))
) STRICT;
INSERT INTO numbered (number, id, kind, scope, pipeline, first_seen_at, dated_at, content_hash, revision, active, closed_at, url, terms, document, same_as)
SELECT rowid, id, kind, scope, pipeline, first_seen_at, dated_at, content_hash, revision, active, closed_at, url, terms, document, same_as
  FROM records ORDER BY rowid;

-- When a record was seen last, and by which run: the checkpoint of a run is what it has seen. All that an unchanged record
-- costs is such a row, of which a page holds a hundred.
CREATE TABLE seen (
    number INTEGER PRIMARY KEY,
    at     TEXT    NOT NULL,
    run_id INTEGER
) STRICT;
INSERT INTO seen (number, at, run_id)
SELECT r.rowid, r.last_seen_at, s.run_id
  FROM records AS r
  LEFT JOIN (SELECT record_id, MAX(run_id) AS run_id FROM sightings GROUP BY record_id) AS s ON s.record_id = r.id
 ORDER BY r.rowid;
DROP TABLE sightings;

CREATE TABLE
-- `record_terms`, once the old one is gone.
numbered_terms (
    number   INTEGER NOT NULL,
    term     TEXT    NOT NULL,
    type     TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    dated_at TEXT    NOT NULL,
    PRIMARY KEY (number, term)
) STRICT, WITHOUT ROWID;
INSERT INTO numbered_terms (number, term, type, kind, dated_at)
SELECT r.rowid, t.term, t.type, t.kind, t.dated_at
  FROM records AS r JOIN record_terms AS t ON t.record_id = r.id ORDER BY r.rowid, t.term;
DROP TABLE record_terms;
ALTER TABLE numbered_terms RENAME TO record_terms;
CREATE INDEX record_terms_by_date ON record_terms (kind, dated_at, term, type);

CREATE TABLE
-- `likenesses`, once the old one is gone.
numbered_likenesses (
    number   INTEGER PRIMARY KEY,
    -- Version of what it was made by; one of another version is made anew when the record is seen.
    recipe   INTEGER NOT NULL,
    likeness BLOB    NOT NULL
) STRICT;
INSERT INTO numbered_likenesses (number, recipe, likeness)
SELECT r.rowid, l.recipe, l.likeness
  FROM records AS r JOIN likenesses AS l ON l.record_id = r.id ORDER BY r.rowid;
DROP TABLE likenesses;
ALTER TABLE numbered_likenesses RENAME TO likenesses;

DROP TABLE records;
ALTER TABLE numbered RENAME TO records;
CREATE INDEX records_by_kind ON records (kind, id);
CREATE INDEX records_active ON records (kind, scope, id) WHERE active;
CREATE INDEX records_by_date ON records (kind, dated_at);
-- Few records have a link, and counting without them must not read documents: these know them alone.
CREATE INDEX records_linked ON records (same_as) WHERE same_as IS NOT NULL;
CREATE INDEX records_linked_by_date ON records (kind, dated_at, id) WHERE same_as IS NOT NULL;
-- Forecasts alone: the observations around them are kept for good.
CREATE INDEX records_forecasts ON records (dated_at) WHERE kind = 'weather' AND document ->> 'weather_kind' = 'forecast';

-- For people who ask by SQL: as before.

CREATE VIEW jobs AS
SELECT lower(substr(hex(id), 1, 8) || '-' || substr(hex(id), 9, 4) || '-' || substr(hex(id), 13, 4) || '-'
             || substr(hex(id), 17, 4) || '-' || substr(hex(id), 21)) AS id,
       pipeline, url, first_seen_at, seen.at AS last_seen_at, dated_at, revision, active, closed_at,
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
       terms,
       CASE WHEN same_as IS NOT NULL THEN
       lower(substr(hex(same_as), 1, 8) || '-' || substr(hex(same_as), 9, 4) || '-' || substr(hex(same_as), 13, 4) || '-'
             || substr(hex(same_as), 17, 4) || '-' || substr(hex(same_as), 21)) END AS same_as
  FROM records JOIN seen USING (number)
 WHERE kind = 'job';

CREATE VIEW posts AS
SELECT lower(substr(hex(id), 1, 8) || '-' || substr(hex(id), 9, 4) || '-' || substr(hex(id), 13, 4) || '-'
             || substr(hex(id), 17, 4) || '-' || substr(hex(id), 21)) AS id,
       pipeline, url, first_seen_at, seen.at AS last_seen_at, dated_at, revision, active, closed_at,
       document ->> 'title'        AS title,
       document ->> 'author'       AS author,
       document ->> 'source'       AS source,
       document ->> 'published_at' AS published_at,
       document ->> 'summary'      AS summary,
       document ->> 'text'         AS text,
       document ->> 'language'     AS language,
       document -> 'tags'          AS tags,
       terms,
       CASE WHEN same_as IS NOT NULL THEN
       lower(substr(hex(same_as), 1, 8) || '-' || substr(hex(same_as), 9, 4) || '-' || substr(hex(same_as), 13, 4) || '-'
             || substr(hex(same_as), 17, 4) || '-' || substr(hex(same_as), 21)) END AS same_as
  FROM records JOIN seen USING (number)
 WHERE kind = 'post';

CREATE VIEW weather AS
SELECT lower(substr(hex(id), 1, 8) || '-' || substr(hex(id), 9, 4) || '-' || substr(hex(id), 13, 4) || '-'
             || substr(hex(id), 17, 4) || '-' || substr(hex(id), 21)) AS id,
       pipeline, url, first_seen_at, seen.at AS last_seen_at, revision,
       document ->> 'provider'     AS provider,
       document ->> 'station'      AS station,
       document ->> 'weather_kind' AS weather_kind,
       document ->> 'issued_at'    AS issued_at,
       document ->> 'valid_at'     AS valid_at,
       document -> 'values'        AS "values"
  FROM records JOIN seen USING (number)
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
