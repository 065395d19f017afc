//! The language both ends of Xunge share: ids, codes, states, wire messages, problem codes, work calendar.
//!
//! Pure data and plain functions over it: no I/O, no async, no SQL, no clock. What is here is on handsets
//! that cannot be updated for months, so a type changes only by adding: unknown fields survive, unknown kinds
//! and values are kept as they came (`Other`), and every wire type stands under a snapshot test
//! (`tests/wire.rs`).

pub mod area;
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
pub mod time;

/// Version of the wire that this crate speaks; it stands in every entry and envelope as `v`.
pub const WIRE_VERSION: u16 = 1;
