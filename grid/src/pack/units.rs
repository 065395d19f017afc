//! Iterates over a pack: cells with ring, area, centroid and neighbours; the names of streets and communities.

use protocol::codes::{CellCode, CommunityCode, StreetCode};
use protocol::geo::PointE7;

use super::error::PackError;
use super::format::{CELL_LEN, PackFormat, UNIT_LEN};
use super::outline::{CellEntry, ENTRY_LEN, Outline, Points, box_shift};
use super::read::Pack;
use super::record::{CellHandle, i32_at, u16_at, u32_at};
use crate::geom::{Bounds, Pt, area_m2, centroid};

/// One cell (万米单元网格) of a pack.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'a> {
    pack: Pack<'a>,
    entry: Entry<'a>,
    position: usize,
    /// The twelve digits.
    pub code: CellCode,
}

/// The entry of a cell in the table.
#[derive(Clone, Copy, Debug)]
enum Entry<'a> {
    First(&'a [u8; CELL_LEN]),
    Second(CellEntry),
}

fn word(entry: &[u8; CELL_LEN], at: usize) -> u32 {
    u32_at(entry, at).unwrap_or_default()
}

fn point(entry: &[u8; CELL_LEN], at: usize) -> Pt {
    let number = |at| i32_at(entry, at).unwrap_or_default();
    Pt::new(number(at), number(at + 4))
}

/// The vertices of a cell of either format.
#[derive(Clone, Debug)]
enum RingPoints<'a> {
    First(std::slice::Iter<'a, [u8; 8]>),
    Second(Points<'a>),
}

impl Iterator for RingPoints<'_> {
    type Item = Pt;

    fn next(&mut self) -> Option<Pt> {
        match self {
            Self::First(vertices) => vertices.next().map(|v| {
                let [a, b, c, d, e, f, g, h] = *v;
                Pt::new(i32::from_le_bytes([a, b, c, d]), i32::from_le_bytes([e, f, g, h]))
            }),
            Self::Second(points) => points.next(),
        }
    }
}

impl<'a> Cell<'a> {
    /// The vertices in order, counter-clockwise, the first not repeated; WGS-84.
    pub fn ring(&self) -> impl Iterator<Item = PointE7> + Clone + 'a {
        self.points().map(PointE7::from)
    }

    pub(crate) fn points(&self) -> impl Iterator<Item = Pt> + Clone + 'a {
        match self.entry {
            Entry::First(entry) => {
                let (first, count) = (word(entry, 4) as usize, word(entry, 8) as usize);
                let bytes = self.pack.vertices.get(first * 8..(first + count) * 8);
                RingPoints::First(bytes.unwrap_or_default().as_chunks::<8>().0.iter())
            }
            Entry::Second(entry) => match self.pack.outline(&entry) {
                Some(outline) => RingPoints::Second(outline.points(self.pack.vertices)),
                None => RingPoints::First([].iter()),
            },
        }
    }

    pub(crate) fn bounds(&self) -> Bounds {
        match self.entry {
            Entry::First(entry) => Bounds {
                min: point(entry, 12),
                max: point(entry, 20),
            },
            Entry::Second(_) => Bounds::of(self.points()).unwrap_or(self.rough_bounds()),
        }
    }

    /// A box that holds the cell, and is cheaper than the least one.
    pub(crate) fn rough_bounds(&self) -> Bounds {
        match self.entry {
            Entry::First(_) => self.bounds(),
            Entry::Second(entry) => entry.rough(self.pack.corner(), self.pack.box_shift()),
        }
    }

    /// Centroid; it may be outside a concave cell.
    pub fn centroid(&self) -> PointE7 {
        match self.entry {
            Entry::First(entry) => point(entry, 28),
            Entry::Second(_) => {
                let ring: Vec<Pt> = self.points().collect();
                centroid(&ring).unwrap_or(self.bounds().min)
            }
        }
        .into()
    }

    /// Area in whole square metres.
    pub fn area_m2(&self) -> u32 {
        match self.entry {
            Entry::First(entry) => word(entry, 36),
            Entry::Second(_) => {
                let ring: Vec<Pt> = self.points().collect();
                whole_square_metres(&ring)
            }
        }
    }

    /// The cells that share at least one border with this one, in the order of codes.
    pub fn neighbours(&self) -> impl Iterator<Item = CellCode> + 'a {
        let pack = self.pack;
        let (first, second) = match self.entry {
            Entry::First(entry) => {
                let (first, count) = (word(entry, 40) as usize, word(entry, 44) as usize);
                (pack.neighbours.get(first * 4..(first + count) * 4), None)
            }
            Entry::Second(entry) => (None, pack.outline(&entry).map(|o| o.neighbours(self.position))),
        };
        let first = first.unwrap_or_default().as_chunks::<4>().0.iter();
        first
            .map(|n| u32::from_le_bytes(*n) as usize)
            .chain(second.into_iter().flatten())
            .filter_map(move |n| pack.cell_in_place(n).map(|c| c.code))
    }

    /// The community (社区/村) of the cell, if the pack names it.
    pub fn community(&self) -> Option<NamedUnit<'a>> {
        self.pack.community(self.code.community())
    }

    /// The street (街道/乡镇) of the cell, if the pack names it.
    pub fn street(&self) -> Option<NamedUnit<'a>> {
        self.pack.street(self.code.street())
    }
}

