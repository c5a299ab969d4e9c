//! Whether a weather reading can be true.
//!
//! The provider's format is read where its tables are, in `extract`; here is only what holds of weather itself, so that
//! a unit mistaken or a code read as a measure is a rejection and not a record.

use crate::record::Weather;

/// Lower and upper bound of a variable, in the unit it is kept in: beyond what was ever measured on Earth, or, for
/// hourly amounts, more than twice the record.
const BOUNDS: &[(&str, f64, f64)] = &[
    ("temperature", -90.0, 60.0),
    ("temperature_min", -90.0, 60.0),
    ("temperature_max", -90.0, 60.0),
    ("humidity", 0.0, 105.0),
    ("precipitation", 0.0, 600.0),
    ("precipitation_probability", 0.0, 100.0),
    ("precipitation_type", 0.0, 7.0),
    ("snowfall", 0.0, 300.0),
    ("sky", 1.0, 4.0),
    ("lightning", 0.0, 899.0),
    ("wind_east", -115.0, 115.0),
    ("wind_north", -115.0, 115.0),
    ("wind_speed", 0.0, 115.0),
    ("wind_direction", 0.0, 360.0),
    ("wave_height", 0.0, 40.0),
];

/// A value that cannot be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Implausible {
    /// Outside of what the variable can be.
    #[error("`{variable}` is {value}, outside of {min} to {max}")]
    OutOfBounds {
        /// The variable.
        variable: String,
        /// Its value or bound.
        value: f64,
        /// Least that can be.
        min: f64,
        /// Most that can be.
        max: f64,
    },
    /// No variable has a value or bound.
    #[error("no variable of the reading has a value")]
    Empty,
}

/// Checks what a reading says; the first impossible value counts.
pub fn check(weather: &Weather) -> Result<(), Implausible> {
    let mut is_empty = true;
    for (variable, reading) in &weather.values {
        let known = BOUNDS.iter().find(|(name, ..)| name == variable);
        let (min, max) = known.map_or((f64::MIN, f64::MAX), |(_, min, max)| (*min, *max));
        for value in [reading.value, reading.min, reading.max]
            .into_iter()
            .flatten()
        {
            is_empty = false;
            if !(min..=max).contains(&value) {
                let variable = variable.clone();
                return Err(Implausible::OutOfBounds {
                    variable,
                    value,
                    min,
                    max,
                });
            }
        }
    }
    if is_empty {
        Err(Implausible::Empty)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Reading, WeatherKind};

    fn weather(values: &[(&str, Option<f64>)]) -> Weather {
        let reading = |value: Option<f64>| Reading {
            value,
            unit: None,
            raw: String::new(),
            min: None,
            max: None,
        };
        Weather {
            provider: "kma".to_owned(),
            station: "seoul".to_owned(),
            kind: WeatherKind::Observation,
            issued_at: jiff::Timestamp::UNIX_EPOCH,
            valid_at: jiff::Timestamp::UNIX_EPOCH,
            values: values
                .iter()
                .map(|(name, value)| ((*name).to_owned(), reading(*value)))
                .collect(),
        }
    }

    #[test]
    fn weather_that_can_be_passes() {
        assert_eq!(
            check(&weather(&[
                ("temperature", Some(-32.6)),
                ("wave_height", None),
                ("visibility", Some(1e4))
            ])),
            Ok(())
        );
    }

    #[test]
    fn weather_that_cannot_be_is_named() {
        let error = check(&weather(&[("humidity", Some(-998.9))])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`humidity` is -998.9, outside of 0 to 105"
        );
        assert!(check(&weather(&[("temperature", Some(f64::NAN))])).is_err());
    }

    #[test]
    fn a_reading_without_any_value_is_none() {
        assert_eq!(
            check(&weather(&[("temperature", None)])),
            Err(Implausible::Empty)
        );
        assert_eq!(check(&weather(&[])), Err(Implausible::Empty));
    }
}
