//! The core for the apps of Android and iOS: `terminal-core` by uniffi, for Kotlin and Swift alike.
//!
//! Newtypes and methods of one line. There is no logic here: what an app needs is decided in the core, so that both apps
//! do the same. Every call blocks and may be made from any thread but the screen's; long ones take a cancel token.
//! Listeners are called on threads of the core, never after they ended, and one that throws harms nobody.
//!
//! `cargo xtask bindings` generates both languages. Nothing generated is committed.

#[macro_use]
mod macros;

mod drafts;
mod errors;
mod handset;
mod history;
mod listeners;
mod log;
mod phone;
mod place;
mod platform;
mod queue;
mod settings;
mod sync;
mod tasks;
mod today;
mod types;
mod words;

uniffi::setup_scaffolding!("xunge_core");

/// The version of the core.
#[uniffi::export]
pub fn core_version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
