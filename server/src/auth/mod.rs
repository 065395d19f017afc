//! Who makes a request: staff with a session, or a stream with a token.
//!
//! * [`actor`]: the two kinds of actor and what they may do where. [`sessions`]: staff. [`field_tokens`]: streams.
//! * [`codes`]: one-time codes of enrolment.

pub mod actor;
pub mod codes;
pub mod field_tokens;
pub mod sessions;
