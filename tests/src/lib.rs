//! The only room that links both ends: what the stories, the demo and the benches share.
//!
//! [`pictures`] real photographs, cropped so that no two are equal; [`office`] staff at the centre, over the
//! HTTP API alone; [`city`] a city with its organisation, posts and grid, made through the same API;
//! [`demo`] the story of the demo.

#![allow(
    clippy::disallowed_methods,
    reason = "real processes, lines and benches run against the real clock"
)]

pub mod bench;
pub mod chance;
pub mod city;
pub mod demo;
pub mod handset;
pub mod judges;
pub mod line;
pub mod office;
pub mod pictures;
pub mod process;
pub mod small;
pub mod torture;
