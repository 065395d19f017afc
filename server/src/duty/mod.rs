//! Duty by presence: a check-in (签到) puts its author on duty, a check-out or the shift's end takes him off.
//!
//! Who is on duty in a cell at this minute is asked in one place, [`on_duty`]. Today that is: present, and
//! holder of a post whose area holds the cell. The roster and leave (SP-10, DC-06, DC-07) will narrow it there,
//! and nobody who asks has to change.
//!
//! * [`rules`]: what a check-in and a check-out do, as plain functions.
//! * `presence`: the database, the mailbox, the sweeper. `routes`: who is on duty.

pub(crate) mod presence;
pub(crate) mod routes;
pub mod rules;

pub use presence::{
    check_in, check_out, contact, end, end_expired, on_duty, relieved, stream_revoked, sweep, was_on_duty,
};
pub use routes::OnDuty;
