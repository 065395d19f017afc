//! Cases (案卷): from a report to its closing.
//!
//! The table of transitions is [`protocol::case::TRANSITIONS`]; nothing else says how a case may move, and
//! [`advance`] is the only function that moves one. Every change is an event in the case's hash-chained ledger
//! ([`ledger`]), nothing is ever deleted.
//!
//! * [`rules`]: guards, queues, flags, masking: plain functions over plain data.
//! * [`reports`]: what comes from the field (T1), its mending and taking back.
//! * `advance`: staff and field move a case (T2..T15), `request` does no request twice, `place` finds its cell.
//! * `file`, `photos`: the case and its photos in the database.
//! * [`view`]: what it looks like outside. `counts`: exact figures. `routes`: the operations.

mod advance;
mod counts;
mod file;
pub mod ledger;
pub mod photos;
mod place;
pub mod reports;
mod request;
mod routes;
pub mod rules;
pub mod view;

pub use advance::{Actor, Input, Registration, advance, register};
pub use counts::{Counts, StreamCount};
pub use file::{CaseFile, Source};
pub use place::find as find_place;
pub(crate) use request::{request_of, reused as request_reused};
pub use routes::routes;
pub use view::FlagName;
