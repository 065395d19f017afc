//! The numbers of the parcel format; the layout is described in [`super`].

/// A parcel is closed when it has grown to this many bytes; only a single large photo makes a larger one.
pub const FULL_PARCEL_BYTES: usize = 7 * 1024 * 1024;
/// No parcel is larger: the largest photo ([`crate::photo::MAX_PHOTO_BYTES`]) and 1 MB for its entry and the seal.
pub const MAX_PARCEL_BYTES: usize = 17 * 1024 * 1024;

pub(super) const MAGIC: &[u8; 8] = b"XUNGEPC\n";
pub(super) const VERSION: u8 = 1;
pub(super) const START: usize = 18;
pub(super) const ENCAPSULATED: usize = 32;
pub(super) const INFO: &[u8] = b"xunge-parcel-v1";
