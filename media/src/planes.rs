//! The picture as it is filed: luma, and both chromas at half the size in each direction.
//!
//! A third of what RGB in floats needs, and half of RGB: what JPEG keeps anyway. Rows are written upright while they
//! arrive, so that no second picture is needed to turn one.

use crate::exif::Orientation;
use crate::resize::{Scaler, Span};

/// Samples of one component, row by row.
#[derive(Clone)]
pub(crate) struct Plane {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) samples: Vec<u8>,
}

impl Plane {
    fn filled(width: usize, height: usize, value: u8) -> Self {
        Self {
            width,
            height,
            samples: vec![value; width * height],
        }
    }

    /// Returns a row, or nothing below the plane.
    pub(crate) fn row(&self, y: usize) -> &[u8] {
        self.samples
            .get(y * self.width..(y + 1) * self.width)
            .unwrap_or_default()
    }

    /// The sample at a place; of a place outside, the nearest.
    pub(crate) fn at(&self, x: usize, y: usize) -> u8 {
        let row = self.row(y.min(self.height.saturating_sub(1)));
        row.get(x.min(self.width.saturating_sub(1))).copied().unwrap_or(0)
    }
}

/// A picture: luma `width` x `height`, chromas half of it, rounded up.
#[derive(Clone)]
pub(crate) struct Planes {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Luma, blue difference, red difference.
    pub(crate) planes: [Plane; 3],
}

/// How one component arrives.
#[derive(Clone, Copy)]
pub(crate) struct Arriving {
    /// Samples of a row, and rows.
    pub(crate) samples: (usize, usize),
    /// The part of them that is picture.
    pub(crate) extent: (f64, f64),
}

impl Arriving {
    /// A component whose extent is not whole: the last samples are covered in part.
    pub(crate) fn of(extent: (f64, f64)) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the side of a picture, at most 65,535"
        )]
        let up = |length: f64| (length.ceil() as usize).max(1);
        Self {
            samples: (up(extent.0), up(extent.1)),
            extent,
        }
    }
}

/// Makes [`Planes`] from rows: scales, turns upright.
pub(crate) struct Maker {
    made: Planes,
    scalers: [Option<Scaler>; 3],
    writers: [Writer; 3],
}

impl Maker {
    /// A picture of `size` as stored, made of components that arrive as said; those that do not arrive are grey.
    pub(crate) fn new(arriving: &[Arriving], size: (u32, u32), orientation: Orientation) -> Self {
        let turn = Turn::of(orientation);
        let (width, height) = size;
        let half = |length: u32| (length.div_ceil(2) as usize, f64::from(length) / 2.0);
        let full = |length: u32| (length as usize, f64::from(length));
        let sides = [
            (full(width), full(height)),
            (half(width), half(height)),
            (half(width), half(height)),
        ];
        let scalers = std::array::from_fn(|index| {
            let arriving = arriving.get(index)?;
            let ((to_x, extent_x), (to_y, extent_y)) = *sides.get(index)?;
            let span = |from, extent, to, to_extent, reversed| Span {
                from,
                extent,
                to,
                to_extent,
                reversed,
            };
            Some(Scaler::new(
                span(
                    arriving.samples.0,
                    arriving.extent.0,
                    to_x,
                    extent_x,
                    turn.reverse_x,
                ),
                span(
                    arriving.samples.1,
                    arriving.extent.1,
                    to_y,
                    extent_y,
                    turn.reverse_y,
                ),
            ))
        });
        let planes = sides.map(|((to_x, _), (to_y, _))| {
            let (x, y) = if turn.swap { (to_y, to_x) } else { (to_x, to_y) };
            Plane::filled(x, y, 128)
        });
        let (width, height) = if turn.swap {
            (height, width)
        } else {
            (width, height)
        };
        Self {
            made: Planes {
                width,
                height,
                planes,
            },
            scalers,
            writers: sides.map(|((to_x, _), (to_y, _))| Writer::new(turn, to_x, to_y)),
        }
    }

