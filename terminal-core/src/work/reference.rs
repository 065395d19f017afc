//! Grid and catalogue in force on this handset.

use crate::{
    Error, Result,
    grid::{
        listing::{ListedCommunity, ListedStreet, NearCell},
        map::MapArea,
        place::{CellName, HandsetGrid, LocatedPlace, PlaceAnswer},
    },
    terminal::Terminal,
};
use protocol::{
    codes::{CommunityCode, StreetCode},
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
    /// The grid in force; read, verified and opened once per version and process. `None` without one, and if its file
    /// was altered: then the next sync fetches it again.
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
        if let Some((_, grid)) = open.as_ref().filter(|(sha256, _)| *sha256 == in_force.sha256) {
            return Ok(Some(Arc::clone(grid)));
        }
        let Some((file, bytes)) = self.store().file(FileName::Grid)? else {
            return Ok(None);
        };
        let grid = Arc::new(HandsetGrid::open(bytes)?);
        *open = Some((file.sha256, Arc::clone(&grid)));
        Ok(Some(grid))
    }
    /// The streets (街道/乡镇) of the handset's grid, by code; empty without a grid.
    ///
    /// # Errors
    /// As [`Terminal::where_is`].
    pub fn streets(&self) -> Result<Vec<ListedStreet>> {
        Ok(self.grid()?.map_or_else(Vec::new, |grid| grid.streets()))
    }
    /// The communities (社区/村) of a street, by code; empty if the grid does not have the street.
    ///
    /// # Errors
    /// As [`Terminal::where_is`].
    pub fn communities(&self, street: StreetCode) -> Result<Vec<ListedCommunity>> {
        Ok(self
            .grid()?
            .map_or_else(Vec::new, |grid| grid.communities(street)))
    }
    /// The cells of a community, by code; empty if the grid does not have the community.
    ///
    /// # Errors
    /// As [`Terminal::where_is`].
    pub fn cells_of(&self, community: CommunityCode) -> Result<Vec<CellName>> {
        Ok(self
            .grid()?
            .map_or_else(Vec::new, |grid| grid.cells_of(community)))
    }
    /// The nearest cells of a WGS-84 point, at most `limit`, nearest first; empty without a grid.
    ///
    /// # Errors
    /// As [`Terminal::where_is`].
    pub fn cells_near(&self, point: PointE7, limit: usize) -> Result<Vec<NearCell>> {
        Ok(self
            .grid()?
            .map_or_else(Vec::new, |grid| grid.cells_near(point, limit)))
    }
    /// What a map draws inside the rectangle with these opposite corners, WGS-84: see [`HandsetGrid::map_area`]. `None`
    /// without a grid.
    ///
    /// # Errors
    /// As [`Terminal::where_is`].
    pub fn map_area(&self, corner: PointE7, opposite: PointE7) -> Result<Option<MapArea>> {
        Ok(self.grid()?.map(|grid| grid.map_area(corner, opposite)))
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
