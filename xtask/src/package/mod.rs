//! `cargo xtask package`: the release artefacts in `dist/`, with the licences of everything linked, an SBOM for each
//! program and SHA-256 sums. `--twice` proves that a second build of the same commit in the same place gives the same
//! bytes.

mod artefacts;
mod build;
pub mod closure;
pub mod licences;
mod run;
mod sbom;

pub use artefacts::Artefact;
pub use run::{once, twice};
