//! The check before import: a faulty file is refused with the right finding at the right position, and a valid file,
//! cut by this program or by another, passes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    // One test bounds the time of a refusal.
    clippy::disallowed_methods
)]
#![cfg(feature = "tools")]

mod common;
mod faults;
mod field;
mod foreign;
mod import;
