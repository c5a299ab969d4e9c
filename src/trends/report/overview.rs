use jiff::Zoned;
use serde::Serialize;

use super::when::{self, When};
use crate::record::{Kind, Outcome};
use crate::trends::chart::count;
use crate::trends::queries::{KindTotal, LastRun};

/// A number at the top of the page.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Tile {
    label: &'static str,
    value: String,
    note: String,
}

pub(super) fn tiles(totals: &[KindTotal], runs: &[LastRun]) -> Vec<Tile> {
    let mut tiles: Vec<Tile> = totals.iter().map(tile).collect();
    let well = runs.iter().filter(|run| run.outcome == Some(Outcome::Ok));
    tiles.push(Tile {
        label: "Pipelines",
        value: format!("{} of {}", well.count(), runs.len()),
        note: "ended well in their last run".to_owned(),
    });
    tiles
}

fn tile(total: &KindTotal) -> Tile {
    match total.kind {
        Kind::Job => Tile {
            label: "Open job listings",
            value: count(total.active),
            note: format!("of {} ever seen", count(total.records)),
        },
        Kind::Post => Tile {
            label: "Posts",
            value: count(total.records),
            note: "from tech blogs and news".to_owned(),
        },
        Kind::Weather => Tile {
            label: "Weather records",
            value: count(total.records),
            note: "by station and hour".to_owned(),
        },
    }
}

/// How the last run of a pipeline went.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct RunCard {
    pipeline: String,
    /// The outcome's name, or that there is none yet. Also a class of the style sheet.
    outcome: &'static str,
    reason: Option<String>,
    began_at: When,
    took: Option<String>,
    /// Such as `24 records: 2 added, 1 updated`.
    did: String,
}

pub(super) fn run_cards(runs: &[LastRun], now: &Zoned) -> Vec<RunCard> {
    let card = |run: &LastRun| RunCard {
        pipeline: run.pipeline.clone(),
        outcome: run.outcome.map_or("unfinished", Outcome::as_str),
        reason: run.reason.clone(),
        began_at: when::instant(run.started_at, now),
        took: run.duration_ms.map(when::duration),
        did: did(run),
    };
    runs.iter().map(card).collect()
}

fn did(run: &LastRun) -> String {
    let counted = [
        (run.added, "added"),
        (run.updated, "updated"),
        (run.closed, "closed"),
        (run.rejected, "rejected"),
    ];
    let parts: Vec<String> = counted
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, name)| format!("{} {name}", count(number)))
        .collect();
    let records = if run.records == 1 {
        "record"
    } else {
        "records"
    };
    let changes = if parts.is_empty() {
        "no change".to_owned()
    } else {
        parts.join(", ")
    };
    format!("{} {records}: {changes}", count(run.records))
}
