//! What flows between the stages: a request, the page it gave, the items in it, and what could not become a record.
//! Plain data, so that a stage can run on another machine.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Kind, PipelineId, Weather};

/// Something to fetch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The pipeline that asks.
    pub pipeline: PipelineId,
    /// Address at the pipeline's own base. A secret stands in it as `${NAME}`; only the fetcher puts its value in.
    pub url: Url,
    /// What the page is for.
    pub role: Role,
    /// What the page was recognised by when it was read last; with it the answer may be [`Fetched::NotModified`].
    pub validators: Option<Validators>,
}

/// What a page is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A page of a list, counted from 1.
    List {
        /// Place in the walk.
        number: u32,
    },
    /// The page of one entry of a list.
    Detail {
        /// What the list said of it.
        entry: Box<Item>,
    },
    /// One station's weather, for one issue.
    Station {
        /// Station id in `dictionaries/stations.toml`.
        station: String,
    },
}

/// What a server gave to recognise a page by (RFC 9110, 8.8), to send back with the next request for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    /// The address that gave them, after redirects: at another they mean nothing.
    pub url: Url,
    /// `ETag` as sent.
    pub etag: Option<String>,
    /// `Last-Modified` as sent.
    pub last_modified: Option<String>,
}

/// What a request gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fetched {
    /// A page.
    Page(Box<Page>),
    /// The page is still the one that the request's validators are of. Only a request that has them gives this.
    NotModified,
}

impl Fetched {
    /// The page, where one was sent.
    pub fn page(self) -> Option<Page> {
        match self {
            Self::Page(page) => Some(*page),
            Self::NotModified => None,
        }
    }
}

/// Content type of a page that is a piece of a file: a JSON document a line.
pub const LINES: &str = "application/x-ndjson";

/// A fetched page. The body is shared, never copied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// What was asked for.
    pub request: Request,
    /// Address after redirects, at the pipeline's own base, secrets as `${NAME}`.
    pub url: Url,
    /// HTTP status.
    pub status: u16,
    /// `Content-Type` as sent.
    pub content_type: Option<String>,
    /// Bytes after content decoding.
    pub body: Bytes,
    /// Each `X-Robots-Tag` as sent.
    #[serde(default)]
    pub robots_tags: Vec<String>,
    /// When the answer arrived.
    pub fetched_at: Timestamp,
    /// What it can be recognised by, where the server says so.
    pub validators: Option<Validators>,
    /// Whether the source has more than the page shows: a browser stopped asking at the pipeline's `max`.
    #[serde(default)]
    pub is_cut: bool,
    /// Selector of a button that was to bring more of the list, and that the page never had.
    #[serde(default)]
    pub unseen: Option<String>,
}

/// Where a page says that its list goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Next {
    /// It does not say so.
    #[default]
    None,
    /// At an address.
    Page(Url),
    /// At what this cursor stands for.
    Cursor(String),
    /// In the files of a sitemap index; none for a sitemap that is no index.
    Sitemaps(Vec<SitemapFile>),
}

impl Next {
    /// What leads on, for people: an address, a cursor, or how many sitemaps there are.
    pub fn told(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Page(url) => Some(url.to_string()),
            Self::Cursor(cursor) => Some(cursor.clone()),
            Self::Sitemaps(sitemaps) if sitemaps.is_empty() => None,
            Self::Sitemaps(sitemaps) => Some(format!("{} sitemaps", sitemaps.len())),
        }
    }
}

/// A sitemap that an index names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SitemapFile {
    /// Its address.
    pub url: Url,
    /// When it was last changed, as written.
    pub modified: Option<String>,
}

/// What one entry of a page says, before any meaning is read into it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Presence and identity.
    pub entry: Entry,
    /// Raw values.
    pub values: Values,
    /// Whether its own page asks not to be indexed. No part of what the list says of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub noindex: bool,
    /// Where in a file it stands: the file's address, and after `#` its line. No part of what the list says of it, and none
    /// for an entry of a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

impl Item {
    /// Where somebody finds what is wrong with it: its place in a file, else its own address.
    pub fn whereabouts(&self) -> &str {
        self.place
            .as_deref()
            .unwrap_or_else(|| self.entry.url.as_str())
    }
}

/// Presence and identity of an item, from the list alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// Its own address, absolute.
    pub url: Url,
    /// The board's own id, where the pipeline declares one.
    pub external_id: Option<String>,
    /// When it was last changed, as the list writes it (a sitemap's `lastmod`). No part of the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<String>,
}

