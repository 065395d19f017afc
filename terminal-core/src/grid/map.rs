//! What a map draws inside a rectangle: cells, and the borders of communities and streets.

use crate::grid::place::{CellName, HandsetGrid};
use grid::{
    borders::{BorderKind, BorderLine},
    geom::{Bounds, Pt},
};
use protocol::{codes::GridVersion, geo::PointE7};

/// Most cells of a [`MapArea`]; at one hectare each they cover 3 by 6 km.
pub const MOST_CELLS: usize = 2_000;
/// Most points of all borders of a [`MapArea`].
pub const MOST_BORDER_POINTS: usize = 40_000;
/// Points of a border that are nearer to each other than this part of the rectangle's longer side are left out: on a
/// screen they are one.
const PARTS: i32 = 1_024;

/// The finest that a [`MapArea`] contains; everything coarser is in it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MapDetail {
    /// The outer border of the grid only, cut off after [`MOST_BORDER_POINTS`] points.
    Outline,
    /// Streets (街道/乡镇): the borders of communities would be too many.
    Streets,
    /// Communities (社区/村): the rectangle has more than [`MOST_CELLS`] cells.
    Communities,
    Cells,
}

/// A cell of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapCell {
    pub cell: CellName,
    /// Its vertices counter-clockwise, the first not repeated; WGS-84.
    pub ring: Vec<PointE7>,
    /// Where its label is put: the centroid, which may be outside a concave cell.
    pub centre: PointE7,
}

/// A border of a map: a line of at least two points, WGS-84. Several lines form one border.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapBorder {
    pub kind: BorderKind,
    pub points: Vec<PointE7>,
}

/// What a map draws inside a rectangle. The same rectangle of the same grid gives the same answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapArea {
    pub grid: GridVersion,
    /// The borders were generated and not surveyed: every map has to say so.
    pub generated: bool,
    pub detail: MapDetail,
    /// All cells with a point in the rectangle, by code; empty unless `detail` is [`MapDetail::Cells`].
    pub cells: Vec<MapCell>,
    /// The borders whose boxes meet the rectangle, the least first; they may reach out of it.
    pub borders: Vec<MapBorder>,
}

impl HandsetGrid {
    /// What a map draws inside the rectangle with these opposite corners, WGS-84. It never contains more than
    /// [`MOST_CELLS`] cells and [`MOST_BORDER_POINTS`] points of borders: `detail` says what was left out. The borders
    /// of the whole grid are computed by the first call and kept.
    pub fn map_area(&self, corner: PointE7, opposite: PointE7) -> MapArea {
        let pack = self.view();
        let area = Bounds {
            min: Pt::new(corner.lon.min(opposite.lon), corner.lat.min(opposite.lat)),
            max: Pt::new(corner.lon.max(opposite.lon), corner.lat.max(opposite.lat)),
        };
        let cells = pack.cells_in(&area, MOST_CELLS).map(|cells| {
            let mut last: Option<CellName> = None;
            let named = cells.into_iter().map(|cell| {
                // Cells of one community are adjacent: their names are looked up once.
                let same = last
                    .take()
                    .filter(|before| before.code.community() == cell.code.community());
                let name = match same {
                    Some(before) => CellName {
                        code: cell.code,
                        ..before
                    },
                    None => self.name(cell.code),
                };
                last = Some(name.clone());
                MapCell {
                    cell: name,
                    ring: cell.ring().collect(),
                    centre: cell.centroid(),
                }
            });
            named.collect::<Vec<MapCell>>()
        });
        let near = self.borders().iter().filter(|line| line.bounds.meets(&area));
        let apart = area
            .max
            .x
            .saturating_sub(area.min.x)
            .max(area.max.y.saturating_sub(area.min.y))
            / PARTS;
        let mut lines: Vec<MapBorder> = near.map(|line| thinned(line, apart)).collect();
        let mut detail = match cells {
            Some(_) => MapDetail::Cells,
            None => MapDetail::Communities,
        };
        for (kind, coarser) in [
            (BorderKind::Community, MapDetail::Streets),
            (BorderKind::Street, MapDetail::Outline),
        ] {
            if lines.iter().map(|line| line.points.len()).sum::<usize>() > MOST_BORDER_POINTS {
                lines.retain(|line| line.kind > kind);
                detail = coarser;
            }
        }
        let mut left = MOST_BORDER_POINTS;
        lines.retain(|line| {
            let fits = line.points.len() <= left;
            left = if fits { left - line.points.len() } else { 0 };
            fits
        });
        MapArea {
            grid: self.version().clone(),
            generated: self.is_generated(),
            detail,
            cells: cells.filter(|_| detail == MapDetail::Cells).unwrap_or_default(),
            borders: lines,
        }
    }
}

