//! Answers of the Korea Meteorological Administration's village forecast service (`VilageFcstInfoService_2.0`).
//!
//! An answer comes as JSON or XML, whichever was asked for: the gateway before the service answers in XML, with HTTP
//! 200, when it refuses. Both are read into one [`document`] first. A refusal is a [`Refusal`] with what to do about it;
//! anything else is rows, one a category and instant, whose text is read into a number, bounds and a unit by the
//! service's own tables ([`reading`]). Those tables live here and not in `normalize`, because a row cannot be read
//! without knowing the service: `WSD` on the last day of a forecast is a code, elsewhere a speed. What leaves this
//! module is [`record::Weather`](crate::record::Weather), typed, with the raw text beside each value.
//!
//! Dates and times of the service are always Korean; instants are UTC.

mod document;
mod reading;

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan};
use serde::{Serialize, Serializer};

use crate::record::{Reading, Weather, WeatherKind};
use document::Document;

/// Name of the service in records.
pub const PROVIDER: &str = "kma";

/// The zone of the service's dates and times: Korea has had no other since 1988, and the service began in 2012.
const KST: Offset = Offset::constant(9);

/// What the service said, error or not; how `extract --as kma` prints it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// `00`, or the code of a refusal.
    pub result_code: String,
    /// In the service's words.
    pub message: Option<String>,
    /// What to do about a refusal; none where there is none.
    pub retry: Option<Retry>,
    /// Rows that the whole question has; more than `rows` where it goes on on the next page.
    pub total_count: Option<u64>,
    /// The rows of this page.
    pub rows: Vec<Row>,
}

/// One category at one place for one instant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The service's name, such as `TMP`.
    pub category: String,
    /// Our name, such as `temperature`; the category in lower case where there is none.
    pub variable: String,
    /// Observed or forecast.
    #[serde(skip)]
    pub kind: WeatherKind,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// The instant it holds for.
    pub valid_at: Timestamp,
    /// Column of the grid.
    pub nx: u16,
    /// Row of the grid.
    pub ny: u16,
    /// What it says.
    #[serde(flatten)]
    pub reading: Reading,
}

/// What to do about a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Ask again, with growing pauses: the service stumbled.
    WithBackoff,
    /// Not this question: the issue is not published. The one before it is.
    OneSlotBack,
    /// Not before midnight in Korea: the day's quota is used up.
    WhenQuotaRenews,
    /// Never by itself: a person must mend the key or the question.
    Never,
}

impl Serialize for Retry {
    /// Whether to send the same question again: `true`, `false`, or since when.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::WithBackoff => serializer.serialize_bool(true),
            Self::OneSlotBack | Self::Never => serializer.serialize_bool(false),
            Self::WhenQuotaRenews => serializer.serialize_str("not until the quota renews"),
        }
    }
}

/// An error that the service, or the gateway before it, declared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the weather service refused with code {code}: {message}")]
pub struct Refusal {
    /// Two digits, or the HTTP status of the API hub.
    pub code: String,
    /// In the service's words.
    pub message: String,
    /// What to do about it.
    pub retry: Retry,
}

/// Why an answer gives no rows.
#[derive(Debug, thiserror::Error)]
pub enum KmaError {
    /// It is an error of the service.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It is no JSON.
    #[error("the weather answer is no JSON")]
    Json(#[source] serde_json::Error),
    /// It is no XML.
    #[error("the weather answer is no XML")]
    Xml(#[source] quick_xml::Error),
    /// It is XML that ends in the middle.
    #[error("the weather answer ends before its XML does")]
    CutOff,
    /// It is neither; the gateway sends a few words of plain text when it is out of order.
    #[error("the weather answer is neither JSON nor XML: `{0}`")]
    Neither(String),
    /// It has no result code, so it is of some other service.
    #[error("the weather answer has no `resultCode`")]
    NoResultCode,
    /// A row lacks something.
    #[error("row {row} of the weather answer has no valid `{field}`")]
    Row {
        /// Place of the row, from 1.
        row: usize,
        /// What is missing or wrong.
        field: &'static str,
    },
}

impl KmaError {
    /// Whether the same question may be answered when it is asked again soon.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.retry == Retry::WithBackoff,
            Self::Json(_) | Self::Xml(_) | Self::CutOff | Self::Neither(_) => true,
            Self::NoResultCode | Self::Row { .. } => false,
        }
    }
}

/// Reads an answer as it stands; a refusal is an answer too.
pub fn answer(body: &str) -> Result<Answer, KmaError> {
    match rows(body) {
        Err(KmaError::Refused(refusal)) => Ok(Answer {
            result_code: refusal.code,
            message: Some(refusal.message),
            retry: Some(refusal.retry),
            total_count: None,
            rows: Vec::new(),
        }),
        other => other,
    }
}

