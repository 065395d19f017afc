//! The cells of format 2: a table entry, an outline made of arcs, and the neighbours. [`super`] describes the layout. No
//! panic for any bytes.

use super::record::{CellHandle, u16_at, u32_at};
use crate::geom::{Bounds, Pt};

/// Bytes of an entry of the cell table: handle, position of the outline, and the box in units of `1 << box_shift`.
pub(crate) const ENTRY_LEN: usize = 16;

/// How many bits are left out of the boxes of a pack of this extent, so that they fit 16.
pub(crate) fn box_shift(width: u32, height: u32) -> u32 {
    (u32::BITS - width.max(height).leading_zeros()).saturating_sub(16)
}

/// An entry of the cell table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CellEntry {
    pub handle: CellHandle,
    /// Position of the outline, in bytes.
    pub outline: usize,
    /// The least box of units that holds the cell.
    units: [u16; 4],
}

impl CellEntry {
    pub(crate) fn read(bytes: &[u8; ENTRY_LEN]) -> Option<Self> {
        let unit = |at| u16_at(bytes, at);
        Some(Self {
            handle: CellHandle(u32_at(bytes, 0)?),
            outline: u32_at(bytes, 4)? as usize,
            units: [unit(8)?, unit(10)?, unit(12)?, unit(14)?],
        })
    }

    /// A box that holds the cell and is at most one unit larger on each side.
    pub(crate) fn rough(&self, corner: Pt, shift: u32) -> Bounds {
        let [west, south, east, north] = self.units.map(u32::from);
        let at =
            |origin: i32, units: u32, more: u32| origin.wrapping_add(((units << shift) + more).cast_signed());
        let last = (1u32 << shift) - 1;
        Bounds {
            min: Pt::new(at(corner.x, west, 0), at(corner.y, south, 0)),
            max: Pt::new(at(corner.x, east, last), at(corner.y, north, last)),
        }
    }
}

/// Reads a number of 7 bits a byte, the lowest first.
pub(crate) fn number(bytes: &mut &[u8]) -> Option<u32> {
    let mut value = 0u32;
    for shift in (0..35).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u32::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Undoes the folding of a signed number: 0, -1, 1, -2, …
pub(crate) fn signed(value: u32) -> i32 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// An outline whose head was read: what is left of it, the first vertex and the number of arcs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outline<'a> {
    bytes: &'a [u8],
    first: Pt,
    arcs: u32,
}

impl<'a> Outline<'a> {
    pub(crate) fn at(outlines: &'a [u8], entry: &CellEntry, corner: Pt, shift: u32) -> Option<Self> {
        let mut bytes = outlines.get(entry.outline..)?;
        let low = entry.rough(corner, shift).min;
        let (x, y) = (number(&mut bytes)?, number(&mut bytes)?);
        let first = Pt::new(
            low.x.wrapping_add(x.cast_signed()),
            low.y.wrapping_add(y.cast_signed()),
        );
        let arcs = number(&mut bytes)?;
        Some(Self { bytes, first, arcs })
    }

    /// The vertices.
    pub(crate) fn points(self, arcs: &'a [u8]) -> Points<'a> {
        Points {
            arcs,
            refs: self.bytes,
            left: self.arcs,
            last: 0,
            arc: Arc::default(),
            at: self.first,
        }
    }

    /// The positions of the neighbours of the cell at `own`, ascending.
    pub(crate) fn neighbours(self, own: usize) -> Neighbours<'a> {
        let mut bytes = self.bytes;
        for _ in 0..self.arcs {
            if number(&mut bytes).is_none() {
                break;
            }
        }
        let left = number(&mut bytes).unwrap_or_default();
        Neighbours {
            bytes,
            left,
            last: own,
            is_first: true,
        }
    }
}

/// Positions of neighbours: the first relative to the cell, each further one to the one before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neighbours<'a> {
    bytes: &'a [u8],
    left: u32,
    last: usize,
    is_first: bool,
}

impl Iterator for Neighbours<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let step = number(&mut self.bytes)?;
        self.last = if std::mem::take(&mut self.is_first) {
            self.last.checked_add_signed(signed(step) as isize)?
        } else {
            self.last.checked_add(step as usize)?
        };
        Some(self.last)
    }
}

/// Steps between vertices that cells share. They begin with a number: steps, times three, plus the kind of their bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Arc<'a> {
    steps: &'a [u8],
    kind: u32,
    is_reversed: bool,
}

/// Bytes of one step, of either direction, by the kind of an arc.
pub(crate) const STEP_LEN: [usize; 3] = [2, 4, 8];

impl<'a> Arc<'a> {
    fn at(arcs: &'a [u8], at: usize, is_reversed: bool) -> Option<Self> {
        let mut bytes = arcs.get(at..)?;
        let head = number(&mut bytes)?;
        let (count, kind) = (head / 3, head % 3);
        let len = (count as usize).checked_mul(*STEP_LEN.get(kind as usize)?)?;
        Some(Self {
            steps: bytes.get(..len)?,
            kind,
            is_reversed,
        })
    }

    fn next(&mut self) -> Option<(i32, i32)> {
        match self.kind {
            0 => self.step::<2>(|&[x, y]| (i32::from(x.cast_signed()), i32::from(y.cast_signed()))),
            1 => self.step::<4>(|&[a, b, c, d]| {
                let number = |pair| i32::from(i16::from_le_bytes(pair));
                (number([a, b]), number([c, d]))
            }),
            _ => self.step::<8>(|&[a, b, c, d, e, f, g, h]| {
                (i32::from_le_bytes([a, b, c, d]), i32::from_le_bytes([e, f, g, h]))
            }),
        }
    }

    fn step<const N: usize>(&mut self, read: impl Fn(&[u8; N]) -> (i32, i32)) -> Option<(i32, i32)> {
        if self.is_reversed {
            let (rest, step) = self.steps.split_last_chunk::<N>()?;
            self.steps = rest;
            let (x, y) = read(step);
            Some((x.wrapping_neg(), y.wrapping_neg()))
        } else {
            let (step, rest) = self.steps.split_first_chunk::<N>()?;
            self.steps = rest;
            Some(read(step))
        }
    }
}

/// The vertices of an outline, in the order in which it was written.
#[derive(Clone, Debug)]
pub(crate) struct Points<'a> {
    arcs: &'a [u8],
    refs: &'a [u8],
    left: u32,
    last: u32,
    arc: Arc<'a>,
    /// The vertex that comes next, if a step leads away from it.
    at: Pt,
}

impl Points<'_> {
    /// The first vertex again, after the last step of a closed outline.
    pub(crate) fn end(&self) -> Pt {
        self.at
    }
}

impl Iterator for Points<'_> {
    type Item = Pt;

    fn next(&mut self) -> Option<Pt> {
        loop {
            if let Some((x, y)) = self.arc.next() {
                let here = self.at;
                self.at = Pt::new(here.x.wrapping_add(x), here.y.wrapping_add(y));
                return Some(here);
            }
            self.left = self.left.checked_sub(1)?;
            let reference = number(&mut self.refs)?;
            // The lowest bit is the direction; the rest is the distance from the arc before.
            self.last = self.last.wrapping_add(signed(reference >> 1).cast_unsigned());
            self.arc = Arc::at(self.arcs, self.last as usize, reference & 1 == 1)?;
        }
    }
}
