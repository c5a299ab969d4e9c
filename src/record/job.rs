use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Field;

/// A job listing. Natural key: board and external id, or board and canonical URL where the board declares no id.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Job {
    /// The board that lists it; explicit, and kept when the pipeline's file is renamed.
    pub board: String,
    /// The board's own number or slug.
    pub external_id: Option<String>,
    /// Title, one line.
    pub title: String,
    /// The hiring company.
    pub company: Option<String>,
    /// Field of work, such as `backend`.
    pub category: Option<String>,
    /// Place of work, as the board writes it.
    pub location: Option<String>,
    /// Whether it can be done from anywhere; unknown when the board says nothing.
    pub remote: Option<bool>,
    /// Such as `full_time`, `contract`, `internship`; sorted.
    pub employment_type: Vec<String>,
    /// Least years of experience asked for.
    pub experience_min: Option<u8>,
    /// Most years of experience asked for; none when open.
    pub experience_max: Option<u8>,
    /// Pay.
    pub salary: Option<Salary>,
    /// When it was posted, by the board.
    pub posted_at: Option<Timestamp>,
    /// When it stops taking applications; none while it stays open.
    pub valid_through: Option<Timestamp>,
    /// Full text, markup removed, paragraphs kept as lines.
    pub description: Option<String>,
    /// Whether its page asks search engines not to show it. Known only of what has a page of its own; absent otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub noindex: bool,
}

impl Job {
    pub(super) fn forget(&mut self, field: Field) {
        match field {
            Field::Title => self.title.clear(),
            Field::Company => self.company = None,
            Field::Category => self.category = None,
            Field::Location => self.location = None,
            Field::Remote => self.remote = None,
            Field::EmploymentType => self.employment_type.clear(),
            Field::Experience => (self.experience_min, self.experience_max) = (None, None),
            Field::ExperienceMin => self.experience_min = None,
            Field::ExperienceMax => self.experience_max = None,
            Field::Salary
            | Field::SalaryCurrency
            | Field::SalaryMin
            | Field::SalaryMax
            | Field::SalaryUnit => self.salary = None,
            Field::PostedAt => self.posted_at = None,
            Field::ValidThrough => self.valid_through = None,
            Field::Description => self.description = None,
            Field::Author
            | Field::PublishedAt
            | Field::Summary
            | Field::Text
            | Field::Language
            | Field::Tags => {}
        }
    }
}

/// Pay of a job, as the posting states it. Nothing is converted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Salary {
    /// ISO 4217 code.
    pub currency: Option<String>,
    /// Lower bound, in whole currency units a `unit`.
    pub min: Option<f64>,
    /// Upper bound, in whole currency units a `unit`.
    pub max: Option<f64>,
    /// The time that the bounds pay for.
    pub unit: Option<SalaryUnit>,
}

/// Time that a salary pays for (schema.org `unitText`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum SalaryUnit {
    Hour,
    Day,
    Week,
    Month,
    Year,
}
