//! Writes a pack. The same input gives the same bytes.

use std::collections::BTreeSet;

use protocol::codes::{CellCode, CountyCode};
use protocol::geo::Datum;
use sha2::{Digest, Sha256};

use super::error::WriteError;
use super::format::{HASHED_FROM, HEADER_LEN, MAGIC, PackFormat, SECTIONS};
use super::index::{Shape, build};
use super::outline_write;
use super::read::{Pack, PackMeta};
use super::record::CellHandle;
use super::second_write::Division;
use super::units::{NamedUnit, UnitLevel, whole_square_metres};
use crate::geom::{Bounds, Pt, centroid};

/// A named unit for the pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackUnit {
    /// County, street or community.
    pub level: UnitLevel,
    /// 6, 8 or 10 digits.
    pub code: String,
    /// Name; at most 65,535 bytes.
    pub name: String,
    /// Statistics code, or empty.
    pub stat: String,
    /// True for a town's unit.
    pub is_urban: bool,
}

/// The input of a pack. Cells may be in any order; each code may occur once.
#[derive(Clone, Debug)]
pub struct PackInput {
    /// The description of the grid.
    pub meta: PackMeta,
    /// Cells with their rings: WGS-84, the first vertex not repeated.
    pub cells: Vec<(CellCode, Vec<Pt>)>,
    /// Names.
    pub units: Vec<PackUnit>,
}

/// The format of a pack, and what it is made for. All give the same answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackStyle {
    /// Format 1, which every program reads.
    First,
    /// Format 2, made for many lookups: small buckets, and records that do not straddle cache lines.
    Server,
    /// Format 2, made for a small file: large buckets.
    Handset,
}

impl PackStyle {
    fn format(self) -> PackFormat {
        match self {
            Self::First => PackFormat::First,
            Self::Server | Self::Handset => PackFormat::Second,
        }
    }

    fn division(self) -> Option<Division> {
        match self {
            Self::First => None,
            Self::Server => Some(Division {
                rows: 8,
                in_lines: true,
            }),
            Self::Handset => Some(Division {
                rows: 26,
                in_lines: false,
            }),
        }
    }
}

/// Returns the bytes of a pack of format 1, validated by [`super::Pack::open`]. Handsets in the field may read no other.
pub fn write(input: PackInput) -> Result<Vec<u8>, WriteError> {
    write_as(input, PackStyle::First)
}

/// Returns a pack with the same cells and names in another style.
pub fn rewrite(pack: Pack<'_>, style: PackStyle) -> Result<Vec<u8>, WriteError> {
    let unit = |unit: NamedUnit<'_>| PackUnit {
        level: unit.level,
        code: unit.code,
        name: unit.name.to_owned(),
        stat: unit.stat.to_owned(),
        is_urban: unit.is_urban,
    };
    let input = PackInput {
        meta: pack.meta()?,
        cells: pack
            .cells()
            .map(|cell| (cell.code, cell.points().collect()))
            .collect(),
        units: pack.units().map(unit).collect(),
    };
    write_as(input, style)
}

/// Returns the bytes of a pack in this style, validated by [`super::Pack::open`].
pub fn write_as(mut input: PackInput, style: PackStyle) -> Result<Vec<u8>, WriteError> {
    input.cells.sort_by_key(|c| c.0);
    if let Some((a, _)) = input
        .cells
        .iter()
        .zip(input.cells.iter().skip(1))
        .find(|(a, b)| a.0 == b.0)
    {
        return Err(WriteError::Twice(a.0));
    }
    let counties: BTreeSet<CountyCode> = input.cells.iter().map(|c| c.0.county()).collect();
    let counties: Vec<CountyCode> = counties.into_iter().collect();
    if counties.len() > 1024 {
        return Err(WriteError::TooManyCounties);
    }
    let mut shapes = Vec::with_capacity(input.cells.len());
    for (code, ring) in &input.cells {
        let bounds = Bounds::of(ring.iter().copied()).filter(|_| ring.len() >= 3);
        let bounds = bounds.ok_or(WriteError::TooFewVertices(*code))?;
        let handle = handle(*code, &counties).ok_or(WriteError::TooManyCounties)?;
        shapes.push(Shape { handle, ring, bounds });
    }
    let index = build(&shapes, style.division())?;
    let [cells, vertices, neighbours] = match style.format() {
        PackFormat::First => cell_sections(&shapes)?,
        PackFormat::Second => outline_write::sections(&shapes, index.origin, index.width, index.height)?,
    };
    let sections: [Vec<u8>; SECTIONS] = [
        meta_section(&input.meta)?,
        counties
            .iter()
            .flat_map(|c| c.as_str().bytes().chain([0, 0]))
            .collect(),
        index.directory,
        index.words,
        index.records,
        cells,
        vertices,
        neighbours,
        unit_section(input.units)?,
    ];

    let size = |n: usize| u32::try_from(n).map_err(|_| WriteError::TooLarge);
    let mut head = Vec::from(MAGIC);
    head.extend((style.format() as u16).to_le_bytes());
    head.extend(u16::try_from(SECTIONS).unwrap_or_default().to_le_bytes());
    let mut body = Vec::new();
    body.extend(index.origin.x.to_le_bytes());
    body.extend(index.origin.y.to_le_bytes());
    for v in [
        index.width,
        index.height,
        index.tile_shift,
        index.columns,
        index.rows,
    ] {
        body.extend(v.to_le_bytes());
    }
    let mut offset = HEADER_LEN.next_multiple_of(64);
    for section in &sections {
        body.extend(size(offset)?.to_le_bytes());
        body.extend(size(section.len())?.to_le_bytes());
        offset = (offset + section.len()).next_multiple_of(64);
    }
    for section in sections {
        body.resize((HASHED_FROM + body.len()).next_multiple_of(64) - HASHED_FROM, 0);
        body.extend(section);
    }
    head.extend(size(HASHED_FROM + body.len())?.to_le_bytes());
    head.extend(Sha256::digest(&body));
    head.extend(body);
    Pack::open(&head)?;
    Ok(head)
}

