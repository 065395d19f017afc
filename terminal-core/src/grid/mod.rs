//! Place lookup: typed coordinates, and the answer of the handset's grid.

pub(crate) mod listing;
pub(crate) mod place;

pub use listing::{ListedCommunity, ListedStreet, ListedUnit, NearCell, parse_cell};
pub use place::{
    CandidateCell, CellName, HandsetGrid, LocatedPlace, PlaceAnswer, TypedPlace, bearing, parse_datum,
};
