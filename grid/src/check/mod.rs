//! The checker: the gate every grid has to pass before it is packed, real data as well as what we cut ourselves.
//!
//! It reads plain GeoJSON and knows nothing of the cutter. Whatever decides is integer arithmetic; floats only
//! measure areas and widths. A file may hold all four levels or only cells. With a county outline in the file the cells
//! have to cover it exactly; without one, gaps are the holes enclosed by cells.
//!
//! What it proves when it finds nothing: every ring is simple, no two cells share any ground, every border inside has
//! two owners with the same vertices, the cells cover the outline, children make up their parents, codes are unique
//! and nest.

mod codes;
mod cover;
pub(crate) mod finding;
mod limits;
mod rings;
mod run;

pub use finding::{Finding, FindingKind};
pub use limits::CheckLimits;
pub use run::{CheckReport, check, check_file};
