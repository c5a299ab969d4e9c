use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::pipeline::Pipeline;
use super::problem::{ConfigError, Problem};
use super::schedule::Schedule;
use crate::record::Kind;

/// Checked files, and what is wrong with the others.
#[derive(Debug)]
pub struct Catalog<T> {
    /// What could be read, in the order of their files' names.
    pub entries: Vec<T>,
    /// What could not.
    pub problems: Vec<Problem>,
    /// How many files there were.
    pub files: usize,
}

impl<T> Catalog<T> {
    /// The entries, if every file is right.
    pub fn all_or_problems(self) -> Result<Vec<T>, ConfigError> {
        if self.problems.is_empty() {
            Ok(self.entries)
        } else {
            Err(ConfigError(self.problems))
        }
    }
}

/// Reads every `*.toml` of a folder as a pipeline, and finds names that stand twice.
pub fn load_pipelines(folder: &Path) -> Catalog<Pipeline> {
    let mut catalog = load(folder, |path, text| {
        Pipeline::parse(path, text).map(|pipeline| vec![pipeline])
    });
    let problems = duplicates(&catalog.entries);
    catalog.problems.extend(problems);
    catalog
}

/// Reads every `*.toml` of a folder as schedules of known pipelines.
///
/// No folder is no schedule: a plan may stand in the system's own scheduler.
pub fn load_schedules(folder: &Path, known: &BTreeSet<&str>) -> Catalog<Schedule> {
    if !folder.exists() {
        return Catalog {
            entries: Vec::new(),
            problems: Vec::new(),
            files: 0,
        };
    }
    let mut catalog = load(folder, |path, text| Schedule::parse_all(path, text, known));
    let mut seen = BTreeMap::new();
    for schedule in &catalog.entries {
        if let Some(first) = seen.insert(schedule.id.as_str(), &schedule.path) {
            let message = format!(
                "schedule `{}` stands in `{}` too",
                schedule.id,
                first.display()
            );
            catalog
                .problems
                .push(Problem::of_file(&schedule.path, message));
        }
    }
    catalog
}

fn load<T>(
    folder: &Path,
    parse: impl Fn(&Path, String) -> Result<Vec<T>, ConfigError>,
) -> Catalog<T> {
    let mut catalog = Catalog {
        entries: Vec::new(),
        problems: Vec::new(),
        files: 0,
    };
    let paths = match toml_files(folder) {
        Ok(paths) => paths,
        Err(error) => {
            let message = format!("cannot read the folder of pipeline files: {error}");
            let hint = Some(
                "run in the folder that holds `pipelines/`, or name it with `--pipelines`"
                    .to_owned(),
            );
            catalog.problems.push(Problem {
                hint,
                ..Problem::of_file(folder, message)
            });
            return catalog;
        }
    };
    catalog.files = paths.len();
    for path in paths {
        let parsed = match std::fs::read_to_string(&path) {
            Ok(text) => parse(&path, text),
            Err(error) => {
                Err(Problem::of_file(&path, format!("cannot read the file: {error}")).into())
            }
        };
        match parsed {
            Ok(entries) => catalog.entries.extend(entries),
            Err(ConfigError(problems)) => catalog.problems.extend(problems),
        }
    }
    catalog
}

fn toml_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// A name and, within a kind, a board belong to one file: else two pipelines would close each other's records.
fn duplicates(pipelines: &[Pipeline]) -> Vec<Problem> {
    let mut ids = BTreeMap::new();
    let mut scopes = BTreeMap::new();
    let mut problems = Vec::new();
    for pipeline in pipelines {
        if let Some(first) = ids.insert(pipeline.id.as_str(), &pipeline.path) {
            let message = format!(
                "pipeline `{}` stands in `{}` too",
                pipeline.id,
                first.display()
            );
            problems.push(Problem::of_file(&pipeline.path, message));
        }
        if pipeline.kind == Kind::Weather {
            continue;
        }
        if let Some(first) = scopes.insert((pipeline.kind, pipeline.scope.as_str()), &pipeline.path)
        {
            let message = format!(
                "`{}` already owns the list of `{}`",
                pipeline.scope,
                first.display()
            );
            let hint = Some(
                "give each list an owner (`board` or `source`) of its own in `[defaults]`"
                    .to_owned(),
            );
            problems.push(Problem {
                hint,
                ..Problem::of_file(&pipeline.path, message)
            });
        }
    }
    problems
}
