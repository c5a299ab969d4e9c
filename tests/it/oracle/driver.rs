//! The hand that kills: one board, one store, one index, and the program between them.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use tokio::process::Child;
use tokio::time::{Instant, sleep};

use super::Kills;
use super::chance::Chance;
use super::index::Documents;
use super::reader::Process;
use super::truth::Truth;
use super::witness::{Look, Reach, Stage, Witness};
use crate::elasticsearch::scratch::Scratch as Index;
use crate::support::scratch::Scratch;
use crate::support::trendy::{Said, Workspace};

const PIPELINE: &str = r#"
id = "board"
kind = "job"
description = "A board that changes all the time"
[source]
url = "https://board.example/jobs"
[source.pages]
next_link = "a.next"
[list]
item = "li"
link = { css = "a", attr = "href" }
id = { css = "a", attr = "href", regex = '/jobs/(\d+)' }
[fields]
title = { css = "a", required = true }
description = { css = "p", required = true }
[defaults]
board = "board"
[politeness]
delay = "0s"
"#;

/// Loads, then publishes.
const RUN: &[&str] = &["run", "board"];
const LOAD: &[&str] = &["run", "board", "--no-publish"];
const PUBLISH: &[&str] = &["index", "sync"];

/// Longest that a process may take to its end.
const PATIENCE: Duration = Duration::from_mins(2);

/// Between two looks at a process.
const BLINK: Duration = Duration::from_millis(2);

/// Kills of loading processes and of publishing ones before everything is let go on to its end.
const KILLS_LOADING: usize = 5;
const KILLS_PUBLISHING: usize = 4;

/// When a process is killed.
#[derive(Clone, Copy)]
enum Moment {
    /// So long after it was started.
    After(Duration),
    /// So long after it was first seen at this stage.
    At(Stage, Duration),
    /// When the target has acknowledged some of what was to be published, and not all.
    HalfPublished,
}

/// Which process is killed.
#[derive(Clone, Copy, PartialEq)]
enum Victim {
    /// One that loads and then publishes.
    Run,
    /// One that only loads, while another publishes or nobody does.
    Collector,
    /// One that only publishes, while another loads or nobody does.
    Publisher,
}

pub(super) struct Driver {
    workspace: Workspace,
    index: Index,
    witness: Witness,
    truth: Truth,
    chance: Chance,
    kills: Kills,
}

impl Driver {
    pub(super) async fn of(store: &Scratch, seed: u64) -> Self {
        let index = Index::new();
        let mut workspace = Workspace::empty();
        workspace.write("pipelines/board.toml", PIPELINE);
        workspace.set("DATABASE_URL", &store.url);
        workspace.set("ELASTICSEARCH_URL", index.server.as_str());
        workspace.set("TRENDY_INDEX_PREFIX", &index.prefix);
        let said = workspace.trendy(&["index", "setup"]).await;
        assert_eq!(said.status, 0, "{said:#?}");
        let target = format!("elasticsearch/{}", index.prefix);
        Self {
            witness: Witness::at(&store.url, target).await,
            truth: Truth::of(seed),
            chance: Chance::of(!seed),
            kills: Kills::new(),
            workspace,
            index,
        }
    }

    /// Kills until it has been done so often, and lets everything go on to its end now and then, and at last.
    pub(super) async fn kill(mut self, times: usize) -> Kills {
        self.serve().await;
        while self.killed() < times {
            for _ in 0..KILLS_LOADING.min(times - self.killed()) {
                if !self.kill_loading().await {
                    break;
                }
                // What a killed run has read changes before it is taken up again.
                if self.chance.percent(20) {
                    self.turn().await;
                }
            }
            // Not each time, so that more than one request full is there to be published.
            if self.chance.percent(60) {
                for _ in 0..KILLS_PUBLISHING.min(times - self.killed()) {
                    if !self.kill_publishing().await {
                        break;
                    }
                }
                self.recover().await;
            }
            self.turn().await;
        }
        self.recover().await;
        self.kills
    }

    fn killed(&self) -> usize {
        self.kills.values().sum()
    }

    async fn turn(&mut self) {
        self.truth.turn();
        self.serve().await;
    }

    async fn serve(&mut self) {
        for (path, body) in self.truth.pages() {
            self.workspace
                .write(&format!("sites/board/day-1/{path}"), &body);
        }
        self.workspace.serve_own("board").await;
    }

    async fn kill_loading(&mut self) -> bool {
        let after = self.chance.within(Duration::from_millis(900));
        // A transaction is short: every other time it is hit for certain.
        let soon = if self.chance.percent(50) {
            Duration::ZERO
        } else {
            self.chance.within(Duration::from_millis(60))
        };
        let (victim, moment, is_beside) = match self.chance.below(10) {
            0..5 => (Victim::Run, Moment::At(Stage::Load, soon), false),
            5 => (Victim::Run, Moment::After(after), false),
            6..8 => (Victim::Collector, Moment::At(Stage::Load, soon), true),
            _ => (Victim::Publisher, Moment::At(Stage::Publish, soon), true),
        };
        self.attempt(victim, moment, is_beside).await
    }

