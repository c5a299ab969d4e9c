//! What a run tells while it goes: progress on a terminal, logs for everyone else. Both go to stderr; stdout is data.

mod logs;
mod progress;

pub use logs::{LogFormat, init as init_logs};
pub use progress::{Progress, ProgressBars};
