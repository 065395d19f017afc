//! The Android app: resources from the design tokens, its build and tests by Maven, pictures of its screens.

mod build;
mod figures;
mod gallery;
mod icons;
mod resources;
mod states;
mod values;

pub use build::{Goal, maven, succeeds, walk, walk_folder};
pub use figures::figures;
pub use gallery::gallery;
pub use resources::write as resources;
