//! Entries in custody, for all rooms to read.
//!
//! * [`row`]: the entry in the database. [`reading`]: parses its bytes. [`mark`]: how complete a stream is.
//! * [`boot_time`]: what is known of the true time in each boot of a stream.
//! * [`taken`]: an entry as passed to the room of its kind; [`reviewer`]: who accepted it, if it was in the review queue.
//! * [`flags`]: doubts about an entry.

pub mod boot_time;
pub mod flags;
pub mod mark;
pub mod reading;
pub mod reviewer;
pub mod row;
pub mod taken;
