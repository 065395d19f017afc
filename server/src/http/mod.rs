//! What every route shares: how it is added, who calls it, how its errors look.

pub mod actor;
pub mod body;
pub(crate) mod coding;
pub mod description;
mod edge;
pub(crate) mod health;
pub mod limits;
pub mod operation;
pub mod problem;
pub mod server;
