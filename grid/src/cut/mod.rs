//! Cutting a district into streets, communities and cells.
//!
//! The method is vertex-to-vertex chain cutting: a ring is cut in two by a chain that starts and ends at existing
//! vertices and gets all its own vertices when it is made, never a new one later. Both sides of every border hold the
//! same integer vertices by construction, so there is nothing to snap, no T-junction to mend, and holes cannot arise.
//!
//! Outlines are repaired first ([`repair`]). They are converted to WGS-84 once, where they are read; everything behind
//! that is WGS-84, and the metadata keep the datum they came in.
//!
//! The borders are ours, not surveyed: names from the list are real, their places are not. [`Metadata`] says so.
//!
//! Floating point serves only to choose and to convert the datum, and uses nothing but `+ - * /`, roots and rounding, so
//! the same input gives the same bytes on every machine.

mod error;
mod numbering;
mod outline;
mod plan;
mod region;
mod source;
mod split;
mod store;

pub use error::CutError;
pub use numbering::Numbering;
pub use outline::{DistrictOutline, RawOutline, repair};
pub use plan::{Measures, cut_outline};
pub use region::{CutDistrict, CutOptions, Region};
pub use source::{CommunityUnit, CountyUnits, Divisions, StreetUnits, read_outlines};
