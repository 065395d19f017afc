//! Tasks (任务): addressed to a cell and a purpose, resolved to whoever is on duty there at that minute, resolved
//! again when that changes, and visibly nobody's when nobody is there.
//!
//! * [`rules`]: whose a task is, what an answer may do: plain functions over plain data.
//! * `assign`: issue, resolve, hand on, close; the post's mailbox follows.
//! * `task`: the task in the database. [`compare`]: photos that a terminal may fetch. `routes`: the operations.
//!
//! What comes back from the field moves a case, so it is in `cases/answers.rs`.

pub(crate) mod assign;
pub mod compare;
pub(crate) mod routes;
pub mod rules;
pub(crate) mod task;

pub use assign::{cancel, issue, resolve, resolve_for_post};
pub use routes::TaskView;
pub use task::{Order, Task};
