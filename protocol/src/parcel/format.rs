//! Size limits of the parcel format; [`super`] describes the layout.

/// The handset closes a parcel at this size in bytes; only a parcel with a single large photo is larger. Sealing holds a
/// parcel about five times in memory, which a cheap handset must have free (W11).
pub const FULL_PARCEL_BYTES: usize = 2 * 1024 * 1024;
/// Maximum size of a parcel in bytes: the largest photo ([`crate::photo::MAX_PHOTO_BYTES`]) and 1 MiB for its entry
/// and the seal.
pub const MAX_PARCEL_BYTES: usize = 17 * 1024 * 1024;

/// The handset closes a parcel at this number of entries, of drafts, of photos or of missing photos, so that the server
/// stores a parcel in one short transaction.
pub const FULL_PARCEL_ITEMS: usize = 500;

/// Most entries of a parcel. Like the other limits it is above what a handset can put into [`FULL_PARCEL_BYTES`], also one
/// that does not know [`FULL_PARCEL_ITEMS`]: the smallest entry has more than 200 bytes.
pub const MAX_PARCEL_ENTRIES: usize = 10_000;
/// Most drafts of a parcel.
pub const MAX_PARCEL_DRAFTS: usize = 10_000;
/// Most photos of a parcel: the smallest one has more than 1 KiB.
pub const MAX_PARCEL_PHOTOS: usize = 2_000;
/// Most missing photos of a parcel.
pub const MAX_PARCEL_MISSING: usize = 10_000;
/// Largest [`super::Contents`] in bytes. Entries and drafts fill at most [`FULL_PARCEL_BYTES`]; what a single large draft
/// needs, and the lists of photos, fit as well.
pub const MAX_CONTENTS_BYTES: usize = 8 * 1024 * 1024;

/// Largest head in bytes.
pub(super) const MAX_HEAD: usize = u16::MAX as usize;

pub(super) const MAGIC: &[u8; 8] = b"XUNGEPC\n";
pub(super) const VERSION: u8 = 1;
pub(super) const START: usize = 18;
pub(super) const ENCAPSULATED: usize = 32;
pub(super) const INFO: &[u8] = b"xunge-parcel-v1";
