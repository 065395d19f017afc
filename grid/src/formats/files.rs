//! Files and why they cannot be read.

use std::path::{Path, PathBuf};

use crate::geojson::GeoJsonError;

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

/// Reads a whole file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, FormatError> {
    std::fs::read(path).map_err(|e| FormatError::Io(path.to_owned(), e))
}

/// Reads a file that may be missing.
pub(super) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, FormatError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(FormatError::Io(path.to_owned(), e)),
    }
}
