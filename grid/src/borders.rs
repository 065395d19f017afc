//! The borders of a grid's communities and streets as lines, for drawing.
//!
//! A side of a cell is a border if the cell on its other side belongs to another community or street, or if there is no
//! cell. Where one side of a border has a vertex that the other side lacks (a T-junction), the longer side is divided
//! there first, if the vertex is exactly on it.

use protocol::codes::CommunityCode;
use protocol::geo::PointE7;

use crate::geom::{Bounds, Pt, on_segment};
use crate::pack::Pack;

/// What a border divides, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BorderKind {
    /// Two communities (社区/村) of one street.
    Community,
    /// Two streets (街道/乡镇).
    Street,
    /// The grid and what is outside it, also a gap inside it.
    Outer,
}

/// A part of a border: a line of at least two and at most [`MOST_POINTS`] points, WGS-84. A longer border is several
/// lines, each of which begins where another one ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BorderLine {
    /// What it divides.
    pub kind: BorderKind,
    /// Its points in order; the first is repeated at the end of a closed line.
    pub points: Vec<PointE7>,
    /// The bounding box of the points.
    pub bounds: Bounds,
}

/// Points of a line. Short lines have small boxes, so that few lines are outside a rectangle that their boxes meet.
pub const MOST_POINTS: usize = 64;

/// A side of a cell, its lesser end first, and the position of the community that it belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Side {
    ends: (Pt, Pt),
    community: u32,
}

/// Returns all borders: of communities, then of streets, then the outer one. About 0.3 s for 100,000 cells.
pub fn borders(pack: Pack<'_>) -> Vec<BorderLine> {
    let (communities, sides) = outlines(pack);
    let street = |side: &Side| communities.get(side.community as usize).map(|code| code.street());
    let mut kinds = [Vec::new(), Vec::new(), Vec::new()];
    let mut sort = |sides: &[Side], alone: &mut Vec<Side>| {
        for group in sides.chunk_by(|a, b| a.ends == b.ends) {
            match group {
                [] => {}
                [one] => alone.push(*one),
                [one, other, ..] => {
                    let kind = usize::from(street(one) != street(other));
                    if let Some(list) = kinds.get_mut(kind) {
                        list.push(one.ends);
                    }
                }
            }
        }
    };
    let mut alone = Vec::new();
    sort(&sides, &mut alone);
    if let Some(divided) = divide(&alone) {
        alone.clear();
        sort(&divided, &mut alone);
    }
    let [community, border, _] = kinds;
    let outer: Vec<(Pt, Pt)> = alone.into_iter().map(|side| side.ends).collect();
    [
        (BorderKind::Community, community),
        (BorderKind::Street, border),
        (BorderKind::Outer, outer),
    ]
    .into_iter()
    .flat_map(|(kind, sides)| lines(kind, &sides))
    .collect()
}

/// The communities, and their outlines as sides in order: what their cells have in common is left out.
fn outlines(pack: Pack<'_>) -> (Vec<CommunityCode>, Vec<Side>) {
    let (mut communities, mut sides): (Vec<CommunityCode>, Vec<Side>) = (Vec::new(), Vec::new());
    let mut own: Vec<Side> = Vec::new();
    for cell in pack.cells() {
        // Cells are ordered by code, so the cells of a community are adjacent.
        let community = cell.code.community();
        if communities.last() != Some(&community) {
            sides.append(&mut outline(std::mem::take(&mut own)));
            communities.push(community);
        }
        let number = u32::try_from(communities.len() - 1).unwrap_or(u32::MAX);
        let ring = cell.points();
        let next = ring.clone().skip(1).chain(ring.clone().take(1));
        own.extend(ring.zip(next).filter(|(a, b)| a != b).map(|(a, b)| Side {
            ends: (a.min(b), a.max(b)),
            community: number,
        }));
    }
    sides.append(&mut outline(own));
    sides.sort_unstable();
    (communities, sides)
}

/// The sides of one community without those that two of its cells share.
fn outline(sides: Vec<Side>) -> Vec<Side> {
    let unshared = |mut sides: Vec<Side>| {
        sides.sort_unstable();
        let odd = sides.chunk_by(|a, b| a == b).filter(|same| same.len() % 2 == 1);
        odd.filter_map(|same| same.first().copied())
            .collect::<Vec<Side>>()
    };
    let rest = unshared(sides);
    match divide(&rest) {
        Some(divided) => unshared(divided),
        None => rest,
    }
}

