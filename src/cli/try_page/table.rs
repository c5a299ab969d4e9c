//! A tried page, for people.

use std::io::Write;

use serde::Serialize;
use serde_json::Value;
use trendy::extract::Explanation;
use trendy::extract::explain::{FieldReport, PageKind};
use trendy::normalize::text;

use super::super::exit::Failure;
use super::super::output::{Format, print_rows};
use super::{Tried, Unreadable};

/// Entries that are shown: enough to see a pattern in their addresses.
const ENTRIES: usize = 5;

/// Longest value in a table: a line of it, beside the other columns.
const VALUE_CHARS: usize = 60;

#[derive(Serialize)]
struct FieldRow {
    field: String,
    selector: String,
    matches: usize,
    value: String,
    note: String,
}

#[derive(Serialize)]
struct EntryRow<'a> {
    entry: &'a str,
    external_id: Option<&'a str>,
}

#[derive(Serialize)]
struct ValueRow {
    record: String,
    value: String,
}

pub(super) fn print(tried: &Tried) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    let content_type = tried.content_type.as_deref().unwrap_or("of no stated type");
    let page = match &tried.explanation {
        Some(explanation) if explanation.page == PageKind::Detail => "detail page",
        Some(_) => "list page",
        None => "page",
    };
    writeln!(
        out,
        "{page} {} ({}, {content_type}, {} bytes)",
        tried.url, tried.status, tried.bytes
    )?;
    if let Some(problem) = &tried.problem {
        writeln!(out, "\nnot what the pipeline says: {problem}")?;
    }
    let Some(explanation) = &tried.explanation else {
        return Ok(());
    };
    if explanation.page == PageKind::List {
        print_entries(explanation)?;
    }
    writeln!(out)?;
    let rows: Vec<FieldRow> = explanation
        .fields
        .iter()
        .map(|report| field_row(report, &tried.unreadable))
        .collect();
    let columns = ["field", "selector", "matches", "value", "note"];
    print_rows(&rows, &columns, Format::Table)?;
    print_hints(explanation)?;
    print_outcome(tried, explanation)
}

fn print_entries(explanation: &Explanation) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    let noun = if explanation.items.len() == 1 {
        "entry"
    } else {
        "entries"
    };
    writeln!(out, "{} {noun}\n", explanation.items.len())?;
    let rows: Vec<EntryRow<'_>> = explanation
        .items
        .iter()
        .take(ENTRIES)
        .map(|item| EntryRow {
            entry: item.entry.url.as_str(),
            external_id: item.entry.external_id.as_deref(),
        })
        .collect();
    if !rows.is_empty() {
        print_rows(&rows, &["entry", "external_id"], Format::Table)?;
    }
    if explanation.items.len() > ENTRIES {
        writeln!(out, " … {} more", explanation.items.len() - ENTRIES)?;
    }
    Ok(())
}

fn field_row(report: &FieldReport, unreadable: &[Unreadable]) -> FieldRow {
    let mut notes = Vec::new();
    if report.is_missing() && report.required {
        notes.push("required".to_owned());
    }
    notes.extend(report.missing.as_ref().map(ToString::to_string));
    if report.missing.is_none() && report.found_in < report.places {
        notes.push(format!(
            "in {} of {} entries",
            report.found_in, report.places
        ));
    }
    notes.extend(report.otherwise.clone());
    let first = unreadable
        .iter()
        .find(|unreadable| unreadable.field.as_str() == report.field);
    notes.extend(first.map(|unreadable| unreadable.reason.clone()));
    FieldRow {
        field: report.field.clone(),
        selector: report.selector.clone().unwrap_or_default(),
        matches: report.matches,
        value: cut(&report.values.join(", ")),
        note: notes.join("; "),
    }
}

fn print_hints(explanation: &Explanation) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    let of_fields = explanation
        .fields
        .iter()
        .flat_map(|report| report.hints.iter().map(move |hint| (report, hint)));
    let mut lines: Vec<String> = of_fields
        .map(|(report, hint)| format!("hint: `{}`: {hint}", report.field))
        .collect();
    lines.extend(explanation.hints.iter().map(|hint| format!("hint: {hint}")));
    if !lines.is_empty() {
        writeln!(out, "\n{}", lines.join("\n"))?;
    }
    Ok(())
}

fn print_outcome(tried: &Tried, explanation: &Explanation) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    if !explanation.left_to_list.is_empty() {
        let fields: Vec<&str> = explanation
            .left_to_list
            .iter()
            .map(|field| field.as_str())
            .collect();
        writeln!(
            out,
            "\nno record: the list gives `{}`, and it was not read or does not name this page",
            fields.join("`, `")
        )?;
    }
    for rejection in explanation.rejections.iter().take(ENTRIES) {
        writeln!(out, "\nrejected: {}: {}", rejection.url, rejection.reason)?;
    }
    if explanation.rejections.len() > ENTRIES {
        writeln!(out, " … {} more", explanation.rejections.len() - ENTRIES)?;
    }
    let Some(record) = tried.records.first() else {
        return Ok(());
    };
    writeln!(out)?;
    let document = serde_json::to_value(record).map_err(Failure::run)?;
    let rows: Vec<ValueRow> = flat(&document, "")
        .into_iter()
        .map(|(record, value)| ValueRow { record, value })
        .collect();
    print_rows(&rows, &["record", "value"], Format::Table)?;
    if tried.records.len() > 1 {
        writeln!(out, " … {} more records", tried.records.len() - 1)?;
    }
    Ok(())
}

/// The leaves of a document, each with its path; what is empty is left out.
fn flat(value: &Value, path: &str) -> Vec<(String, String)> {
    let leaf = |text: String| vec![(path.to_owned(), cut(&text))];
    match value {
        Value::Null => Vec::new(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, value)| {
                let path = if path.is_empty() || path == "body" {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                flat(value, &path)
            })
            .collect(),
        Value::Array(elements) if elements.is_empty() => Vec::new(),
        // Whole, not cut: a term that is not shown looks like one that was not found.
        Value::Array(elements) => {
            let names: Vec<String> = elements.iter().map(name).collect();
            vec![(path.to_owned(), names.join(", "))]
        }
        Value::String(text) => leaf(text.clone()),
        other => leaf(other.to_string()),
    }
}

/// An element of a list in a word: a term's name with its type.
fn name(value: &Value) -> String {
    match (value["name"].as_str(), value["type"].as_str()) {
        (Some(name), Some(kind)) => format!("{name} ({kind})"),
        _ => value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned),
    }
}

/// A text in one line, cut where it is too long for a table.
pub(super) fn cut(value: &str) -> String {
    let line = text::one_line(value);
    match line.char_indices().nth(VALUE_CHARS) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}
