//! Rebuilds the crate when a shipped file is added or removed: `include_dir!` notices neither.

fn main() {
    for directory in ["fixtures", "pipelines", "presets", "schedules"] {
        println!("cargo:rerun-if-changed={directory}");
    }
}
