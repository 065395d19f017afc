//! How a terminal speaks to its server: once, when somebody asks (`Terminal::sync_now`), or by itself for as long as
//! it is let (`Terminal::watch`). One connection and one token serve all syncs of a process.

pub(crate) mod schedule;
pub(crate) mod sync_now;
pub(crate) mod watch;

pub use sync_now::{DataUse, held};
pub use watch::WatchEvent;
