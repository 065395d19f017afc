//! The reader of a file, by its name.

use std::path::Path;

use super::files::{FormatError, read};
use super::{geopackage, shapefile};
use crate::import::{Source, read_bytes};

/// Reads a file by its name: `.shp` with its `.dbf`, `.prj` and `.cpg` beside it, `.gpkg`, or GeoJSON.
///
/// # Errors
/// The format, the encoding, or the file system.
pub fn read_path(path: &Path) -> Result<Source, FormatError> {
    let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    let bytes = read(path)?;
    let file = match ending.as_deref() {
        Some("shp") => shapefile::read(path, &bytes)?,
        Some("gpkg") => geopackage::read(path)?,
        _ => return Ok(read_bytes(&bytes)?),
    };
    Ok(Source::new(file, &bytes))
}
