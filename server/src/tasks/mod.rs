//! Tasks (任务): addressed to a cell and a purpose, resolved to whoever is on duty there at that minute, resolved
//! again when that changes, and visibly nobody's when nobody is there.
//!
//! * [`rules`]: whose a task is, what an answer may do: plain functions over plain data.
//! * `assign`: issue, resolve, hand on, close; the post's mailbox follows.
//! * [`answers`]: what comes back from the field. `task`: the task in the database. `routes`: the operations.

pub(crate) mod assign;
pub mod compare;
pub(crate) mod routes;
pub mod rules;
pub(crate) mod task;

pub use assign::{cancel, issue, resolve, resolve_for_post};
pub use routes::{TaskView, routes};
pub use task::{Order, Task};
