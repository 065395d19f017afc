//! A place that somebody names: a point, or a cell by its code.

use crate::{app::state::App, kernel::failure::Failure};
use protocol::{
    codes::{CellCode, GridVersion},
    geo::PointE7,
    problem::ProblemCode,
};

/// The cell and its grid; `place.outside_grid` when the point or the code lies in no grid in force, `None` when
/// neither is given. The point decides when both are.
pub fn find(
    app: &App,
    place: Option<PointE7>,
    cell: Option<CellCode>,
) -> Result<Option<(CellCode, GridVersion)>, Failure> {
    let outside = || Failure::of(ProblemCode::PlaceUnknown);
    match (place, cell) {
        (Some(point), _) => {
            let located = app.grids.locate(point).ok_or_else(outside)?;
            Ok(Some((located.cell, located.grid)))
        }
        (None, Some(cell)) => {
            let grid = app.grids.knows(cell).ok_or_else(outside)?;
            Ok(Some((cell, grid)))
        }
        (None, None) => Ok(None),
    }
}
