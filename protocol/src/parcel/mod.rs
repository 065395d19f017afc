//! The parcel (封存包): carries pending items from a handset that can no longer push them.
//!
//! A handset that was revoked or wiped, whose database was damaged, or that had no network for days, seals its
//! pending items to the server's parcel key and signs the whole with its stream's key. A carrier, such as a network
//! or a memory card, can neither read nor change it. Delivering it twice has the effect of delivering it once: the
//! server recognises entries by id and hash. The handset deletes nothing before the [`ParcelAnswer`] names it.
//!
//! Sealing is HPKE (RFC 9180) in base mode: X25519-HKDF-SHA256, HKDF-SHA256, ChaCha20Poly1305. The head is not
//! encrypted but authenticated: it names the stream and the key, so that a parcel to a retired key can still be
//! opened. A parcel contains its own length; a file of parcels is their concatenation.
//!
//! ```text
//! 0   8  magic "XUNGEPC\n"
//! 8   1  version, 1
//! 9   1  0
//! 10  2  length of the head, little-endian
//! 12  2  length of the signature's text
//! 14  4  length of what is sealed
//! 18     head (JSON) ‖ signature ‖ encapsulated key (32) ‖ ciphertext
//! ```
//! The plaintext of the sealed part is the length of [`Contents`] as JSON (4 bytes, little-endian), that JSON, and
//! the bytes of its photos, concatenated.

mod contents;
mod error;
mod format;
mod key;
mod open;
mod seal;
#[cfg(test)]
mod tests;

pub use contents::{Contents, Head, MissingPhoto, ParcelAnswer, SealedDraft, SealedFor, SealedPhoto};
pub use error::{BadParcel, NotSealed};
pub use format::{
    FULL_PARCEL_BYTES, FULL_PARCEL_ITEMS, MAX_CONTENTS_BYTES, MAX_PARCEL_BYTES, MAX_PARCEL_DRAFTS,
    MAX_PARCEL_ENTRIES, MAX_PARCEL_MISSING, MAX_PARCEL_PHOTOS,
};
pub use key::{ParcelKey, ParcelSecret};
pub use open::{PEEK_BYTES, Parcel, Unsealed, peek};
pub use seal::{ParcelSender, seal};
