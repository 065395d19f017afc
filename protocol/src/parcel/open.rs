//! Reads, verifies and opens a parcel.

use super::{
    contents::{Contents, Head, SealedPhoto},
    error::BadParcel,
    format::{
        ENCAPSULATED, INFO, MAGIC, MAX_CONTENTS_BYTES, MAX_HEAD, MAX_PARCEL_BYTES, MAX_PARCEL_DRAFTS,
        MAX_PARCEL_ENTRIES, MAX_PARCEL_MISSING, MAX_PARCEL_PHOTOS, START, VERSION,
    },
    key::ParcelSecret,
};
use crate::{
    photo::Sha256,
    sign::{PublicKey, SignError, Signature, parcel_message},
};
use hpke::{Deserializable as _, OpModeR, aead::ChaCha20Poly1305, kdf::HkdfSha256, kem::X25519HkdfSha256};

/// A parcel with valid framing; its contents are not verified yet.
#[derive(Debug)]
pub struct Parcel<'a> {
    pub head: Head,
    head_bytes: &'a [u8],
    signature: Signature,
    sealed: &'a [u8],
    /// All bytes of the parcel.
    pub bytes: &'a [u8],
}

/// An opened parcel.
#[derive(Debug)]
pub struct Unsealed {
    pub contents: Contents,
    /// The photos, verified against hash and size in `contents`.
    pub photos: Vec<(SealedPhoto, Vec<u8>)>,
}

/// The lengths that a parcel begins with.
struct Start {
    head: usize,
    signature: usize,
    sealed: usize,
}

impl Start {
    fn read(start: &[u8; START]) -> Result<Self, BadParcel> {
        let [
            m0,
            m1,
            m2,
            m3,
            m4,
            m5,
            m6,
            m7,
            version,
            zero,
            h0,
            h1,
            s0,
            s1,
            l0,
            l1,
            l2,
            l3,
        ] = *start;
        if [m0, m1, m2, m3, m4, m5, m6, m7] != *MAGIC || version != VERSION || zero != 0 {
            return Err(BadParcel::Unknown);
        }
        let read = Self {
            head: usize::from(u16::from_le_bytes([h0, h1])),
            signature: usize::from(u16::from_le_bytes([s0, s1])),
            sealed: u32::from_le_bytes([l0, l1, l2, l3]) as usize,
        };
        if read.total() > MAX_PARCEL_BYTES {
            return Err(BadParcel::Length);
        }
        Ok(read)
    }
    fn total(&self) -> usize {
        START + self.head + self.signature + self.sealed
    }
}

fn head(bytes: &[u8]) -> Result<Head, BadParcel> {
    serde_json::from_slice(bytes).map_err(|e| BadParcel::Malformed(e.to_string()))
}

/// Bytes that [`peek`] needs at most.
pub const PEEK_BYTES: usize = START + MAX_HEAD;

/// Reads the head of a parcel of which the first bytes have arrived, and its length in bytes; `None` if more bytes are
/// needed. Nothing is verified.
pub fn peek(bytes: &[u8]) -> Result<Option<(Head, usize)>, BadParcel> {
    let Some((first, rest)) = bytes.split_first_chunk::<START>() else {
        return Ok(None);
    };
    let start = Start::read(first)?;
    match rest.get(..start.head) {
        Some(bytes) => Ok(Some((head(bytes)?, start.total()))),
        None => Ok(None),
    }
}

impl<'a> Parcel<'a> {
    /// Reads the first parcel of `bytes`. Returns the parcel and the remaining bytes.
    pub fn first(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), BadParcel> {
        let (first, rest) = bytes.split_first_chunk::<START>().ok_or(BadParcel::Length)?;
        let start = Start::read(first)?;
        let cut = |bytes: &'a [u8], at: usize| bytes.split_at_checked(at).ok_or(BadParcel::Length);
        let (head_bytes, rest) = cut(rest, start.head)?;
        let (signature, rest) = cut(rest, start.signature)?;
        let (sealed, rest) = cut(rest, start.sealed)?;
        let signature = std::str::from_utf8(signature).map_err(|e| BadParcel::Malformed(e.to_string()))?;
        let parcel = Self {
            head: head(head_bytes)?,
            head_bytes,
            signature: signature.parse()?,
            sealed,
            bytes: bytes.get(..start.total()).ok_or(BadParcel::Length)?,
        };
        Ok((parcel, rest))
    }
    /// Reads bytes that are exactly one parcel; trailing bytes are an error.
    pub fn read(bytes: &'a [u8]) -> Result<Self, BadParcel> {
        match Self::first(bytes)? {
            (parcel, []) => Ok(parcel),
            _ => Err(BadParcel::Length),
        }
    }
    pub fn signature(&self) -> &Signature {
        &self.signature
    }
    /// Verifies the signature of the stream's key over head and sealed part.
    pub fn verify(&self, key: &PublicKey) -> Result<(), SignError> {
        key.verify(&parcel_message(self.head_bytes, self.sealed), &self.signature)
    }
    /// Decrypts the parcel with the secret half of the key that its head names.
    pub fn open(&self, secret: &ParcelSecret) -> Result<Unsealed, BadParcel> {
        let (encapsulated, ciphertext) = self
            .sealed
            .split_at_checked(ENCAPSULATED)
            .ok_or(BadParcel::Length)?;
        let encapsulated = <X25519HkdfSha256 as hpke::Kem>::EncappedKey::from_bytes(encapsulated)
            .map_err(|_| BadParcel::Sealed)?;
        let plain = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &secret.0,
            &encapsulated,
            INFO,
            ciphertext,
            self.head_bytes,
        )
        .map_err(|_| BadParcel::Sealed)?;
        unpack(&plain)
    }
}

pub(super) fn unpack(plain: &[u8]) -> Result<Unsealed, BadParcel> {
    let (len, rest) = plain.split_first_chunk::<4>().ok_or(BadParcel::Length)?;
    let (json, mut rest) = rest
        .split_at_checked(u32::from_le_bytes(*len) as usize)
        .ok_or(BadParcel::Length)?;
    if json.len() > MAX_CONTENTS_BYTES {
        return Err(BadParcel::TooMuch);
    }
    let contents: Contents = serde_json::from_slice(json).map_err(|e| BadParcel::Malformed(e.to_string()))?;
    let is_too_much = contents.entries.len() > MAX_PARCEL_ENTRIES
        || contents.drafts.len() > MAX_PARCEL_DRAFTS
        || contents.photos.len() > MAX_PARCEL_PHOTOS
        || contents.missing.len() > MAX_PARCEL_MISSING
        || contents.photos.iter().any(|photo| photo.size == 0);
    if is_too_much {
        return Err(BadParcel::TooMuch);
    }
    let mut photos = Vec::new();
    for photo in &contents.photos {
        let size = usize::try_from(photo.size).map_err(|_| BadParcel::Length)?;
        let (bytes, after) = rest.split_at_checked(size).ok_or(BadParcel::Length)?;
        if Sha256::of(bytes) != photo.sha256 {
            return Err(BadParcel::Malformed(format!(
                "photo {} has other bytes",
                photo.sha256
            )));
        }
        photos.push((*photo, bytes.to_vec()));
        rest = after;
    }
    if rest.is_empty() {
        Ok(Unsealed { contents, photos })
    } else {
        Err(BadParcel::Length)
    }
}
