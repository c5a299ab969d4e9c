//! The service's tables: what a category measures, and what its texts and codes mean.

use jiff::civil::DateTime;

use super::coded_from;
use crate::record::Reading;

/// Values from here on, on either side, are the service's words for "not measured": -999, -998.9, 900, 999.
const MISSING: f64 = 900.0;

/// What a category's text is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A number in the unit.
    Number,
    /// A number of a table, such as 4 for an overcast sky.
    Code,
    /// An amount: a number, a text for none, or bounds in words.
    Amount,
}

/// Category, variable, unit, form. Observation, ultra-short and short-term forecast share a name where they share a
/// meaning: `T1H` and `TMP` are both the temperature, `RN1` and `PCP` the precipitation of an hour.
const CATEGORIES: &[(&str, &str, Option<&str>, Form)] = &[
    ("T1H", "temperature", Some("°C"), Form::Number),
    ("TMP", "temperature", Some("°C"), Form::Number),
    ("TMN", "temperature_min", Some("°C"), Form::Number),
    ("TMX", "temperature_max", Some("°C"), Form::Number),
    ("REH", "humidity", Some("%"), Form::Number),
    ("RN1", "precipitation", Some("mm"), Form::Amount),
    ("PCP", "precipitation", Some("mm"), Form::Amount),
    ("POP", "precipitation_probability", Some("%"), Form::Number),
    ("PTY", "precipitation_type", None, Form::Code),
    ("SNO", "snowfall", Some("cm"), Form::Amount),
    ("SKY", "sky", None, Form::Code),
    ("LGT", "lightning", Some("kA/km²"), Form::Number),
    ("UUU", "wind_east", Some("m/s"), Form::Number),
    ("VVV", "wind_north", Some("m/s"), Form::Number),
    ("VEC", "wind_direction", Some("°"), Form::Number),
    ("WSD", "wind_speed", Some("m/s"), Form::Number),
    ("WAV", "wave_height", Some("m"), Form::Number),
];

/// How amounts of rain, snow and wind are told on the days of a forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// As amounts.
    Measured,
    /// As codes from 1: the last day of a short-term forecast.
    Coded,
}

/// The codes of the last day: category, code, lower and upper bound in the category's unit.
const CODES: &[(&str, &str, Option<f64>, Option<f64>)] = &[
    ("PCP", "1", Some(0.0), Some(3.0)),
    ("PCP", "2", Some(3.0), Some(15.0)),
    ("PCP", "3", Some(15.0), None),
    ("SNO", "1", Some(0.0), Some(1.0)),
    ("SNO", "2", Some(1.0), None),
    ("SNO", "3", None, None),
    ("WSD", "1", Some(0.0), Some(4.0)),
    ("WSD", "2", Some(4.0), Some(9.0)),
    ("WSD", "3", Some(9.0), None),
];

/// The scale of a forecast for an instant.
pub(super) fn scale(issued: DateTime, valid: DateTime) -> Scale {
    match coded_from(issued) {
        Some(first) if valid >= first => Scale::Coded,
        _ => Scale::Measured,
    }
}

/// Our name for a category.
pub(super) fn variable(category: &str) -> String {
    let known = CATEGORIES.iter().find(|(name, ..)| *name == category);
    known.map_or_else(
        || category.to_lowercase(),
        |(_, variable, ..)| (*variable).to_owned(),
    )
}

/// What the text of a row says.
pub(super) fn read(category: &str, raw: &str, scale: Scale) -> Reading {
    let known = CATEGORIES.iter().find(|(name, ..)| *name == category);
    let (unit, form) = known.map_or((None, Form::Number), |(_, _, unit, form)| (*unit, *form));
    let mut reading = Reading {
        value: None,
        unit: unit.map(str::to_owned),
        raw: raw.to_owned(),
        min: None,
        max: None,
    };
    let coded = CODES
        .iter()
        .find(|(name, code, ..)| *name == category && *code == raw);
    match (scale, coded, form) {
        (Scale::Coded, Some((_, _, min, max)), _) => (reading.min, reading.max) = (*min, *max),
        (_, _, Form::Amount) => amount(raw, &mut reading),
        (_, _, Form::Number | Form::Code) => reading.value = number(raw),
    }
    reading
}

/// A number that was measured.
fn number(text: &str) -> Option<f64> {
    text.trim()
        .parse()
        .ok()
        .filter(|value: &f64| value.abs() < MISSING)
}

/// `강수없음`, `6.2mm`, `1.0mm 미만`, `30.0~50.0mm`, `50.0mm 이상`; by the guide `-`, null and `0` mean none too.
fn amount(raw: &str, reading: &mut Reading) {
    let text: String = raw.chars().filter(|c| !c.is_whitespace()).collect();
    if matches!(text.as_str(), "" | "-" | "null") || text.ends_with("없음") {
        reading.value = Some(0.0);
        return;
    }
    let bound = |text: &str| number(text.trim_end_matches("mm").trim_end_matches("cm"));
    if let Some(below) = text.strip_suffix("미만") {
        reading.max = bound(below);
        reading.min = reading.max.map(|_| 0.0);
    } else if let Some(least) = text.strip_suffix("이상") {
        reading.min = bound(least);
    } else if let Some((least, most)) = text.split_once('~') {
        (reading.min, reading.max) = (bound(least), bound(most));
    } else {
        reading.value = bound(&text);
    }
}
