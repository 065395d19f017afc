//! Checks a file and packs it.

use std::collections::BTreeSet;

use protocol::codes::{CellCode, GridVersion};
use protocol::geo::Datum;
use sha2::{Digest, Sha256};

use crate::check::{CheckLimits, CheckReport, check_file};
use crate::geojson::{GeoJsonError, Metadata, read};
use crate::level::Level;
use crate::loose::{LooseArea, LooseFile};
use crate::pack::{PackInput, PackMeta, PackUnit, UnitLevel, WriteError, write};
use crate::source::{DatumError, SourceDatum, resolve};
use crate::text::decode;

/// What the operator states about a file.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// The version of the grid; needed if the file states none.
    pub grid_version: Option<GridVersion>,
    /// The datum of the coordinates; needed if the file states none, or a shifted one. It must not contradict the file.
    pub source_datum: Option<SourceDatum>,
    /// The limits of the check.
    pub limits: CheckLimits,
    /// Names of units that the file does not name, as the city's own list has them; units without a cell are ignored.
    pub names: Vec<PackUnit>,
}

/// A file that passed the check.
#[derive(Clone, Debug)]
pub struct Packed {
    /// The pack.
    pub bytes: Vec<u8>,
    /// What was counted and put right; without findings.
    pub report: CheckReport,
    /// The reference system that the coordinates were read in.
    pub datum: SourceDatum,
}

/// Why a file did not become a pack.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Not GeoJSON.
    #[error(transparent)]
    GeoJson(#[from] GeoJsonError),
    /// The datum is unknown or contradicted.
    #[error(transparent)]
    Datum(#[from] DatumError),
    /// The check found faults; the file is not packed until they are corrected.
    #[error("the grid has {} faults; the first: {}", .0.findings.len() + .0.unlisted, first(.0))]
    Refused(Box<CheckReport>),
    /// The file states no grid version and none was given.
    #[error("the file names no grid version; give one")]
    NoVersion,
    /// A version is a word that fits a file name.
    #[error("a grid version has 1 to 40 letters, digits, dots, hyphens or underscores, such as 220104.1")]
    Version,
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
            Self::Datum(e) => e.code(),
            Self::Refused(_) => "grid.import.refused",
            Self::NoVersion => "grid.import.no_version",
            Self::Version => "grid.import.version",
            Self::Write(_) => "grid.import.write",
        }
    }
}

/// A file that was read and not checked, in its own coordinates.
#[derive(Debug)]
pub struct Source {
    /// Its areas, and what it states.
    pub file: LooseFile,
    /// SHA-256 (hex) of its bytes.
    sha256: String,
}

impl Source {
    /// The file that was read from these bytes.
    pub(crate) fn new(file: LooseFile, bytes: &[u8]) -> Self {
        Self {
            file,
            sha256: Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect(),
        }
    }
}

/// Reads GeoJSON. Shapefile and GeoPackage are files: [`crate::formats::read_path`].
///
/// # Errors
/// The encoding or the format, if it is not one that is read.
pub fn read_bytes(bytes: &[u8]) -> Result<Source, GeoJsonError> {
    if bytes.starts_with(b"SQLite format 3\0") || bytes.starts_with(b"PK") {
        return Err(GeoJsonError::Kind("GeoPackage or archive".into()));
    }
    Ok(Source::new(read(decode(bytes)?)?, bytes))
}

/// Decides the datum, converts to WGS-84, and checks. With `assumed`, a file whose datum nobody states is read in it.
///
/// # Errors
/// The datum, if it is unknown or contradicted. Faults are in the report.
pub fn check_converted(
    file: &mut LooseFile,
    options: &ImportOptions,
    assumed: Option<SourceDatum>,
) -> Result<(SourceDatum, CheckReport), DatumError> {
    let datum = match (resolve(&file.stated, options.source_datum), assumed) {
        (Err(DatumError::Unstated), Some(assumed)) => assumed,
        (decided, _) => decided?,
    };
    file.convert(datum);
    Ok((datum, check_file(file, &options.limits)))
}

/// Reads, checks and packs GeoJSON; see [`pack_source`].
///
/// # Errors
/// [`ImportError`]; nothing is packed then.
pub fn pack_file(bytes: &[u8], options: &ImportOptions) -> Result<Packed, ImportError> {
    pack_source(read_bytes(bytes)?, options)
}

/// Checks a file and packs it. A file of this program states its version and datums in `metadata`; for any other file
/// they are given, and its borders are `as given`.
///
/// # Errors
/// [`ImportError`]; nothing is packed then.
pub fn pack_source(source: Source, options: &ImportOptions) -> Result<Packed, ImportError> {
    let Source { mut file, sha256 } = source;
    let (datum, report) = check_converted(&mut file, options, None)?;
    if !report.is_valid() {
        return Err(ImportError::Refused(Box::new(report)));
    }
    let metadata = file
        .metadata
        .take()
        .and_then(|m| serde_json::from_value::<Metadata>(m).ok());
    let grid_version = options
        .grid_version
        .clone()
        .or_else(|| metadata.as_ref().map(|m| m.grid_version.clone()))
        .ok_or(ImportError::NoVersion)?;
    if !is_version(&grid_version.0) {
        return Err(ImportError::Version);
    }
    let (cells, mut units) = split(file.areas);
    add_names(&mut units, &cells, &options.names);
    let counties: BTreeSet<_> = cells.iter().map(|c| c.0.county()).collect();
    let meta = PackMeta {
        grid_version,
        datum: Datum::Wgs84,
        source_datum: metadata.as_ref().map_or(datum.datum(), |m| m.source_datum),
        source_datum_verified: metadata.as_ref().is_some_and(|m| m.source_datum_verified),
        county: counties.first().copied().filter(|_| counties.len() == 1),
        source_sha256: sha256,
        borders: metadata.map_or_else(|| "as given".into(), |m| m.borders),
    };
    let bytes = write(PackInput { meta, cells, units })?;
    Ok(Packed { bytes, report, datum })
}

/// Adds the given names of units that have cells and that the file does not name.
fn add_names(units: &mut Vec<PackUnit>, cells: &[(CellCode, Vec<crate::geom::Pt>)], names: &[PackUnit]) {
    let mut known: BTreeSet<String> = units
        .iter()
        .filter(|u| !u.name.is_empty())
        .map(|u| u.code.clone())
        .collect();
    for name in names {
        let is_used = cells
            .iter()
            .any(|(code, _)| code.as_str().starts_with(&name.code));
        if is_used && known.insert(name.code.clone()) {
            units.retain(|u| u.code != name.code);
            units.push(name.clone());
        }
    }
}

/// Versions stand in file names, in addresses and in lines of text.
fn is_version(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b))
}

/// The cells, and the names of the other levels.
fn split(areas: Vec<LooseArea>) -> (Vec<(CellCode, Vec<crate::geom::Pt>)>, Vec<PackUnit>) {
    let (mut cells, mut units) = (Vec::new(), Vec::new());
    for area in areas.into_iter().map(|a| a.area) {
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
    (cells, units)
}
