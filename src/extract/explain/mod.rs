//! What a pipeline finds on one page and what it does not, for whoever writes the pipeline.
//!
//! An [`Explanation`] is made by the code that extracts: its items, rejections and next page are those of [`listing`]
//! and [`detail`], and each rule is asked by the same functions that fill those items, so that the two cannot disagree.
//! What is added is what extraction has no use for: how much a selector matched, why nothing came of it, and what may
//! have been meant.
//!
//! A rule of a list is asked in every entry, a rule of a detail page in the page. Formats that know their fields have
//! no rules; there the fields of the entries are told.

mod document;
mod hint;
mod selector;

use serde::Serialize;

use super::{ExtractError, Listing, detail, entry_rules, leads_on, listing, value, whole_entry};
use crate::config::{Conversion, Detail, Fetch, ListFormat, Pick, Pipeline, Read, Rule, Select};
use crate::record::{Field, Item, Page, Rejection, Role, Values};

use super::group::Entry;
use super::value::Count;
use document::{Document, Place};

/// A page with less text than this is nearly empty: a sentence that asks for scripts is shorter, a posting is longer.
const NEARLY_EMPTY_CHARS: usize = 200;

/// What a pipeline finds on a page.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// What the page was read as.
    pub page: PageKind,
    /// The items that extraction gives.
    pub items: Vec<Item>,
    /// What extraction rejects.
    pub rejections: Vec<Rejection>,
    /// Where the list goes on, where the page says so: an address, a cursor, a number of sitemaps.
    pub next: Option<String>,
    /// Each rule in the order of its use, or each field that a known format filled.
    pub fields: Vec<FieldReport>,
    /// Fields of a detail page's record that the list gives and the request did not bring.
    pub left_to_list: Vec<Field>,
    /// What may be wrong with the page as a whole.
    pub hints: Vec<String>,
}

/// What a page is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PageKind {
    /// A page of the list.
    List,
    /// The page behind an entry.
    Detail,
}

/// What one rule finds.
#[derive(Debug, Serialize)]
pub struct FieldReport {
    /// The field, or the key of the pipeline file: `item`, `link`, `id`, `next_link`, `cursor`.
    pub field: String,
    /// The selector as the file has it; none where the format knows the field.
    pub selector: Option<String>,
    /// Whether an item without it is rejected.
    pub required: bool,
    /// What the selector matches, in all places together.
    pub matches: usize,
    /// In how many places a value was found.
    pub found_in: usize,
    /// How many places there are: entries of a list, or the one page.
    pub places: usize,
    /// The texts of the first place that has some.
    pub values: Vec<String>,
    /// Why there is none.
    pub missing: Option<Missing>,
    /// What stands in for it: a default, or the end of the list.
    pub otherwise: Option<String>,
    /// What may have been meant.
    pub hints: Vec<String>,
}

impl FieldReport {
    /// Whether a value is wanted and not there, in a single place or in all.
    pub fn is_missing(&self) -> bool {
        let incomplete = self.required && self.found_in < self.places;
        (self.missing.is_some() || incomplete) && self.otherwise.is_none()
    }
}

/// Why a rule gives no value in any place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Missing {
    /// There is no place to look into.
    #[error("there is no entry to look into")]
    NoEntry,
    /// The selector finds nothing.
    #[error("the selector matches nothing")]
    NoMatch,
    /// What it finds has no text, or not the attribute.
    #[error("what it matches has no {wanted}")]
    NoText {
        /// The attribute or kind of value that is read.
        wanted: String,
    },
    /// All texts are blank.
    #[error("what it matches is blank")]
    Blank,
    /// The expression finds nothing in the texts.
    #[error("`{regex}` takes nothing from `{text}`")]
    RegexMismatch {
        /// The expression.
        regex: String,
        /// The first text that is not blank.
        text: String,
    },
}

