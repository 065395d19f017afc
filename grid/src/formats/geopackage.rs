//! GeoPackage: the one layer with an attribute `code`. Geometries are WKB behind a header of their own.

use std::path::Path;

use geo_traits::{CoordTrait, GeometryTrait, GeometryType, LineStringTrait, MultiPolygonTrait, PolygonTrait};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::files::FormatError;
use super::rounding::Rounding;
use crate::check::FindingKind;
use crate::geom::Pt;
use crate::loose::{LooseFile, Properties};
use crate::source::Reference;

/// A layer: its table, the column of its geometry, its attributes, the id of its reference system.
struct Layer {
    table: String,
    geometry: String,
    attributes: Vec<String>,
    system: i64,
}

/// Reads the layer.
pub(super) fn read(path: &Path) -> Result<LooseFile, FormatError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // The file is a stranger's: its views and triggers run nothing.
    connection.pragma_update(None, "trusted_schema", false)?;
    let layer = layer(&connection)?;
    let mut file = LooseFile::default();
    file.stated.push(system(&connection, layer.system)?);
    let quoted = |name: &String| format!("\"{}\"", name.replace('"', "\"\""));
    let columns: Vec<String> = std::iter::once(&layer.geometry)
        .chain(&layer.attributes)
        .map(quoted)
        .collect();
    let sql = format!("SELECT {} FROM {}", columns.join(", "), quoted(&layer.table));
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut rounding = Rounding::default();
    let mut k = 0;
    while let Some(row) = rows.next()? {
        let mut properties = Properties::default();
        for (n, name) in layer.attributes.iter().enumerate() {
            properties.set(name, text(row.get_ref(n + 1)?));
        }
        let blob = row.get_ref(0)?.as_blob().unwrap_or_default();
        match shape(blob, &mut rounding) {
            Shape::Polygons(polygons) => file.add(k, properties, polygons),
            Shape::Other(what) => {
                let label = properties.label(k);
                file.fault(FindingKind::NotAPolygon, label, None, what.into());
            }
        }
        k += 1;
    }
    file.rounded = rounding.rounded;
    Ok(file)
}

/// The one layer with an attribute `code`.
fn layer(connection: &Connection) -> Result<Layer, FormatError> {
    let mut statement = connection.prepare(
        "SELECT g.table_name, g.column_name, g.srs_id FROM gpkg_geometry_columns AS g
         JOIN sqlite_master AS m ON m.name = g.table_name AND m.type = 'table' ORDER BY g.table_name",
    )?;
    let all: Vec<(String, String, i64)> = statement
        .query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
        .collect::<Result<_, _>>()?;
    let mut layers = Vec::new();
    for (table, geometry, system) in all {
        let mut columns = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
        let attributes: Vec<String> = columns
            .query_map([&table], |r| r.get(0))?
            .collect::<Result<_, _>>()?;
        let is_known = |name: &String| {
            ["code", "stat", "name", "level", "urban"].contains(&name.to_lowercase().as_str())
        };
        let attributes: Vec<String> = attributes.into_iter().filter(is_known).collect();
        if attributes.iter().any(|a| a.eq_ignore_ascii_case("code")) {
            layers.push(Layer {
                table,
                geometry,
                attributes,
                system,
            });
        }
    }
    let names: Vec<&str> = layers.iter().map(|l| l.table.as_str()).collect();
    let wrong = FormatError::Layers(layers.len(), names.join(", "));
    match layers.pop() {
        Some(layer) if layers.is_empty() => Ok(layer),
        _ => Err(wrong),
    }
}

/// The reference system of this id, by its authority's number or by its definition.
fn system(connection: &Connection, id: i64) -> Result<Reference, FormatError> {
    let found: (String, i64, String) = connection.query_row(
        "SELECT organization, organization_coordsys_id, definition FROM gpkg_spatial_ref_sys WHERE srs_id = ?1",
        [id],
        |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)),
    )?;
    let (organization, number, definition) = found;
    Ok(if organization.eq_ignore_ascii_case("epsg") {
        Reference::of_name(&format!("EPSG:{number}"))
    } else {
        Reference::of_wkt(&definition)
    })
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null | ValueRef::Blob(_) => String::new(),
        ValueRef::Integer(n) => n.to_string(),
        ValueRef::Real(n) => format!("{n:.0}"),
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).trim().to_owned(),
    }
}

/// A geometry: polygons (`None`: a position is not on the globe), or what else.
enum Shape {
    Polygons(Option<Vec<Vec<Vec<Pt>>>>),
    Other(&'static str),
}

fn shape(blob: &[u8], rounding: &mut Rounding) -> Shape {
    let Some(wkb) = without_header(blob) else {
        return Shape::Other("no geometry");
    };
    let Ok(geometry) = wkb::reader::read_wkb(wkb) else {
        return Shape::Other("the geometry cannot be read");
    };
    match geometry.as_type() {
        GeometryType::Polygon(p) => Shape::Polygons(polygon(p, rounding).map(|p| vec![p])),
        GeometryType::MultiPolygon(m) => {
            Shape::Polygons(m.polygons().map(|p| polygon(&p, rounding)).collect())
        }
        _ => Shape::Other("the geometry is no polygon"),
    }
}

/// Removes the header of a GeoPackage: `GP`, version, flags, reference system, envelope.
fn without_header(blob: &[u8]) -> Option<&[u8]> {
    let [b'G', b'P', _version, flags, ..] = blob else {
        return None;
    };
    let envelope = match (flags >> 1) & 0b111 {
        0 => 0,
        1 => 32,
        2 | 3 => 48,
        4 => 64,
        _ => return None,
    };
    let is_empty = flags & 0b1_0000 != 0;
    blob.get(8 + envelope..).filter(|_| !is_empty)
}

fn polygon(polygon: &impl PolygonTrait<T = f64>, rounding: &mut Rounding) -> Option<Vec<Vec<Pt>>> {
    let exterior = polygon.exterior().into_iter().map(|r| ring(&r, rounding));
    let mut rings: Vec<Option<Vec<Pt>>> = exterior.collect();
    for interior in polygon.interiors() {
        rings.push(ring(&interior, rounding));
    }
    rings.into_iter().collect()
}

fn ring(line: &impl LineStringTrait<T = f64>, rounding: &mut Rounding) -> Option<Vec<Pt>> {
    rounding.ring(line.coords().map(|c| (c.x(), c.y())))
}
