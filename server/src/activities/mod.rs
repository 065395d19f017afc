//! Activity records (活动记录, SP-05, SP-15): a sports manager files one, a supervisor approves it or sends it
//! back with the reason, and a mended one is a new version of the same record.
//!
//! * [`rules`]: what a record must say, what may become of it: plain functions over plain data.
//! * `records`: the database and the author's mailbox. `months`: which district held what in which month.
//! * `routes`: the operations.

mod months;
pub(crate) mod records;
pub(crate) mod routes;
pub mod rules;

pub use records::{ActivityView, submit, withdraw};
