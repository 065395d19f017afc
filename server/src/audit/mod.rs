//! The audit log as auditors read it (DC-05, SP-06). Every room writes it ([`crate::app::audit`]); this room reads it,
//! and notes each reading.
//!
//! * [`log`]: filters, reach and rows. `routes`: the operation. The command `xunge-server audit log` reads the same rows.

pub mod log;
pub(crate) mod routes;
