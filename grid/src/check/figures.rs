//! Figures for people: areas on the ellipsoid, regions covered twice or by nobody. Nothing is decided by them; the exact
//! integers decide, and these say how much and where.

use geo::algorithm::bool_ops::{FillRule, OpType};
use geo::{BooleanOps, Coord, GeodesicArea, LineString, MultiPolygon, Polygon};

use crate::geom::Pt;

/// Regions below this many square metres come from the floats of the overlay and are left out.
const SMALLEST_M2: f64 = 0.001;

/// A region with its figures.
pub(crate) struct MeasuredRegion {
    /// Square metres on the ellipsoid.
    pub m2: f64,
    /// Mean width in metres: twice the area by the length of the border.
    pub width_m: f64,
    /// Its rings, rounded to 1e-7 degree: the outer one first.
    pub rings: Vec<Vec<Pt>>,
}

/// The area of a ring in square metres on the ellipsoid of WGS-84.
pub(crate) fn area(ring: &[Pt]) -> f64 {
    polygon(ring).geodesic_area_signed().abs()
}

/// Square metres as text: four decimals below 10, none above.
pub(crate) fn square_metres(m2: f64) -> String {
    if m2 < 10.0 {
        format!("{m2:.4} m2")
    } else {
        format!("{m2:.0} m2")
    }
}

/// Where two rings both are.
pub(crate) fn both(a: &[Pt], b: &[Pt]) -> Vec<MeasuredRegion> {
    regions(polygon(a).boolean_op_with_fill_rule(&polygon(b), OpType::Intersection, FillRule::NonZero))
}

/// Where directed loops wind counter-clockwise, but for what lies in the counter-clockwise `without`.
pub(crate) fn above(loops: &[Vec<Pt>], without: &[&[Pt]]) -> Vec<MeasuredRegion> {
    let without = MultiPolygon(without.iter().map(|r| polygon(r)).collect());
    regions(many(loops).boolean_op_with_fill_rule(&without, OpType::Difference, FillRule::Positive))
}

/// Where directed loops wind clockwise.
pub(crate) fn below(loops: &[Vec<Pt>]) -> Vec<MeasuredRegion> {
    let nothing: MultiPolygon = MultiPolygon(vec![]);
    regions(many(loops).boolean_op_with_fill_rule(&nothing, OpType::Union, FillRule::Negative))
}

/// The holes inside of what directed loops enclose counter-clockwise.
pub(crate) fn holes(loops: &[Vec<Pt>]) -> Vec<MeasuredRegion> {
    let nothing: MultiPolygon = MultiPolygon(vec![]);
    let union = many(loops).boolean_op_with_fill_rule(&nothing, OpType::Union, FillRule::Positive);
    let holes = union.0.into_iter().flat_map(|p| p.into_inner().1);
    regions(MultiPolygon(holes.map(|h| Polygon::new(h, vec![])).collect()))
}

fn polygon(ring: &[Pt]) -> Polygon {
    let degrees = |p: &Pt| Coord {
        x: f64::from(p.x) * 1e-7,
        y: f64::from(p.y) * 1e-7,
    };
    Polygon::new(LineString(ring.iter().map(degrees).collect()), vec![])
}

fn many(loops: &[Vec<Pt>]) -> MultiPolygon {
    MultiPolygon(loops.iter().map(|r| polygon(r)).collect())
}

fn regions(found: MultiPolygon) -> Vec<MeasuredRegion> {
    let region = |p: Polygon| {
        let m2 = p.geodesic_area_signed().abs();
        let around = p.geodesic_perimeter();
        let rings = std::iter::once(p.exterior())
            .chain(p.interiors())
            .map(points)
            .collect();
        (m2 >= SMALLEST_M2).then(|| MeasuredRegion {
            m2,
            width_m: 2.0 * m2 / around.max(1e-9),
            rings,
        })
    };
    found.0.into_iter().filter_map(region).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a float to i32 cast saturates; the input came from i32"
)]
fn points(ring: &LineString) -> Vec<Pt> {
    let mut points: Vec<Pt> = ring
        .coords()
        .map(|c| Pt::new((c.x * 1e7).round() as i32, (c.y * 1e7).round() as i32))
        .collect();
    points.pop();
    points
}
