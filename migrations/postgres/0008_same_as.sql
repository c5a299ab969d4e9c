-- Which records are of the same posting or post. The SQLite file beside this one has the same columns and tables.

-- The oldest record of the same thing; none where this is the oldest, or the only one.
ALTER TABLE records ADD COLUMN same_as UUID;
-- Few records have a link, and counting without them must not read documents: these know them alone.
CREATE INDEX records_linked ON records (same_as) WHERE same_as IS NOT NULL;
CREATE INDEX records_linked_by_date ON records (kind, dated_at, id) WHERE same_as IS NOT NULL;

-- What a record is compared with others by.
CREATE TABLE likenesses (
    record_id UUID   NOT NULL PRIMARY KEY,
    -- Version of what it was made by; one of another version is made anew when the record is seen.
    recipe    BIGINT NOT NULL,
    likeness  BYTEA  NOT NULL
);

-- Where records meet that may be the same. A key holds a few dozen records at most.
CREATE TABLE likeness_keys (
    key       BIGINT NOT NULL,
    record_id UUID   NOT NULL,
    PRIMARY KEY (key, record_id)
);

-- For people who ask by SQL: without the rows that have a `same_as`, everything counts once.

CREATE OR REPLACE VIEW jobs AS
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
       terms, same_as
  FROM records
 WHERE kind = 'job';

CREATE OR REPLACE VIEW posts AS
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
       terms, same_as
  FROM records
 WHERE kind = 'post';