/// Whether the page holds entries of the pipeline's list. A page that is not of its format holds none.
pub fn holds_entries(pipeline: &Pipeline, page: &Page) -> bool {
    match &pipeline.list.format {
        ListFormat::Items(item) => {
            let document = Document::of_list(pipeline, item, page);
            document.is_ok_and(|document| !document.entries(item, None).is_empty())
        }
        ListFormat::Feed | ListFormat::Kma | ListFormat::Sitemap { .. } => {
            listing(pipeline, page).is_ok()
        }
    }
}

/// Explains a page, as what its request asked for it.
pub fn explain(pipeline: &Pipeline, page: &Page) -> Result<Explanation, ExtractError> {
    match &page.request.role {
        Role::Detail { entry } => explain_detail(pipeline, page, entry),
        Role::List { .. } | Role::Station { .. } => explain_list(pipeline, page),
    }
}

fn explain_list(pipeline: &Pipeline, page: &Page) -> Result<Explanation, ExtractError> {
    let Listing {
        items,
        mut rejections,
        next,
    } = listing(pipeline, page)?;
    let next = next.told();
    let mut whole = Vec::with_capacity(items.len());
    for item in items {
        match whole_entry(pipeline, item) {
            Ok(item) => whole.push(item),
            Err(rejection) => rejections.push(rejection),
        }
    }
    let items = whole;
    let mut hints = Vec::new();
    let fields = match &pipeline.list.format {
        ListFormat::Items(item) => {
            let document = Document::of_list(pipeline, item, page)?;
            let group = pipeline.list.group.as_ref();
            let entries = document.entries(item, group);
            let mut fields = vec![item_report(item, &document, entries.len())];
            fields.extend(group.map(|group| group_report(group, &document, &entries)));
            fields.extend(entry_reports(pipeline, &entries));
            fields.extend(next_report(pipeline, &document, next.as_deref()));
            hints.extend(script_hint(pipeline, &document, &fields));
            fields
        }
        ListFormat::Feed | ListFormat::Kma | ListFormat::Sitemap { .. } => known_reports(&items),
    };
    Ok(Explanation {
        page: PageKind::List,
        items,
        rejections,
        next,
        fields,
        left_to_list: Vec::new(),
        hints,
    })
}

fn explain_detail(
    pipeline: &Pipeline,
    page: &Page,
    entry: &Item,
) -> Result<Explanation, ExtractError> {
    let (mut items, mut rejections) = (Vec::new(), Vec::new());
    match detail(pipeline, page)? {
        Ok(item) => items.push(item),
        Err(rejection) => rejections.push(rejection),
    }
    let document = Document::of_detail(pipeline.detail.unwrap_or(Detail::Css), page)?;
    let places = [Entry::alone(document.root())];
    let fields: Vec<FieldReport> = pipeline
        .fields
        .iter()
        .map(|(field, rule)| field_report(pipeline, *field, rule, &places))
        .collect();
    let brought = |field: &Field| match &entry.values {
        Values::Fields(values) => values.contains_key(field),
        Values::Weather(_) => true,
    };
    let left_to_list: Vec<Field> = pipeline
        .list
        .fields
        .keys()
        .filter(|field| !brought(field) && !pipeline.fields.contains_key(field))
        .copied()
        .collect();
    // Without the list's part this is not the item of a run, nor a rejection that a run would give.
    if !left_to_list.is_empty() {
        items.clear();
        rejections.clear();
    }
    Ok(Explanation {
        page: PageKind::Detail,
        items,
        rejections,
        next: None,
        hints: script_hint(pipeline, &document, &fields)
            .into_iter()
            .collect(),
        fields,
        left_to_list,
    })
}

fn item_report(item: &Select, document: &Document, entries: usize) -> FieldReport {
    let missing = (entries == 0).then_some(Missing::NoMatch);
    let hints = missing
        .iter()
        .flat_map(|_| hint::of(item, &[document.root()]))
        .collect();
    FieldReport {
        field: "item".to_owned(),
        selector: Some(item.as_str().to_owned()),
        required: true,
        matches: entries,
        found_in: usize::from(entries > 0),
        places: 1,
        values: Vec::new(),
        missing,
        otherwise: None,
        hints,
    }
}

