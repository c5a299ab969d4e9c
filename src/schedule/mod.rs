//! When pipelines run: the times that a schedule names, and the same plan in another scheduler's words.
//!
//! Times are computed here and nowhere else, so that `schedule next` shows what `schedule run` does. Pure: the clock is
//! handed in.

mod crontab;

use jiff::Timestamp;
use serde::Serialize;

pub use crontab::{Crontab, CrontabError};

use crate::config::Schedule;
use crate::record::PipelineId;

/// One run that a schedule names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Slot {
    /// When it is due.
    pub due: Timestamp,
    /// The same in the schedule's zone.
    pub local: String,
    /// The schedule.
    pub schedule: String,
    /// What it runs.
    pub pipelines: Vec<PipelineId>,
}

/// The next slots of some schedules after an instant, soonest first.
pub fn next_slots(schedules: &[Schedule], from: Timestamp, count: usize) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    for schedule in schedules {
        let times = schedule.cron.after(from, &schedule.timezone).take(count);
        slots.extend(times.map(|due| Slot {
            due,
            local: due.to_zoned(schedule.timezone.clone()).to_string(),
            schedule: schedule.id.clone(),
            pipelines: schedule.pipelines.clone(),
        }));
    }
    slots.sort_by(|one, other| (one.due, &one.schedule).cmp(&(other.due, &other.schedule)));
    slots.truncate(count);
    slots
}
