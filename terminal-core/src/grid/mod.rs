//! Place lookup: typed coordinates, and the answer of the handset's grid.

pub(crate) mod place;

pub use place::{
    CandidateCell, CellName, HandsetGrid, LocatedPlace, PlaceAnswer, TypedPlace, bearing, parse_datum,
};
