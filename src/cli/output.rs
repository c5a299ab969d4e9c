//! Rows on stdout, in the form that was asked for.

use std::io::{BufWriter, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use trendy::cause::printable;

use super::exit::Failure;

/// Form of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// Aligned columns, for people.
    Table,
    /// One array.
    Json,
    /// One object a line.
    Ndjson,
    /// Comma-separated, with a header (RFC 4180).
    Csv,
}

/// The `--format` of a command that prints rows.
#[derive(Debug, clap::Args)]
pub(super) struct FormatArgs {
    /// Form of the result
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(super) format: Format,
}

/// Prints rows; `columns` names those of tables and CSV, while JSON shows every field.
pub(super) fn print_rows<T: Serialize>(
    rows: &[T],
    columns: &[&str],
    format: Format,
) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, rows).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Ndjson => {
            for row in rows {
                serde_json::to_writer(&mut out, row).map_err(std::io::Error::from)?;
                writeln!(out)?;
            }
        }
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(&mut out);
            writer.write_record(columns).map_err(std::io::Error::from)?;
            for row in rows {
                writer
                    .write_record(cells(row, columns)?)
                    .map_err(std::io::Error::from)?;
            }
            writer.flush()?;
        }
        Format::Table => writeln!(out, "{}", table(rows, columns)?)?,
    }
    Ok(out.flush()?)
}

fn table<T: Serialize>(rows: &[T], columns: &[&str]) -> Result<Table, Failure> {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(
        columns
            .iter()
            .map(|name| name.replace('_', " ").to_uppercase()),
    );
    let mut numeric = vec![true; columns.len()];
    for row in rows {
        let mut cells = cells(row, columns)?;
        for cell in &mut cells {
            to_seconds(cell);
            *cell = printable(cell);
        }
        for (numeric, cell) in numeric.iter_mut().zip(&cells) {
            *numeric &= cell.parse::<f64>().is_ok();
        }
        table.add_row(cells);
    }
    for (column, _) in table
        .column_iter_mut()
        .zip(numeric)
        .filter(|(_, numeric)| *numeric)
    {
        column.set_cell_alignment(CellAlignment::Right);
    }
    Ok(table)
}

fn cells<T: Serialize>(row: &T, columns: &[&str]) -> Result<Vec<String>, Failure> {
    let fields: Map<String, Value> = match serde_json::to_value(row) {
        Ok(Value::Object(fields)) => fields,
        Ok(other) => Map::from_iter([(String::new(), other)]),
        Err(error) => return Err(Failure::run(error)),
    };
    Ok(columns.iter().map(|name| text(fields.get(*name))).collect())
}

/// Cuts an instant to its second: people read tables.
fn to_seconds(cell: &mut String) {
    // A local time names its zone behind; that it keeps.
    if let (true, Ok(instant)) = (cell.ends_with('Z'), cell.parse::<Timestamp>()) {
        *cell = instant.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(values)) => values
            .iter()
            .map(|value| text(Some(value)))
            .collect::<Vec<_>>()
            .join(", "),
        Some(other) => other.to_string(),
    }
}

/// One JSON value, for answers that are no rows.
pub(super) fn print_json<T: Serialize>(value: &T) -> Result<(), Failure> {
    // Standard output itself writes line by line, which a long answer has many of.
    let mut out = BufWriter::new(std::io::stdout().lock());
    serde_json::to_writer_pretty(&mut out, value).map_err(std::io::Error::from)?;
    writeln!(out)?;
    Ok(out.flush()?)
}
