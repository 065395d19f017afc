//! Activity records (活动记录, SP-05, SP-15): a sports manager files one, a supervisor approves it or returns it with a
//! reason, and a revised one is a new version of the same record.
//!
//! * [`rules`]: required content and state changes, as plain functions over plain data.
//! * `records`: the database and the author's mailbox. `months`: activities per district and month.
//! * `routes`: the operations. [`retention`]: how long authors see approved records.

mod months;
pub(crate) mod records;
pub mod retention;
pub(crate) mod routes;
pub mod rules;

pub use records::{ActivityView, submit, withdraw};