/// Divides the sides at each end of another one that is exactly on them, and sorts the parts; `None` if there is none.
fn divide(sides: &[Side]) -> Option<Vec<Side>> {
    let mut points: Vec<Pt> = sides.iter().flat_map(|side| [side.ends.0, side.ends.1]).collect();
    points.sort_unstable();
    points.dedup();
    let mut parts = Vec::with_capacity(sides.len());
    for side in sides {
        let (from, to) = side.ends;
        // Points are ordered by x, then y, as the ends of a side are: those between the ends are adjacent.
        let first = points.partition_point(|p| *p <= from);
        let last = points.partition_point(|p| *p < to);
        let between = points.get(first..last).unwrap_or_default();
        let mut at = from;
        for &p in between.iter().filter(|p| on_segment(from, to, **p)) {
            parts.push(Side {
                ends: (at, p),
                ..*side
            });
            at = p;
        }
        parts.push(Side {
            ends: (at, to),
            ..*side
        });
    }
    (parts.len() > sides.len()).then(|| {
        parts.sort_unstable();
        parts
    })
}

/// A side on the way to a line.
struct Joint {
    ends: (Pt, Pt),
    /// The only other side at the first and at the second end; `None` if there is none, or more than one.
    next: (Option<usize>, Option<usize>),
    is_used: bool,
}

/// Joins sides that meet at a point where no third one does.
fn lines(kind: BorderKind, sides: &[(Pt, Pt)]) -> Vec<BorderLine> {
    let mut joints: Vec<Joint> = sides
        .iter()
        .map(|&ends| Joint {
            ends,
            next: (None, None),
            is_used: false,
        })
        .collect();
    let mut at: Vec<(Pt, usize)> = (0..)
        .zip(sides)
        .flat_map(|(k, side)| [(side.0, k), (side.1, k)])
        .collect();
    at.sort_unstable();
    for meeting in at.chunk_by(|a, b| a.0 == b.0) {
        let &[(p, one), (_, other)] = meeting else {
            continue;
        };
        for (from, to) in [(one, other), (other, one)] {
            if let Some(joint) = joints.get_mut(from) {
                let next = if joint.ends.0 == p {
                    &mut joint.next.0
                } else {
                    &mut joint.next.1
                };
                *next = Some(to);
            }
        }
    }
    drop(at);
    let mut out = Vec::new();
    // Open lines first, from where they end or meet others; what is left then are closed lines.
    for open in [true, false] {
        for k in 0..joints.len() {
            let Some(joint) = joints.get(k).filter(|joint| !joint.is_used) else {
                continue;
            };
            let from = match joint.next {
                (None, _) => joint.ends.0,
                (_, None) => joint.ends.1,
                _ if open => continue,
                _ => joint.ends.0,
            };
            cut(kind, &walk(&mut joints, from, k), &mut out);
        }
    }
    out
}

/// The points from one end of a side through all that are joined to it.
fn walk(joints: &mut [Joint], from: Pt, first: usize) -> Vec<Pt> {
    let (mut line, mut end, mut next) = (vec![from], from, Some(first));
    while let Some(joint) = next
        .and_then(|k| joints.get_mut(k))
        .filter(|joint| !joint.is_used)
    {
        joint.is_used = true;
        (end, next) = if joint.ends.0 == end {
            (joint.ends.1, joint.next.1)
        } else {
            (joint.ends.0, joint.next.0)
        };
        line.push(end);
    }
    line
}

/// Cuts a line into lines of at most [`MOST_POINTS`] points.
fn cut(kind: BorderKind, line: &[Pt], out: &mut Vec<BorderLine>) {
    let mut rest = line;
    while rest.len() > 1 {
        let part = rest.get(..MOST_POINTS).unwrap_or(rest);
        if let Some(bounds) = Bounds::of(part.iter().copied()) {
            out.push(BorderLine {
                kind,
                points: part.iter().map(|p| PointE7::from(*p)).collect(),
                bounds,
            });
        }
        rest = rest.get(part.len() - 1..).unwrap_or_default();
    }
}
