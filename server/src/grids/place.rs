//! The cell of a named place: a point (WGS-84), or a cell code.

use crate::{app::state::App, kernel::failure::Failure};
use protocol::{
    codes::{CellCode, GridVersion},
    geo::PointE7,
    problem::ProblemCode,
};

/// Returns the cell and its grid version; `None` if neither point nor code is given. If both are, the point decides.
///
/// # Errors
/// `place.outside_grid` if the point or the code is in no grid in force.
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
