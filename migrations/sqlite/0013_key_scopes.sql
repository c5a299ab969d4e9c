-- A key says whose list each of its records stands in: two records of one board are never the same opening, so those of the
-- own board need not be looked at. The Postgres file beside this one has the same column.
CREATE TABLE
-- `likeness_keys`, once the old one is gone.
scoped_keys (
    key       INTEGER NOT NULL,
    record_id BLOB    NOT NULL,
    -- That of the record.
    scope     TEXT    NOT NULL,
    PRIMARY KEY (key, record_id)
) STRICT, WITHOUT ROWID;
INSERT INTO scoped_keys (key, record_id, scope)
SELECT k.key, k.record_id, r.scope FROM likeness_keys AS k JOIN records AS r ON r.id = k.record_id
 ORDER BY k.key, k.record_id;
DROP TABLE likeness_keys;
ALTER TABLE scoped_keys RENAME TO likeness_keys;
