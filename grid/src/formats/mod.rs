//! The file formats of surveying programs: Shapefile and GeoPackage. Both hold coordinates as floats, which are rounded
//! once to 1e-7 degree, like the text of GeoJSON.
//!
//! Attributes have the names of GeoJSON's properties: `code`, `stat`, `name`, `level`, `urban`, in any case.

mod by_name;
mod files;
mod geopackage;
mod rounding;
mod shapefile;

pub use by_name::read_path;
pub use files::FormatError;
