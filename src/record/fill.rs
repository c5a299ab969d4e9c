use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Item, Reading, Values};

/// How much a run read, and how much of it had each field: what tells a page that no longer looks as its rules say.
///
/// What was not read again because it had not changed is not in it: it says nothing of the page of today. What was read
/// and did not become a record is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// Pages, or entries and readings that have no page of their own.
    pub read: u64,
    /// How many of them had a field, by its name; a variable of a reading counts as one.
    pub found: BTreeMap<String, u64>,
}

impl Fill {
    /// The share of what was read that had a field.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a run reads far less than 2^52 pages"
    )]
    pub fn rate(&self, field: &str) -> f64 {
        let found = self.found.get(field).copied().unwrap_or_default();
        found as f64 / self.read.max(1) as f64
    }

    /// Counts one more page, with what was found on it.
    pub fn count(&mut self, found: &[Cow<'static, str>]) {
        self.read += 1;
        for field in found {
            if let Some(count) = self.found.get_mut(field.as_ref()) {
                *count += 1;
            } else {
                self.found.insert(field.to_string(), 1);
            }
        }
    }
}

impl std::ops::AddAssign<&Fill> for Fill {
    fn add_assign(&mut self, other: &Self) {
        self.read += other.read;
        for (field, found) in &other.found {
            *self.found.entry(field.clone()).or_default() += found;
        }
    }
}

impl Item {
    /// The fields that it has; of a reading, the variables that have a value or a bound: a missing one is named too.
    pub fn found(&self) -> Vec<Cow<'static, str>> {
        match &self.values {
            Values::Fields(fields) => {
                let names = fields.keys().map(|field| field.as_str());
                names.map(Cow::Borrowed).collect()
            }
            Values::Weather(weather) => {
                let is_there =
                    |reading: &Reading| reading.value.or(reading.min).or(reading.max).is_some();
                let values = weather.values.iter();
                values
                    .filter(|(_, reading)| is_there(reading))
                    .map(|(name, _)| Cow::Owned(name.clone()))
                    .collect()
            }
        }
    }
}
