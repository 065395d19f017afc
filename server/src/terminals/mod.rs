//! Terminals, their streams and how a stream authenticates (enrolment, challenge, token, revocation), and the keys
//! that parcels are sealed to.
//!
//! * [`enrol`], [`tokens`]: from a one-time code to a token. [`streams`]: the table of streams.
//! * [`admin`]: terminals issued, bound, revoked, wiped. [`parcel_keys`]: the keys. `routes`: the operations.

pub mod admin;
pub mod enrol;
pub mod parcel_keys;
pub(crate) mod routes;
pub mod streams;
pub mod tokens;
