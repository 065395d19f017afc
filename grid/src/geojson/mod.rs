//! GeoJSON input and output (RFC 7946, WGS-84): the exchange format between cutter, check, packer and other tools.
//!
//! Written files contain `metadata` beside the features: which borders are surveyed and which are generated, the
//! datum of the source, and which zones are absent. Files of any program can be read: coordinates are parsed from
//! their text without floats, rounded once to 1e-7 degree, and the rounded ones are counted.
//!
//! * `file`: the types, and writing. `read`: any FeatureCollection. `positions`: coordinates from their text.

mod file;
mod positions;
mod read;

pub use file::{Absent, GridFeature, Metadata, write};
pub use read::{GeoJsonError, read};
