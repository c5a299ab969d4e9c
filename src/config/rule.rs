use std::fmt;

use regex::Regex;
use schemars::JsonSchema;
use scraper::Selector;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json_path::JsonPath;

/// Where a value stands on a page, and what becomes of it. In HTML it is selected by `css`, by `table`, or by `css` and
/// `json` together, in JSON by `json`. `any` and `all` hold rules of their own.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleFile {
    /// CSS selector, from the entry or the page.
    pub(super) css: Option<String>,
    /// With `css`: the attribute to read. Without it the element's text is read.
    pub(super) attr: Option<String>,
    /// With `css`: CSS selector of what is left out of the element's text, such as `".views, .banner"`: a counter that
    /// turns with each visitor is no part of a posting.
    pub(super) without: Option<String>,
    /// With `css`: whether the element's own text alone is read, without that of the elements in it. Default: false.
    #[serde(default)]
    pub(super) own_text: bool,
    /// Header of a table's row or column, or term of a `<dl>`: the cell beside or below it is read. With `css`, only in
    /// what that selects.
    pub(super) table: Option<String>,
    /// JSONPath (RFC 9535), from the entry or the document. With `css`, inside the JSON that the selected script or
    /// attribute holds, such as `script#__NEXT_DATA__` or `window.__INITIAL_STATE__ = {…}`.
    pub(super) json: Option<String>,
    /// Where it stands: in the `entry` itself, or in the `group` of the entry that `group` in `[list]` finds; there
    /// `css = ":scope"` is the group itself. Default: `entry`, or the page behind it.
    #[serde(rename = "in", default)]
    pub(super) within: Within,
    /// Rules of which the first that finds something counts.
    pub(super) any: Option<Vec<RuleFile>>,
    /// Rules that all count, one after the other.
    pub(super) all: Option<Vec<RuleFile>>,
    /// Regular expression; its first group, or the whole match, is the value. No match, no value.
    pub(super) regex: Option<String>,
    /// Text around the value, with `{}` in its place, such as `https://example.com/jobs/{}`.
    pub(super) template: Option<String>,
    /// What the text is read as: one transform, or a list of them in their order, after `regex` and `template`.
    /// Default: what its field is.
    #[serde(rename = "as", default)]
    pub(super) transforms: TransformsFile,
    /// Whether an item without it is rejected. Default: false.
    #[serde(default)]
    pub(super) required: bool,
}

impl RuleFile {
    /// Whether it has a key of its own besides `required`, `any` and `all`.
    pub(super) fn says_more_than_required(&self) -> bool {
        self.css.is_some()
            || self.attr.is_some()
            || self.own_text
            || self.without.is_some()
            || self.table.is_some()
            || self.json.is_some()
            || self.within == Within::Group
            || self.regex.is_some()
            || self.template.is_some()
            || !self.transforms.0.is_empty()
    }
}

/// Where the rule of an entry is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Within {
    /// In the entry itself, or in the page behind it.
    #[default]
    Entry,
    /// In the group that the entry stands in.
    Group,
}

/// One transform, or several.
#[derive(Debug, Default)]
pub(super) struct TransformsFile(pub(super) Vec<TransformFile>);

/// A transform by name, or one with an expression.
#[derive(Debug)]
pub(super) enum TransformFile {
    Named(Transform),
    Regex(String),
    Template(String),
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

/// A transform with an expression, as a file has it.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum WithExpression {
    /// What part of the text is the value, as a rule's `regex`.
    Regex(String),
    /// Text around the value, as a rule's `template`.
    Template(String),
}

impl<'de> Deserialize<'de> for TransformsFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrSeveral;

        impl<'de> Visitor<'de> for OneOrSeveral {
            type Value = TransformsFile;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a transform or a list of them")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
                one(name).map(|one| TransformsFile(vec![one]))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                with_expression(map).map(|one| TransformsFile(vec![one]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(sequence)).map(TransformsFile)
            }
        }

        deserializer.deserialize_any(OneOrSeveral)
    }
}

impl<'de> Deserialize<'de> for TransformFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;

        impl<'de> Visitor<'de> for One {
            type Value = TransformFile;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("the name of a transform, or `{ regex = \"…\" }`")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
                one(name)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                with_expression(map)
            }
        }

        deserializer.deserialize_any(One)
    }
}

