//! The parcel (封存包): how what is pending leaves a handset that may not push any more.
//!
//! A revoked or wiped terminal, one whose database was damaged, or one without a network for days seals its
//! pending items to the server's parcel key and signs the whole with its stream's key. Whoever carries it, a
//! network or a memory card, can neither read nor change it, and delivering it twice is delivering it once:
//! entries are still known by id and hash. Nothing is forgotten before the [`ParcelAnswer`] names it.
//!
//! Sealing is HPKE (RFC 9180) in base mode: X25519-HKDF-SHA256, HKDF-SHA256, ChaCha20Poly1305. The head travels
//! in clear and is authenticated: it names the stream and the key, so that a retired key is found again. A
//! parcel states its own length; a file of parcels is one after the other.
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
//! In clear, what is sealed is the length of [`Contents`] as JSON (4, little-endian), that JSON, and the bytes
//! of its photos one after the other.

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
pub use format::{FULL_PARCEL_BYTES, MAX_PARCEL_BYTES};
pub use key::{ParcelKey, ParcelSecret};
pub use open::{Parcel, Unsealed};
pub use seal::{ParcelSender, seal};
