//! Errors of cutting a district.

use protocol::codes::CountyCode;

use crate::geojson::GeoJsonError;

/// Why a district was not cut.
#[derive(Debug, thiserror::Error)]
pub enum CutError {
    /// The outlines are not GeoJSON.
    #[error(transparent)]
    GeoJson(#[from] GeoJsonError),
    /// The list of units cannot be read.
    #[error("the list of divisions cannot be read: {0}")]
    Divisions(serde_json::Error),
    /// A statistics code that is not of its scheme or not under its parent.
    #[error("{0:?} is not a statistics code under its parent")]
    StatisticsCode(String),
    /// An outline that cannot be repaired.
    #[error("outline {0}: {1}")]
    Outline(String, String),
    /// No outline, or no list, for this county.
    #[error("county {0} has no outline or is not in the list")]
    UnknownCounty(CountyCode),
    /// The numbering table contradicts itself or is full.
    #[error("numbering: {0}")]
    Numbering(String),
    /// No valid cut was found.
    #[error("no valid cut: {0}")]
    NoCut(String),
}

impl CutError {
    /// Returns the stable dotted code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::GeoJson(_) => "grid.cut.geojson",
            Self::Divisions(_) => "grid.cut.divisions",
            Self::StatisticsCode(_) => "grid.cut.statistics_code",
            Self::Outline(..) => "grid.cut.outline",
            Self::UnknownCounty(_) => "grid.cut.unknown_county",
            Self::Numbering(_) => "grid.cut.numbering",
            Self::NoCut(_) => "grid.cut.no_cut",
        }
    }
}