/// How many groups there are, and how many entries stand in one.
fn group_report(group: &Select, document: &Document, entries: &[Entry<Place<'_>>]) -> FieldReport {
    let matches = document.entries(group, None).len();
    let missing = (matches == 0).then_some(Missing::NoMatch);
    let hints = missing
        .iter()
        .flat_map(|_| hint::of(group, &[document.root()]))
        .collect();
    FieldReport {
        field: "group".to_owned(),
        selector: Some(group.as_str().to_owned()),
        required: false,
        matches,
        found_in: entries.iter().filter(|entry| entry.group.is_some()).count(),
        places: entries.len(),
        values: Vec::new(),
        missing,
        otherwise: None,
        hints,
    }
}

fn entry_reports(pipeline: &Pipeline, entries: &[Entry<Place<'_>>]) -> Vec<FieldReport> {
    let identity = [
        ("link", &pipeline.list.link, true),
        ("id", &pipeline.list.id, false),
    ];
    let mut reports: Vec<FieldReport> = identity
        .into_iter()
        .filter_map(|(name, rule, required)| Some((name, rule.as_ref()?, required)))
        .map(|(name, rule, required)| FieldReport {
            required,
            ..report(name, rule, entries, Count::First)
        })
        .collect();
    let rules = entry_rules(pipeline);
    reports.extend(rules.map(|(field, rule)| field_report(pipeline, *field, rule, entries)));
    reports
}

fn next_report(
    pipeline: &Pipeline,
    document: &Document,
    next: Option<&str>,
) -> Option<FieldReport> {
    let (key, select) = leads_on(pipeline)?;
    let mut select = select.clone();
    if let Select::Css { attr, .. } = &mut select {
        attr.get_or_insert_with(|| "href".to_owned());
    }
    let rule = Rule::plain(select);
    let mut report = report(key, &rule, &[Entry::alone(document.root())], Count::First);
    report.values = next.map(str::to_owned).into_iter().collect();
    report.otherwise = next.is_none().then(|| "the list ends here".to_owned());
    Some(report)
}

fn field_report(
    pipeline: &Pipeline,
    field: Field,
    rule: &Rule,
    places: &[Entry<Place<'_>>],
) -> FieldReport {
    let mut report = report(field.as_str(), rule, places, Count::of(field));
    if report.found_in < places.len() {
        report.otherwise = pipeline
            .defaults
            .get(&field)
            .map(|default| format!("default `{default}`"));
    }
    report
}

/// Asks a rule in every place.
fn report(name: &str, rule: &Rule, places: &[Entry<Place<'_>>], count: Count) -> FieldReport {
    let picks = rule.choice.picks();
    let (mut matches, mut found_in) = (0, 0);
    let mut values = Vec::new();
    for place in places {
        matches += picks.iter().map(|pick| matched(place, pick)).sum::<usize>();
        let texts = value::texts(&rule.choice, count, &|pick| candidates(place, pick));
        if texts.is_empty() {
            continue;
        }
        found_in += 1;
        if values.is_empty() {
            values = texts;
        }
    }
    let missing = values.is_empty().then(|| reason(&picks, matches, places));
    let mut hints = Vec::new();
    if missing == Some(Missing::NoMatch) {
        let hints_of = |pick: &&Pick| {
            let places = places.iter().filter_map(|place| place.place(pick));
            hint::of(&pick.select, &places.collect::<Vec<_>>())
        };
        for hint in picks.iter().flat_map(hints_of) {
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
    }
    FieldReport {
        field: name.to_owned(),
        selector: Some(rule.to_string()),
        required: rule.required,
        matches,
        found_in,
        places: places.len(),
        values,
        missing,
        otherwise: None,
        hints,
    }
}

/// How much a pick's selector matches where it is asked.
fn matched(place: &Entry<Place<'_>>, pick: &Pick) -> usize {
    place.place(pick).map_or(0, |place| place.matches(pick))
}

/// The texts of what it matches there.
fn candidates(place: &Entry<Place<'_>>, pick: &Pick) -> Vec<String> {
    let place = place.place(pick);
    place.map_or_else(Vec::new, |place| place.candidates(pick))
}

/// Why no pick of a rule gives a value: of several, the first counts that matches something.
fn reason(picks: &[&Pick], matches: usize, places: &[Entry<Place<'_>>]) -> Missing {
    if places.is_empty() {
        return Missing::NoEntry;
    }
    let found = picks
        .iter()
        .find(|pick| places.iter().any(|place| matched(place, pick) > 0));
    let Some(pick) = found.filter(|_| matches > 0) else {
        return Missing::NoMatch;
    };
    let candidates: Vec<String> = places
        .iter()
        .flat_map(|place| candidates(place, pick))
        .collect();
    if candidates.is_empty() {
        return Missing::NoText {
            wanted: wanted(pick),
        };
    }
    let text = candidates.iter().find(|text| !text.trim().is_empty());
    let regex = pick
        .conversions
        .iter()
        .find_map(|conversion| match conversion {
            Conversion::Regex(regex) => Some(regex),
            Conversion::Template(_) | Conversion::Transform(_) => None,
        });
    match (text, regex) {
        (Some(text), Some(regex)) => Missing::RegexMismatch {
            regex: regex.to_string(),
            text: text.trim().to_owned(),
        },
        _ => Missing::Blank,
    }
}

/// What a pick reads of what it matches.
fn wanted(pick: &Pick) -> String {
    match (&pick.read, &pick.select) {
        (Read::Cell(header), _) => format!("cell of the header `{header}`"),
        (Read::Json { text, .. }, _) => format!("JSON in which `{text}` finds a value"),
        (
            Read::Whole | Read::OwnText | Read::Without(_),
            Select::Css {
                attr: Some(attr), ..
            },
        ) => format!("attribute `{attr}`"),
        (Read::Whole | Read::OwnText | Read::Without(_), _) => {
            "text, number or truth value".to_owned()
        }
    }
}

/// The fields of entries whose format knows them, in the order of their names.
fn known_reports(items: &[Item]) -> Vec<FieldReport> {
    let mut reports: Vec<FieldReport> = Vec::new();
    for item in items {
        let found: Vec<(String, Vec<String>)> = match &item.values {
            Values::Fields(fields) => fields
                .iter()
                .map(|(field, texts)| (field.to_string(), texts.clone()))
                .collect(),
            Values::Weather(weather) => weather
                .values
                .iter()
                .map(|(variable, reading)| (variable.clone(), vec![reading.raw.clone()]))
                .collect(),
        };
        for (name, values) in found {
            if let Some(report) = reports.iter_mut().find(|report| report.field == name) {
                report.matches += values.len();
                report.found_in += 1;
                continue;
            }
            reports.push(FieldReport {
                field: name,
                selector: None,
                required: false,
                matches: values.len(),
                found_in: 1,
                places: items.len(),
                values,
                missing: None,
                otherwise: None,
                hints: Vec::new(),
            });
        }
    }
    reports.sort_by(|one, other| one.field.cmp(&other.field));
    reports
}

/// Tells that a script may fill the page, where something is missing on one that is nearly empty.
fn script_hint(pipeline: &Pipeline, document: &Document, fields: &[FieldReport]) -> Option<String> {
    let suspicious = fields.iter().any(FieldReport::is_missing)
        && pipeline.source.fetch == Fetch::Http
        && document.is_filled_by_scripts(NEARLY_EMPTY_CHARS);
    suspicious.then(|| {
        "the page has scripts and almost no text: a script may fill it; try `fetch = \"browser\"`"
            .to_owned()
    })
}
