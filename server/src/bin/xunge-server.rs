//! The `xunge-server` command line.

fn main() {}
