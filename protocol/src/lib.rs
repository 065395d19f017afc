//! The shared vocabulary of server and handset: ids, codes, states, wire messages, problem codes, working calendar.
//!
//! Data types and pure functions over them: no I/O, no async, no SQL, no clock. Handsets may run an old version of
//! this crate for months, so a type changes only by addition: unknown fields are preserved, unknown kinds and values
//! are kept unchanged (`Other`), and every wire type has a snapshot test (`tests/wire.rs`).

pub mod area;
pub mod boot_time;
pub mod calendar;
pub mod case;
pub mod codes;
pub mod coding;
pub mod duty;
pub mod entry;
pub mod evidence;
pub mod feed;
pub mod field;
pub mod geo;
pub mod ids;
pub mod manifest;
pub mod open;
pub mod parcel;
pub mod payload;
pub mod photo;
pub mod problem;
pub mod push;
pub mod role;
pub mod sabotage;
pub mod sign;
pub mod text;
pub mod time;
pub mod unlock;

/// Wire version of this crate; written to every entry and envelope as `v`.
pub const WIRE_VERSION: u16 = 1;
