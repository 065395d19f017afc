//! The commands `xunge-server grid cut | check | pack | where`. With [`crate::formats`] the only module of this crate
//! with I/O.

use std::fs;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};

use protocol::codes::{CountyCode, GridVersion};
use protocol::geo::{Datum, PointE7};

use crate::check::{CheckLimits, CheckReport, check};
use crate::cut::{CutError, CutOptions, Numbering, Region};
use crate::decimal::{format_e7, parse_e7};
use crate::formats::{FormatError, read_path};
use crate::geojson::{self, GeoJsonError};
use crate::import::{ImportError, ImportOptions, check_converted, pack_source};
use crate::level::Level;
use crate::pack::{PackBuf, PackError};
use crate::source::{DatumError, SourceDatum};

/// One call.
#[derive(Clone, Debug)]
pub enum GridCommand {
    /// Cut a district into streets, communities and cells.
    Cut {
        /// GeoJSON of district outlines.
        districts: PathBuf,
        /// JSON list of streets and communities.
        divisions: PathBuf,
        /// Which district.
        county: CountyCode,
        /// Version to give the grid.
        grid_version: GridVersion,
        /// Datum of the outlines.
        source_datum: Datum,
        /// Another seed gives another, equally valid grid.
        seed: u64,
        /// The numbering table: read if it exists, written with the added numbers.
        numbering: PathBuf,
        /// GeoJSON to write.
        out: PathBuf,
    },
    /// Check a GeoJSON file.
    Check {
        /// The file.
        file: PathBuf,
        /// Datum of its coordinates, for files that state none. Without it, WGS-84 is assumed and said.
        source_datum: Option<SourceDatum>,
        /// Tolerance in metres below which vertices and borders are joined.
        snap_m: f64,
        /// Write the report as JSON instead of lines.
        json: bool,
    },
    /// Check a GeoJSON file and pack it.
    Pack {
        /// The file.
        file: PathBuf,
        /// Version, for files that name none.
        grid_version: Option<GridVersion>,
        /// Datum of its coordinates, for files that state none, or a shifted one.
        source_datum: Option<SourceDatum>,
        /// Tolerance in metres below which vertices and borders are joined.
        snap_m: f64,
        /// Pack to write.
        out: PathBuf,
    },
    /// Print the cell that contains a point.
    Where {
        /// The pack.
        pack: PathBuf,
        /// One WGS-84 point; without it, `lat,lon` lines are read from stdin and a code or `-` is written for each.
        point: Option<PointE7>,
    },
}

