//! Shapefile: shapes, attributes (`.dbf`), reference system (`.prj`) and encoding (`.cpg`).

use std::io::Cursor;
use std::path::Path;

use shapefile::dbase::encoding::EncodingRs;
use shapefile::dbase::encoding_rs::{Encoding, GB18030, GBK, UTF_8};
use shapefile::dbase::{FieldValue, ReaderBuilder, Record};
use shapefile::record::polygon::GenericPolygon;
use shapefile::record::traits::HasXY;
use shapefile::{PolygonRing, Shape, ShapeReader};

use super::files::{self, FormatError, read_if_there};
use super::rounding::Rounding;

use crate::check::FindingKind;
use crate::geom::Pt;
use crate::level::Level;
use crate::loose::{LooseFile, Properties};
use crate::source::Reference;

/// Position of the language byte in the header of a `.dbf`, and its value for code page 936.
const LANGUAGE: usize = 29;
const LANGUAGE_GBK: u8 = 0x4D;

/// Reads the shapes of `path`, whose bytes are given, and what lies beside it.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<LooseFile, FormatError> {
    let attributes = files::read(&path.with_extension("dbf"))?;
    let cpg = read_if_there(&path.with_extension("cpg"))?;
    let encoding = encoding(cpg.as_deref(), &attributes)?;
    let shapes = ShapeReader::new(Cursor::new(bytes)).map_err(broken)?;
    let records = ReaderBuilder::new()
        .with_encoding(EncodingRs::from(encoding))
        .build(Cursor::new(&attributes))
        .map_err(broken)?;
    let mut reader = shapefile::Reader::new(shapes, records);
    let mut file = LooseFile::default();
    if let Some(prj) = read_if_there(&path.with_extension("prj"))? {
        file.stated
            .push(Reference::of_wkt(&String::from_utf8_lossy(&prj)));
    }
    let mut rounding = Rounding::default();
    for (k, row) in reader.iter_shapes_and_records().enumerate() {
        let (shape, record) = row.map_err(broken)?;
        let properties = properties(record, encoding)?;
        let polygons = match &shape {
            Shape::Polygon(p) => polygons(p, &mut rounding),
            Shape::PolygonM(p) => polygons(p, &mut rounding),
            Shape::PolygonZ(p) => polygons(p, &mut rounding),
            _ => {
                let label = properties.label(k);
                file.fault(
                    FindingKind::NotAPolygon,
                    label,
                    None,
                    "the shape is no polygon".into(),
                );
                continue;
            }
        };
        file.add(k, properties, polygons);
    }
    file.rounded = rounding.rounded;
    Ok(file)
}

fn broken(error: impl std::fmt::Display) -> FormatError {
    FormatError::Shapefile(error.to_string())
}

/// The encoding that the `.cpg` file or the header states. Attributes in ASCII or UTF-8 need no statement.
fn encoding(cpg: Option<&[u8]>, attributes: &[u8]) -> Result<&'static Encoding, FormatError> {
    if let Some(cpg) = cpg {
        let label = String::from_utf8_lossy(cpg).trim().to_lowercase();
        return match label.trim_start_matches("cp").trim_start_matches("ansi ") {
            "936" | "oem 936" => Ok(GBK),
            "54936" => Ok(GB18030),
            "65001" | "utf8" => Ok(UTF_8),
            other => Encoding::for_label(other.as_bytes()).ok_or(FormatError::Encoding(label)),
        };
    }
    if attributes.get(LANGUAGE) == Some(&LANGUAGE_GBK) {
        return Ok(GBK);
    }
    // The header is binary; its length is in it.
    let start = match attributes.get(8..10) {
        Some(&[low, high]) => usize::from(u16::from_le_bytes([low, high])),
        _ => 0,
    };
    match std::str::from_utf8(attributes.get(start..).unwrap_or_default()) {
        Ok(_) => Ok(UTF_8),
        Err(_) => Err(FormatError::Encoding(
            "UTF-8, and no other encoding is stated".into(),
        )),
    }
}

/// The polygons: an outer ring and the holes that follow it. A single ring is the outer one, however it runs.
fn polygons<P: HasXY>(shape: &GenericPolygon<P>, rounding: &mut Rounding) -> Option<Vec<Vec<Vec<Pt>>>> {
    let mut polygons: Vec<Vec<Vec<Pt>>> = Vec::new();
    for ring in shape.rings() {
        let (points, is_outer) = match ring {
            PolygonRing::Outer(points) => (points, true),
            PolygonRing::Inner(points) => (points, false),
        };
        let points = rounding.ring(points.iter().map(|p| (p.x(), p.y())))?;
        match polygons.last_mut().filter(|_| !is_outer) {
            Some(polygon) => polygon.push(points),
            None => polygons.push(vec![points]),
        }
    }
    Some(polygons)
}

fn properties(record: Record, encoding: &'static Encoding) -> Result<Properties, FormatError> {
    let mut found = Properties::default();
    for (name, value) in record {
        let text = match &value {
            FieldValue::Character(text) => text.clone().unwrap_or_default(),
            FieldValue::Memo(text) => text.clone(),
            // Codes in a field of numbers: twelve digits are exact in a float.
            FieldValue::Numeric(Some(number)) => format!("{number:.0}"),
            FieldValue::Double(number) => format!("{number:.0}"),
            FieldValue::Integer(number) => number.to_string(),
            FieldValue::Logical(Some(true)) => "true".into(),
            _ => String::new(),
        };
        let text = text.trim().to_owned();
        if text.contains('\u{fffd}') {
            return Err(FormatError::Encoding(encoding.name().into()));
        }
        found.set(&name, text);
    }
    Ok(found)
}

impl Properties {
    /// Sets the property of this name, in any case; others are ignored.
    pub(super) fn set(&mut self, name: &str, text: String) {
        match name.to_lowercase().as_str() {
            "code" => self.code = text,
            "stat" => self.stat = text,
            "name" => self.name = text,
            "urban" => self.is_urban = matches!(text.to_lowercase().as_str(), "true" | "t" | "1" | "y"),
            "level" => {
                self.level = match text.to_lowercase().as_str() {
                    "county" => Some(Level::County),
                    "street" => Some(Level::Street),
                    "community" => Some(Level::Community),
                    "cell" => Some(Level::Cell),
                    _ => None,
                }
            }
            _ => {}
        }
    }
}
