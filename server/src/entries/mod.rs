//! Entries in custody, as every room may read them.
//!
//! * [`row`]: the entry in the database. [`reading`]: what can be read of its bytes. [`mark`]: how complete a stream is.
//! * [`taken`]: an entry as the room of its kind gets it. [`flags`]: what is odd about it.

pub mod flags;
pub mod mark;
pub mod reading;
pub mod row;
pub mod taken;
