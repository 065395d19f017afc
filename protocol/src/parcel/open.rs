//! Reads, verifies and opens a parcel.

use super::{
    contents::{Contents, Head, SealedPhoto},
    error::BadParcel,
    format::{ENCAPSULATED, INFO, MAGIC, MAX_PARCEL_BYTES, START, VERSION},
    key::ParcelSecret,
};
use crate::{
    photo::Sha256,
    sign::{PublicKey, SignError, Signature, parcel_message},
};
use hpke::{Deserializable as _, OpModeR, aead::ChaCha20Poly1305, kdf::HkdfSha256, kem::X25519HkdfSha256};
use std::fmt;

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

impl<'a> Parcel<'a> {
    /// Reads the first parcel of `bytes`. Returns the parcel and the remaining bytes.
    pub fn first(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), BadParcel> {
        let (start, rest) = bytes.split_first_chunk::<START>().ok_or(BadParcel::Length)?;
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
        let head_len = usize::from(u16::from_le_bytes([h0, h1]));
        let signature_len = usize::from(u16::from_le_bytes([s0, s1]));
        let sealed_len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let cut = |bytes: &'a [u8], at: usize| bytes.split_at_checked(at).ok_or(BadParcel::Length);
        let (head_bytes, rest) = cut(rest, head_len)?;
        let (signature, rest) = cut(rest, signature_len)?;
        let (sealed, rest) = cut(rest, sealed_len)?;
        let len = START + head_len + signature_len + sealed_len;
        if len > MAX_PARCEL_BYTES {
            return Err(BadParcel::Length);
        }
        let malformed = |e: &dyn fmt::Display| BadParcel::Malformed(e.to_string());
        let signature = std::str::from_utf8(signature).map_err(|e| malformed(&e))?;
        let parcel = Self {
            head: serde_json::from_slice(head_bytes).map_err(|e| malformed(&e))?,
            head_bytes,
            signature: signature.parse()?,
            sealed,
            bytes: bytes.get(..len).ok_or(BadParcel::Length)?,
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
    let contents: Contents = serde_json::from_slice(json).map_err(|e| BadParcel::Malformed(e.to_string()))?;
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