    async fn kill_publishing(&mut self) -> bool {
        let after = self.chance.within(Duration::from_millis(500));
        let soon = self.chance.within(Duration::from_millis(150));
        let (victim, moment, is_beside) = match self.chance.below(10) {
            0..4 => (Victim::Publisher, Moment::At(Stage::Publish, soon), false),
            4..6 => (Victim::Publisher, Moment::HalfPublished, false),
            6..8 => (Victim::Run, Moment::At(Stage::Publish, soon), false),
            8 => (Victim::Publisher, Moment::After(after), false),
            _ => (Victim::Publisher, Moment::At(Stage::Publish, soon), true),
        };
        self.attempt(victim, moment, is_beside).await
    }

    /// Starts a process, and another beside it that goes on to its end, and kills it; false where it was faster. Whatever
    /// became of it, nothing is lost and nothing twice.
    async fn attempt(&mut self, victim: Victim, moment: Moment, is_beside: bool) -> bool {
        let since = self.witness.now().await;
        let (own, others) = match victim {
            Victim::Run => (RUN, PUBLISH),
            Victim::Collector => (LOAD, PUBLISH),
            Victim::Publisher => (PUBLISH, LOAD),
        };
        let other = is_beside.then(|| self.workspace.start(others));
        let mut process = self.workspace.start(own);
        let pid = process.id().unwrap();
        let look = self
            .wait_for(moment, victim, &mut process, &Process { pid, since })
            .await;
        process.start_kill().unwrap();
        let output = process.wait_with_output().await.unwrap();
        let is_killed = output.status.signal() == Some(9);
        if is_killed {
            *self.kills.entry(victim.stage(look)).or_default() += 1;
        } else {
            assert_done(&output.into());
        }
        if let Some(other) = other {
            let ended = tokio::time::timeout(PATIENCE, other.wait_with_output()).await;
            assert_done(
                &ended
                    .expect("it hangs since the other was killed")
                    .unwrap()
                    .into(),
            );
        }
        self.judge().await;
        is_killed
    }

    /// Waits for the moment, or until the process has ended.
    async fn wait_for(
        &mut self,
        moment: Moment,
        victim: Victim,
        process: &mut Child,
        seen: &Process,
    ) -> Look {
        let (started, mut first) = (Instant::now(), None);
        let mut before = None;
        loop {
            let look = self.witness.look(seen).await;
            let Reach { head, acknowledged } = look.reach;
            let before = *before.get_or_insert(acknowledged);
            let is_there = match moment {
                Moment::After(time) => started.elapsed() >= time,
                Moment::At(stage, time) => {
                    if victim.stage(look) == stage {
                        first.get_or_insert_with(Instant::now);
                    }
                    first.is_some_and(|first: Instant| first.elapsed() >= time)
                }
                Moment::HalfPublished => before < acknowledged && acknowledged < head,
            };
            if is_there || process.try_wait().unwrap().is_some() {
                return look;
            }
            assert!(started.elapsed() < PATIENCE, "it hangs");
            sleep(BLINK).await;
        }
    }

    /// The store holds what is true, as far as it was told, and the index what the target has acknowledged.
    async fn judge(&mut self) {
        let store = self.witness.read().await;
        self.truth.judge(&store);
        let acknowledged = self.witness.acknowledged().await;
        Documents::of(&self.index)
            .await
            .assert_holds(&acknowledged, &store);
        self.witness.leave().await;
    }

    /// After the last recovery the store holds what is true, all of it, and the index what the store holds.
    async fn recover(&mut self) {
        // The first ends the run that died, with what it had read then; the second reads what has changed since.
        for _ in 0..2 {
            assert_done(&self.workspace.trendy(RUN).await);
        }
        let store = self.witness.read().await;
        self.truth.judge(&store);
        let untold = self.truth.untold();
        assert!(untold.is_empty(), "the store has not heard of {untold:?}");
        let counted = ["added", "updated", "closed", "reopened"].map(|op| self.truth.count(op));
        assert_eq!(self.witness.counted().await, (counted, 0));
        Documents::of(&self.index).await.assert_same(&store);
        self.verify().await;
        self.witness.leave().await;
    }

    /// The program says so too.
    async fn verify(&self) {
        assert_done(&self.workspace.trendy(&["index", "verify"]).await);
    }
}

impl Victim {
    const fn stage(self, look: Look) -> Stage {
        match self {
            Self::Run => look.of_run(),
            Self::Collector => look.of_collector(),
            Self::Publisher => look.of_publisher(),
        }
    }
}

#[track_caller]
fn assert_done(said: &Said) {
    assert_eq!(said.status, 0, "{said:#?}");
}
