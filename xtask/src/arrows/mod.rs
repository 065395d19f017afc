//! `cargo xtask arrows`: who may depend on whom.
//!
//! Three checks. Crates: which member may link which ([`crates`]). Rooms: the order of the top-level modules inside
//! `server` and `terminal-core`, and cycles between the files of every crate ([`rooms`], order in [`order`]). Tables: a
//! table of the server's database is written by one room ([`tables`]).
//!
//! The sources are read as tokens (`crate::tokens`), not compiled: the check works on a tree that does not compile.
//! Paths that a macro puts together and trait methods that are called without an import are not seen.

mod crates;
mod graph;
mod order;
mod parse;
mod resolve;
mod rooms;
mod run;
mod source;
mod tables;

pub use run::run;
