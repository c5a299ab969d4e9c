use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;

use super::preset;
use super::quality::{Quality, QualityFile};
use super::rule::{Rule, RuleFile, Select};
use super::step::{Step, StepFile};
use crate::record::{Field, Kind, PipelineId};

/// A pipeline file: one source, from its address to its records.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Trendy pipeline file", transform = preset::relax_schema)]
pub struct PipelineFile {
    /// Name of the pipeline: lower-case letters, digits and hyphens. Unique among all files.
    pub(super) id: String,
    /// What its records are.
    pub(super) kind: Kind,
    /// What it collects, in one sentence.
    pub(super) description: String,
    /// A ready pipeline that says what this file does not, by name: `trendy list --presets` shows them. Where both
    /// speak, this file wins; a field's rule is replaced whole.
    pub(super) preset: Option<String>,
    /// What the preset asks for, such as `company`.
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "taken out when the preset is put in; here for the schema, and to be a known key"
    )]
    pub(super) with: BTreeMap<String, Argument>,
    /// Whether `run --all` and schedules take it; a source that is off can still be run by name. Default: true.
    #[serde(default = "yes")]
    pub(super) enabled: bool,
    /// Where the pages are.
    pub(super) source: SourceFile,
    /// How a page of the list is read.
    pub(super) list: ListFile,
    /// How the page behind each entry is read. Omit it when the list itself says everything.
    pub(super) detail: Option<DetailFile>,
    /// What is read from the detail page, or from the list's entry where there is no detail page.
    #[serde(default)]
    pub(super) fields: BTreeMap<String, RuleFile>,
    /// Values for what the pages do not say. `board` (jobs) and `source` (posts) name the owner of the list.
    #[serde(default)]
    pub(super) defaults: BTreeMap<String, String>,
    /// How gently the source is asked.
    #[serde(default)]
    pub(super) politeness: PolitenessFile,
    /// When a shorter list is believed, and what in a posting is news.
    #[serde(default)]
    pub(super) snapshot: SnapshotFile,
    /// What must hold of the records.
    #[serde(default)]
    pub(super) quality: QualityFile,
}

const fn yes() -> bool {
    true
}

/// What fills a gap of a preset.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "for the schema, as the field that holds it")]
pub(super) enum Argument {
    /// A name.
    Text(String),
    /// A number.
    Number(i64),
}

/// Where the pages are.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = preset::relax_source_schema)]
pub(super) struct SourceFile {
    /// How pages are fetched. Default: `http`.
    #[serde(default)]
    pub(super) fetch: Fetch,
    /// Address of the first page; with `fetch = "file"` the path of a file, from the folder that trendy runs in: NDJSON, or
    /// CSV or JSON by its name, also packed by gzip or zstd; `*` and `?` stand for any letters and any one letter of a
    /// name, and `-` is standard input. A line or a row is a document of its own, of which `item` is often `$`; files hold
    /// no snapshot, so nothing that is absent is closed. Else `${NAME}` in its query is a secret from the environment, put in on the wire only.
    /// With `stations`, also `{station}`, `{nx}`, `{ny}`, `{latitude}`, `{longitude}`; with `issue`, `{date}` and
    /// `{time}`.
    pub(super) url: String,
    /// Request headers; `${NAME}` as in `url`.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// IANA zone of dates that name none. Default: `UTC`.
    pub(super) timezone: Option<String>,
    /// Browser only: CSS selector that must exist before the page is read.
    pub(super) wait_for: Option<String>,
    /// Browser only: what is done on a page before it is read, in this order, after `wait_for`.
    #[serde(default)]
    pub(super) steps: Vec<StepFile>,
    /// Longest wait for a page, and for `wait_for`. Default: `30s`; most pages answer in one.
    pub(super) timeout: Option<String>,
    /// One request a station: `["all"]`, or ids from `dictionaries/stations.toml`.
    pub(super) stations: Option<Vec<String>>,
    /// Which issue of a forecast or observation is asked for.
    pub(super) issue: Option<IssueFile>,
    /// How the list goes on after its first page.
    #[serde(default)]
    pub(super) pages: PagesFile,
}

