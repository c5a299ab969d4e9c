use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use trendy::load::{Store, ToldChange};
use trendy::record::{Op, RecordId, RunId, Subject};

use super::difference::unified;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Format, FormatArgs, print_rows};

/// Show one run, or what it changed
#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// Number of the run, as `trendy runs` prints it
    #[arg(value_name = "ID")]
    id: i64,
    /// Each change of the run with the fields that differ: `before → after`, of a long text the part that differs as
    /// `[-before-]{+after+}`; in tables and CSV a line a field
    #[arg(long)]
    changes: bool,
    #[command(flatten)]
    output: FormatArgs,
}

const RUN: &[&str] = &[
    "id",
    "pipeline",
    "started_at",
    "finished_at",
    "outcome",
    "pages",
    "records",
    "added",
    "updated",
    "closed",
    "reopened",
    "unchanged",
    "rejected",
    "reason",
];

const CHANGES: &[&str] = &["op", "title", "field", "difference", "url"];

/// A change, and its fields.
#[derive(Serialize)]
struct ShownChange {
    seq: i64,
    op: Op,
    at: Timestamp,
    kind: Subject,
    record_id: RecordId,
    revision: i64,
    title: Option<String>,
    url: Option<String>,
    fields: Vec<FieldDifference>,
}

/// A line of a table: a field of a change, or a change without one.
#[derive(Serialize)]
struct Line<'a> {
    op: Op,
    title: Option<&'a str>,
    url: Option<&'a str>,
    #[serde(flatten)]
    field: Option<&'a FieldDifference>,
}

#[derive(Serialize)]
struct FieldDifference {
    field: String,
    /// Both sides as the log keeps them: of a long text, an excerpt.
    before: Value,
    after: Value,
    difference: String,
}

pub(super) async fn run(args: &ShowArgs, store: &Store) -> Result<Exit, Failure> {
    let id = RunId(args.id);
    let Some(run) = store.run(id).await? else {
        return Err(Failure::usage(format!(
            "there is no run {id}\n  hint: `trendy runs` prints the latest ones"
        )));
    };
    if !args.changes {
        print_rows(&[run], RUN, args.output.format)?;
        return Ok(Exit::Done);
    }
    let told = store.told_changes_of(id).await?;
    let changes: Vec<ShownChange> = told.into_iter().map(shown).collect();
    match args.output.format {
        format @ (Format::Json | Format::Ndjson) => print_rows(&changes, &[], format)?,
        format @ (Format::Table | Format::Csv) => {
            let lines: Vec<Line> = changes.iter().flat_map(lines).collect();
            print_rows(&lines, CHANGES, format)?;
        }
    }
    Ok(Exit::Done)
}

fn shown(told: ToldChange) -> ShownChange {
    let ToldChange { change, title, url } = told;
    let fields = match change.diff {
        Some(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let difference = |(field, sides): (String, Value)| {
        let side = |index: usize| sides.get(index).cloned().unwrap_or_default();
        let (before, after) = (side(0), side(1));
        let difference = unified(&before, &after);
        FieldDifference {
            field,
            before,
            after,
            difference,
        }
    };
    ShownChange {
        seq: change.seq,
        op: change.op,
        at: change.at,
        kind: change.kind,
        record_id: change.record_id,
        revision: change.revision,
        title,
        url,
        fields: fields.into_iter().map(difference).collect(),
    }
}

fn lines(change: &ShownChange) -> Vec<Line<'_>> {
    let line = |field| Line {
        op: change.op,
        title: change.title.as_deref(),
        url: change.url.as_deref(),
        field,
    };
    if change.fields.is_empty() {
        return vec![line(None)];
    }
    change
        .fields
        .iter()
        .map(|field| line(Some(field)))
        .collect()
}
