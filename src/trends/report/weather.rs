use jiff::{Timestamp, Zoned};
use serde::Serialize;

use super::when::{self, When};
use crate::record::WeatherKind;
use crate::trends::chart::{Bar, Scale, degrees, path};
use crate::trends::queries::StationHour;

/// The temperature at each station.
#[derive(Debug, Serialize)]
pub(super) struct WeatherSection {
    newest_at: When,
    /// Warmest first.
    stations: Vec<Station>,
    /// None while no station has two hours.
    course: Option<Course>,
}

#[derive(Debug, Serialize)]
struct Station {
    name: String,
    value: String,
    /// The hour, where it is not the newest one.
    at: Option<String>,
    forecast: bool,
    bar: Bar,
}

/// How the temperature went, a small drawing a station, all to one scale.
#[derive(Debug, Serialize)]
struct Course {
    since: When,
    /// Hours as columns of the table, newest first.
    hours: Vec<String>,
    stations: Vec<StationCourse>,
}

#[derive(Debug, Serialize)]
struct StationCourse {
    name: String,
    now: String,
    low: String,
    high: String,
    points: String,
    cells: Vec<Option<String>>,
}

impl WeatherSection {
    /// Of rows in the order of station and hour.
    pub(super) fn new(rows: &[StationHour], now: &Zoned) -> Option<Self> {
        let newest_at = rows.iter().map(|row| row.valid_at).max()?;
        let by_station: Vec<&[StationHour]> = rows
            .chunk_by(|before, after| before.station == after.station)
            .collect();
        Some(Self {
            newest_at: when::instant(newest_at, now),
            stations: stations(&by_station, newest_at, now),
            course: Course::new(&by_station, now),
        })
    }
}

fn stations(by_station: &[&[StationHour]], newest_at: Timestamp, now: &Zoned) -> Vec<Station> {
    let mut latest: Vec<&StationHour> =
        by_station.iter().filter_map(|hours| hours.last()).collect();
    latest.sort_by(|a, b| {
        b.value
            .total_cmp(&a.value)
            .then_with(|| a.station.cmp(&b.station))
    });
    let values: Vec<f64> = latest.iter().map(|hour| hour.value).collect();
    let station = |(hour, bar): (&&StationHour, Bar)| Station {
        name: titled(&hour.station),
        value: reading(hour),
        at: (hour.valid_at != newest_at).then(|| when::clock(hour.valid_at, now)),
        forecast: hour.weather_kind == WeatherKind::Forecast,
        bar,
    };
    latest.iter().zip(Bar::all(&values)).map(station).collect()
}

impl Course {
    fn new(by_station: &[&[StationHour]], now: &Zoned) -> Option<Self> {
        if by_station.iter().all(|hours| hours.len() < 2) {
            return None;
        }
        let rows = || by_station.iter().copied().flatten();
        let mut hours: Vec<Timestamp> = rows().map(|row| row.valid_at).collect();
        hours.sort_unstable();
        hours.dedup();
        let low = rows().map(|row| row.value).fold(f64::INFINITY, f64::min);
        let high = rows()
            .map(|row| row.value)
            .fold(f64::NEG_INFINITY, f64::max);
        let drawing = Drawing {
            first: *hours.first()?,
            last: *hours.last()?,
            scale: Scale::exactly(low, high),
        };
        hours.reverse();
        Some(Self {
            since: when::instant(drawing.first, now),
            hours: hours.iter().map(|hour| when::clock(*hour, now)).collect(),
            stations: by_station
                .iter()
                .filter_map(|rows| StationCourse::new(rows, &hours, &drawing))
                .collect(),
        })
    }
}

/// What all the small drawings share.
struct Drawing {
    first: Timestamp,
    last: Timestamp,
    scale: Scale,
}

impl Drawing {
    fn point(&self, hour: &StationHour) -> (f64, f64) {
        let whole = self.last.duration_since(self.first).as_secs_f64();
        let part = hour.valid_at.duration_since(self.first).as_secs_f64();
        let x = if whole > 0.0 {
            part / whole * 100.0
        } else {
            50.0
        };
        (x, 100.0 - self.scale.percent(hour.value))
    }
}

impl StationCourse {
    fn new(rows: &[StationHour], hours: &[Timestamp], drawing: &Drawing) -> Option<Self> {
        let order = |a: &&StationHour, b: &&StationHour| a.value.total_cmp(&b.value);
        let cell = |hour: &Timestamp| {
            rows.iter()
                .find(|row| row.valid_at == *hour)
                .map(|row| degrees(row.value))
        };
        Some(Self {
            name: titled(&rows.first()?.station),
            now: reading(rows.last()?),
            low: degrees(rows.iter().min_by(order)?.value),
            high: degrees(rows.iter().max_by(order)?.value),
            points: path(rows.iter().map(|row| drawing.point(row))),
            cells: hours.iter().map(cell).collect(),
        })
    }
}

fn reading(hour: &StationHour) -> String {
    match &hour.unit {
        Some(unit) => format!("{} {unit}", degrees(hour.value)),
        None => degrees(hour.value),
    }
}

/// A station's id as a name: `jeju-west` → `Jeju West`.
fn titled(id: &str) -> String {
    let word = |word: &str| {
        let mut characters = word.chars();
        let first = characters.next().into_iter().flat_map(char::to_uppercase);
        first.chain(characters).collect::<String>()
    };
    let words: Vec<String> = id.split(['-', '_', ' ']).map(word).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(station: &str, hour: i64, value: f64) -> StationHour {
        StationHour {
            station: station.to_owned(),
            valid_at: Timestamp::from_second(1_772_323_200 + hour * 3600).unwrap(),
            weather_kind: WeatherKind::Observation,
            value,
            unit: Some("°C".to_owned()),
        }
    }

    fn section(rows: &[StationHour]) -> WeatherSection {
        let now = Timestamp::from_second(1_772_400_000).unwrap();
        WeatherSection::new(rows, &now.to_zoned(jiff::tz::TimeZone::UTC)).unwrap()
    }

    #[test]
    fn warmest_station_stands_first_and_one_that_lags_says_so() {
        let section = section(&[
            hour("busan", 1, 12.0),
            hour("jeju-west", 0, 14.5),
            hour("seoul", 1, -3.0),
        ]);
        let names: Vec<&str> = section
            .stations
            .iter()
            .map(|row| row.name.as_str())
            .collect();
        assert_eq!(names, ["Jeju West", "Busan", "Seoul"]);
        assert_eq!(section.stations[0].at.as_deref(), Some("00:00"));
        assert_eq!(section.stations[1].at, None);
        assert_eq!(section.stations[2].value, "−3.0 °C");
    }

    #[test]
    fn course_is_drawn_once_there_are_several_hours() {
        assert!(
            section(&[hour("seoul", 0, 1.0), hour("busan", 1, 2.0)])
                .course
                .is_none()
        );
        let course = section(&[
            hour("busan", 1, 5.0),
            hour("seoul", 0, 0.0),
            hour("seoul", 2, 10.0),
        ])
        .course
        .unwrap();
        assert_eq!(course.hours, ["02:00", "01:00", "00:00"]);
        assert_eq!(course.stations[1].points, "0,100 100,0");
        assert_eq!(
            course.stations[0].cells,
            [None, Some("5.0".to_owned()), None]
        );
    }
}
