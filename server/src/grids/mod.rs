//! Grids in force: which cell a place lies in, what it is called, and the files that handsets fetch.

use protocol::{
    codes::{CellCode, GridVersion},
    geo::PointE7,
};
use std::sync::{Arc, RwLock};

/// A place in the grid in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    pub cell: CellCode,
    pub grid: GridVersion,
}

/// The grids in force, by county; replaced as a whole when a new version takes force.
#[derive(Clone, Default)]
pub struct Grids {
    packs: Arc<RwLock<Vec<Arc<Loaded>>>>,
}

/// A pack in memory.
pub(crate) struct Loaded {
    pub version: GridVersion,
    pub bytes: Vec<u8>,
}

impl Grids {
    /// The cell that holds a WGS-84 point, in the grid in force there.
    pub fn locate(&self, _point: PointE7) -> Option<Located> {
        let packs = self.packs.read().ok()?;
        let _ = packs.iter().map(|p| (&p.version, p.bytes.len()));
        None
    }
    /// Whether the code names a cell of a grid in force.
    pub fn knows(&self, _cell: CellCode) -> Option<GridVersion> {
        None
    }
    /// `(street, community)` names of a cell.
    pub fn names(&self, _cell: CellCode) -> Option<(String, String)> {
        None
    }
    /// A point inside the cell, for drawing and for distances.
    pub fn centre(&self, _cell: CellCode) -> Option<PointE7> {
        None
    }
}

/// The routes of this room.
pub fn routes(app: &crate::app::App) -> crate::http::operation::Operations {
    crate::http::operation::Operations::new(app)
}
