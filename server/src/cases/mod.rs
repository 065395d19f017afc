//! Cases (案卷): from a report to its closing.
//!
//! The table of transitions is [`protocol::case::TRANSITIONS`]; no other code defines how a case may move, and
//! [`advance`] is the only function that moves one. Every change is an event in the case's hash-chained ledger
//! ([`ledger`]); nothing is deleted.
//!
//! * [`rules`]: guards, bounds, queues, flags: pure functions.
//! * `advance`: staff and field move a case (T3..T15, X23); `register`: a citizen's report (T2); [`reports`]: reports
//!   from the field (T1) and their revision; [`withdrawal`]: their withdrawal (X23); [`answers`]: answers from the field
//!   (T3, T13) close their task and move its case. `late`: what
//!   comes too late. `input`: the actor and the input. `repeat` recognises repeated requests.
//! * `authority`: who may do an action. `apply`: interprets a row of the table: fields, guards, effects. `history`:
//!   queries on the ledger.
//! * `file`, `photos`, `departments`: the case, its photos and the handling departments in the database.
//! * [`view`]: a case as staff see it, [`shape`]: the same as data, `reader`: who may know what; `personal`: personal data
//!   in its texts; [`allowed`]: the actions possible now. `counts`: exact counts. `routes`: the operations.
//!   [`retention`]: how long authors see closed cases. [`deadlines`]: provisional deadlines once the calendar is known.

mod advance;
pub mod allowed;
pub mod answers;
mod apply;
mod attached;
mod authority;
mod counts;
pub mod deadlines;
mod departments;
pub(crate) mod file;
pub mod fix;
mod history;
mod input;
mod late;
pub mod ledger;
mod personal;
pub mod photos;
mod reader;
mod register;
pub(crate) mod repeat;
pub mod reports;
pub mod retention;
pub(crate) mod routes;
pub mod rules;
pub mod shape;
pub mod view;
pub mod withdrawal;

pub use crate::entries::flags::FlagName;
pub use advance::advance;
pub use counts::{Counts, StreamCount};
pub use file::{CaseFile, CaseSource};
pub use input::{Actor, Input};
