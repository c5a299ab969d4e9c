//! The `trendy` command: parses, dispatches, and turns what happened into an exit code.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
