//! Puts right what ordinary programs write and what changes no border by more than a stated tolerance.
//!
//! * [`snap`]: vertices of different areas that are closer than the tolerance become one vertex.
//! * [`junctions`]: a vertex of one area that lies on a border of another (a T-junction) becomes a vertex of both.
//!
//! Only vertices of borders that do not match are looked at, so a file whose borders match is left as it is. The check
//! follows and judges the result with exact integers; a difference above the tolerance stays a fault.

mod junctions;
mod near;
mod repaired;
mod run;
mod snap;
mod unmatched;

pub(crate) use run::repair;
