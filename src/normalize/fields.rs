//! The texts of an item, read as what their fields are.

use jiff::{SignedDuration, Timestamp};

use super::date::{self, DateContext, DayMonthOrder, Deadline};
use super::{Context, text};
use crate::record::{Field, Item, Values};

/// The fields of one item, the pipeline's defaults behind them.
pub(super) struct Fields<'a> {
    item: &'a Item,
    context: &'a Context<'a>,
}

impl<'a> Fields<'a> {
    pub(super) const fn of(item: &'a Item, context: &'a Context<'a>) -> Self {
        Self { item, context }
    }

    /// The texts of a field as extraction gives them.
    pub(super) fn texts(&self, field: Field) -> Vec<String> {
        let Values::Fields(values) = &self.item.values else {
            return Vec::new();
        };
        let texts = values.get(&field).map(Vec::as_slice).unwrap_or_default();
        if texts.is_empty() {
            return self
                .context
                .pipeline
                .defaults
                .get(&field)
                .cloned()
                .into_iter()
                .collect();
        }
        texts.to_vec()
    }

    /// A field in one line; several texts are joined.
    pub(super) fn line(&self, field: Field) -> Option<String> {
        let line = self
            .texts(field)
            .iter()
            .map(|text| text::one_line(text))
            .collect::<Vec<_>>()
            .join(", ");
        if line.is_empty() { None } else { Some(line) }
    }

    /// A field in its lines; several texts follow each other.
    pub(super) fn lines(&self, field: Field) -> Option<String> {
        let lines = text::lines(&self.texts(field).join("\n"));
        if lines.is_empty() { None } else { Some(lines) }
    }

    /// An instant; a text that names none is an error, never an absent date.
    pub(super) fn instant(&self, field: Field) -> Result<Option<Timestamp>, String> {
        let Some(text) = self.line(field) else {
            return Ok(None);
        };
        let read = date::parse(&text, &self.dates());
        read.map(Some)
            .map_err(|error| format!("field `{field}`: {error}"))
    }

    /// The end of a listing; none while it stays open.
    pub(super) fn deadline(&self, field: Field) -> Result<Option<Timestamp>, String> {
        let Some(text) = self.line(field) else {
            return Ok(None);
        };
        match date::deadline(&text, &self.dates()) {
            Ok(Deadline::Until(instant)) => Ok(Some(instant)),
            Ok(_) => Ok(None),
            Err(error) => Err(format!("field `{field}`: {error}")),
        }
    }

    /// The fields whose change alone is no update, each once: what the pipeline ignores, and dates that move.
    pub(super) fn uncounted(&self) -> Vec<Field> {
        let moving = [Field::PostedAt, Field::PublishedAt, Field::ValidThrough]
            .into_iter()
            .filter(|field| self.is_told_from_now(*field));
        let ignored = self.context.pipeline.ignored.iter().copied();
        let mut uncounted: Vec<Field> = ignored.chain(moving).collect();
        uncounted.sort_unstable();
        uncounted.dedup();
        uncounted
    }

    /// Whether a date moves with the instant of the visit, as in `3 days ago`. A deadline that counts the days to its
    /// own (`D-3`) stays where it is; one that counts hours does not.
    fn is_told_from_now(&self, field: Field) -> bool {
        let Some(text) = self.line(field) else {
            return false;
        };
        let now = self.dates();
        let then = |later| DateContext {
            now: now.now.saturating_add(later).unwrap_or(now.now),
            ..now.clone()
        };
        if field == Field::ValidThrough {
            let then = then(SignedDuration::from_secs(1));
            date::deadline(&text, &then) != date::deadline(&text, &now)
        } else {
            // A week: it moves whatever is told by the day, by the clock time alone, or by the weekday.
            let then = then(SignedDuration::from_hours(7 * 24));
            date::parse(&text, &then) != date::parse(&text, &now)
        }
    }

    fn dates(&self) -> DateContext {
        DateContext {
            zone: self.context.pipeline.source.timezone.clone(),
            now: self.context.fetched_at,
            order: DayMonthOrder::default(),
        }
    }
}
