//! Inspections (核查): supervisors ask the field questions, which may name a case and one of its photos.
//!
//! The room is above `cases` because it reads a case's photos; the task itself belongs to `tasks`.

pub(crate) mod routes;
