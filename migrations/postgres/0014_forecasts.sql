-- Which records are forecasts, which go with age, while the observations around them are kept for good. An index that asks the
-- documents did this before, which SQLite paid for with memory. The SQLite file beside this one has the same table.
CREATE TABLE forecasts (
    number   BIGINT PRIMARY KEY,
    -- That of the record.
    dated_at TIMESTAMPTZ NOT NULL
);
INSERT INTO forecasts (number, dated_at)
SELECT number, dated_at FROM records WHERE kind = 'weather' AND document ->> 'weather_kind' = 'forecast' ORDER BY number;
CREATE INDEX forecasts_by_date ON forecasts (dated_at);
DROP INDEX records_forecasts;
