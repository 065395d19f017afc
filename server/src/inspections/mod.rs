//! Inspections (督导核验): a supervisor asks a question that a person on duty answers on the spot. The question may refer
//! to a case and one of its photos.
//!
//! The room is above `cases` because it reads the photos of a case. The room `tasks` owns the task itself.

pub(crate) mod routes;