/// Reads the rows of an answer; a refusal is an error.
pub fn rows(body: &str) -> Result<Answer, KmaError> {
    let document = Document::read(body)?;
    let code = document.field(&["resultCode", "returnReasonCode"]);
    let message = document.field(&["resultMsg", "returnAuthMsg", "errMsg", "message"]);
    let Some(code) = code.or_else(|| document.field(&["status"])) else {
        return Err(KmaError::NoResultCode);
    };
    if code.parse() != Ok(0) {
        let refusal = Refusal {
            code: format!("{code:0>2}"),
            message: message.unwrap_or_default().to_owned(),
            retry: retry(code),
        };
        return Err(refusal.into());
    }
    let rows = document
        .items
        .iter()
        .enumerate()
        .map(|(index, item)| row(index + 1, item));
    Ok(Answer {
        result_code: "00".to_owned(),
        message: message.map(str::to_owned),
        retry: None,
        total_count: document
            .field(&["totalCount"])
            .and_then(|count| count.parse().ok()),
        rows: rows.collect::<Result<_, _>>()?,
    })
}

/// What the guide of the service says of its codes; those of three digits are HTTP statuses of the API hub.
fn retry(code: &str) -> Retry {
    match code.parse() {
        Ok(1 | 2 | 4 | 5 | 99 | 500..=599) => Retry::WithBackoff,
        Ok(3) => Retry::OneSlotBack,
        Ok(22 | 429) => Retry::WhenQuotaRenews,
        Ok(0_u16..) | Err(_) => Retry::Never,
    }
}

fn row(row: usize, item: &BTreeMap<String, String>) -> Result<Row, KmaError> {
    let text = |field: &'static str| match item.get(field) {
        Some(text) if !text.is_empty() => Ok(text.as_str()),
        _ => Err(KmaError::Row { row, field }),
    };
    let number = |field| {
        text(field)?
            .parse()
            .map_err(|_| KmaError::Row { row, field })
    };
    let instant = |date, time| match civil(text(date)?, text(time)?) {
        Some(civil) => Ok(civil),
        None => Err(KmaError::Row { row, field: date }),
    };
    let category = text("category")?;
    let issued = instant("baseDate", "baseTime")?;
    let (kind, valid, raw) = match (item.get("obsrValue"), item.get("fcstValue")) {
        (Some(raw), _) => (WeatherKind::Observation, issued, raw),
        (None, Some(raw)) => (WeatherKind::Forecast, instant("fcstDate", "fcstTime")?, raw),
        (None, None) => {
            return Err(KmaError::Row {
                row,
                field: "obsrValue` or `fcstValue",
            });
        }
    };
    let at = |civil: DateTime| {
        let instant = TimeZone::fixed(KST).to_timestamp(civil);
        instant.map_err(|_| KmaError::Row {
            row,
            field: "baseDate",
        })
    };
    Ok(Row {
        category: category.to_owned(),
        variable: reading::variable(category),
        kind,
        issued_at: at(issued)?,
        valid_at: at(valid)?,
        nx: number("nx")?,
        ny: number("ny")?,
        reading: reading::read(category, raw, reading::scale(issued, valid)),
    })
}

/// `20260924` and `2000`; `2400` is the midnight that ends the day, and JSON numbers have lost their leading zeros.
fn civil(date: &str, time: &str) -> Option<DateTime> {
    if date.len() != 8 || time.len() > 4 {
        return None;
    }
    let (date, time): (u32, i16) = (date.parse().ok()?, time.parse().ok()?);
    let year = i16::try_from(date / 10_000).ok()?;
    let (month, day) = (
        i8::try_from(date / 100 % 100).ok()?,
        i8::try_from(date % 100).ok()?,
    );
    let date = Date::new(year, month, day).ok()?;
    if time == 2400 {
        return Some(date.tomorrow().ok()?.to_datetime(Time::midnight()));
    }
    let (hour, minute) = (
        i8::try_from(time / 100).ok()?,
        i8::try_from(time % 100).ok()?,
    );
    Some(date.to_datetime(Time::new(hour, minute, 0, 0).ok()?))
}

/// The readings of one station, one a kind, issue and instant, in that order. The station's rows may come from several
/// pages; of a variable given twice the later row counts.
pub fn weather(rows: &[Row], station: &str) -> Vec<Weather> {
    let mut readings: BTreeMap<(&str, Timestamp, Timestamp), Weather> = BTreeMap::new();
    for row in rows {
        let key = (row.kind.as_str(), row.issued_at, row.valid_at);
        let weather = readings.entry(key).or_insert_with(|| Weather {
            provider: PROVIDER.to_owned(),
            station: station.to_owned(),
            kind: row.kind,
            issued_at: row.issued_at,
            valid_at: row.valid_at,
            values: BTreeMap::new(),
        });
        weather
            .values
            .insert(row.variable.clone(), row.reading.clone());
    }
    readings.into_values().collect()
}

/// Days after its issue from which a forecast has codes for amounts: the third, for an evening issue the fourth.
fn coded_from(issued: DateTime) -> Option<DateTime> {
    let days = if issued.hour() < 17 { 3 } else { 4 };
    let day = issued.date().checked_add(days.days()).ok()?;
    Some(day.to_datetime(Time::midnight()))
}

#[cfg(test)]
mod tests;
