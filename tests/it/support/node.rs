//! An Elasticsearch of a test's own, to be killed, stopped and started again at will, always on the same port.
//!
//! It is made of what dev/up has installed, which says what that is: the files of a server, of which this is one more
//! process, or the image of a container, of which this is one more.

use std::fs::File;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use url::Url;
use uuid::Uuid;

use super::unprivileged::{as_server, folder, own, succeed};

/// A start takes ten seconds on an idle machine and much longer beside a compiler, an end a few.
const PATIENCE: Duration = Duration::from_mins(3);

/// Without the second compiler a start takes half as long: what it makes fast is over by then.
const FAST: &str = "-XX:TieredStopAtLevel=1";

const HEAP: &str = "-Xms256m -Xmx256m";

pub(crate) struct Node {
    pub(crate) url: Url,
    server: Server,
}

enum Server {
    /// From the files that `TRENDY_TEST_ELASTICSEARCH_HOME` names.
    Process(Process),
    /// Of the image that `TRENDY_TEST_ELASTICSEARCH_IMAGE` names, where dev/up found a Docker engine.
    Container(Container),
}

impl Node {
    pub(crate) async fn start() -> Self {
        let port = free_port();
        let variable = |name| std::env::var(name).ok();
        let server = if let Some(home) = variable("TRENDY_TEST_ELASTICSEARCH_HOME") {
            Server::Process(Process::of(home.into(), port))
        } else if let Some(image) = variable("TRENDY_TEST_ELASTICSEARCH_IMAGE") {
            Server::Container(Container::of(&image, port))
        } else {
            panic!("no Elasticsearch to start; run dev/up, then: . target/dev-services/env");
        };
        let url = format!("http://127.0.0.1:{port}").parse().unwrap();
        let node = Self { url, server };
        node.come_back().await;
        node
    }

    /// Ends it where it stands, as a crash does.
    pub(crate) async fn kill(&self) {
        match &self.server {
            Server::Process(process) => process.end("-KILL").await,
            Server::Container(container) => container.ask(&["kill"]).await,
        }
    }

    /// Asks it to leave, as an upgrade does.
    pub(crate) async fn stop(&self) {
        match &self.server {
            Server::Process(process) => process.end("-TERM").await,
            Server::Container(container) => container.ask(&["stop", "-t", "180"]).await,
        }
    }

    /// Starts it, and waits until it can do what it is asked.
    pub(crate) async fn come_back(&self) {
        match &self.server {
            Server::Process(process) => process.start().await,
            Server::Container(container) => container.ask(&["start"]).await,
        }
        let started = Instant::now();
        while !self.is_ready().await {
            assert!(started.elapsed() < PATIENCE, "{} is not ready", self.url);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Whether every index can be written.
    async fn is_ready(&self) -> bool {
        let health = "_cluster/health?wait_for_status=yellow&timeout=10s";
        let answer = self.get(health).await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Result<reqwest::Response> {
        let client = reqwest::Client::builder().build()?;
        client.get(self.url.join(path).unwrap()).send().await
    }
}

/// Nobody gets it while the server is down: it is below those that Linux hands out for outgoing connections.
fn free_port() -> u16 {
    const PORTS: u16 = 12_000;
    let first = Uuid::new_v4().as_fields().1 % PORTS;
    (0..PORTS)
        .map(|number| 20_000 + (first + number) % PORTS)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("one of them is free")
}

struct Process {
    home: PathBuf,
    folder: TempDir,
    port: u16,
}

impl Process {
    fn of(home: PathBuf, port: u16) -> Self {
        let folder = folder();
        // A copy, as the server writes to it.
        succeed(
            Command::new("cp")
                .arg("-r")
                .arg(home.join("config"))
                .arg(folder.path()),
        );
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        own(folder.path());
        Self { home, folder, port }
    }

    /// With `-d` the command ends once the server listens, or has died.
    async fn start(&self) {
        let path = |name| self.path(name).display().to_string();
        let mut command = as_server("timeout");
        command
            .arg(PATIENCE.as_secs().to_string())
            .arg(self.home.join("bin/elasticsearch"))
            .args(["-d", "-p", &path("pid")])
            .arg(format!("-Ehttp.port={}", self.port))
            .arg(format!("-Epath.data={}", path("data")))
            .arg(format!("-Epath.logs={}", path("logs")))
            // The same Java as in dev/elasticsearch.sh.
            .env("ES_JAVA_HOME", "/usr/lib/jvm/default-java")
            .env("ES_JAVA_OPTS", format!("{HEAP} {FAST}"))
            .env("ES_PATH_CONF", path("config"))
            .env("ES_TMPDIR", path("tmp"))
            .env(
                "CLI_JAVA_OPTS",
                format!("{FAST} -Djava.io.tmpdir={}", path("tmp")),
            );
        // A file and no pipe: the server would keep that open.
        let said = File::create(self.path("said")).unwrap();
        command.stdout(said.try_clone().unwrap()).stderr(said);
        let status = tokio::process::Command::from(command).status().await;
        let said = std::fs::read_to_string(self.path("said")).unwrap();
        assert!(status.unwrap().success(), "{said}");
    }

    async fn end(&self, signal: &str) {
        let pid = self.pid().expect("it runs");
        succeed(Command::new("kill").args([signal, &pid]));
        let started = Instant::now();
        while self.pid().is_some() {
            assert!(started.elapsed() < PATIENCE, "{pid} does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The process that runs. After its end another may have its number, and nobody its command line.
    fn pid(&self) -> Option<String> {
        let pid = std::fs::read_to_string(self.path("pid")).ok()?;
        let pid = pid.trim().to_owned();
        let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
        let folder = self.folder.path().to_str().unwrap();
        command.contains(folder).then_some(pid)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            Command::new("kill").args(["-KILL", &pid]).status().ok();
        }
    }
}

struct Container {
    id: String,
}

impl Container {
    fn of(image: &str, port: u16) -> Self {
        let mut create = Command::new("docker");
        create.args(["create", "--publish", &format!("127.0.0.1:{port}:9200")]);
        // As in dev/compose.yml, but for the heap.
        for setting in [
            "discovery.type=single-node",
            "xpack.security.enabled=false",
            "cluster.routing.allocation.disk.threshold_enabled=false",
            "ingest.geoip.downloader.enabled=false",
            &format!("ES_JAVA_OPTS={HEAP} {FAST}"),
        ] {
            create.args(["--env", setting]);
        }
        let id = succeed(create.arg(image));
        Self { id }
    }

    async fn ask(&self, command: &[&str]) {
        let mut docker = tokio::process::Command::new("docker");
        let output = docker.args(command).arg(&self.id).output().await.unwrap();
        assert!(output.status.success(), "{command:?}: {output:?}");
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let mut docker = Command::new("docker");
        docker
            .args(["rm", "--force", "--volumes", &self.id])
            .output()
            .ok();
    }
}