fn handle(code: CellCode, counties: &[CountyCode]) -> Option<CellHandle> {
    let low = code.as_str().get(6..)?;
    let position = counties.binary_search(&code.county()).ok()?;
    Some(CellHandle(
        u32::try_from(position).ok()? << CellHandle::COUNTY_SHIFT | low.parse::<u32>().ok()?,
    ))
}

/// Cell table, vertices and neighbours.
fn cell_sections(shapes: &[Shape<'_>]) -> Result<[Vec<u8>; 3], WriteError> {
    let word = |n: usize| u32::try_from(n).map_err(|_| WriteError::TooLarge);
    let (mut cells, mut vertices, mut neighbours) = (Vec::new(), Vec::new(), Vec::new());
    for (shape, adjacent) in shapes.iter().zip(outline_write::neighbours(shapes)) {
        let centre = centroid(shape.ring).unwrap_or(shape.bounds.min);
        cells.extend(shape.handle.0.to_le_bytes());
        cells.extend(word(vertices.len() / 8)?.to_le_bytes());
        cells.extend(word(shape.ring.len())?.to_le_bytes());
        for v in [shape.bounds.min, shape.bounds.max, centre] {
            cells.extend(v.x.to_le_bytes());
            cells.extend(v.y.to_le_bytes());
        }
        cells.extend(whole_square_metres(shape.ring).to_le_bytes());
        cells.extend(word(neighbours.len() / 4)?.to_le_bytes());
        cells.extend(word(adjacent.len())?.to_le_bytes());
        vertices.extend(
            shape
                .ring
                .iter()
                .flat_map(|p| [p.x, p.y])
                .flat_map(i32::to_le_bytes),
        );
        for n in adjacent {
            neighbours.extend(word(n)?.to_le_bytes());
        }
    }
    Ok([cells, vertices, neighbours])
}

fn meta_section(meta: &PackMeta) -> Result<Vec<u8>, WriteError> {
    let datum = |d: Datum| match d {
        Datum::Wgs84 => "WGS-84",
        Datum::Gcj02 => "GCJ-02",
        Datum::Bd09 => "BD-09",
    };
    let pairs = [
        ("grid_version", meta.grid_version.0.as_str()),
        ("datum", datum(meta.datum)),
        ("source_datum", datum(meta.source_datum)),
        (
            "source_datum_verified",
            if meta.source_datum_verified { "yes" } else { "no" },
        ),
        ("county", meta.county.as_ref().map_or("", |c| c.as_str())),
        ("source_sha256", meta.source_sha256.as_str()),
        ("borders", meta.borders.as_str()),
    ];
    if meta.datum != Datum::Wgs84 || pairs.iter().any(|(_, v)| v.contains(['\n', '\r'])) {
        return Err(WriteError::Meta);
    }
    Ok(pairs
        .iter()
        .flat_map(|(k, v)| format!("{k}={v}\n").into_bytes())
        .collect())
}

fn unit_section(mut units: Vec<PackUnit>) -> Result<Vec<u8>, WriteError> {
    units.sort_by(|a, b| (a.level, &a.code).cmp(&(b.level, &b.code)));
    let (mut entries, mut texts) = (Vec::new(), Vec::new());
    let count = u32::try_from(units.len()).map_err(|_| WriteError::TooLarge)?;
    let mut last: Option<(UnitLevel, String)> = None;
    for unit in units {
        let bad = || WriteError::Unit(unit.code.clone());
        let is_code = unit.code.len() == unit.level.digits() && unit.code.bytes().all(|b| b.is_ascii_digit());
        let key = (unit.level, unit.code.clone());
        if !is_code || last.as_ref() == Some(&key) {
            return Err(bad());
        }
        last = Some(key);
        entries.extend(unit.code.parse::<u64>().map_err(|_| bad())?.to_le_bytes());
        entries.extend([
            u8::try_from(unit.level.digits()).map_err(|_| bad())?,
            u8::from(unit.is_urban),
            0,
            0,
        ]);
        entries.extend(
            u32::try_from(texts.len())
                .map_err(|_| WriteError::TooLarge)?
                .to_le_bytes(),
        );
        for text in [&unit.name, &unit.stat] {
            entries.extend(u16::try_from(text.len()).map_err(|_| bad())?.to_le_bytes());
            texts.extend_from_slice(text.as_bytes());
        }
        entries.extend([0; 4]);
    }
    let mut out = Vec::from(count.to_le_bytes());
    out.extend([0; 4]);
    out.extend(entries);
    out.extend(texts);
    Ok(out)
}
