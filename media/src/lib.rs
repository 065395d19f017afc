//! The photo pipeline: bytes in, evidence out.
//!
//! [`prepare`] turns what a camera or a gallery gave into the one file that is filed: upright, at most
//! [`PrepareOptions::longest_side`] pixels long, with time and place burnt in ([`Stamp`]), free of the original's metadata,
//! hashed, with a thumbnail beside it. [`inspect`] tells what a file is without decoding a pixel; the server uses it
//! to refuse what is no photo.
//!
//! Promises:
//! - **No I/O, no clock.** Plain data in and out. The caller says what the stamp reads, so that a time that is not yet
//!   trusted (本机时间) is marked as such by who knows it.
//! - **PhotoLimits come before decoding.** A 60-megapixel header costs no 60-megapixel buffer.
//! - **A cut-off file is an error**, never a picture with a grey lower half.
//! - **Hostile bytes never panic**; every refusal is a [`MediaError`] with a stable code.
//! - **Deterministic.** The same build on the same kind of processor gives the same bytes for the same input, so an
//!   interrupted intake can be run again.
//! - **One large buffer.** The picture is decoded once to 8-bit RGB (3 bytes a pixel), scaled at once, and everything
//!   else happens on the small copy. (Progressive JPEGs also need their coefficients while decoding.)
//! - **Nothing of the original but its pixels** reaches the output: no EXIF, no GPS, no maker notes. What the record
//!   needs of them, [`PreparedPhoto::taken_at`] and [`PreparedPhoto::gps`], is handed back as data.

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
pub use stamp::Stamp;
