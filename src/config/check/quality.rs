//! `[quality]`: fields that the kind has, and rules that can be asked of them.

use super::Checker;
use crate::config::quality::{Earliest, Quality, QualityFile, RangeFile};
use crate::record::{Field, Kind};

/// The fields that are instants.
const DATES: &[Field] = &[Field::PostedAt, Field::ValidThrough, Field::PublishedAt];

impl Checker<'_> {
    pub(super) fn quality(&mut self, file: QualityFile) -> Quality {
        let mut quality = Quality::default();
        for (key, names, fields) in [
            ("required", file.required, &mut quality.required),
            ("unique", file.unique, &mut quality.unique),
        ] {
            for (index, name) in names.iter().enumerate() {
                let place = ["quality", key, &index.to_string()];
                fields.extend(self.expected_field(&place, name));
            }
        }
        for (field, range) in [
            (Field::ExperienceMin, file.experience_min),
            (Field::ExperienceMax, file.experience_max),
            (Field::SalaryMin, file.salary_min),
            (Field::SalaryMax, file.salary_max),
        ] {
            if let Some(range) = range {
                quality.ranges.extend(self.range(field, range));
            }
        }
        for (name, text) in file.not_before {
            let place = ["quality", "not_before", &name];
            let Some(field) = self.expected_field(&place, &name) else {
                continue;
            };
            if !DATES.contains(&field) {
                let hint = Some(format!("dates of a {}: {}", self.kind, dates(self.kind)));
                let message = format!("`{field}` is no date");
                self.document.problem(&place, message, hint);
                continue;
            }
            let Some(earliest) = Earliest::parse(&text) else {
                let message = format!("`{text}` does not say since when");
                let hint = "write a day such as `2000-01-01`, or a time back such as `-2y`";
                self.document
                    .problem(&place, message, Some(hint.to_owned()));
                continue;
            };
            quality.not_before.push((field, earliest));
        }
        for (name, share) in file.fill {
            let place = ["quality", "fill", &name];
            let Some(field) = self.expected_field(&place, &name) else {
                continue;
            };
            if (0.0..=1.0).contains(&share) {
                quality.fill.push((field, share));
            } else {
                self.document
                    .problem(&place, "a fill rate is a share from 0 to 1", None);
            }
        }
        quality
    }

    fn expected_field(&mut self, place: &[&str], name: &str) -> Option<Field> {
        if self.kind == Kind::Weather {
            let message = "a weather reading has no fields to expect anything of";
            let hint = "remove it: readings that cannot be are rejected already";
            self.document.problem(place, message, Some(hint.to_owned()));
            return None;
        }
        self.field(place, name)
    }

    fn range(
        &mut self,
        field: Field,
        RangeFile { min, max }: RangeFile,
    ) -> Option<(Field, Option<f64>, Option<f64>)> {
        let place = ["quality", field.as_str()];
        self.expected_field(&place, field.as_str())?;
        let is_empty = match (min, max) {
            (None, None) => true,
            (Some(min), Some(max)) => min > max,
            _ => false,
        };
        if is_empty {
            let message = "a range has a `min`, a `max`, or both, the `min` not above the `max`";
            self.document.problem(&place, message, None);
            return None;
        }
        Some((field, min, max))
    }
}

fn dates(kind: Kind) -> String {
    let names = DATES
        .iter()
        .filter(|field| field.kinds().contains(&kind))
        .map(|field| format!("`{field}`"));
    names.collect::<Vec<_>>().join(", ")
}
