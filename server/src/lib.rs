//! The server of Xunge: it takes what handsets send, runs the case from report to closing, and sends tasks
//! back to whoever is on duty in the cell.
//!
//! A folder per domain word, a room, each with its rules (plain functions over plain data), its SQL and its
//! routes side by side. Rooms stand in the order below, and a room calls only rooms that this list names before it. What
//! happened is said with [`app::ctx::Ctx::changed`] and followed in `service/reactions.rs`. A room's `mod.rs` holds
//! its documentation and its names for other crates; inside this crate an import names the file that defines a thing.
//!
//! Every route states who may call it where it is added ([`http::operation::Operations`]); there is no other way to
//! add one.

pub mod store;

pub mod kernel;

pub mod entries;

pub mod app;

pub mod auth;

pub mod http;

pub mod people;

pub mod audit;

pub mod photos;

pub mod grids;

pub mod terminals;

pub mod duty;

pub mod feed;

pub mod activities;

pub mod tasks;

pub mod cases;

pub mod inspections;

pub mod intake;

pub mod service;

pub mod cli;
