//! Inspections (核查 asked for by supervisors): questions to the field that may name a case and a photo of it.
//!
//! A room above `cases`, because a question may show a photo of a case; the task itself belongs to `tasks`.

pub(crate) mod routes;
