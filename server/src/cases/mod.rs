//! Cases (案卷): from a report to its closing.
//!
//! The table of transitions is [`protocol::case::TRANSITIONS`]; nothing else says how a case may move, and
//! [`advance`] is the only function that moves one. Every change is an event in the case's hash-chained ledger
//! ([`ledger`]), nothing is ever deleted.
//!
//! * [`rules`]: guards, queues, flags, masking: plain functions over plain data.
//! * [`reports`]: what comes from the field (T1), its mending and taking back.
//! * `advance`: staff and field move a case (T2..T15), `repeat` does no request twice.
//! * [`answers`]: answers from the field (T3, T13) close their task and move its case.
//! * `file`, `photos`: the case and its photos in the database.
//! * [`view`]: what it looks like outside. `counts`: exact figures. `routes`: the operations.

mod advance;
pub mod answers;
mod counts;
pub(crate) mod file;
pub mod ledger;
pub mod photos;
pub(crate) mod repeat;
pub mod reports;
pub(crate) mod routes;
pub mod rules;
pub mod view;

pub use crate::entries::flags::FlagName;
pub use advance::{Actor, Input, Registration, advance, register};
pub use counts::{Counts, StreamCount};
pub use file::{CaseFile, Source};
