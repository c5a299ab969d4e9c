-- What a run is compared with by those after it. The Postgres file beside this one has the same columns.

-- Entries that the source named; none where the run did not see all of them.
ALTER TABLE runs ADD COLUMN entries INTEGER;
-- How much was read, and how much of it had each field: {"read": 120, "found": {"company": 118}}. None where nothing was.
ALTER TABLE runs ADD COLUMN fill TEXT;
-- Whether somebody said that what differs is true: what was before is no measure any more.
ALTER TABLE runs ADD COLUMN accepted INTEGER NOT NULL DEFAULT 0;
