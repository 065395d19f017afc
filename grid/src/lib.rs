//! Grid cells (万米单元网格): finds the cell of a point, exactly, offline, with the same result on every machine.
//!
//! * [`datum`]: WGS-84, GCJ-02 and BD-09, converted on input; all other code uses WGS-84.
//! * [`pack`]: a grid version as one file; point to cell, circle to ranked candidates, nearest cell, neighbours.
//! * [`borders`]: the borders of communities and streets as lines, for a map.
//! * [`geom`], [`decimal`]: integer geometry in 1e-7 degree and decimal text without floats.
//!
//! Behind the feature `tools`, which handsets leave off:
//! * `cut`: district outline and lists of names to streets, communities and cells with stable codes;
//! * `check`: the check before import; independent of the cutter, reports every fault with its position;
//! * `geojson`: the exchange format between them; `import`: checks a file and packs it;
//! * `text`, `source`: the encoding and the reference system of a file, named, stated or asked;
//! * `loose`: a file as read; `repair`: what differs between programs and is put right: T-junctions, rounding;
//! * `compare`: a grid and the one that it replaces; cells and land lost, distance moved;
//! * `coverage`: a grid beside the outline of its county from another file;
//! * `synthetic`: generated tessellations for benchmarks and tests;
//! * `command`: the commands `xunge-server grid cut | check | pack | where`;
//! * `formats`: Shapefile and GeoPackage beside GeoJSON.
//!
//! Only `command` and `formats` do I/O; no module reads a clock.

pub mod borders;
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
pub mod compare;
#[cfg(feature = "tools")]
pub mod coverage;
#[cfg(feature = "tools")]
pub mod cut;
#[cfg(feature = "tools")]
pub mod formats;
#[cfg(feature = "tools")]
pub mod geojson;
#[cfg(feature = "tools")]
pub mod import;
#[cfg(feature = "tools")]
pub mod level;
#[cfg(feature = "tools")]
pub mod loose;
#[cfg(feature = "tools")]
mod repair;
#[cfg(feature = "tools")]
pub mod source;
#[cfg(feature = "tools")]
pub mod synthetic;
#[cfg(feature = "tools")]
pub mod text;
