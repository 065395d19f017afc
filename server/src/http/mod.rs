//! What every route shares: how it is added, who calls it, how its errors look.

pub mod body;
pub(crate) mod coding;
pub(crate) mod edge;
pub mod limits;
pub mod operation;
pub mod problem;
pub mod range;
