//! The running service.
//!
//! * [`rooms`]: the one list of what is mounted. [`reactions`]: what follows a change.
//! * [`backup`]: a copy of everything while the server runs.
//! * [`router`]: the routes with what surrounds every request.
//! * [`jobs`]: background jobs. [`openapi`], `health`: for those who use and run it.
//! * [`run`]: from options to the end of the server. [`tls`], [`own_certificate`], [`seal_source`], `store_id`,
//!   [`start_error`], [`tls_error`]: its start.

pub mod backup;
pub(crate) mod health;
pub mod jobs;
pub mod openapi;
pub mod own_certificate;
mod private_files;
pub mod reactions;
pub mod rooms;
pub mod router;
pub mod run;
pub mod seal_source;
pub mod start_error;
mod store_id;
pub mod tls;
pub mod tls_error;
