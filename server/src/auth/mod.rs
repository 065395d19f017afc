//! Who makes a request: actors and the sessions of staff.

pub mod actor;
pub mod sessions;
