//! Grid cells (万米单元网格): where a point lies, exactly, offline, the same on every machine.
//!
//! * [`datum`]: WGS-84, GCJ-02 and BD-09, converted once at the edge; inside, everything is WGS-84.
//! * [`pack`]: a grid version as one file; point to cell, circle to ranked candidates, nearest cell, neighbours.
//! * [`geom`], [`decimal`]: integer geometry in 1e-7 degree and decimal text without floats.
//!
//! Behind the feature `tools`, which handsets leave off:
//! * `cut`: district outline and lists of names to streets, communities and cells with stable codes;
//! * `check`: the import gate, which knows nothing of the cutter and names every fault with its place;
//! * `geojson`: the exchange format between them; `import`: through the gate into a pack;
//! * `synthetic`: tessellations to measure with;
//! * `command`: what `xunge-server grid cut | check | pack | where` does.
//!
//! The crate reads no file and no clock, except for `command`, its one edge.

pub mod datum;
pub mod decimal;
pub mod geom;
pub mod pack;

pub use pack::{Pack, PackBuf, PackError};
#[cfg(feature = "tools")]
pub mod check;
#[cfg(feature = "tools")]
pub mod command;
#[cfg(feature = "tools")]
pub mod cut;
#[cfg(feature = "tools")]
pub mod geojson;
#[cfg(feature = "tools")]
pub mod import;
#[cfg(feature = "tools")]
pub mod level;
#[cfg(feature = "tools")]
pub mod synthetic;
