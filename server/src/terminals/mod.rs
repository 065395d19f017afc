//! Terminals, their streams and how they show who they are (enrolment, challenge, token, revocation),
//! and the keys that parcels are sealed to.
//!
//! * [`enrol`], [`tokens`]: from a one-time code to a token. `placeholder`: rows for a person and a post that a
//!   restored backup does not know. [`admin`]: terminals issued, bound, revoked, wiped. [`parcel_keys`]: keys.

pub mod admin;
pub mod enrol;
pub mod parcel_keys;
mod placeholder;
pub(crate) mod routes;
pub mod tokens;
