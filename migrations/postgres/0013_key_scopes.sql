-- A key says whose list each of its records stands in: two records of one board are never the same opening, so those of the
-- own board need not be looked at. The SQLite file beside this one has the same column.
ALTER TABLE likeness_keys ADD COLUMN scope TEXT;
UPDATE likeness_keys AS k SET scope = r.scope FROM records AS r WHERE r.id = k.record_id;
DELETE FROM likeness_keys WHERE scope IS NULL;
ALTER TABLE likeness_keys ALTER COLUMN scope SET NOT NULL;