/// How pages are fetched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fetch {
    /// A plain request.
    #[default]
    Http,
    /// A real browser, through WebDriver: for pages that scripts fill.
    Browser,
    /// Files of NDJSON, CSV or JSON in place of a site: `url` is a path, a pattern such as `data/*.ndjson.gz`, or `-`.
    File,
}

impl Fetch {
    /// The name in pipeline files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Browser => "browser",
            Self::File => "file",
        }
    }
}

/// Which issue is asked for: the newest that is out.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IssueFile {
    /// Time between issues, counted from midnight in the source's zone, such as `1h`.
    pub(super) every: String,
    /// Time from the nominal hour until the issue can be read, such as `10m`. Default: none.
    pub(super) available_after: Option<String>,
}

/// How a list goes on: at most one of `next_link`, `page_param`, `offset_param`, `cursor_param`, `load_more` and
/// `scroll`. A sitemap (`extract = "sitemap"`) names its own further files and needs none of them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PagesFile {
    /// CSS selector of the link to the next page, or JSONPath of its address in a JSON list. For a feed, `next`: its own
    /// link of that relation (RFC 5005, or `next_url` in a JSON Feed), which leads to older entries and is followed only
    /// when asked for here.
    pub(super) next_link: Option<String>,
    /// Browser only: CSS selector of the button that brings more entries to the page, until it is gone.
    pub(super) load_more: Option<String>,
    /// With `load_more`: `true` where a list may be so short that it has no button. Without it such a list is read, but
    /// closes nothing, for a selector that a site outgrew looks the same. Default: `false`.
    pub(super) optional: Option<bool>,
    /// Browser only: CSS selector of the entries that come when the end of the page is scrolled to, until none comes.
    pub(super) scroll: Option<String>,
    /// Query parameter that numbers the pages. The list ends at the first page without a new entry.
    pub(super) page_param: Option<String>,
    /// Query parameter that counts the entries before the page. The list ends at the first page without a new entry.
    pub(super) offset_param: Option<String>,
    /// Query parameter that takes the `cursor` of the page before; the first page is asked for without it.
    pub(super) cursor_param: Option<String>,
    /// With `cursor_param`: JSONPath of the next page's cursor. The list ends where it is absent, null, empty, or one
    /// that was already followed.
    pub(super) cursor: Option<String>,
    /// With `page_param` the number of the first page (default: 1), with `offset_param` its offset (default: 0).
    pub(super) start: Option<u32>,
    /// With `offset_param`: entries of a full page, which is how far the offset moves. Default: as many as the page had,
    /// which is right unless the site leaves some of them out.
    pub(super) page_size: Option<u32>,
    /// Most pages of one walk, and most rounds of `load_more` and `scroll`; a list that is longer ends as `partial`.
    /// Default: 50, a brake on calendars without end.
    pub(super) max: Option<u32>,
}

impl PagesFile {
    /// Whether it says how a list goes on.
    pub(super) const fn is_given(&self) -> bool {
        self.next_link.is_some()
            || self.load_more.is_some()
            || self.scroll.is_some()
            || self.page_param.is_some()
            || self.offset_param.is_some()
            || self.cursor_param.is_some()
            || self.max.is_some()
            || self.optional.is_some()
    }
}

/// How a page of the list is read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListFile {
    /// Format of the list. Default: `css`.
    #[serde(default)]
    pub(super) extract: ListExtract,
    /// What is one entry: a CSS selector, or a JSONPath for `json`.
    pub(super) item: Option<String>,
    /// With `json`: where the JSON stands on an HTML page, such as `{ css = "script#__NEXT_DATA__" }`. It is a script of
    /// data, or one that assigns it (`window.__STATE__ = {…}`); with `attr` an attribute. Of several scripts the first that
    /// has the list counts, and `item` and `[source.pages]` mean its JSON. Default: the page itself is JSON.
    pub(super) script: Option<ScriptFile>,
    /// What the entries stand in, or below, that belong together, such as `"section.team"`, `"h2"` or
    /// `$.departments[*]`: rules with `in = "group"` read it. What holds entries is their group; in HTML, what holds none
    /// is the group of those behind it until another one begins. The nearest counts.
    pub(super) group: Option<String>,
    /// Address of the entry.
    pub(super) link: Option<RuleFile>,
    /// The board's own id of the entry; makes identity survive a changed address.
    pub(super) id: Option<RuleFile>,
    /// With `sitemap`: regular expression that an address must match to be an entry; its group `id`, such as in
    /// `/jobs/(?<id>\\d+)$`, is the board's own id. Default: every address is one.
    pub(super) pattern: Option<String>,
    /// What is read from the entry besides; the detail page's value wins.
    #[serde(default)]
    pub(super) fields: BTreeMap<String, RuleFile>,
}