fn one<E: Error>(name: &str) -> Result<TransformFile, E> {
    Transform::deserialize(StrDeserializer::new(name)).map(TransformFile::Named)
}

fn with_expression<'de, A: MapAccess<'de>>(map: A) -> Result<TransformFile, A::Error> {
    let with = WithExpression::deserialize(MapAccessDeserializer::new(map))?;
    Ok(match with {
        WithExpression::Regex(pattern) => TransformFile::Regex(pattern),
        WithExpression::Template(template) => TransformFile::Template(template),
    })
}

impl JsonSchema for TransformsFile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Transforms".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let named = generator.subschema_for::<Transform>();
        let with = generator.subschema_for::<WithExpression>();
        schemars::json_schema!({
            "anyOf": [named, with, {"type": "array", "items": {"anyOf": [named, with]}}],
        })
    }
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

/// What a rule reads of what its selector finds.
#[derive(Debug, Clone)]
pub enum Read {
    /// Its text or attribute, its scalar.
    Whole,
    /// The text of the element alone, without that of the elements in it.
    OwnText,
    /// Its text without that of the elements that this finds.
    Without(Selector),
    /// The cell beside or below this header. The selector finds the tables; `:scope` is the place itself.
    Cell(String),
    /// Nodes of the JSON that its text or attribute holds.
    Json {
        /// The nodes.
        path: JsonPath,
        /// As the file has it, for messages.
        text: String,
    },
}

/// What becomes of a text on its way to a value.
#[derive(Debug, Clone)]
pub enum Conversion {
    /// The part that an expression takes: its first group, or the whole match.
    Regex(Regex),
    /// Text around it, `{}` in its place.
    Template(String),
    /// What it is read as.
    Transform(Transform),
}

/// One place of a value, and what becomes of the texts there.
#[derive(Debug, Clone)]
pub struct Pick {
    /// Whether it stands in the entry or in its group.
    pub within: Within,
    /// Where it stands.
    pub select: Select,
    /// What is read there.
    pub read: Read,
    /// What becomes of it, in order.
    pub conversions: Vec<Conversion>,
}

impl Pick {
    /// The text of what a selector finds, as it stands.
    pub const fn plain(select: Select) -> Self {
        Self {
            within: Within::Entry,
            select,
            read: Read::Whole,
            conversions: Vec::new(),
        }
    }
}

/// The places of a value.
#[derive(Debug, Clone)]
pub enum Choice {
    /// One.
    One(Box<Pick>),
    /// The first that finds something.
    Any(Vec<Choice>),
    /// All, one after the other.
    All(Vec<Choice>),
}

impl Choice {
    /// Every place, in order.
    pub fn picks(&self) -> Vec<&Pick> {
        match self {
            Self::One(pick) => vec![pick],
            Self::Any(choices) | Self::All(choices) => {
                choices.iter().flat_map(Self::picks).collect()
            }
        }
    }
}

/// Where a value stands and what becomes of it, compiled.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Where it stands.
    pub choice: Choice,
    /// Whether an item without it is rejected.
    pub required: bool,
}

impl Rule {
    /// The text of what a selector finds, as it stands.
    pub fn plain(select: Select) -> Self {
        Self {
            choice: Choice::One(Box::new(Pick::plain(select))),
            required: false,
        }
    }
}

impl fmt::Display for Pick {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.select.as_str();
        match &self.read {
            Read::Whole | Read::OwnText | Read::Without(_) => formatter.write_str(place),
            Read::Cell(header) if place == ":scope" => write!(formatter, "table `{header}`"),
            Read::Cell(header) => write!(formatter, "{place} table `{header}`"),
            Read::Json { text, .. } => write!(formatter, "{place} {text}"),
        }?;
        match self.within {
            Within::Entry => Ok(()),
            Within::Group => formatter.write_str(" in the group"),
        }
    }
}

impl fmt::Display for Rule {
    /// The selectors as the file has them, ` | ` between several.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, pick) in self.choice.picks().into_iter().enumerate() {
            if index > 0 {
                formatter.write_str(" | ")?;
            }
            pick.fmt(formatter)?;
        }
        Ok(())
    }
}
