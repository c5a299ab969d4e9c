use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What one station observed, or was forecast, for one instant. Natural key: provider, station, kind, `issued_at`,
/// `valid_at`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Weather {
    /// Who issued it, such as `kma`.
    pub provider: String,
    /// The station's id in `dictionaries/stations.toml`.
    pub station: String,
    /// Observed or forecast.
    #[serde(rename = "weather_kind")]
    pub kind: WeatherKind,
    /// When the provider issued it.
    pub issued_at: Timestamp,
    /// The instant that the values hold for.
    pub valid_at: Timestamp,
    /// Values by variable, such as `temperature`.
    pub values: BTreeMap<String, Reading>,
}

/// Observed or forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeatherKind {
    /// Measured.
    Observation,
    /// Computed ahead.
    Forecast,
}

impl WeatherKind {
    /// The name in documents and natural keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observation => "observation",
            Self::Forecast => "forecast",
        }
    }
}

/// One value of one variable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The number; none where the provider gave a range, a text without a number, or a code for missing.
    pub value: Option<f64>,
    /// Unit of `value`, `min` and `max`, such as `°C`.
    pub unit: Option<String>,
    /// What the provider sent, as it stood.
    pub raw: String,
    /// Lower bound where the provider gave a range.
    pub min: Option<f64>,
    /// Upper bound where the provider gave a range.
    pub max: Option<f64>,
}
