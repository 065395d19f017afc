//! Deterministic simulation of days with faults: several handsets and a server, the real code of both, in one
//! process and on one thread, under a seeded clock, network, disk and schedule of crashes.
//!
//! A [`plan::DayPlan`] is one day, made by [`maker`]; [`world::run_plan`] runs it; [`judge`] checks the
//! invariants from outside, against what each handset told its user. A plan that breaks an invariant is
//! reduced by [`shrink`]. Only disk, clock, random numbers and network are simulated: [`disk`], [`clock`],
//! [`network`].
//!
//! SQLite has one random generator per process, so one process runs one day at a time.

// An index outside the simulator's own lists is a defect of the simulator and should panic; event handling
// reads better as one list of arms.
#![allow(
    clippy::indexing_slicing,
    clippy::collapsible_match,
    clippy::unusual_byte_groupings
)]

pub mod centre;
pub mod city_template;
pub mod clock;
pub mod closing;
pub mod command;
pub mod commits;
pub mod day;
pub mod disk;
pub mod ended_stream;
pub mod ends;
pub mod handset;
pub mod hunt;
pub mod judge;
pub mod line;
pub mod machines;
pub mod maker;
pub mod memory;
pub mod network;
pub mod newer_handset;
pub mod observer;
pub mod pictures;
pub mod plan;
pub mod rest;
pub mod server;
pub mod shrink;
pub mod users;
pub mod worker_actions;
pub mod world;
