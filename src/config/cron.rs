use std::fmt;
use std::str::FromStr;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// A cron expression: five fields, or six with seconds first. Day 0 and 7 are Sunday; `L`, `#` and names are known.
///
/// Where both day of month and day of week are given, either one fires, as in Vixie cron. A time that a clock change
/// skips fires at the change; one that it repeats fires once (croner's rule, see `docs/decisions/`).
#[derive(Debug, Clone)]
pub struct CronExpression(Cron);

/// A text that is no cron expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad cron expression `{expression}`: {reason}")]
pub struct InvalidCron {
    expression: String,
    reason: String,
}

impl FromStr for CronExpression {
    type Err = InvalidCron;

    fn from_str(expression: &str) -> Result<Self, Self::Err> {
        let invalid = |reason: String| InvalidCron {
            expression: expression.to_owned(),
            reason,
        };
        // A no-break space looks like a separator and is none; croner would take it for one.
        if let Some(odd) = expression.chars().find(|c| !c.is_ascii()) {
            return Err(invalid(format!(
                "`{}` is not an ASCII character",
                odd.escape_unicode()
            )));
        }
        CronParser::builder()
            .seconds(Seconds::Optional)
            .year(Year::Disallowed)
            .build()
            .parse(expression)
            .map(Self)
            .map_err(|error| invalid(error.to_string()))
    }
}

impl fmt::Display for CronExpression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.as_str())
    }
}

impl CronExpression {
    /// The instants after `from` at which it fires in a zone, soonest first; ends where it never fires again.
    pub fn after(&self, from: Timestamp, zone: &TimeZone) -> impl Iterator<Item = Timestamp> {
        self.0
            .iter_after(Zoned::new(from, zone.clone()))
            .map(|zoned| zoned.timestamp())
    }
}
