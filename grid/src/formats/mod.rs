//! The file formats of surveying programs: Shapefile and GeoPackage. Both hold coordinates as floats, which are rounded
//! once to 1e-7 degree, like the text of GeoJSON.
//!
//! Attributes have the names of GeoJSON's properties: `code`, `stat`, `name`, `level`, `urban`, in any case.

mod geopackage;
mod rounding;
mod shapefile;

use std::path::{Path, PathBuf};

use crate::geojson::GeoJsonError;
use crate::import::{Source, read_bytes};

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// Reading the file, or one that belongs to it, failed.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] std::io::Error),
    /// Not GeoJSON.
    #[error(transparent)]
    GeoJson(#[from] GeoJsonError),
    /// A Shapefile that cannot be read.
    #[error("the Shapefile cannot be read: {0}")]
    Shapefile(String),
    /// The encoding of the attributes is not one that is read, or their bytes are not in it.
    #[error(
        "the attributes are not in {0}, which the .cpg file or the header states; save them as UTF-8 or GBK"
    )]
    Encoding(String),
    /// A GeoPackage that cannot be read.
    #[error("the GeoPackage cannot be read: {0}")]
    GeoPackage(#[from] rusqlite::Error),
    /// Not exactly one layer has the attribute `code`.
    #[error("{0} layers have an attribute code ({1}); exactly one must")]
    Layers(usize, String),
}

impl FormatError {
    /// Returns the stable dotted code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Io(..) => "grid.io",
            Self::GeoJson(_) => "grid.check.geojson",
            Self::Shapefile(_) => "grid.format.shapefile",
            Self::Encoding(_) => "grid.format.encoding",
            Self::GeoPackage(_) => "grid.format.geopackage",
            Self::Layers(..) => "grid.format.layers",
        }
    }
}

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

fn read(path: &Path) -> Result<Vec<u8>, FormatError> {
    std::fs::read(path).map_err(|e| FormatError::Io(path.to_owned(), e))
}

/// Reads a file that may be missing.
fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, FormatError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(FormatError::Io(path.to_owned(), e)),
    }
}
