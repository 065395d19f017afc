//! Entries in custody, as every room may read them: row, reading and the mark of a stream.

pub mod mark;
pub mod reading;
pub mod row;
