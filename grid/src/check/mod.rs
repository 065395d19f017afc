//! The check that every grid must pass before it is packed, whether real data or cut by this program.
//!
//! It reads plain GeoJSON and does not depend on the cutter. Every decision uses integer arithmetic; floats only
//! measure areas and widths. A file may contain all four levels or only cells. With a county outline in the file the
//! cells must cover it exactly; without one, gaps are the holes enclosed by cells, and parts of the grid that lie close
//! together without a common border.
//!
//! Before the check, extents are bounded, the datum is decided ([`crate::source`]), and what differs between programs
//! by less than a stated tolerance is put right and counted.
//!
//! An empty report proves: every ring is simple, no two cells overlap, every inner border has two owners with the
//! same vertices, the cells cover the outline, children add up to their parents, codes are unique and nest.

mod bounds;
mod codes;
mod cover;
mod crossings;
pub(crate) mod figures;
pub(crate) mod finding;
pub(crate) mod left_over;
mod limits;
mod owners;
mod parts;
mod rings;
mod run;

pub use finding::{Finding, FindingKind};
pub use limits::CheckLimits;
pub use run::{CheckReport, check, check_file, check_pack};
