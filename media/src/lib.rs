//! The photo pipeline: converts a photo's bytes to the file that is kept as evidence.
//!
//! [`prepare`] converts a picture from a camera or a gallery to the one file that is filed: upright, at most
//! [`PrepareOptions::longest_side`] pixels long, with time and place burnt in ([`Stamp`]), without the original's
//! metadata, hashed, and with a thumbnail. [`inspect`] determines format and size without decoding a pixel; the
//! server uses it to refuse files that are not photos.
//!
//! Promises:
//! - **No I/O, no clock.** Pure functions over bytes. The caller provides the text of the stamp, because only the
//!   caller knows whether a time is trusted or needs the mark 本机时间.
//! - **Limits are checked before decoding.** A 60-megapixel header causes no 60-megapixel buffer.
//! - **A truncated file is an error**, never a picture with a grey lower half.
//! - **Hostile bytes never panic**; every refusal is a [`MediaError`] with a stable code.
//! - **Deterministic.** The same build on the same kind of processor gives the same bytes for the same input, so an
//!   interrupted intake can be repeated.
//! - **One large buffer.** The picture is decoded once to 8-bit RGB (3 bytes a pixel), scaled immediately, and all
//!   further steps work on the small copy. (Progressive JPEGs also need their coefficients while decoding.)
//! - **Only the pixels of the original** reach the output: no EXIF, no GPS, no maker notes. The values that the
//!   record needs, [`PreparedPhoto::taken_at`] and [`PreparedPhoto::gps`], are returned as data.

mod error;
mod exif;
mod format;
mod inspect;
mod jpeg;
mod limits;
mod png;
mod prepare;
mod raster;
mod stamp;
mod structure;

pub use error::MediaError;
pub use exif::{Gps, Orientation};
pub use format::Format;
pub use inspect::{Info, inspect};
pub use limits::PhotoLimits;
pub use prepare::{PrepareOptions, PreparedPhoto, prepare};
pub use stamp::{Stamp, unprintable};
