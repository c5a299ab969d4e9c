//! Whether a run is believed beside the pipeline's own history, and the words for it where it is not.

use crate::config::{ListFormat, Pipeline, Rule};
use crate::load::{Store, StoreError};
use crate::record::{Field, Kind, Outcome, RunId};

use super::RunOptions;
use super::history::{Fall, fallen, usual_entries};
use super::snapshot::WalkEnd;
use super::walk::Walked;

/// How many runs before are looked at: those of two days of a half-hourly schedule, which read a handful each.
const LOOKED_AT: u32 = 100;
/// How many runs make the usual number of entries.
const COUNTED: u32 = 5;

/// Notes what later runs are compared with, and compares this one, which would end well. A replay says nothing of today:
/// it is neither compared nor compared with.
pub(super) async fn judge(
    pipeline: &Pipeline,
    store: &Store,
    options: &RunOptions,
    run: RunId,
    walked: &Walked,
) -> Result<Option<(Outcome, String)>, StoreError> {
    if options.replay.is_some() {
        store.forget_fill(run).await?;
        return Ok(None);
    }
    let is_whole = walked.end == WalkEnd::Complete && options.since.is_none();
    let entries = is_whole.then_some(walked.listed.len() as u64);
    store.note_entries(run, entries, options.accept).await?;
    if options.accept {
        return Ok(None);
    }
    let fill = store.fill(run).await?;
    let before = store.last_fills(&pipeline.id, LOOKED_AT).await?;
    let broken = store.broken_fills(&pipeline.id, LOOKED_AT).await?;
    let mut falls = fallen(&fill, &broken, &before);
    falls.retain(|fall| is_read(pipeline, &fall.field));
    if let Some((deepest, others)) = falls.split_first() {
        // What lacks a field is asked for again, however long ago it was read.
        store.forget_visits(run).await?;
        let reason = told(pipeline, deepest, others);
        return Ok(Some((Outcome::Broken, reason)));
    }
    // A list is compared with what is open.
    let Some(entries) = entries.filter(|_| !pipeline.list.format.is_whole()) else {
        return Ok(None);
    };
    let before = store.last_entries(&pipeline.id, COUNTED).await?;
    let limit = pipeline.snapshot.shrink_limit;
    Ok(usual_entries(entries, &before, limit).map(|usual| {
        let what = noun(pipeline);
        let reason = format!(
            "the source names {entries} {what}, where {usual} are usual (if that is true: `--accept` once)"
        );
        (Outcome::Partial, reason)
    }))
}

/// Whether the pipeline still reads a field: one whose rule was taken out is not missed.
fn is_read(pipeline: &Pipeline, field: &str) -> bool {
    let knows_fields = match pipeline.list.format {
        ListFormat::Feed | ListFormat::Kma => true,
        ListFormat::Items(_) | ListFormat::Sitemap { .. } => pipeline
            .detail
            .is_some_and(|detail| detail.known_kind().is_some()),
    };
    knows_fields || rule(pipeline, field).is_some()
}

fn rule<'a>(pipeline: &'a Pipeline, field: &str) -> Option<&'a Rule> {
    let mut fields = Field::ALL.iter();
    let field = fields.find(|known| known.as_str() == field)?;
    let of_page = pipeline.fields.get(field);
    of_page.or_else(|| pipeline.list.fields.get(field))
}

fn noun(pipeline: &Pipeline) -> &'static str {
    match pipeline.kind {
        Kind::Weather => "readings",
        Kind::Job | Kind::Post => "entries",
    }
}

fn told(pipeline: &Pipeline, deepest: &Fall, others: &[Fall]) -> String {
    let what = if pipeline.detail.is_some() {
        "pages"
    } else {
        noun(pipeline)
    };
    let name = |fall: &Fall| match rule(pipeline, &fall.field) {
        Some(rule) => format!("`{}` (`{rule}`)", fall.field),
        None => format!("`{}`", fall.field),
    };
    let before = match deepest.runs {
        1 => "good run".to_owned(),
        runs => format!("{runs} good runs"),
    };
    let now = if deepest.is_own {
        format!("{} in this one", deepest.read)
    } else {
        format!("the {} read since", deepest.read)
    };
    let mut told = format!(
        "{} was found on {} of the {what} in the last {before}, on {} of {now}",
        name(deepest),
        percent(deepest.before),
        percent(deepest.now),
    );
    let mut joint = "; so with";
    for other in others {
        let (name, before, now) = (name(other), percent(other.before), percent(other.now));
        told.extend([joint, " ", &name, " (", &before, ", now ", &now, ")"]);
        joint = ",";
    }
    told + "; nothing was closed (if that is true: `--accept` once)"
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
