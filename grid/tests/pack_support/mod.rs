//! Packs of every style, and brute force.

use grid::geom::{Bounds, Pt, holds};
use grid::pack::{PackBuf, PackInput, PackMeta, PackStyle, write_as};
use protocol::codes::{CellCode, GridVersion};
use protocol::geo::Datum;

pub fn meta() -> PackMeta {
    PackMeta {
        grid_version: GridVersion("999999.1".into()),
        datum: Datum::Wgs84,
        source_datum: Datum::Gcj02,
        source_datum_verified: false,
        county: Some("999999".parse().unwrap()),
        source_sha256: String::new(),
        borders: "cut".into(),
    }
}

pub const STYLES: [PackStyle; 3] = [PackStyle::First, PackStyle::Server, PackStyle::Handset];

pub fn packed_as(cells: &[(CellCode, Vec<Pt>)], style: PackStyle) -> PackBuf<Vec<u8>> {
    let input = PackInput {
        meta: meta(),
        cells: cells.to_vec(),
        units: vec![],
    };
    PackBuf::open(write_as(input, style).unwrap()).unwrap()
}

/// Returns all cells that contain the point, by testing every edge of every cell; the lowest code first.
pub fn brute(cells: &[(CellCode, Vec<Pt>)], p: Pt) -> Vec<CellCode> {
    let near = |r: &[Pt]| Bounds::of(r.iter().copied()).unwrap().contains(p);
    cells
        .iter()
        .filter(|(_, r)| near(r) && holds(r, p))
        .map(|c| c.0)
        .collect()
}