/// Where JSON stands on an HTML page.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a table such as `{ css = \"script#__NEXT_DATA__\" }`"
)]
pub(super) struct ScriptFile {
    /// CSS selector of the script, or of the element with the attribute.
    pub(super) css: String,
    /// The attribute that holds the JSON. Default: the element's text is it.
    pub(super) attr: Option<String>,
}

/// Format of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ListExtract {
    /// HTML, by CSS selectors.
    #[default]
    Css,
    /// JSON, by JSONPath (RFC 9535).
    Json,
    /// RSS, Atom, RDF or JSON Feed; the fields are known.
    Feed,
    /// The Korean weather service's answers; the fields are known.
    Kma,
    /// A sitemap, or an index of sitemaps, also as `.gz`: each address is an entry, read by `[detail]`.
    Sitemap,
}

/// How the page behind each entry is read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DetailFile {
    /// Format of the page.
    pub(super) extract: Detail,
    /// How long a page is left alone while the list says the same of its entry, such as `7d`. Each entry has a time of its
    /// own between half of it and the whole, so that not all are due at once. Default: none, as a text that was edited is
    /// to be noticed at once; each run then asks for every page, and a server that knows validators sends only those that
    /// have changed.
    pub(super) refresh: Option<String>,
}

/// Format of a detail page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Detail {
    /// HTML, by CSS selectors.
    Css,
    /// JSON, by JSONPath (RFC 9535).
    Json,
    /// HTML that declares its posting as schema.org's `JobPosting`, in JSON-LD, microdata or RDFa. The fields are known;
    /// rules select by CSS and win over what is declared.
    Jsonld,
    /// HTML of an article: what it declares of itself, and its text without the menus around it. The fields are known;
    /// rules select by CSS and win.
    Article,
}

impl Detail {
    /// The kind of the records whose fields it knows; none where rules read them all.
    pub(crate) const fn known_kind(self) -> Option<Kind> {
        match self {
            Self::Css | Self::Json => None,
            Self::Jsonld => Some(Kind::Job),
            Self::Article => Some(Kind::Post),
        }
    }
}

/// How gently the source is asked. A host is shared by all pipelines that ask it: the gentlest of them wins.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PolitenessFile {
    /// Least time between two requests to the host. Default: `1s`, what a patient reader does.
    pub(super) delay: Option<String>,
    /// Most requests under way to the host at once. Default: 1.
    pub(super) concurrency: Option<u32>,
}

/// When a shorter list is believed, and what in a posting is news.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SnapshotFile {
    /// Whether an empty list is taken as one where every posting is gone. Default: false.
    #[serde(default)]
    pub(super) allow_empty: bool,
    /// Share of the known entries (0 to 1) whose absence makes the list unbelievable, from 10 entries up. Default: 0.5.
    pub(super) shrink_limit: Option<f64>,
    /// Fields that may change without an update, such as `["category"]` where a banner or a counter stands in it. What
    /// is stored of them is as of the record's last change. Default: none; every field counts.
    #[serde(default)]
    pub(super) ignore: Vec<String>,
}

/// A checked pipeline.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// Its name.
    pub id: PipelineId,
    /// Kind of its records.
    pub kind: Kind,
    /// One sentence.
    pub description: String,
    /// Whether `--all` and schedules take it.
    pub enabled: bool,
    /// The file it came from.
    pub path: PathBuf,
    /// SHA-256 of the file's text.
    pub file_hash: [u8; 32],
    /// The preset that it goes back to, by name.
    pub preset: Option<String>,
    /// Where the pages are.
    pub source: Source,
    /// How the list is read.
    pub list: List,
    /// How detail pages are read, where there are any.
    pub detail: Option<Detail>,
    /// How long a detail page is left alone at most while the list says the same of its entry; none: it never is.
    pub refresh: Option<Duration>,
    /// Rules of the detail page, or of the entry where there is none.
    pub fields: BTreeMap<Field, Rule>,
    /// The owner of the list: board of jobs, source of posts; empty for weather.
    pub scope: String,
    /// Values for what the pages do not say.
    pub defaults: BTreeMap<Field, String>,
    /// How gently the source is asked.
    pub politeness: Politeness,
    /// When a shorter list is believed.
    pub snapshot: Snapshot,
    /// Fields whose change alone is no update.
    pub ignored: Vec<Field>,
    /// What must hold of the records.
    pub quality: Quality,
}

