//! A pack of format 2 that is read in parts: an opening reads the header, a lookup three places. Memory and time do not
//! depend on the size of the file.
//!
//! Nothing is verified but what is read. So the file must be one that [`super::Pack::open`] accepted when it came here, on
//! a disk that keeps what it was given. A damaged file gives an error or a wrong cell, and never a panic.

use std::io;

use protocol::codes::CellCode;
use protocol::geo::PointE7;

use super::error::PackError;
use super::format::{HEADER_LEN, PackFormat};
use super::read::{Layout, Pack, PackMeta};
use super::second::{Bucket, Polyline, RECORD_UNIT, RECORDS_SLACK, TILE_LEN, TileEntry, cell_of_bucket};

/// Bytes that are read at the begin: header, metadata and counties of almost all packs.
const HEAD: usize = 1024;
/// Bytes that are read of a record at first: most are shorter.
const MOST_RECORDS: usize = 512;
/// The longest record (a wide one of 255 borders and 127 candidates), and the bytes that a reader takes after it.
const RECORD: usize = 8 + 127 * 4 + 255 * 20 + RECORDS_SLACK;

/// Bytes that are read at any position, such as an open file.
pub trait ReadAt {
    /// Fills `into` with the bytes from `at` on.
    ///
    /// # Errors
    /// `UnexpectedEof` if there are fewer; errors of the disk.
    fn read_exact_at(&self, into: &mut [u8], at: u64) -> io::Result<()>;
}

#[cfg(unix)]
impl ReadAt for std::fs::File {
    fn read_exact_at(&self, into: &mut [u8], at: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, into, at)
    }
}

impl ReadAt for &[u8] {
    fn read_exact_at(&self, into: &mut [u8], at: u64) -> io::Result<()> {
        let from = usize::try_from(at).ok().and_then(|at| self.get(at..));
        let part = from.and_then(|from| from.get(..into.len()));
        into.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// Why a pack could not be read in parts.
#[derive(Debug, thiserror::Error)]
pub enum PackFileError {
    /// Reading failed.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// What was read is no part of a pack of format 2. [`super::Pack::open`] reads format 1.
    #[error(transparent)]
    Pack(#[from] PackError),
}

/// A verified pack of format 2 behind [`ReadAt`].
#[derive(Debug)]
pub struct PackFile<R> {
    source: R,
    layout: Layout,
    /// From the begin of the file to the end of the counties.
    head: Vec<u8>,
}

impl<R: ReadAt> PackFile<R> {
    /// Opens a file of `size` bytes that was verified before: see the module.
    ///
    /// # Errors
    /// `grid.pack.version` for format 1; another error if this is no pack, or not all of one.
    pub fn open_verified(source: R, size: u64) -> Result<Self, PackFileError> {
        let size = usize::try_from(size).map_err(|_| PackError::NotAPack)?;
        let mut head = vec![0; HEAD.min(size)];
        source.read_exact_at(&mut head, 0)?;
        let layout = Layout::of_header(head.get(..HEADER_LEN).unwrap_or(&head), size)?;
        if layout.format == PackFormat::First {
            return Err(PackError::Version { found: 1 }.into());
        }
        let [_, counties, directory, ..] = &layout.sections;
        let tiles = layout.grid.columns as usize * layout.grid.rows as usize;
        if tiles.checked_mul(TILE_LEN) != Some(directory.len()) || counties.end > directory.start {
            return Err(PackError::Corrupt("directory").into());
        }
        let read = head.len();
        if let Some(rest) = counties.end.checked_sub(read).filter(|rest| *rest > 0) {
            head.resize(read + rest, 0);
            source.read_exact_at(head.get_mut(read..).unwrap_or_default(), read as u64)?;
        }
        Ok(Self { source, layout, head })
    }

    /// Returns the description of the grid.
    ///
    /// # Errors
    /// `grid.pack.corrupt`
    pub fn meta(&self) -> Result<PackMeta, PackFileError> {
        Ok(self.view().meta()?)
    }

    /// Returns the cell that contains the point: [`Pack::cell_at`] of the same bytes.
    ///
    /// # Errors
    /// Errors of reading, and `grid.pack.corrupt` if a place is not inside its section.
    pub fn cell_at(&self, point: PointE7) -> Result<Option<CellCode>, PackFileError> {
        const BAD: PackError = PackError::Corrupt("a tile");
        let view = self.view();
        let Some(place) = view.place(point) else {
            return Ok(None);
        };
        let [_, _, directory, words, records, ..] = &self.layout.sections;
        let shift = self.layout.grid.tile_shift & 31;
        let tile =
            (place.1 >> shift) as usize * self.layout.grid.columns as usize + (place.0 >> shift) as usize;
        let entry: [u8; TILE_LEN] = self.part(directory, tile * TILE_LEN)?.ok_or(BAD)?;
        let bucket = TileEntry::of(&entry, 0).ok_or(BAD)?.bucket(shift, place);
        let word: [u8; 2] = self.part(words, bucket.at)?.ok_or(BAD)?;
        let at = bucket.records + usize::from(u16::from_le_bytes(word)) * RECORD_UNIT;
        let left = records.len().checked_sub(at).ok_or(BAD)?;
        let read = |into: &mut [u8]| self.source.read_exact_at(into, (records.start + at) as u64);
        let bucket = Bucket { at: 0, ..bucket };
        let code = |record: &[u8]| cell_of_bucket(record, bucket, place).and_then(|handle| view.code(handle));
        let mut short = [0; MOST_RECORDS];
        let record = short.get_mut(..left.min(MOST_RECORDS)).unwrap_or_default();
        read(record)?;
        let length = Polyline::at(record, 0).map(|line| line.len() + RECORDS_SLACK);
        if length.is_some_and(|length| length <= record.len()) {
            return Ok(code(record));
        }
        let mut long = vec![0; left.min(RECORD)];
        read(&mut long)?;
        Ok(code(&long))
    }

    /// A view of the sections that were read; the others are empty.
    fn view(&self) -> Pack<'_> {
        self.layout.view(&self.head)
    }

    /// Reads bytes of a section; `None` beyond its end.
    fn part<const N: usize>(
        &self,
        section: &std::ops::Range<usize>,
        at: usize,
    ) -> io::Result<Option<[u8; N]>> {
        if at.checked_add(N).is_none_or(|end| end > section.len()) {
            return Ok(None);
        }
        let mut bytes = [0; N];
        self.source
            .read_exact_at(&mut bytes, (section.start + at) as u64)?;
        Ok(Some(bytes))
    }
}
