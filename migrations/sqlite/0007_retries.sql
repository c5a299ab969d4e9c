-- What became of a dead letter when it was tried again.
ALTER TABLE dead_letters ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dead_letters ADD COLUMN retried_at TEXT;
ALTER TABLE dead_letters ADD COLUMN result TEXT;
