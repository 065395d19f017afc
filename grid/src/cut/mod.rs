//! Cutting a district into streets, communities and cells.
//!
//! The method is vertex-to-vertex chain cutting: a chain that starts and ends at existing vertices cuts a ring in
//! two. A chain gets all its vertices when it is created and none later. Both sides of every border therefore contain
//! the same integer vertices, so that no snapping is needed, and T-junctions and holes cannot occur.
//!
//! Outlines are repaired first ([`repair`]). They are converted to WGS-84 once, where they are read; all later stages
//! use WGS-84, and the metadata keep the datum of the source.
//!
//! The borders are generated, not surveyed: names from the list are real, their positions are not. [`Metadata`]
//! states so.
//!
//! Floating point serves only to choose cuts and to convert the datum, and uses only `+ - * /`, roots and rounding,
//! so that the same input gives the same bytes on every machine.

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
