//! Size limits of the parcel format; [`super`] describes the layout.

/// The handset closes a parcel at this size in bytes; only a parcel with a single large photo is larger. Sealing holds a
/// parcel about five times in memory, which a cheap handset must have free (W11).
pub const FULL_PARCEL_BYTES: usize = 2 * 1024 * 1024;
/// Maximum size of a parcel in bytes: the largest photo ([`crate::photo::MAX_PHOTO_BYTES`]) and 1 MiB for its entry
/// and the seal.
pub const MAX_PARCEL_BYTES: usize = 17 * 1024 * 1024;

pub(super) const MAGIC: &[u8; 8] = b"XUNGEPC\n";
pub(super) const VERSION: u8 = 1;
pub(super) const START: usize = 18;
pub(super) const ENCAPSULATED: usize = 32;
pub(super) const INFO: &[u8] = b"xunge-parcel-v1";
