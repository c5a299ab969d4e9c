//! The program itself, in a folder of its own, over saved sites.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, Command};
use trendy::config::Pipeline;
use trendy::demo::{self, Files, Site};

/// A folder with pipelines, the saved sites that stand in for their origins, and settings that say so.
pub(crate) struct Workspace {
    folder: TempDir,
    variables: BTreeMap<String, String>,
    sites: BTreeMap<String, Site>,
}

/// What a run of the program said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// The JSON on stdout.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:#?}"))
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Workspace {
    /// An empty one: no pipeline, no schedule.
    pub(crate) fn empty() -> Self {
        let folder = TempDir::new().unwrap();
        for name in ["pipelines", "schedules", "sites"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self {
            folder,
            variables: BTreeMap::new(),
            sites: BTreeMap::new(),
        }
    }

    /// The shipped pipelines of these names, over their saved sites on a day.
    pub(crate) async fn shipped(names: &[&str], day: u8) -> Self {
        let mut workspace = Self::empty();
        for name in names {
            let file = format!("pipelines/{name}.toml");
            workspace.write(&file, &std::fs::read_to_string(root().join(&file)).unwrap());
            let files = Files::Disk(root().join("fixtures"));
            workspace.serve(name, &files, day).await;
        }
        workspace
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn set(&mut self, variable: &str, value: &str) {
        self.variables.insert(variable.to_owned(), value.to_owned());
    }

    /// Lets what is in `sites/` stand in for a pipeline's origin, as it is now.
    pub(crate) async fn serve_own(&mut self, pipeline: &str) {
        let files = Files::Disk(self.path("sites"));
        self.serve(pipeline, &files, 1).await;
    }

    /// Lets a saved site stand in for a pipeline's origin.
    pub(crate) async fn serve(&mut self, pipeline: &str, files: &Files, day: u8) {
        let site = Site::start(files, pipeline, day).await.unwrap();
        self.sites.insert(pipeline.to_owned(), site);
        let mut settings = String::from("[twins]\n");
        for (name, site) in &self.sites {
            let path = self.path(&format!("pipelines/{name}.toml"));
            let pipeline = Pipeline::parse(&path, std::fs::read_to_string(&path).unwrap()).unwrap();
            let origin = demo::origin(&pipeline);
            writeln!(settings, "\"{origin}\" = \"{}\"", site.base()).unwrap();
        }
        self.write("trendy.toml", &settings);
    }

    /// Paths that a site was asked for, in order.
    pub(crate) fn asked(&self, pipeline: &str) -> Vec<String> {
        self.sites[pipeline]
            .arrivals()
            .into_iter()
            .map(|arrival| arrival.target)
            .collect()
    }

    /// Statuses of a site's answers from the one of this number on, robots.txt aside.
    pub(crate) fn statuses(&self, pipeline: &str, from: usize) -> Vec<u16> {
        let arrivals = self.sites[pipeline].arrivals().into_iter().skip(from);
        arrivals
            .filter(|arrival| arrival.target != "/robots.txt")
            .map(|arrival| arrival.status)
            .collect()
    }

    /// Runs the program to its end.
    pub(crate) async fn trendy(&self, arguments: &[&str]) -> Said {
        self.command(arguments).output().await.unwrap().into()
    }

    /// Runs the program to its end, and tells the most memory in KiB that was seen resident.
    pub(crate) async fn trendy_and_peak(&self, arguments: &[&str]) -> (Said, u64) {
        let child = self.start(arguments);
        let process = child.id().unwrap();
        let ended = child.wait_with_output();
        tokio::pin!(ended);
        let mut peak = 0;
        loop {
            tokio::select! {
                output = &mut ended => return (output.unwrap().into(), peak),
                () = tokio::time::sleep(Duration::from_millis(5)) => {
                    peak = peak_kib(process).unwrap_or(0).max(peak);
                }
            }
        }
    }

    /// Starts the program.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    /// Starts the program with an input that the test writes.
    pub(crate) fn start_with_input(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).spawn().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trendy"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .envs(&self.variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

/// The most memory that a process has had resident; none once it has ended.
pub(crate) fn peak_kib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
