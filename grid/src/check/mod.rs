//! The check that every grid must pass before it is packed, whether real data or cut by this program.
//!
//! It reads plain GeoJSON and does not depend on the cutter. Every decision uses integer arithmetic; floats only
//! measure areas and widths. A file may contain all four levels or only cells. With a county outline in the file the
//! cells must cover it exactly; without one, gaps are the holes enclosed by cells.
//!
//! An empty report proves: every ring is simple, no two cells overlap, every inner border has two owners with the
//! same vertices, the cells cover the outline, children add up to their parents, codes are unique and nest.

mod codes;
mod cover;
pub(crate) mod finding;
mod limits;
mod rings;
mod run;

pub use finding::{Finding, FindingKind};
pub use limits::CheckLimits;
pub use run::{CheckReport, check, check_file};