/// Why a command failed. The error itself is not printed here.
#[derive(Debug, thiserror::Error)]
pub enum GridCommandError {
    /// Reading or writing a file or stream failed.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// Cutting failed.
    #[error(transparent)]
    Cut(#[from] CutError),
    /// The numbering table cannot be parsed.
    #[error("{0}: not a numbering table: {1}")]
    Numbering(PathBuf, #[source] serde_json::Error),
    /// Not GeoJSON.
    #[error(transparent)]
    GeoJson(#[from] GeoJsonError),
    /// The file cannot be read.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The datum is unknown or contradicted.
    #[error(transparent)]
    Datum(#[from] DatumError),
    /// The cut or checked grid has faults; they were written to stdout.
    #[error("the grid has {0} faults")]
    Faults(usize),
    /// Packing failed.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The file is not a valid pack.
    #[error("{0}: {1}")]
    Pack(PathBuf, #[source] PackError),
    /// A line that is not `lat,lon`.
    #[error("line {0}: not a latitude and longitude in decimal degrees")]
    Line(usize),
    /// Something could not be written as JSON.
    #[error("cannot be written as JSON: {0}")]
    Json(#[source] serde_json::Error),
}

impl GridCommandError {
    /// Returns the stable dotted code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io(..) => "grid.io",
            Self::Cut(e) => e.code(),
            Self::Numbering(..) => "grid.cut.numbering",
            Self::GeoJson(_) => "grid.check.geojson",
            Self::Format(e) => e.code(),
            Self::Datum(e) => e.code(),
            Self::Faults(_) => "grid.check.faults",
            Self::Import(e) => e.code(),
            Self::Pack(_, e) => e.code(),
            Self::Line(_) => "grid.where.line",
            Self::Json(_) => "grid.json",
        }
    }
}

/// Runs one command.
pub fn run(
    command: GridCommand,
    stdin: &mut dyn BufRead,
    stdout: &mut dyn Write,
) -> Result<(), GridCommandError> {
    match command {
        GridCommand::Cut {
            districts,
            divisions,
            county,
            grid_version,
            source_datum,
            seed,
            numbering,
            out,
        } => {
            let region = Region::read(&read_text(&districts)?, &read_text(&divisions)?, source_datum)?;
            let outline_source = districts
                .file_name()
                .map(|n| n.to_string_lossy().into_owned())
                .unwrap_or_default();
            let options = CutOptions {
                county,
                grid_version,
                outline_source,
                seed,
                numbering: read_numbering(&numbering)?,
                seat: None,
            };
            let cut = region.cut(&options)?;
            let text = geojson::write(&cut.metadata, &cut.areas).map_err(GridCommandError::Json)?;
            tell(&check(&text, &CheckLimits::exact())?, stdout)?;
            // Write the table first: without its numbers the same grid could not be cut again.
            let table = serde_json::to_string_pretty(&cut.numbering).map_err(GridCommandError::Json)?;
            write_whole(&numbering, table.as_bytes())?;
            write_whole(&out, text.as_bytes())?;
            let count = |l| cut.areas.iter().filter(|a| a.level == l).count();
            line(
                stdout,
                &format!(
                    "{county} {}: {} streets, {} communities, {} cells, cut and not surveyed; {} absent without outline",
                    cut.metadata.name,
                    count(Level::Street),
                    count(Level::Community),
                    count(Level::Cell),
                    cut.metadata.absent.len()
                ),
            )
        }
        GridCommand::Check {
            file,
            source_datum,
            snap_m,
            json,
        } => {
            let mut read = read_path(&file)?.file;
            let is_stated = source_datum.is_some() || !read.stated.is_empty();
            let options = options(None, source_datum, snap_m);
            let (datum, report) = check_converted(&mut read, &options, Some(SourceDatum::Wgs84))?;
            if json {
                line(
                    stdout,
                    &serde_json::to_string(&report).map_err(GridCommandError::Json)?,
                )?;
                return faults(&report);
            }
            if !is_stated {
                line(
                    stdout,
                    "nothing states the datum; WGS-84 is assumed here, `pack` and `import` will ask",
                )?;
            }
            tell(&report, stdout)?;
            line(stdout, &summary(datum, &report))
        }
        GridCommand::Pack {
            file,
            grid_version,
            source_datum,
            snap_m,
            out,
        } => {
            let packed = match pack_source(read_path(&file)?, &options(grid_version, source_datum, snap_m)) {
                Err(ImportError::Refused(report)) => return tell(&report, stdout),
                other => other?,
            };
            write_whole(&out, &packed.bytes)?;
            line(stdout, &summary(packed.datum, &packed.report))?;
            line(stdout, &format!("{} bytes", packed.bytes.len()))
        }
        GridCommand::Where { pack, point } => {
            let bytes = fs::read(&pack).map_err(|e| GridCommandError::Io(pack.clone(), e))?;
            let pack = PackBuf::open(bytes).map_err(|e| GridCommandError::Pack(pack, e))?;
            match point {
                Some(p) => line(stdout, &answer(&pack, p)),
                None => where_lines(&pack, stdin, stdout),
            }
        }
    }
}

fn options(
    grid_version: Option<GridVersion>,
    source_datum: Option<SourceDatum>,
    snap_m: f64,
) -> ImportOptions {
    ImportOptions {
        grid_version,
        source_datum,
        limits: CheckLimits {
            snap_m,
            ..CheckLimits::default()
        },
        names: Vec::new(),
    }
}

/// What the check counted and what was put right, as one line.
pub fn summary(datum: SourceDatum, report: &CheckReport) -> String {
    format!(
        "valid: {} cells, {} vertices, narrowest place {:.2} m, read as {datum}; {} coordinates rounded, {} third values \
         left out, {} clockwise rings turned, {} doubled vertices left out, {} vertices joined, {} added to borders, \
         largest move {:.3} m",
        report.cells,
        report.vertices,
        report.narrowest_m.unwrap_or_default(),
        report.rounded,
        report.third_values,
        report.turned,
        report.doubled,
        report.snapped,
        report.inserted,
        report.largest_move_m,
    )
}

/// Parses `lat,lon` in decimal degrees (WGS-84); blanks around either are allowed. Exact: no float is used.
pub fn parse_point(text: &str) -> Option<PointE7> {
    let (lat, lon) = text.split_once(',')?;
    let p = PointE7 {
        lat: parse_e7(lat.trim())?.value,
        lon: parse_e7(lon.trim())?.value,
    };
    p.is_on_globe().then_some(p)
}

fn where_lines(
    pack: &PackBuf<Vec<u8>>,
    stdin: &mut dyn BufRead,
    stdout: &mut dyn Write,
) -> Result<(), GridCommandError> {
    let stream = |e| GridCommandError::Io("stdin".into(), e);
    let mut text = String::new();
    for number in 1.. {
        text.clear();
        if stdin.read_line(&mut text).map_err(stream)? == 0 {
            break;
        }
        // Skipping a bad line would shift all following results, so stop.
        let point = parse_point(text.trim_end()).ok_or(GridCommandError::Line(number))?;
        line(stdout, &answer(pack, point))?;
    }
    Ok(())
}

fn answer(pack: &PackBuf<Vec<u8>>, point: PointE7) -> String {
    pack.view()
        .cell_at(point)
        .map_or_else(|| "-".to_owned(), |c| c.to_string())
}

fn faults(report: &CheckReport) -> Result<(), GridCommandError> {
    match report.findings.len() + report.unlisted {
        0 => Ok(()),
        n => Err(GridCommandError::Faults(n)),
    }
}

/// Writes a line for each finding: stable code, position as `lat,lon`, codes, details.
fn tell(report: &CheckReport, stdout: &mut dyn Write) -> Result<(), GridCommandError> {
    for f in &report.findings {
        let place = f.place.map_or_else(
            || "-".into(),
            |p| format!("{},{}", format_e7(p.lat), format_e7(p.lon)),
        );
        line(
            stdout,
            &format!("{}\t{place}\t{}\t{}", f.kind.code(), f.codes.join(","), f.detail),
        )?;
    }
    faults(report)
}

fn line(stdout: &mut dyn Write, text: &str) -> Result<(), GridCommandError> {
    writeln!(stdout, "{text}").map_err(|e| GridCommandError::Io("stdout".into(), e))
}

fn read_text(path: &Path) -> Result<String, GridCommandError> {
    fs::read_to_string(path).map_err(|e| GridCommandError::Io(path.to_owned(), e))
}

fn read_numbering(path: &Path) -> Result<Option<Numbering>, GridCommandError> {
    match fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|e| GridCommandError::Numbering(path.to_owned(), e)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(GridCommandError::Io(path.to_owned(), e)),
    }
}

/// Writes the file atomically: an existing file is always complete.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), GridCommandError> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let put = || {
        let mut file = fs::File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    put().map_err(|e| GridCommandError::Io(path.to_owned(), e))
}
