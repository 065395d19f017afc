//! What every route shares.
//!
//! * [`operation`]: how a route is added, and who may call it. [`body`], `coding`: requests read. [`problem`]: errors.
//! * `edge`, [`limits`]: around every request. [`idempotency`]: a named request is done once. [`range`]: files.

pub mod body;
pub(crate) mod coding;
pub(crate) mod edge;
pub mod idempotency;
pub mod limits;
pub mod operation;
pub mod problem;
pub mod range;
