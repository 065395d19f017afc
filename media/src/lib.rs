//! The photo pipeline: converts a photo's bytes to the file that is kept as evidence.
//!
//! [`prepare`] converts a picture from a camera or a gallery to the one file that is filed: upright, at most
//! [`PrepareOptions::longest_side`] pixels long, with time and place burnt in ([`Stamp`]), without the original's
//! metadata, hashed, and with a thumbnail. [`fingerprint`] finds pictures that look alike. [`inspect`] determines format and size without decoding a pixel; the
//! server uses it to refuse files that are not photos.
//!
//! Promises:
//! - **No clock, and no I/O but reading the source.** The caller provides the text of the stamp, because only the
//!   caller knows whether a time is trusted or needs the mark 本机时间.
//! - **Limits are checked before decoding.** A header of 300 megapixels causes no buffer of that size.
//! - **A truncated file is an error**, never a picture with a grey lower half. A complete one needs no end marker.
//! - **Hostile bytes never panic**; every refusal is a [`MediaError`] with a stable code.
//! - **Deterministic.** The same build gives the same bytes for the same input, so an interrupted intake can be
//!   repeated.
//! - **No large buffer for what cameras write.** [`prepare_from`] decodes a baseline JPEG or a PNG row by row, and holds
//!   neither file nor picture: about 6 MiB for any size (docs/adr/0021-photos-are-read-as-streams.md). Other files are
//!   held as a whole, up to [`PhotoLimits::max_whole_pixels`].
//! - **Only the pixels of the original** reach the output: no EXIF, no GPS, no maker notes. The values that the
//!   record needs, [`PreparedPhoto::taken_at`] and [`PreparedPhoto::gps`], are returned as data.
//!
//! The feature `gallery-formats` adds WebP, GIF (the first frame), BMP and TIFF, for programs on a computer. A phone's
//! library is built without it: there the platform converts what it can decode.

mod baseline;
mod error;
mod exif;
mod fingerprint;
mod fonts;
mod format;
#[cfg(feature = "gallery-formats")]
mod gallery;
mod input;
mod inspect;
mod jpeg;
mod limits;
mod planes;
mod png;
mod prepare;
#[doc(hidden)]
pub mod probe;
mod raster;
mod resize;
mod rgb;
mod scans;
mod stamp;
mod structure;

pub use error::MediaError;
pub use exif::{Gps, Orientation};
pub use fingerprint::{Fingerprint, fingerprint};
pub use fonts::{SpareFont, unprintable};
pub use format::Format;
pub use inspect::{Info, inspect};
pub use limits::PhotoLimits;
pub use prepare::{PrepareOptions, PreparedPhoto, prepare, prepare_from};
pub use stamp::Stamp;