/// The line without points that are nearer than this to the one before, in units of 1e-7 degree. Its ends stay, so
/// that lines which met still meet.
fn thinned(line: &BorderLine, apart: i32) -> MapBorder {
    let mut points: Vec<PointE7> = Vec::with_capacity(line.points.len());
    let is_near = |a: PointE7, b: PointE7| {
        (i64::from(a.lat) - i64::from(b.lat))
            .abs()
            .max((i64::from(a.lon) - i64::from(b.lon)).abs())
            < i64::from(apart)
    };
    let (inner, end) = match line.points.split_last() {
        Some((end, inner)) => (inner, Some(*end)),
        None => (line.points.as_slice(), None),
    };
    for &point in inner {
        if points.last().is_none_or(|last| !is_near(*last, point)) {
            points.push(point);
        }
    }
    points.extend(end);
    MapBorder {
        kind: line.kind,
        points,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use grid::{
        pack::{PackInput, PackMeta, write},
        synthetic::mesh,
    };
    use protocol::geo::Datum;

    fn synthetic(side: u16) -> HandsetGrid {
        let meta = PackMeta {
            grid_version: GridVersion("999999.1".into()),
            datum: Datum::Wgs84,
            source_datum: Datum::Wgs84,
            source_datum_verified: false,
            county: None,
            source_sha256: String::new(),
            borders: "cut".into(),
        };
        let (cells, units) = (mesh(side, 7), vec![]);
        HandsetGrid::open(write(PackInput { meta, cells, units }).unwrap()).unwrap()
    }

    fn point(lat: i32, lon: i32) -> PointE7 {
        PointE7 { lat, lon }
    }

    #[test]
    fn a_small_rectangle_has_its_cells_and_borders_from_any_two_opposite_corners() {
        let grid = synthetic(20);
        let (south, west, north, east) = (438_050_000, 1_252_080_000, 438_090_000, 1_252_130_000);
        let area = grid.map_area(point(south, west), point(north, east));
        assert_eq!(area.detail, MapDetail::Cells);
        assert!(area.generated);
        assert_eq!(grid.map_area(point(north, west), point(south, east)), area);
        // 5 by 4 cells, and those on the rim.
        assert!((20..=48).contains(&area.cells.len()), "{}", area.cells.len());
        assert!(area.cells.iter().all(|cell| cell.ring.len() > 20));
        // Communities of 99 cells: a border passes here, and not all of them.
        let of = |kind| area.borders.iter().filter(|line| line.kind == kind).count();
        assert!(of(BorderKind::Community) > 0);
        assert!(area.borders.len() < grid.borders().len());
    }

    #[test]
    fn a_rectangle_with_too_many_cells_has_borders_only_and_they_are_coarser() {
        let grid = synthetic(50);
        let all = grid.map_area(
            point(430_000_000, 1_250_000_000),
            point(440_000_000, 1_260_000_000),
        );
        assert_eq!(all.detail, MapDetail::Communities);
        assert!(all.cells.is_empty());
        let points = |lines: &[MapBorder]| lines.iter().map(|line| line.points.len()).sum::<usize>();
        let exact: usize = grid.borders().iter().map(|line| line.points.len()).sum();
        assert!(points(&all.borders) < exact);
        // Thinning moves no end: every line still begins and ends where it did.
        assert_eq!(all.borders.len(), grid.borders().len());
        for (thin, line) in all.borders.iter().zip(grid.borders()) {
            assert_eq!(
                (thin.points.first(), thin.points.last()),
                (line.points.first(), line.points.last())
            );
        }
    }

    #[test]
    fn a_grid_with_too_many_borders_gives_the_coarser_ones_first_and_never_more_than_the_bound() {
        // Communities of 99 cells in rows have far longer borders than real ones.
        let grid = synthetic(130);
        let corner = point(438_000_000, 1_252_000_000);
        // As wide as everything, but so near that no point is left out: thinning is by the longer side.
        let all = grid.map_area(corner, point(439_170_000, 1_253_618_000));
        assert!(all.detail < MapDetail::Communities, "{:?}", all.detail);
        assert!(all.borders.iter().all(|line| line.kind > BorderKind::Community));
        let points: usize = all.borders.iter().map(|line| line.points.len()).sum();
        assert!(points <= MOST_BORDER_POINTS);
    }

    #[test]
    fn outside_the_grid_there_is_nothing() {
        let area = synthetic(4).map_area(point(0, 0), point(1, 1));
        assert_eq!(
            (area.detail, area.cells.len(), area.borders.len()),
            (MapDetail::Cells, 0, 0)
        );
    }
}
