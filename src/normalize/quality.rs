//! What a pipeline expects of each record: the rules of `[quality]` that one record can break alone.

use std::fmt;

use jiff::Timestamp;

use super::Context;
use crate::record::{Body, Field, Job, Post, Record, SalaryUnit};

/// The value of a field in a record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// A text.
    Text(&'a str),
    /// Several texts.
    List(&'a [String]),
    /// A number.
    Number(f64),
    /// A date.
    Instant(Timestamp),
    /// Yes or no.
    Flag(bool),
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => formatter.write_str(text),
            Self::List(texts) => formatter.write_str(&texts.join(", ")),
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Instant(instant) => write!(formatter, "{instant}"),
            Self::Flag(flag) => write!(formatter, "{flag}"),
        }
    }
}

/// The value of a field; none where the record has none. Texts are never empty.
pub fn value(body: &Body, field: Field) -> Option<Value<'_>> {
    match body {
        Body::Job(job) => of_job(job, field),
        Body::Post(post) => of_post(post, field),
        Body::Weather(_) => None,
    }
}

fn of_job(job: &Job, field: Field) -> Option<Value<'_>> {
    let years = |years: Option<u8>| years.map(|years| Value::Number(years.into()));
    let salary = job.salary.as_ref();
    match field {
        Field::Title => text(Some(&job.title)),
        Field::Company => text(job.company.as_ref()),
        Field::Category => text(job.category.as_ref()),
        Field::Location => text(job.location.as_ref()),
        Field::Description => text(job.description.as_ref()),
        Field::Remote => job.remote.map(Value::Flag),
        Field::EmploymentType => list(&job.employment_type),
        Field::Experience => years(job.experience_min.or(job.experience_max)),
        Field::ExperienceMin => years(job.experience_min),
        Field::ExperienceMax => years(job.experience_max),
        Field::Salary => {
            let bound = salary.and_then(|salary| salary.min.or(salary.max));
            bound.map(Value::Number)
        }
        Field::SalaryMin => salary?.min.map(Value::Number),
        Field::SalaryMax => salary?.max.map(Value::Number),
        Field::SalaryCurrency => text(salary?.currency.as_ref()),
        Field::SalaryUnit => salary?.unit.map(|unit| Value::Text(unit_name(unit))),
        Field::PostedAt => job.posted_at.map(Value::Instant),
        Field::ValidThrough => job.valid_through.map(Value::Instant),
        Field::Author
        | Field::PublishedAt
        | Field::Summary
        | Field::Text
        | Field::Language
        | Field::Tags => None,
    }
}

fn of_post(post: &Post, field: Field) -> Option<Value<'_>> {
    match field {
        Field::Title => text(Some(&post.title)),
        Field::Author => text(post.author.as_ref()),
        Field::PublishedAt => post.published_at.map(Value::Instant),
        Field::Summary => text(post.summary.as_ref()),
        Field::Text => text(post.text.as_ref()),
        Field::Language => text(post.language.as_ref()),
        Field::Tags => list(&post.tags),
        _ => None,
    }
}

fn text(text: Option<&String>) -> Option<Value<'_>> {
    let text = text.filter(|text| !text.is_empty());
    text.map(|text| Value::Text(text))
}

fn list(texts: &[String]) -> Option<Value<'_>> {
    (!texts.is_empty()).then_some(Value::List(texts))
}

const fn unit_name(unit: SalaryUnit) -> &'static str {
    match unit {
        SalaryUnit::Hour => "hour",
        SalaryUnit::Day => "day",
        SalaryUnit::Week => "week",
        SalaryUnit::Month => "month",
        SalaryUnit::Year => "year",
    }
}

