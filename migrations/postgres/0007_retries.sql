-- What became of a dead letter when it was tried again.
ALTER TABLE dead_letters ADD COLUMN retries BIGINT NOT NULL DEFAULT 0;
ALTER TABLE dead_letters ADD COLUMN retried_at TIMESTAMPTZ;
ALTER TABLE dead_letters ADD COLUMN result TEXT;
