use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;

use super::check::parse_duration;
use super::cron::CronExpression;
use super::document::SourceDocument;
use super::problem::ConfigError;
use crate::record::PipelineId;

/// A schedule file: when which pipelines run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Trendy schedule file")]
pub struct ScheduleFile {
    /// The schedules.
    #[serde(default)]
    schedule: Vec<ScheduleEntryFile>,
}

/// When some pipelines run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ScheduleEntryFile {
    /// Name, unique among all files.
    id: String,
    /// Five cron fields, or six with seconds first.
    cron: String,
    /// IANA zone of the cron fields. Default: `UTC`.
    timezone: Option<String>,
    /// Names of pipelines.
    pipelines: Vec<String>,
    /// When the run before has not ended: leave this one out, or start it after. Default: `skip`.
    #[serde(default)]
    overlap: Overlap,
    /// Runs missed while the machine was off: none of them, one for all, or each. Default: `once`. `schedule run` does not
    /// look back yet: for now missed runs are left out.
    #[serde(default)]
    catch_up: CatchUp,
    /// Longest random wait before a run, so that a fleet does not start as one. Default: none.
    jitter: Option<String>,
}

/// What happens when the run before has not ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Overlap {
    /// This run is left out.
    #[default]
    Skip,
    /// This run starts after.
    Queue,
}

/// What happens to runs missed while the machine was off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CatchUp {
    /// They are left out.
    None,
    /// One run for all of them.
    #[default]
    Once,
    /// Each of them runs.
    All,
}

/// A checked schedule.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Its name.
    pub id: String,
    /// When it fires.
    pub cron: CronExpression,
    /// The name of the zone of the cron fields.
    pub timezone: TimeZone,
    /// What it runs.
    pub pipelines: Vec<PipelineId>,
    /// What happens when the run before has not ended.
    pub overlap: Overlap,
    /// What happens to missed runs.
    pub catch_up: CatchUp,
    /// Longest random wait before a run.
    pub jitter: Duration,
    /// The file it came from.
    pub path: PathBuf,
}

impl Schedule {
    /// Reads and checks a schedule file's text; `known` tells the pipelines that exist.
    pub fn parse_all(
        path: &Path,
        text: String,
        known: &BTreeSet<&str>,
    ) -> Result<Vec<Self>, ConfigError> {
        let (mut document, file) = SourceDocument::parse::<ScheduleFile>(path, text)?;
        let mut schedules = Vec::new();
        for (index, entry) in file.schedule.into_iter().enumerate() {
            schedules.extend(Self::check(&mut document, path, index, entry, known));
        }
        document.finish()?;
        Ok(schedules)
    }

    fn check(
        document: &mut SourceDocument,
        path: &Path,
        index: usize,
        entry: ScheduleEntryFile,
        known: &BTreeSet<&str>,
    ) -> Option<Self> {
        let index = index.to_string();
        let key = |name: &'static str| ["schedule", index.as_str(), name];
        let cron = document.accept(&key("cron"), entry.cron.parse::<CronExpression>());
        let zone = entry.timezone.as_deref().unwrap_or("UTC");
        let timezone = document.accept(&key("timezone"), TimeZone::get(zone));
        let jitter = match entry.jitter.as_deref() {
            None => Some(Duration::ZERO),
            Some(text) => document.accept(&key("jitter"), parse_duration(text)),
        };
        if entry.pipelines.is_empty() {
            document.problem(
                &key("pipelines"),
                "a schedule without a pipeline runs nothing",
                None,
            );
        }
        for name in entry
            .pipelines
            .iter()
            .filter(|name| !known.contains(name.as_str()))
        {
            let hint = super::document::suggestion(name, known.iter().copied());
            let hint = hint.or_else(|| Some("`trendy list` prints the known ones".to_owned()));
            document.problem(
                &key("pipelines"),
                format!("there is no pipeline `{name}`"),
                hint,
            );
        }
        Some(Self {
            id: entry.id,
            cron: cron?,
            timezone: timezone?,
            pipelines: entry.pipelines.into_iter().map(PipelineId).collect(),
            overlap: entry.overlap,
            catch_up: entry.catch_up,
            jitter: jitter?,
            path: path.to_owned(),
        })
    }
}
