//! Writes the cells of format 2: the table, outlines made of shared arcs, and neighbours.

use std::collections::{HashMap, HashSet};

use super::error::WriteError;
use super::index::Shape;
use super::outline::{STEP_LEN, box_shift};
use crate::geom::{Pt, edges};

/// The cells that share a border with each cell, in the order of codes.
pub(crate) fn neighbours(shapes: &[Shape<'_>]) -> Vec<Vec<usize>> {
    let mut owners: Vec<(Pt, Pt, usize)> = Vec::new();
    for (k, shape) in shapes.iter().enumerate() {
        owners.extend(edges(shape.ring).map(|(a, b)| (a.min(b), a.max(b), k)));
    }
    owners.sort_unstable();
    let mut adjacent: Vec<Vec<usize>> = vec![Vec::new(); shapes.len()];
    for sharing in owners.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        for (&(.., a), &(.., b)) in sharing.iter().flat_map(|a| sharing.iter().map(move |b| (a, b))) {
            if let Some(list) = adjacent.get_mut(a).filter(|_| a != b) {
                list.push(b);
            }
        }
    }
    for list in &mut adjacent {
        list.sort_unstable();
        list.dedup();
    }
    adjacent
}

/// The vertices where arcs end: where other than two borders meet, and where an outline begins. Cells on both sides of
/// a border then have the same arcs.
fn ends_of_arcs(shapes: &[Shape<'_>]) -> HashSet<Pt> {
    let mut borders: Vec<(Pt, Pt)> = Vec::new();
    for shape in shapes {
        borders.extend(edges(shape.ring).map(|(a, b)| (a.min(b), a.max(b))));
    }
    borders.sort_unstable();
    borders.dedup();
    let mut vertices: Vec<Pt> = borders.iter().flat_map(|(a, b)| [*a, *b]).collect();
    drop(borders);
    vertices.sort_unstable();
    let junctions = vertices.chunk_by(|a, b| a == b).filter(|same| same.len() != 2);
    let starts = shapes.iter().filter_map(|s| s.ring.first());
    junctions
        .filter_map(|same| same.first())
        .chain(starts)
        .copied()
        .collect()
}

/// The table, the arcs and the outlines.
pub(crate) fn sections(
    shapes: &[Shape<'_>],
    corner: Pt,
    width: u32,
    height: u32,
) -> Result<[Vec<u8>; 3], WriteError> {
    let shift = box_shift(width, height);
    let ends = ends_of_arcs(shapes);
    let neighbours = neighbours(shapes);
    let (mut table, mut arcs, mut outlines) = (Vec::new(), Arcs::default(), Vec::new());
    for (own, (shape, neighbours)) in shapes.iter().zip(neighbours).enumerate() {
        let first = shape.ring.first().copied().unwrap_or(corner);
        let units = |v: i32, o: i32| {
            let units = (i64::from(v) - i64::from(o)) >> shift;
            u16::try_from(units).map_err(|_| WriteError::TooWide)
        };
        let (min, max) = (shape.bounds.min, shape.bounds.max);
        let low = (units(min.x, corner.x)?, units(min.y, corner.y)?);
        table.extend(shape.handle.0.to_le_bytes());
        table.extend(word(outlines.len())?.to_le_bytes());
        for unit in [low.0, low.1, units(max.x, corner.x)?, units(max.y, corner.y)?] {
            table.extend(unit.to_le_bytes());
        }
        let from = |v: i32, o: i32, unit: u16| {
            let low = i64::from(o) + (i64::from(unit) << shift);
            u32::try_from(i64::from(v) - low).map_err(|_| WriteError::TooWide)
        };
        number(from(first.x, corner.x, low.0)?, &mut outlines);
        number(from(first.y, corner.y, low.1)?, &mut outlines);
        let references = references(shape.ring, &ends, &mut arcs)?;
        number(word(references.len())?, &mut outlines);
        let mut last = 0;
        for (at, is_reversed) in references {
            let step = folded(i64::from(at) - i64::from(last))?;
            let reference = step.checked_mul(2).ok_or(WriteError::TooLarge)? | u32::from(is_reversed);
            number(reference, &mut outlines);
            last = at;
        }
        number(word(neighbours.len())?, &mut outlines);
        let mut before = None;
        for neighbour in neighbours {
            let step = match before {
                None => folded(i64::from(word(neighbour)?) - i64::from(word(own)?))?,
                Some(before) => word(neighbour - before)?,
            };
            number(step, &mut outlines);
            before = Some(neighbour);
        }
    }
    Ok([table, arcs.bytes, outlines])
}

/// The arcs of a ring, with the direction in which it runs through each.
fn references(ring: &[Pt], ends: &HashSet<Pt>, arcs: &mut Arcs) -> Result<Vec<(u32, bool)>, WriteError> {
    let mut out = Vec::new();
    let mut points: Vec<Pt> = ring.first().copied().into_iter().collect();
    for (_, to) in edges(ring) {
        points.push(to);
        if ends.contains(&to) {
            out.push(arcs.reference(&points)?);
            points.clear();
            points.push(to);
        }
    }
    Ok(out)
}

/// Arcs, each stored once.
#[derive(Default)]
struct Arcs {
    bytes: Vec<u8>,
    known: HashMap<Vec<Pt>, u32>,
}

impl Arcs {
    fn reference(&mut self, points: &[Pt]) -> Result<(u32, bool), WriteError> {
        let is_reversed = points.iter().gt(points.iter().rev());
        let mut arc = points.to_vec();
        if is_reversed {
            arc.reverse();
        }
        if let Some(at) = self.known.get(&arc) {
            return Ok((*at, is_reversed));
        }
        let at = word(self.bytes.len())?;
        // The arc was turned, so its vertices are written in its own direction.
        let steps = arc.iter().zip(arc.iter().skip(1));
        let steps: Vec<[i64; 2]> = steps
            .map(|(a, b)| [i64::from(b.x) - i64::from(a.x), i64::from(b.y) - i64::from(a.y)])
            .collect();
        let fits = |low: i64, high: i64| steps.iter().flatten().all(|v| (low..=high).contains(v));
        // The least value of a width is left out, because an arc may be read in reverse.
        let kind = if fits(-0x7f, 0x7f) {
            0u32
        } else if fits(-0x7fff, 0x7fff) {
            1
        } else {
            2
        };
        let head = word(steps.len())?.checked_mul(3).ok_or(WriteError::TooLarge)?;
        number(head + kind, &mut self.bytes);
        let len = STEP_LEN.get(kind as usize).map_or(0, |len| len / 2);
        for v in steps.iter().flatten() {
            // The lowest bytes: the value fits, and differences of 33 bits wrap around in the sum as well.
            self.bytes.extend(v.to_le_bytes().iter().take(len));
        }
        self.known.insert(arc, at);
        Ok((at, is_reversed))
    }
}

fn word(n: usize) -> Result<u32, WriteError> {
    u32::try_from(n).map_err(|_| WriteError::TooLarge)
}

/// Folds a signed number: 0, -1, 1, -2, … become 0, 1, 2, 3, …
fn folded(v: i64) -> Result<u32, WriteError> {
    u32::try_from(if v < 0 { -v * 2 - 1 } else { v * 2 }).map_err(|_| WriteError::TooLarge)
}

/// Writes a number with 7 bits a byte, the lowest first.
fn number(mut v: u32, out: &mut Vec<u8>) {
    while v >= 0x80 {
        out.push(v.to_le_bytes()[0] | 0x80);
        v >>= 7;
    }
    out.push(v.to_le_bytes()[0]);
}
