//! What every route shares: how it is added, who calls it, how its errors look.

pub mod actor;
pub mod body;
pub mod operation;
pub mod problem;
pub mod server;
