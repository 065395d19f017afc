//! Authentication: staff with a session, streams with a token.
//!
//! * [`actor`]: the two kinds of actor and their permissions. [`sessions`]: staff. [`field_tokens`]: streams.
//! * [`codes`]: one-time codes of enrolment.

pub mod actor;
pub mod codes;
pub mod field_tokens;
pub mod sessions;
