use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Field;

/// An article of a tech blog or news site. Natural key: canonical URL.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Post {
    /// Title, one line.
    pub title: String,
    /// Author, or authors joined by `, `.
    pub author: Option<String>,
    /// The blog or site that carries it; explicit, and kept when the pipeline's file is renamed.
    pub source: String,
    /// When it was published, by the source.
    pub published_at: Option<Timestamp>,
    /// What the source gives as its summary, markup removed.
    pub summary: Option<String>,
    /// Full text, markup removed, paragraphs kept as lines.
    pub text: Option<String>,
    /// BCP 47 tag of its language, lower case.
    pub language: Option<String>,
    /// The source's own tags, in its order.
    pub tags: Vec<String>,
    /// Whether its page asks search engines not to show it. Known only of what has a page of its own; absent otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub noindex: bool,
}

impl Post {
    pub(super) fn forget(&mut self, field: Field) {
        match field {
            Field::Title => self.title.clear(),
            Field::Author => self.author = None,
            Field::PublishedAt => self.published_at = None,
            Field::Summary => self.summary = None,
            Field::Text => self.text = None,
            Field::Language => self.language = None,
            Field::Tags => self.tags.clear(),
            Field::Company
            | Field::Category
            | Field::Location
            | Field::Remote
            | Field::EmploymentType
            | Field::Experience
            | Field::ExperienceMin
            | Field::ExperienceMax
            | Field::Salary
            | Field::SalaryCurrency
            | Field::SalaryMin
            | Field::SalaryMax
            | Field::SalaryUnit
            | Field::PostedAt
            | Field::ValidThrough
            | Field::Description => {}
        }
    }
}
