//! Rebuilds the crate when a shipped file is added or removed: `include_dir!` notices neither.

#![expect(
    clippy::print_stdout,
    reason = "a build script speaks to cargo on stdout"
)]

fn main() {
    for directory in ["fixtures", "pipelines", "schedules"] {
        println!("cargo:rerun-if-changed={directory}");
    }
}
