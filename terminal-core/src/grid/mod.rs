//! Place lookup: typed coordinates, and the answer of the handset's grid.

pub(crate) mod listing;
pub(crate) mod map;
pub(crate) mod place;

pub use ::grid::borders::BorderKind;
pub use listing::{ListedCommunity, ListedStreet, ListedUnit, NearCell, parse_cell};
pub use map::{MOST_BORDER_POINTS, MOST_CELLS, MapArea, MapBorder, MapCell, MapDetail};
pub use place::{
    CandidateCell, CellName, HandsetGrid, LocatedPlace, PlaceAnswer, TypedPlace, bearing, parse_datum,
};
