//! The only crate that links both ends. It holds what the stories, the demo, the judges, the torture run and
//! the benches share.
//!
//! [`process`] runs a real server process; [`handset`] a real handset; [`staff_api`] staff at the centre, over
//! the HTTP API only; [`city`] and [`small`] set up a city with organisation, posts and grid through the same
//! API; [`line`] is a proxy that injects network faults; [`pictures`] gives photographs of which no two files
//! are equal; [`demo`] is the demo; [`rig`] is a server for tests in other languages, with [`desks`] at its centre.

#![allow(
    clippy::disallowed_methods,
    reason = "real processes, lines and benches run against the real clock"
)]

pub mod bench;
pub mod city;
pub mod demo;
pub mod desks;
pub mod handset;
pub mod judges;
pub mod line;
pub mod pictures;
pub mod process;
pub mod random;
pub mod rig;
pub mod small;
pub mod staff_api;
pub mod torture;