/// The first rule that a record breaks, with the field and its value. A field without a value breaks `required` alone.
pub(super) fn check(record: &Record, context: &Context<'_>) -> Result<(), String> {
    let pipeline = context.pipeline;
    let rules = &pipeline.quality;
    for &field in &rules.required {
        if value(&record.body, field).is_none() {
            return Err(format!("quality `required`: `{field}` has no value"));
        }
    }
    for &(field, min, max) in &rules.ranges {
        let Some(Value::Number(number)) = value(&record.body, field) else {
            continue;
        };
        if let Some(min) = min.filter(|min| number < *min) {
            return Err(format!("quality `{field}`: {number} is below `min`, {min}"));
        }
        if let Some(max) = max.filter(|max| number > *max) {
            return Err(format!("quality `{field}`: {number} is above `max`, {max}"));
        }
    }
    for &(field, earliest) in &rules.not_before {
        let Some(Value::Instant(instant)) = value(&record.body, field) else {
            continue;
        };
        if instant < earliest.instant(context.fetched_at, &pipeline.source.timezone) {
            return Err(format!(
                "quality `not_before`: `{field}` is {instant}, before {earliest}"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Pipeline;
    use crate::normalize::{Dictionaries, normalize};
    use crate::record::{Entry, Item, Values};

    fn verdict(rules: &str, fields: &[(Field, &str)]) -> Result<(), String> {
        let file = format!(
            "id = 'p'\nkind = 'job'\ndescription = 'd'\n[source]\nurl = 'https://a.example/'\ntimezone = 'Asia/Seoul'\n\
             [list]\nitem = 'li'\nlink = {{ css = 'a', attr = 'href' }}\n[fields]\ntitle = {{ css = 'b' }}\n\
             [defaults]\nboard = 'b'\n[quality]\n{rules}\n"
        );
        let pipeline = Pipeline::parse(Path::new("p.toml"), file).unwrap();
        let texts = fields
            .iter()
            .map(|(field, text)| (*field, vec![(*text).to_owned()]));
        let item = Item {
            entry: Entry {
                url: "https://a.example/1".parse().unwrap(),
                external_id: None,
                modified: None,
            },
            values: Values::Fields(
                texts
                    .chain([(Field::Title, vec!["T".to_owned()])])
                    .collect(),
            ),
            noindex: false,
            place: None,
        };
        let context = Context {
            pipeline: &pipeline,
            dictionaries: &Dictionaries::bundled(),
            fetched_at: "2026-11-19T09:00:00Z".parse().unwrap(),
        };
        normalize(&item, &context)
            .map(drop)
            .map_err(|rejection| rejection.reason)
    }

    #[test]
    fn a_record_that_breaks_a_rule_is_rejected_with_rule_field_and_value() {
        let years = "experience_min = { min = 1, max = 10 }";
        let since = "not_before = { posted_at = '2020-01-01', valid_through = '-2y' }";
        for (rules, field, text, reason) in [
            (
                "required = ['company']",
                Field::Location,
                "Seoul",
                "quality `required`: `company` has no value",
            ),
            (
                years,
                Field::ExperienceMin,
                "12",
                "quality `experience_min`: 12 is above `max`, 10",
            ),
            (
                years,
                Field::ExperienceMin,
                "0",
                "quality `experience_min`: 0 is below `min`, 1",
            ),
            (
                since,
                Field::PostedAt,
                "2019-12-31",
                "quality `not_before`: `posted_at` is 2019-12-30T15:00:00Z, before 2020-01-01",
            ),
        ] {
            assert_eq!(verdict(rules, &[(field, text)]), Err(reason.to_owned()));
        }
        let past = verdict(since, &[(Field::ValidThrough, "2024-11-01")]).unwrap_err();
        assert!(past.ends_with("before 2y ago"), "{past}");
    }

    #[test]
    fn a_bound_is_within_and_what_is_not_said_breaks_no_bound() {
        let rules =
            "experience_min = { min = 1, max = 10 }\nnot_before = { posted_at = '2020-01-01' }";
        assert_eq!(verdict(rules, &[]), Ok(()));
        let fields = [
            (Field::ExperienceMin, "10"),
            (Field::PostedAt, "2020-01-01"),
        ];
        assert_eq!(verdict(rules, &fields), Ok(()));
        assert_eq!(
            verdict("required = ['company']", &[(Field::Company, "A")]),
            Ok(())
        );
    }
}
