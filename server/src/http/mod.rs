//! Code that all routes share.
//!
//! * [`operation`]: routes with access rules. [`body`], `coding`: reading requests. [`problem`]: errors.
//! * [`client`]: the address of the client. `strangers`: who is not signed in. `edge`, [`limits`]: layers of every request.
//! * [`connections`], [`connection`]: which connections are open and which are cut.
//! * [`idempotency`]: named requests run once. [`range`]: files.

pub mod body;
pub mod client;
pub(crate) mod coding;
pub mod connection;
pub mod connections;
pub(crate) mod edge;
pub mod idempotency;
pub mod limits;
pub mod operation;
pub mod problem;
pub mod range;
pub(crate) mod strangers;
