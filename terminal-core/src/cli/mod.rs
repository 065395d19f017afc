//! The command line `xunge`: the handset's core for a terminal's screen and for machines.
//!
//! Every command says one thing: a text for people, a document for machines, an exit code. Nothing here knows
//! a rule; it reads arguments, calls [`crate::terminal::Terminal`], and puts the answer into words.

mod args;
mod commands;
mod documents;
mod filing;
mod listing;
mod network;
mod open;
mod pending;
mod program;
mod said;
mod screen;
mod surroundings;
mod sync;
mod table;
mod text;

pub use program::main;
