//! The server of Xunge: it takes what handsets send, runs the case from report to closing, and sends tasks
//! back to whoever is on duty in the cell.
//!
//! A folder per domain word, each with its rules (plain functions over plain data), its SQL and its routes
//! side by side. [`http`] holds only what every route shares, [`store`] the two database engines, [`app`] what
//! a running server is made of. Every route states who may call it where it is added
//! ([`http::operation::Operations`]); there is no other way to add one.

pub mod store;

pub mod kernel;

pub mod entries;

pub mod app;

pub mod auth;

pub mod http;

pub mod activities;
pub mod cases;
pub mod duty;
pub mod feed;
pub mod grids;
pub mod intake;
pub mod people;
pub mod photos;
pub mod tasks;
pub mod terminals;

pub mod service;

pub mod cli;
