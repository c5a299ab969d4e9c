-- Records have a small number that grows, beside the id that is random: what is written with each record is found by it, so
-- that new rows stand at the end of their tables, and those of one batch beside each other. The SQLite file beside this
-- one does the same.

DROP VIEW weather_values;
DROP VIEW weather;
DROP VIEW posts;
DROP VIEW jobs;

-- Never given twice, also once its record was deleted.
ALTER TABLE records ADD COLUMN number BIGINT GENERATED ALWAYS AS IDENTITY;

-- When a record was seen last, and by which run: the checkpoint of a run is what it has seen. All that an unchanged record
-- costs is such a row. Pages keep room for a second version of each, so that touching all of a page is a heap-only update.
CREATE TABLE seen (
    number BIGINT      NOT NULL PRIMARY KEY,
    at     TIMESTAMPTZ NOT NULL,
    run_id BIGINT
) WITH (fillfactor = 45);
INSERT INTO seen (number, at, run_id)
SELECT r.number, r.last_seen_at, s.run_id
  FROM records AS r
  LEFT JOIN (SELECT record_id, MAX(run_id) AS run_id FROM sightings GROUP BY record_id) AS s ON s.record_id = r.id
 ORDER BY r.number;
DROP TABLE sightings;
ALTER TABLE records DROP COLUMN last_seen_at;

CREATE TABLE
-- `record_terms`, once the old one is gone.
numbered_terms (
    number   BIGINT      NOT NULL,
    term     TEXT        NOT NULL,
    type     TEXT        NOT NULL,
    kind     TEXT        NOT NULL,
    dated_at TIMESTAMPTZ NOT NULL
);
INSERT INTO numbered_terms (number, term, type, kind, dated_at)
SELECT r.number, t.term, t.type, t.kind, t.dated_at
  FROM records AS r JOIN record_terms AS t ON t.record_id = r.id ORDER BY r.number, t.term;
DROP TABLE record_terms;
ALTER TABLE numbered_terms RENAME TO record_terms;
ALTER TABLE record_terms ADD PRIMARY KEY (number, term);
CREATE INDEX record_terms_by_date ON record_terms (kind, dated_at, term, type);

CREATE TABLE
-- `likenesses`, once the old one is gone.
numbered_likenesses (
    number   BIGINT NOT NULL,
    -- Version of what it was made by; one of another version is made anew when the record is seen.
    recipe   BIGINT NOT NULL,
    likeness BYTEA  NOT NULL
);
INSERT INTO numbered_likenesses (number, recipe, likeness)
SELECT r.number, l.recipe, l.likeness
  FROM records AS r JOIN likenesses AS l ON l.record_id = r.id ORDER BY r.number;
DROP TABLE likenesses;
ALTER TABLE numbered_likenesses RENAME TO likenesses;
ALTER TABLE likenesses ADD PRIMARY KEY (number);

-- For people who ask by SQL: as before.

CREATE VIEW jobs AS
SELECT id, pipeline, url, first_seen_at, seen.at AS last_seen_at, dated_at, revision, active, closed_at,
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
       terms, same_as
  FROM records JOIN seen USING (number)
 WHERE kind = 'job';

CREATE VIEW posts AS
SELECT id, pipeline, url, first_seen_at, seen.at AS last_seen_at, dated_at, revision, active, closed_at,
       document ->> 'title'    AS title,
       document ->> 'author'   AS author,
       document ->> 'source'   AS source,
       CASE WHEN document ->> 'published_at' ~ '^[12]\d{3}-'
            THEN (document ->> 'published_at')::timestamptz END AS published_at,
       document ->> 'summary'  AS summary,
       document ->> 'text'     AS text,
       document ->> 'language' AS language,
       document -> 'tags'      AS tags,
       terms, same_as
  FROM records JOIN seen USING (number)
 WHERE kind = 'post';

CREATE VIEW weather AS
SELECT id, pipeline, url, first_seen_at, seen.at AS last_seen_at, revision,
       document ->> 'provider'     AS provider,
       document ->> 'station'      AS station,
       document ->> 'weather_kind' AS weather_kind,
       CASE WHEN document ->> 'issued_at' ~ '^[12]\d{3}-'
            THEN (document ->> 'issued_at')::timestamptz END AS issued_at,
       CASE WHEN document ->> 'valid_at' ~ '^[12]\d{3}-'
            THEN (document ->> 'valid_at')::timestamptz END  AS valid_at,
       document -> 'values'        AS "values"
  FROM records JOIN seen USING (number)
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
