-- Which records are of the same posting or post. The Postgres file beside this one has the same columns and tables.

-- The oldest record of the same thing; none where this is the oldest, or the only one.
ALTER TABLE records ADD COLUMN same_as BLOB;
-- Few records have a link, and counting without them must not read documents: these know them alone.
CREATE INDEX records_linked ON records (same_as) WHERE same_as IS NOT NULL;
CREATE INDEX records_linked_by_date ON records (kind, dated_at, id) WHERE same_as IS NOT NULL;

-- What a record is compared with others by.
CREATE TABLE likenesses (
    record_id BLOB    NOT NULL PRIMARY KEY,
    -- Version of what it was made by; one of another version is made anew when the record is seen.
    recipe    INTEGER NOT NULL,
    likeness  BLOB    NOT NULL
) STRICT;

-- Where records meet that may be the same. A key holds a few dozen records at most.
CREATE TABLE likeness_keys (
    key       INTEGER NOT NULL,
    record_id BLOB    NOT NULL,
    PRIMARY KEY (key, record_id)
) STRICT, WITHOUT ROWID;

-- For people who ask by SQL: `same_as`, as text like `id`; without the rows that have one, everything counts once.

DROP VIEW jobs;
DROP VIEW posts;

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
       terms,
       CASE WHEN same_as IS NOT NULL THEN
       lower(substr(hex(same_as), 1, 8) || '-' || substr(hex(same_as), 9, 4) || '-' || substr(hex(same_as), 13, 4) || '-'
             || substr(hex(same_as), 17, 4) || '-' || substr(hex(same_as), 21)) END AS same_as
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
       terms,
       CASE WHEN same_as IS NOT NULL THEN
       lower(substr(hex(same_as), 1, 8) || '-' || substr(hex(same_as), 9, 4) || '-' || substr(hex(same_as), 13, 4) || '-'
             || substr(hex(same_as), 17, 4) || '-' || substr(hex(same_as), 21)) END AS same_as
  FROM records
 WHERE kind = 'post';