/// The level of a named unit; the number of digits of its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnitLevel {
    /// 县级区划, 6 digits.
    County,
    /// 街道/乡镇, 8 digits.
    Street,
    /// 社区/村, 10 digits.
    Community,
}

impl UnitLevel {
    /// Digits of a code of this level.
    pub const fn digits(self) -> usize {
        match self {
            Self::County => 6,
            Self::Street => 8,
            Self::Community => 10,
        }
    }

    pub(crate) fn of_byte(b: u8) -> Option<Self> {
        [Self::County, Self::Street, Self::Community]
            .into_iter()
            .find(|l| l.digits() == usize::from(b))
    }
}

/// A county, street or community with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedUnit<'a> {
    /// The level of the unit.
    pub level: UnitLevel,
    /// 6, 8 or 10 digits of the grid's scheme.
    pub code: String,
    /// Name.
    pub name: &'a str,
    /// The statistics code (统计用区划代码) from which it was numbered; empty when unknown.
    pub stat: &'a str,
    /// True for a town's unit, false for a village's.
    pub is_urban: bool,
}

/// The area of a ring in whole square metres.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "never negative, and it saturates"
)]
pub(crate) fn whole_square_metres(ring: &[Pt]) -> u32 {
    area_m2(ring).abs().round() as u32
}

impl<'a> Pack<'a> {
    /// Returns the number of cells.
    pub fn len(&self) -> usize {
        match self.format {
            PackFormat::First => self.cells.len() / CELL_LEN,
            PackFormat::Second => self.cells.len() / ENTRY_LEN,
        }
    }

