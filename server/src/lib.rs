//! server

pub mod store;
