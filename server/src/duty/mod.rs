//! Duty by presence: a check-in (签到) begins it, a check-out (签退) or the shift's end ends it.
//!
//! * [`on_duty`]: who is on duty now, the one definition and everything that asks it.
//! * [`presence_rules`]: what a check-in and a check-out do, as plain functions.
//! * `presence`: presences in the database, the author's mailbox, the sweep. `routes`: the operation.

pub mod on_duty;
pub(crate) mod presence;
pub mod presence_rules;
pub(crate) mod routes;

pub use on_duty::OnDuty;
pub use presence::{
    check_in, check_out, contact, end, end_expired, relieved, stream_revoked, sweep, was_on_duty,
};
