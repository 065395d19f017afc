//! The Android app: resources from the design tokens, its build and tests by Maven, pictures of its screens.

mod build;
mod figures;
mod gallery;
mod icons;
mod licences;
mod resources;
mod states;
mod values;

pub use build::{Goal, maven, succeeds, walk, walk_folder};
pub use figures::figures;
pub use gallery::gallery;

use anyhow::Result;

use crate::workspace::Workspace;

/// Writes all that Maven needs of this project: resources from `design/` and the licences.
///
/// # Errors
/// A file of the design that is not as expected, or a library whose licence is not known.
pub fn resources(ws: &Workspace) -> Result<()> {
    resources::write(ws)?;
    licences::write(ws)
}
