use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, FromRow};

use super::bytewise;
use crate::load::{At, Store, StoreError, binds};
use crate::record::WeatherKind;

/// One variable at one station at one hour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StationHour {
    /// The station.
    pub station: String,
    /// The instant that the value holds for.
    pub valid_at: Timestamp,
    /// Observed, or forecast where nothing was observed.
    pub weather_kind: WeatherKind,
    /// The value.
    pub value: f64,
    /// Its unit.
    pub unit: Option<String>,
}

#[derive(FromRow)]
struct InstantRow {
    newest: Option<At>,
}

#[derive(FromRow)]
struct Row {
    station: String,
    valid_at: At,
    weather_kind: String,
    value: f64,
    unit: Option<String>,
}

/// The course of a variable at each station over the last so many hours that the store knows of, stations by name, oldest
/// hour first.
///
/// Of several values for one hour the observed one counts, else that of the newest forecast. The hours end with the
/// newest one that is not ahead of `now`; where the store only looks ahead, with its newest.
pub async fn station_hours(
    store: &Store,
    variable: &str,
    now: Timestamp,
    hours: u16,
    limit: u16,
) -> Result<Vec<StationHour>, StoreError> {
    let newest: Vec<InstantRow> = store
        .rows(
            "SELECT coalesce((SELECT max(dated_at) FROM records WHERE kind = 'weather' AND dated_at <= $1),
                             (SELECT max(dated_at) FROM records WHERE kind = 'weather')) AS newest",
            binds![now],
        )
        .await?;
    let Some(newest) = newest.into_iter().find_map(|row| row.newest) else {
        return Ok(Vec::new());
    };
    let span = SignedDuration::from_hours(i64::from(hours));
    let before = newest.0.saturating_sub(span).unwrap_or(Timestamp::MIN);
    let bytewise = bytewise(store);
    let sql = format!(
            "WITH readings AS (
                 SELECT scope AS station, dated_at AS valid_at, document ->> 'weather_kind' AS weather_kind,
                        document -> 'values' -> $4 AS reading,
                        document ->> 'issued_at' AS issued_at, id
                   FROM records
                  WHERE kind = 'weather' AND dated_at > $1 AND dated_at <= $2),
             preferred AS (
                 SELECT station, valid_at, weather_kind,
                        CAST(reading ->> 'value' AS double precision) AS value, reading ->> 'unit' AS unit,
                        row_number() OVER (PARTITION BY station, valid_at
                            ORDER BY CASE weather_kind WHEN 'observation' THEN 0 ELSE 1 END, issued_at DESC, id) AS place
                   FROM readings WHERE reading ->> 'value' IS NOT NULL)
             SELECT station, valid_at, weather_kind, value, unit
               FROM preferred WHERE place = 1
              ORDER BY station {bytewise}, valid_at LIMIT $3"
    );
    let most = i64::from(limit) * i64::from(hours);
    let rows: Vec<Row> = store
        .rows(AssertSqlSafe(sql), binds![before, newest.0, most, variable])
        .await?;
    rows.into_iter().map(StationHour::try_from).collect()
}

impl TryFrom<Row> for StationHour {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let weather_kind = match row.weather_kind.as_str() {
            "observation" => WeatherKind::Observation,
            "forecast" => WeatherKind::Forecast,
            _ => {
                return Err(StoreError::UnknownName {
                    column: "records.document.weather_kind",
                    value: row.weather_kind,
                });
            }
        };
        Ok(Self {
            station: row.station,
            valid_at: row.valid_at.0,
            weather_kind,
            value: row.value,
            unit: row.unit,
        })
    }
}
