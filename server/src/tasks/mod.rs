//! Tasks (任务): a task names a cell and a purpose. It is assigned to a person on duty in the cell, assigned again when
//! duty changes, and has the state `nobody` while no such person exists.
//!
//! * [`rules`]: choice of the holder, effect of an answer, as plain functions over plain data.
//! * `assign`: issue, resolve, pass on, close, with the post's mailbox.
//! * [`doubts`]: what is doubtful about an answer.
//! * `task`: the tables `task` and `task_lease`. [`compare`]: photos that a terminal may fetch. `privacy`:
//!   what a handset is shown. `routes`: the operations.
//!
//! Answers from the field are in `cases/answers.rs`, because they move cases.

pub(crate) mod assign;
pub mod compare;
pub mod doubts;
pub mod privacy;
pub(crate) mod routes;
pub mod rules;
pub(crate) mod task;

pub use assign::{cancel, issue, resolve, resolve_for_post};
pub use routes::TaskView;
pub use task::{Order, Task};