/// Raw values of an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Values {
    /// Texts by field, each field with one text or more, in the page's order.
    Fields(BTreeMap<Field, Vec<String>>),
    /// A reading, which its format already types.
    Weather(Weather),
}

impl Values {
    /// How many fields or variables it has, and the bytes of their texts.
    pub fn size(&self) -> (usize, usize) {
        match self {
            Self::Fields(fields) => {
                let texts = fields.values().flatten();
                (fields.len(), texts.map(String::len).sum())
            }
            Self::Weather(weather) => (weather.values.len(), 0),
        }
    }
}

macro_rules! fields {
    ($($variant:ident $name:literal $doc:literal [$($kind:ident)*];)*) => {
        /// A field that a pipeline file can fill.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum Field {
            $(#[doc = $doc] $variant,)*
        }

        impl Field {
            /// Every field.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name in pipeline files and documents.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The kinds whose records have it.
            pub const fn kinds(self) -> &'static [Kind] {
                match self { $(Self::$variant => &[$(Kind::$kind),*],)* }
            }
        }
    };
}

fields! {
    Title "title" "Title, one line." [Job Post];
    Company "company" "The hiring company." [Job];
    Category "category" "Field of work, such as `backend`." [Job];
    Location "location" "Place of work." [Job];
    Remote "remote" "Whether it can be done from anywhere: `true`, `remote`, `TELECOMMUTE`, `재택`, …" [Job];
    EmploymentType "employment_type" "Such as `FULL_TIME`, `정규직`, `contract`." [Job];
    Experience "experience" "Years of experience as a text: `3~5년`, `신입`, `5+ years`." [Job];
    ExperienceMin "experience_min" "Least years of experience, a number." [Job];
    ExperienceMax "experience_max" "Most years of experience, a number; 100 means open." [Job];
    Salary "salary" "Pay as a text: `연봉 5,000만원 ~ 8,000만원`, `$120k–$150k a year`." [Job];
    SalaryCurrency "salary_currency" "Currency of the pay, where it stands alone: `KRW`, `$`." [Job];
    SalaryMin "salary_min" "Least pay, a number." [Job];
    SalaryMax "salary_max" "Most pay, a number." [Job];
    SalaryUnit "salary_unit" "The time that it pays for: `YEAR`, `per-hour-wage`." [Job];
    PostedAt "posted_at" "When it was posted." [Job];
    ValidThrough "valid_through" "When it stops taking applications." [Job];
    Description "description" "Full text." [Job];
    Author "author" "Author; several are joined." [Post];
    PublishedAt "published_at" "When it was published." [Post];
    Summary "summary" "The source's own summary." [Post];
    Text "text" "Full text." [Post];
    Language "language" "BCP 47 tag of its language." [Post];
    Tags "tags" "The source's own tags." [Post];
}

impl Field {
    /// The dates that a source gives a record as its own.
    pub const DATES: &[Self] = &[Self::PostedAt, Self::PublishedAt];

    /// Whether a record's field of this name is filled by it: years of experience as a text fill two,
    /// and pay is one field.
    pub fn fills(self, name: &str) -> bool {
        match self {
            Self::Experience => [Self::ExperienceMin, Self::ExperienceMax]
                .map(Self::as_str)
                .contains(&name),
            Self::Salary
            | Self::SalaryCurrency
            | Self::SalaryMin
            | Self::SalaryMax
            | Self::SalaryUnit => name == Self::Salary.as_str(),
            field => field.as_str() == name,
        }
    }

    /// Whether it takes every text that a rule matches: lists, and long texts that stand in several parts.
    pub const fn takes_all(self) -> bool {
        matches!(
            self,
            Self::EmploymentType
                | Self::Tags
                | Self::Author
                | Self::Description
                | Self::Summary
                | Self::Text
        )
    }
}

impl fmt::Display for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Where in the way of the data something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the stages")]
pub enum Stage {
    Collect,
    Extract,
    Normalize,
    Load,
    Publish,
}

impl Stage {
    /// The name in columns.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Collect => "collect",
            Self::Extract => "extract",
            Self::Normalize => "normalize",
            Self::Load => "load",
            Self::Publish => "publish",
        }
    }
}

/// Something that could not become a record, or a page that could not be fetched. It is counted and kept among the
/// dead letters; the run goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rejection {
    /// Where it failed.
    pub stage: Stage,
    /// The page or entry.
    pub url: String,
    /// What is wrong, in words.
    pub reason: String,
    /// What was at hand: the raw item, as JSON.
    pub payload: Option<serde_json::Value>,
}
