//! A simulation of many days of bad luck: several handsets and a server, the real code of both, in one process and on
//! one thread, under a seeded clock, network, disk and schedule of deaths.
//!
//! A [`plan::Plan`] is a day, made by [`maker`]; [`world::live`] lives through it; the [`judge`] stands outside and remembers what the
//! handsets told their users. What breaks is a plan again, and [`shrink`] makes it small. Of the machines only the
//! disk, the clock, the chance and the line are not real: [`disk`], [`clock`], [`network`].
//!
//! SQLite's own chance is one for the process, so one process lives one day at a time.

// A schedule that reaches past its own lists is a defect of the simulator, and it stops there; a group of acts reads
// better as a list of arms.
#![allow(
    clippy::indexing_slicing,
    clippy::collapsible_match,
    clippy::unusual_byte_groupings
)]

pub mod centre;
pub mod clock;
pub mod command;
pub mod day;
pub mod disk;
pub mod ends;
pub mod former;
pub mod hands;
pub mod handset;
pub mod hunt;
pub mod judge;
pub mod line;
pub mod machines;
pub mod maker;
pub mod memory;
pub mod network;
pub mod newcomer;
pub mod pictures;
pub mod plan;
pub mod rest;
pub mod server;
pub mod shrink;
pub mod town;
pub mod users;
pub mod world;