/// Where the pages of a pipeline are.
#[derive(Debug, Clone)]
pub struct Source {
    /// How pages are fetched.
    pub fetch: Fetch,
    /// Address of the first page, with its `{…}` and `${…}`.
    pub url: String,
    /// Request headers, with their `${…}`.
    pub headers: BTreeMap<String, String>,
    /// Zone of dates that name none.
    pub timezone: TimeZone,
    /// Selector that a browser waits for.
    pub wait_for: Option<String>,
    /// What a browser does before a page is read, paging within the page included.
    pub steps: Vec<Step>,
    /// Longest wait for a page.
    pub timeout: Duration,
    /// Stations asked, by id; empty where the source has none.
    pub stations: Vec<String>,
    /// Which issue is asked for.
    pub issue: Option<Issue>,
    /// How the list goes on.
    pub pages: Pages,
}

/// Which issue of a forecast or observation is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Issue {
    /// Time between issues, from midnight in the source's zone.
    pub every: Duration,
    /// Time until an issue can be read.
    pub available_after: Duration,
}

/// How a list goes on.
#[derive(Debug, Clone)]
pub struct Pages {
    /// How the next page is found.
    pub paging: Paging,
    /// Most pages of one walk.
    pub max: u32,
}

/// How the next page of a list is found.
#[derive(Debug, Clone)]
pub enum Paging {
    /// There is one page.
    None,
    /// A link on the page.
    NextLink(Select),
    /// The feed's own link to its next page.
    NextRelation,
    /// A query parameter that numbers the pages.
    PageParam {
        /// Its name.
        name: String,
        /// Number of the first page.
        start: u32,
    },
    /// A query parameter that counts the entries before the page.
    OffsetParam {
        /// Its name.
        name: String,
        /// Offset of the first page.
        start: u32,
        /// Entries of a full page; none: as many as a page had.
        page_size: Option<u32>,
    },
    /// A query parameter that takes what the page before gave.
    CursorParam {
        /// Its name.
        name: String,
        /// Where the page gives it: a JSONPath.
        cursor: Select,
    },
    /// The sitemaps that an index names.
    Sitemaps,
}

/// How a page of the list is read.
#[derive(Debug, Clone)]
pub struct List {
    /// Format, with what marks an entry.
    pub format: ListFormat,
    /// Where the JSON of a list stands on an HTML page; none where the page itself is the list.
    pub script: Option<Select>,
    /// What marks a group of entries.
    pub group: Option<Select>,
    /// Address of the entry; none for formats that know it.
    pub link: Option<Rule>,
    /// The board's own id.
    pub id: Option<Rule>,
    /// What is read from the entry.
    pub fields: BTreeMap<Field, Rule>,
}

/// Format of a list.
#[derive(Debug, Clone)]
pub enum ListFormat {
    /// HTML or JSON; the selector finds the entries.
    Items(Select),
    /// RSS, Atom, RDF or JSON Feed.
    Feed,
    /// The Korean weather service's answers.
    Kma,
    /// A sitemap or an index of sitemaps.
    Sitemap {
        /// What an address must match to be an entry.
        pattern: Option<Regex>,
    },
}

impl ListFormat {
    /// Whether the list names everything that there is, so that what it no longer names is gone.
    pub const fn is_whole(&self) -> bool {
        match self {
            Self::Items(_) | Self::Sitemap { .. } => true,
            Self::Feed | Self::Kma => false,
        }
    }
}

/// How gently a source is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Politeness {
    /// Least time between two requests to the host.
    pub delay: Duration,
    /// Most requests under way to the host at once.
    pub concurrency: usize,
}

/// When a shorter list is believed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Snapshot {
    /// Whether an empty list is believed.
    pub allow_empty: bool,
    /// Share of absent entries from which a list is not believed.
    pub shrink_limit: f64,
}
