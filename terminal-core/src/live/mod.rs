//! Contact with the server: one sync on request (`Terminal::sync_now`), or continuously (`Terminal::watch`).
//! One connection and one token serve all syncs of a process.

pub(crate) mod due;
pub(crate) mod handset;
pub(crate) mod observe;
pub(crate) mod schedule;
pub(crate) mod sync_now;
pub(crate) mod watch;

pub use handset::{HandsetEvent, OtherSync};
pub use observe::{ChangeFeed, HandsetChanges, Subscription};
pub use sync_now::{DataUse, held, held_reason};
pub use watch::WatchEvent;