    /// Returns true if there is no cell.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn box_shift(&self) -> u32 {
        box_shift(self.grid.width, self.grid.height)
    }

    fn outline(&self, entry: &CellEntry) -> Option<Outline<'a>> {
        Outline::at(self.neighbours, entry, self.corner(), self.box_shift())
    }

    pub(crate) fn cell_in_place(&self, position: usize) -> Option<Cell<'a>> {
        let (handle, entry) = match self.format {
            PackFormat::First => {
                let entry = self.cells.as_chunks().0.get(position)?;
                (CellHandle(word(entry, 0)), Entry::First(entry))
            }
            PackFormat::Second => {
                let entry = CellEntry::read(self.cells.as_chunks().0.get(position)?)?;
                (entry.handle, Entry::Second(entry))
            }
        };
        Some(Cell {
            pack: *self,
            entry,
            position,
            code: self.code(handle)?,
        })
    }

    /// Returns all cells in the order of their codes.
    pub fn cells(&self) -> impl Iterator<Item = Cell<'a>> + use<'a> {
        let pack = *self;
        (0..self.len()).filter_map(move |k| pack.cell_in_place(k))
    }

    /// Returns the cell of this code, if the pack contains it.
    pub fn cell(&self, code: CellCode) -> Option<Cell<'a>> {
        self.cell_in_place(self.cell_position(self.handle(code)?)?)
    }

    /// Returns all named units: counties, then streets, then communities, each in the order of their codes.
    pub fn units(&self) -> impl Iterator<Item = NamedUnit<'a>> + use<'a> {
        let pack = *self;
        (0..self.unit_count()).filter_map(move |k| pack.unit_in_place(k).ok())
    }

    /// Returns the street of this code, if the pack names it.
    pub fn street(&self, code: StreetCode) -> Option<NamedUnit<'a>> {
        self.unit(UnitLevel::Street, code.as_str())
    }

    /// Returns the community of this code, if the pack names it.
    pub fn community(&self, code: CommunityCode) -> Option<NamedUnit<'a>> {
        self.unit(UnitLevel::Community, code.as_str())
    }

    /// Returns the unit of this level and code, if the pack names it.
    pub fn unit(&self, level: UnitLevel, code: &str) -> Option<NamedUnit<'a>> {
        let (mut low, mut high) = (0, self.unit_count());
        while low < high {
            let middle = low + (high - low) / 2;
            let unit = self.unit_in_place(middle).ok()?;
            match (unit.level, unit.code.as_str()).cmp(&(level, code)) {
                std::cmp::Ordering::Equal => return Some(unit),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    fn unit_count(&self) -> usize {
        u32_at(self.units, 0).unwrap_or_default() as usize
    }

    /// Entry: number u64, level u8, urban u8, two unused bytes, then offset of name and code in the texts (u32),
    /// length of the name and of the statistics code (u16).
    fn unit_in_place(&self, k: usize) -> Result<NamedUnit<'a>, PackError> {
        const BAD: PackError = PackError::Corrupt("a unit");
        let entry = self
            .units
            .get(8 + k * UNIT_LEN..8 + (k + 1) * UNIT_LEN)
            .ok_or(BAD)?;
        let texts = self.units.get(8 + self.unit_count() * UNIT_LEN..).ok_or(BAD)?;
        let number = entry.first_chunk().map(|n| u64::from_le_bytes(*n)).ok_or(BAD)?;
        let level = entry.get(8).copied().and_then(UnitLevel::of_byte).ok_or(BAD)?;
        let offset = u32_at(entry, 12).ok_or(BAD)? as usize;
        let name_end = offset.saturating_add(usize::from(u16_at(entry, 16).ok_or(BAD)?));
        let stat_end = name_end.saturating_add(usize::from(u16_at(entry, 18).ok_or(BAD)?));
        let text =
            |r: std::ops::Range<usize>| texts.get(r).and_then(|t| std::str::from_utf8(t).ok()).ok_or(BAD);
        let code = format!("{number:0width$}", width = level.digits());
        if code.len() != level.digits() {
            return Err(BAD);
        }
        Ok(NamedUnit {
            level,
            code,
            name: text(offset..name_end)?,
            stat: text(name_end..stat_end)?,
            is_urban: entry.get(9) == Some(&1),
        })
    }

    pub(crate) fn validate_units(&self) -> Result<(), PackError> {
        let count = self.unit_count();
        if self.units.len() < 8 || count > self.units.len() / UNIT_LEN {
            return Err(PackError::Corrupt("units"));
        }
        let mut last: Option<(UnitLevel, String)> = None;
        for k in 0..count {
            let unit = self.unit_in_place(k)?;
            let key = (unit.level, unit.code);
            if last.is_some_and(|l| l >= key) {
                return Err(PackError::Corrupt("order of units"));
            }
            last = Some(key);
        }
        Ok(())
    }
}
