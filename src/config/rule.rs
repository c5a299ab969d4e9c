use regex::Regex;
use schemars::JsonSchema;
use scraper::Selector;
use serde::Deserialize;
use serde_json_path::JsonPath;

/// Where a value stands on a page, and what becomes of it. One of `css` and `json`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleFile {
    /// CSS selector, from the entry or the page.
    pub(super) css: Option<String>,
    /// With `css`: the attribute to read. Without it the element's text is read.
    pub(super) attr: Option<String>,
    /// JSONPath (RFC 9535), from the entry or the document.
    pub(super) json: Option<String>,
    /// Regular expression; its first group, or the whole match, is the value. No match, no value.
    pub(super) regex: Option<String>,
    /// Text around the value, with `{}` in its place, such as `https://example.com/jobs/{}`.
    pub(super) template: Option<String>,
    /// What the text is read as. Default: what its field is.
    #[serde(rename = "as")]
    pub(super) transform: Option<Transform>,
    /// Whether an item without it is rejected. Default: false.
    #[serde(default)]
    pub(super) required: bool,
}

/// What a text is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// One line, blanks collapsed.
    Trim,
    /// A date or an instant, in the source's zone where it names none.
    Date,
    /// A number.
    Number,
    /// HTML in a text, entities and all: markup removed, paragraphs kept as lines.
    HtmlText,
    /// An address, absolute.
    AbsoluteUrl,
}

/// Where a value stands, compiled.
#[derive(Debug, Clone)]
pub enum Select {
    /// In an HTML tree.
    Css {
        /// The elements.
        selector: Selector,
        /// Attribute to read instead of the text.
        attr: Option<String>,
        /// As the file has it, for messages.
        text: String,
    },
    /// In a JSON document.
    Json {
        /// The nodes.
        path: JsonPath,
        /// As the file has it, for messages.
        text: String,
    },
}

impl Select {
    /// The selector as the file has it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Css { text, .. } | Self::Json { text, .. } => text,
        }
    }
}

/// Where a value stands and what becomes of it, compiled.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Where it stands.
    pub select: Select,
    /// What part of the text is the value.
    pub regex: Option<Regex>,
    /// Text around the value.
    pub template: Option<String>,
    /// What the text is read as; none: what its field is.
    pub transform: Option<Transform>,
    /// Whether an item without it is rejected.
    pub required: bool,
}
