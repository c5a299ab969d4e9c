use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a bar moves by itself, so that a slow host does not look like a hang.
const TICK: Duration = Duration::from_millis(200);

/// The bars of a process: one a pipeline, on a terminal only.
#[derive(Debug, Clone)]
pub struct ProgressBars(MultiProgress);

impl ProgressBars {
    /// Bars on stderr, or none where stderr is no terminal.
    pub fn on_terminal() -> Self {
        Self(MultiProgress::with_draw_target(ProgressDrawTarget::stderr()))
    }

    /// No bars.
    pub fn hidden() -> Self {
        Self(MultiProgress::with_draw_target(ProgressDrawTarget::hidden()))
    }

    /// A bar for a pipeline.
    ///
    /// # Panics
    /// Never: the template is constant and parses.
    pub fn of_pipeline(&self, pipeline: &str) -> Progress {
        let style =
            ProgressStyle::with_template("{spinner} {prefix:24} {pos:>6}/{len:<6} records  {msg}")
                .expect("a constant template that parses");
        let bar = self.0.add(
            ProgressBar::new(0)
                .with_style(style)
                .with_prefix(pipeline.to_owned()),
        );
        bar.enable_steady_tick(TICK);
        Progress { bar }
    }
}

/// How far one pipeline's run is.
#[derive(Debug, Clone)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A page of the list was read.
    pub fn page(&self) {
        self.bar
            .set_message(format!("{} found", self.bar.length().unwrap_or_default()));
    }

    /// The list named another entry.
    pub fn entry(&self) {
        self.bar.inc_length(1);
    }

    /// Records were loaded.
    pub fn records(&self, count: usize) {
        self.bar.inc(count as u64);
    }

    /// The run ended.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
