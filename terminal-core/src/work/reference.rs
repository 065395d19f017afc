//! Grid and catalogue in force on this handset.

use crate::{
    Error, Result,
    grid::place::{HandsetGrid, LocatedPlace, PlaceAnswer},
    terminal::Terminal,
};
use protocol::{
    geo::PointE7,
    manifest::{Catalogue, FileName},
};
use std::sync::Arc;

impl Terminal {
    /// Looks up a WGS-84 point in the handset's grid; accuracy radius in centimetres.
    ///
    /// # Errors
    /// `grid.pack.*` if the grid file is damaged; errors of the store.
    pub fn where_is(&self, point: PointE7, accuracy_cm: Option<u32>) -> Result<LocatedPlace> {
        Ok(match self.grid()? {
            Some(grid) => grid.locate(point, accuracy_cm),
            None => LocatedPlace {
                point,
                accuracy_cm,
                answer: PlaceAnswer::NoGrid,
            },
        })
    }
    /// The grid in force; opened once per version.
    ///
    /// # Errors
    /// As [`Terminal::where_is`].
    pub fn grid(&self) -> Result<Option<Arc<HandsetGrid>>> {
        let in_force = self
            .store()
            .files()?
            .into_iter()
            .find(|file| file.name == FileName::Grid);
        let mut open = self.opened_grid();
        let Some(in_force) = in_force else {
            return Ok(None);
        };
        if let Some((sha256, grid)) = open.as_ref().filter(|(sha256, _)| *sha256 == in_force.sha256) {
            tracing::trace!(%sha256, "grid is open");
            return Ok(Some(Arc::clone(grid)));
        }
        let Some((file, bytes)) = self.store().file(FileName::Grid)? else {
            return Ok(None);
        };
        let grid = Arc::new(HandsetGrid::open(bytes)?);
        *open = Some((file.sha256, Arc::clone(&grid)));
        Ok(Some(grid))
    }
    /// The types that can be reported: the operator's catalogue, else the shipped one.
    ///
    /// # Errors
    /// `data.malformed`
    pub fn catalogue(&self) -> Result<Catalogue> {
        match self.store().file(FileName::Catalogue)? {
            Some((_, bytes)) => Ok(serde_json::from_slice(&bytes)?),
            None => Catalogue::shipped().map_err(|error| Error::Data(error.to_string())),
        }
    }
}
