//! The command line `xunge`: the handset's core for people and scripts.
//!
//! Every command gives a text for people, a document for scripts, and an exit code. This room contains no
//! rule: it reads arguments, calls [`crate::terminal::Terminal`], and formats the result.

mod args;
mod cells;
mod commands;
mod documents;
mod filing;
mod history;
mod listing;
mod months;
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
