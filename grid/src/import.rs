//! Checks a GeoJSON file and packs it.

use std::collections::BTreeSet;

use protocol::codes::{CellCode, GridVersion};
use protocol::geo::Datum;
use sha2::{Digest, Sha256};

use crate::check::{CheckLimits, CheckReport, check_file};
use crate::geojson::{GeoJsonError, GridFeature, Metadata, read};
use crate::level::Level;
use crate::pack::{PackInput, PackMeta, PackUnit, UnitLevel, WriteError, write};

/// Why a GeoJSON file did not become a pack.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Not GeoJSON.
    #[error(transparent)]
    GeoJson(#[from] GeoJsonError),
    /// The check found faults; the file is not packed until they are corrected.
    #[error("the grid has {} faults; the first: {}", .0.findings.len() + .0.unlisted, first(.0))]
    Refused(Box<CheckReport>),
    /// The file states no grid version and none was given.
    #[error("the file names no grid version; give one")]
    NoVersion,
    /// The packer refused.
    #[error(transparent)]
    Write(#[from] WriteError),
}

fn first(report: &CheckReport) -> String {
    report.findings.first().map_or_else(String::new, |f| {
        format!("{} {} {}", f.kind.code(), f.codes.join(","), f.detail)
    })
}

impl ImportError {
    /// Returns the stable dotted code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::GeoJson(_) => "grid.import.geojson",
            Self::Refused(_) => "grid.import.refused",
            Self::NoVersion => "grid.import.no_version",
            Self::Write(_) => "grid.import.write",
        }
    }
}

/// Checks the text and packs it. A file of this program states its version and datums in `metadata`. For any other
/// file the datum is WGS-84 by RFC 7946, its borders are `as given`, and `grid_version` is required.
pub fn pack_geojson(
    text: &str,
    grid_version: Option<GridVersion>,
    limits: &CheckLimits,
) -> Result<Vec<u8>, ImportError> {
    let mut file = read(text)?;
    let metadata = file
        .metadata
        .clone()
        .and_then(|m| serde_json::from_value::<Metadata>(m).ok());
    let areas: Vec<GridFeature> = file.areas.iter().map(|a| a.area.clone()).collect();
    file.metadata = None;
    let report = check_file(file, limits);
    if !report.is_valid() {
        return Err(ImportError::Refused(Box::new(report)));
    }
    let grid_version = grid_version
        .or_else(|| metadata.as_ref().map(|m| m.grid_version.clone()))
        .ok_or(ImportError::NoVersion)?;
    let mut cells: Vec<(CellCode, Vec<_>)> = Vec::new();
    let mut units = Vec::new();
    for area in areas {
        let level = match area.level {
            Level::Cell => {
                // The check has validated the code, so parsing cannot fail here.
                if let Ok(code) = area.code.parse() {
                    cells.push((code, area.ring));
                }
                continue;
            }
            Level::County => UnitLevel::County,
            Level::Street => UnitLevel::Street,
            Level::Community => UnitLevel::Community,
        };
        units.push(PackUnit {
            level,
            code: area.code,
            name: area.name,
            stat: area.stat,
            is_urban: area.is_urban,
        });
    }
    let counties: BTreeSet<_> = cells.iter().map(|c| c.0.county()).collect();
    let meta = PackMeta {
        grid_version,
        datum: Datum::Wgs84,
        source_datum: metadata.as_ref().map_or(Datum::Wgs84, |m| m.source_datum),
        source_datum_verified: metadata.as_ref().is_some_and(|m| m.source_datum_verified),
        county: counties.first().copied().filter(|_| counties.len() == 1),
        source_sha256: Sha256::digest(text.as_bytes())
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect(),
        borders: metadata.map_or_else(|| "as given".into(), |m| m.borders),
    };
    Ok(write(PackInput { meta, cells, units })?)
}
