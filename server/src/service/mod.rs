//! The running service: routes under one router, background jobs, start and stop, TLS, health.

pub(crate) mod health;
pub mod jobs;
pub mod openapi;
pub mod router;
pub mod run;
mod store_id;
pub mod tls;
