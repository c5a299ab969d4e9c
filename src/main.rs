//! The `trendy` command.

fn main() {}
