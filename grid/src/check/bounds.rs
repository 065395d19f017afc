//! The extents of a file, before anything is allocated for them: the later steps keep tables by place, whose size
//! follows the extent of the cells and not the size of the file.

use super::figures;
use super::finding::{Finding, FindingKind};
use super::limits::CheckLimits;
use crate::geom::{Bounds, Pt, edges};
use crate::level::Level;
use crate::loose::LooseArea;

/// The side of a square of the later tables: 16,384 units, and 65,536 units for the tiles of the pack.
const BORDER_SHIFT: u32 = 14;
const TILE_SHIFT: u32 = 16;
/// Squares that the borders may lie in, tiles that the cells may lie in: tables of some hundred megabytes at most.
const MOST_SQUARES: u64 = 16_000_000;
const MOST_TILES: u64 = 4_000_000;

/// Returns the findings that make it useless to go on.
pub(super) fn check(areas: &[LooseArea], limits: &CheckLimits) -> Vec<Finding> {
    let mut findings = Vec::new();
    let of = |a: &LooseArea| Bounds::of(a.area.ring.iter().copied());
    let all = areas.iter().filter_map(of).reduce(|a, b| Bounds {
        min: Pt::new(a.min.x.min(b.min.x), a.min.y.min(b.min.y)),
        max: Pt::new(a.max.x.max(b.max.x), a.max.y.max(b.max.y)),
    });
    let (Some(all), degrees) = (all, |a: i32, b: i32| f64::from(a.abs_diff(b)) * 1e-7) else {
        return findings;
    };
    let (wide, high) = (degrees(all.min.x, all.max.x), degrees(all.min.y, all.max.y));
    if wide.max(high) > limits.extent_degrees {
        findings.push(Finding {
            kind: FindingKind::Extent,
            codes: at_the_ends(areas, &all),
            place: Some(all.min.into()),
            detail: format!(
                "the file extends over {wide:.3} by {high:.3} degrees, at most {} is a county; are these metres of a \
                 projected system, or is a vertex far off?",
                limits.extent_degrees
            ),
        });
        return findings;
    }
    let (mut squares, mut tiles) = (0u64, 0u64);
    for loose in areas.iter().filter(|a| a.area.level == Level::Cell) {
        let mut bad = |kind, detail: String| {
            findings.push(Finding {
                kind,
                codes: vec![loose.area.code.clone()],
                place: loose.area.ring.first().map(|&p| p.into()),
                detail,
            });
        };
        if loose.area.ring.len() > limits.cell_vertices {
            let (n, most) = (loose.area.ring.len(), limits.cell_vertices);
            bad(FindingKind::TooComplex, format!("{n} vertices, at most {most}"));
        }
        if crate::geom::area_m2(&loose.area.ring).abs() > limits.largest_cell_m2 {
            let (size, most) = (figures::area(&loose.area.ring), limits.largest_cell_m2);
            let said = figures::square_metres;
            bad(
                FindingKind::CellTooLarge,
                format!("{}, at most {}", said(size), said(most)),
            );
        }
        tiles += of(loose).map_or(0, |b| count(b.min, b.max, TILE_SHIFT));
        squares += edges(&loose.area.ring)
            .map(|(a, b)| count(a, b, BORDER_SHIFT))
            .sum::<u64>();
    }
    if squares > MOST_SQUARES || tiles > MOST_TILES {
        findings.push(Finding {
            kind: FindingKind::TooComplex,
            codes: vec![],
            place: None,
            detail: format!(
                "the cells extend over {tiles} tiles and their borders over {squares} squares of the index"
            ),
        });
    }
    findings
}

/// Squares that the box of two points touches.
fn count(a: Pt, b: Pt, shift: u32) -> u64 {
    let across = |p: i32, q: i32| u64::from((p >> shift).abs_diff(q >> shift)) + 1;
    across(a.x, b.x) * across(a.y, b.y)
}

/// Codes of areas that reach the ends of the box, at most four; those that reach most of them first.
fn at_the_ends(areas: &[LooseArea], all: &Bounds) -> Vec<String> {
    let reaches = |a: &LooseArea| {
        let b = Bounds::of(a.area.ring.iter().copied())?;
        let ends = [
            b.min.x == all.min.x,
            b.min.y == all.min.y,
            b.max.x == all.max.x,
            b.max.y == all.max.y,
        ];
        let count = ends.into_iter().filter(|e| *e).count();
        (count > 0).then(|| (std::cmp::Reverse(count), a.area.code.clone()))
    };
    let mut ends: Vec<_> = areas.iter().filter_map(reaches).collect();
    ends.sort();
    ends.into_iter().take(4).map(|(_, code)| code).collect()
}
