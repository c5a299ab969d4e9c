-- What age removes is found without reading what stays. The SQLite file beside this one holds the same indices.

-- Forecasts alone: the observations around them are kept for good.
CREATE INDEX records_forecasts ON records (dated_at) WHERE kind = 'weather' AND document ->> 'weather_kind' = 'forecast';
CREATE INDEX tombstones_by_date ON tombstones (deleted_at);
