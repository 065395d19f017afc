//! Checks each ring: one part, no hole, counter-clockwise, simple, wide enough.

use std::collections::BTreeSet;

use super::figures;
use super::finding::{Finding, FindingKind};
use super::limits::CheckLimits;
use crate::geom::{LocalFrame, Metres, Pt, area_m2, area2, edges, on_segment, point_to_segment};
use crate::level::Level;
use crate::loose::LooseArea;

/// Checks the rings and returns the smallest width of any cell, in metres.
pub(super) fn check(areas: &[LooseArea], limits: &CheckLimits, findings: &mut Vec<Finding>) -> Option<f64> {
    let mut narrowest: Option<f64> = None;
    for LooseArea { area, others, hole } in areas {
        let place = area.ring.first().copied();
        let mut bad = |kind, at: Option<Pt>, detail: String| {
            findings.push(Finding {
                kind,
                codes: vec![area.code.clone()],
                place: at.map(Into::into),
                detail,
            });
        };
        if !others.is_empty() {
            bad(
                FindingKind::NotAPolygon,
                place,
                format!("{} parts; an area has one", others.len() + 1),
            );
        }
        if hole.is_some() {
            bad(FindingKind::Hole, *hole, "an area has no holes".into());
        }
        if area2(&area.ring) <= 0 {
            bad(FindingKind::RingTurned, place, "the ring has no area".into());
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = area.ring.iter().find(|p| !seen.insert(**p)) {
            bad(
                FindingKind::VertexTwice,
                Some(*twice),
                "the ring comes to a vertex twice".into(),
            );
        }
        if let Some(spike) = spike(&area.ring) {
            bad(
                FindingKind::SelfIntersection,
                Some(spike),
                "the ring turns back on itself".into(),
            );
        }
        let size = area_m2(&area.ring).abs();
        match area.level {
            Level::Cell => {
                if size < limits.cell_m2 {
                    bad(
                        FindingKind::Sliver,
                        place,
                        figures::square_metres(figures::area(&area.ring)),
                    );
                }
                let (width, at) = width(&area.ring);
                if width < limits.width_m {
                    bad(FindingKind::Sliver, at.or(place), format!("{width:.2} m wide"));
                }
                narrowest = Some(narrowest.map_or(width, |n: f64| n.min(width)));
            }
            Level::Community if area.is_urban && size > limits.urban_community_m2 => {
                let size = figures::square_metres(figures::area(&area.ring));
                bad(FindingKind::UrbanTooLarge, place, size);
            }
            _ => {}
        }
    }
    narrowest
}

/// Returns a vertex at which the ring returns along the edge it came by.
fn spike(ring: &[Pt]) -> Option<Pt> {
    let next = edges(ring).skip(1).chain(edges(ring).take(1));
    edges(ring)
        .zip(next)
        .find(|&((a, b), (_, c))| on_segment(a, b, c) || on_segment(b, c, a))
        .map(|((_, b), _)| b)
}

/// Returns the smallest width of a ring in metres and its position: the minimum of the mean width (twice the area
/// divided by the length of the border) and of the distances between a vertex and an edge that are far apart along
/// the ring. Dense vertices along a smooth border are close in both senses and are not counted.
fn width(ring: &[Pt]) -> (f64, Option<Pt>) {
    let Some(&origin) = ring.first() else {
        return (0.0, None);
    };
    let frame = LocalFrame::new(origin);
    let m: Vec<Metres> = ring.iter().map(|&p| frame.metres(p)).collect();
    let sides: Vec<(Metres, Metres, f64)> = {
        let mut so_far = 0.0;
        let next = m.iter().skip(1).chain(m.first());
        m.iter()
            .zip(next)
            .map(|(&a, &b)| {
                let start = so_far;
                so_far += a.distance(b);
                (a, b, start)
            })
            .collect()
    };
    let around = sides.iter().map(|(a, b, _)| a.distance(*b)).sum::<f64>();
    let mut best = (
        2.0 * frame.square_metres(area2(ring)).abs() / around.max(1e-9),
        None,
    );
    for (&(v, _, at), &p) in sides.iter().zip(ring) {
        for &(a, b, start) in &sides {
            let d = point_to_segment(v, a, b);
            if d < best.0 {
                let along =
                    (start + (v.distance(a).powi(2) - d * d).max(0.0).sqrt().min(a.distance(b)) - at).abs();
                if along.min(around - along) > 3.0 * d {
                    best = (d, Some(p));
                }
            }
        }
    }
    best
}