    /// Takes the next row of a component.
    pub(crate) fn push(&mut self, component: usize, row: &[u8]) {
        if let (Some(Some(scaler)), Some(writer), Some(plane)) = (
            self.scalers.get_mut(component),
            self.writers.get_mut(component),
            self.made.planes.get_mut(component),
        ) {
            scaler.push(row, &mut |_, row| writer.push(row, plane));
        }
    }

    /// Returns the picture; all rows must have arrived.
    pub(crate) fn finish(mut self) -> Planes {
        for (writer, plane) in self.writers.iter_mut().zip(&mut self.made.planes) {
            writer.flush(plane);
        }
        self.made
    }
}

impl Planes {
    /// Returns a smaller copy of this size.
    pub(crate) fn scaled(&self, size: (u32, u32)) -> Self {
        let (width, height) = (f64::from(self.width), f64::from(self.height));
        let arriving = [
            (width, height),
            (width / 2.0, height / 2.0),
            (width / 2.0, height / 2.0),
        ];
        let mut maker = Maker::new(&arriving.map(Arriving::of), size, Orientation::Upright);
        for (index, plane) in self.planes.iter().enumerate() {
            for y in 0..plane.height {
                maker.push(index, plane.row(y));
            }
        }
        maker.finish()
    }
}

/// What an orientation does to a stored picture: reverse rows, reverse their order, then swap both directions.
#[derive(Clone, Copy)]
struct Turn {
    reverse_x: bool,
    reverse_y: bool,
    swap: bool,
}

impl Turn {
    fn of(orientation: Orientation) -> Self {
        let (reverse_x, reverse_y, swap) = match orientation {
            Orientation::Upright => (false, false, false),
            Orientation::Mirror => (true, false, false),
            Orientation::Turn180 => (true, true, false),
            Orientation::Flip => (false, true, false),
            Orientation::Transpose => (false, false, true),
            Orientation::Turn90 => (false, true, true),
            Orientation::Transverse => (true, true, true),
            Orientation::Turn270 => (true, false, true),
        };
        Self {
            reverse_x,
            reverse_y,
            swap,
        }
    }
}

/// Rows that are written at once when they become columns.
const BAND: usize = 16;

/// Writes rows as they are stored to where they belong.
struct Writer {
    turn: Turn,
    /// As stored.
    width: usize,
    height: usize,
    /// Rows that are not written yet.
    band: Vec<u8>,
    written: usize,
}

impl Writer {
    fn new(turn: Turn, width: usize, height: usize) -> Self {
        Self {
            turn,
            width,
            height,
            band: Vec::new(),
            written: 0,
        }
    }

    fn push(&mut self, row: &[u8], plane: &mut Plane) {
        let start = self.band.len();
        self.band.extend(row.iter().take(self.width));
        if self.turn.reverse_x {
            self.band.get_mut(start..).unwrap_or_default().reverse();
        }
        if !self.turn.swap || self.band.len() >= BAND * self.width {
            self.flush(plane);
        }
    }

    fn flush(&mut self, plane: &mut Plane) {
        let rows = self.band.len() / self.width.max(1);
        if rows == 0 || self.written + rows > self.height {
            self.band.clear();
            return;
        }
        // Number of the band's first row from the picture's edge on which it begins.
        let first = if self.turn.reverse_y {
            self.height - self.written - rows
        } else {
            self.written
        };
        if self.turn.swap {
            let columns = plane.samples.chunks_exact_mut(plane.width.max(1));
            for (x, column) in columns.enumerate() {
                let to = column.get_mut(first..first + rows).unwrap_or_default();
                let from = self.band.iter().skip(x).step_by(self.width.max(1));
                if self.turn.reverse_y {
                    to.iter_mut().rev().zip(from).for_each(|(to, &from)| *to = from);
                } else {
                    to.iter_mut().zip(from).for_each(|(to, &from)| *to = from);
                }
            }
        } else if let Some(to) = plane
            .samples
            .get_mut(first * plane.width..(first + 1) * plane.width)
        {
            to.copy_from_slice(&self.band);
        }
        self.written += rows;
        self.band.clear();
    }
}
