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

use crate::{
    WIRE_VERSION,
    entry::Receipt,
    evidence::ClockReading,
    field::{PhotoReceipt, SignedCertificate},
    ids::{EntryId, StreamId},
    open::Open,
    photo::Sha256,
    problem::ErrorCode,
    push::StreamMark,
    sign::{KeystoreError, PublicKey, SignError, Signature, Signer, parcel_message},
    time::Millis,
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use hpke::{
    Deserializable as _, OpModeR, OpModeS, Serializable as _,
    aead::ChaCha20Poly1305,
    kdf::HkdfSha256,
    kem::{Kem as _, X25519HkdfSha256},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::{convert::Infallible, fmt, str::FromStr};

/// A parcel is closed when it has grown to this many bytes; only a single large photo makes a larger one.
pub const FULL_PARCEL_BYTES: usize = 7 * 1024 * 1024;
/// No parcel is larger: the largest photo ([`crate::photo::MAX_PHOTO_BYTES`]) and 1 MB for its entry and the seal.
pub const MAX_PARCEL_BYTES: usize = 17 * 1024 * 1024;

const MAGIC: &[u8; 8] = b"XUNGEPC\n";
const VERSION: u8 = 1;
const START: usize = 18;
const ENCAPSULATED: usize = 32;
const INFO: &[u8] = b"xunge-parcel-v1";

crate::text_enum! {
    /// Why something was sealed instead of pushed.
    pub enum SealedFor {
        /// 终端停用
        Revoked = "revoked",
        /// 清除指令
        Wipe = "wipe",
        /// 无网络，导出交接
        Export = "export",
        /// 数据库损坏，抢救
        Salvage = "salvage",
    }
}

/// What travels in clear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub v: u16,
    pub stream: StreamId,
    /// Which of the server's parcel keys it is sealed to ([`ParcelKey::id`]).
    pub key: String,
    /// A server restored from an older backup takes the stream back by it.
    pub certificate: SignedCertificate,
}

/// What is sealed, but for the photos' bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Contents {
    pub v: u16,
    /// All clocks at sealing.
    pub clock: ClockReading,
    pub sealed_for: Open<SealedFor>,
    /// What is still to be handed over after this parcel: none means that this was the last one.
    pub left: u64,
    /// The very bytes that the handset stored.
    pub entries: Vec<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drafts: Vec<SealedDraft>,
    /// In the order of their bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<SealedPhoto>,
    /// Photos whose bytes the handset does not have any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<MissingPhoto>,
}

/// What its worker had begun and not submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedDraft {
    pub id: EntryId,
    pub kind: String,
    /// As the handset's program writes drafts; for people to read.
    pub json: String,
    pub updated: Millis,
}

impl SealedDraft {
    /// The hash by which the answer says that it is kept.
    pub fn sha256(&self) -> Sha256 {
        Sha256::of(self.json.as_bytes())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedPhoto {
    pub sha256: Sha256,
    pub size: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingPhoto {
    pub sha256: Sha256,
    /// `photo.file_missing`, `photo.file_damaged`
    pub code: ErrorCode,
}

/// What the server holds of a parcel, durably. Only what is named here may be forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ParcelAnswer {
    pub epoch: String,
    pub server_time: Millis,
    /// Of the parcel's bytes: an answer to another parcel is no answer.
    pub parcel: Sha256,
    pub receipts: Vec<Receipt>,
    /// Hashes of what is no entry for the server (drafts, entries it had refused): kept for a person to look at.
    pub kept: Vec<Sha256>,
    pub photos: Vec<PhotoReceipt>,
    pub mark: StreamMark,
}

/// Why bytes are no parcel of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadParcel {
    #[error("this is no parcel of a version known here")]
    Unknown,
    #[error("the parcel is cut off or too long")]
    Length,
    #[error("the parcel cannot be read: {0}")]
    Malformed(String),
    #[error("the parcel does not open with this key, or was changed")]
    Sealed,
    #[error("{0}")]
    Signature(#[from] SignError),
}

/// Why a parcel could not be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotSealed {
    #[error("this is no parcel key")]
    Key,
    #[error("{0}")]
    Contents(String),
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
}

type PublicHalf = <X25519HkdfSha256 as hpke::Kem>::PublicKey;
type SecretHalf = <X25519HkdfSha256 as hpke::Kem>::PrivateKey;

/// The server's key to which parcels are sealed, `x25519:BASE64` as invitations carry it.
#[derive(Clone, PartialEq, Eq)]
pub struct ParcelKey([u8; 32]);

impl ParcelKey {
    /// Short name of the key: the beginning of its hash.
    pub fn id(&self) -> String {
        Sha256::of(&self.0).to_string().chars().take(16).collect()
    }
}
impl FromStr for ParcelKey {
    type Err = NotSealed;
    fn from_str(text: &str) -> Result<Self, NotSealed> {
        let coded = text.strip_prefix("x25519:").ok_or(NotSealed::Key)?;
        let bytes = BASE64.decode(coded).map_err(|_| NotSealed::Key)?;
        bytes.try_into().map(Self).map_err(|_| NotSealed::Key)
    }
}
impl fmt::Display for ParcelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "x25519:{}", BASE64.encode(self.0))
    }
}

/// The secret half of a [`ParcelKey`].
#[derive(Clone)]
pub struct ParcelSecret(SecretHalf);

impl ParcelSecret {
    /// From 32 secret bytes; `None` for bytes that are no key, which random ones always are.
    pub fn from_secret(secret: &[u8; 32]) -> Option<Self> {
        SecretHalf::from_bytes(secret).ok().map(Self)
    }
    pub fn public(&self) -> ParcelKey {
        ParcelKey(X25519HkdfSha256::sk_to_pk(&self.0).to_bytes().into())
    }
}

/// Who seals: a stream, its certificate and its key.
pub struct Sender<'a> {
    pub stream: StreamId,
    pub certificate: &'a SignedCertificate,
    pub signer: &'a dyn Signer,
}

/// Seals `contents` and the photos it names. `random` must be fresh for each parcel.
pub fn seal(
    sender: &Sender<'_>,
    key: &ParcelKey,
    contents: &Contents,
    photos: &[Vec<u8>],
    random: [u8; 32],
) -> Result<Vec<u8>, NotSealed> {
    let unfit = |what: &str| NotSealed::Contents(what.to_owned());
    let head = serde_json::to_vec(&Head {
        v: WIRE_VERSION,
        stream: sender.stream,
        key: key.id(),
        certificate: sender.certificate.clone(),
    })
    .map_err(|e| unfit(&e.to_string()))?;
    let json = serde_json::to_vec(contents).map_err(|e| unfit(&e.to_string()))?;
    let mut plain = u32::try_from(json.len())
        .map_err(|_| unfit("too long"))?
        .to_le_bytes()
        .to_vec();
    plain.extend_from_slice(&json);
    photos.iter().for_each(|photo| plain.extend_from_slice(photo));
    let public = PublicHalf::from_bytes(&key.0).map_err(|_| NotSealed::Key)?;
    let (encapsulated, ciphertext) = hpke::single_shot_seal_with_rng::<
        ChaCha20Poly1305,
        HkdfSha256,
        X25519HkdfSha256,
    >(&OpModeS::Base, &public, INFO, &plain, &head, &mut Drawn(random))
    .map_err(|_| NotSealed::Key)?;
    let sealed = [encapsulated.to_bytes().as_slice(), &ciphertext].concat();
    let signature = sender.signer.sign(&parcel_message(&head, &sealed))?.to_string();
    let short = |len: usize| u16::try_from(len).map_err(|_| unfit("head too long"));
    let mut parcel = MAGIC.to_vec();
    parcel.extend([VERSION, 0]);
    parcel.extend(short(head.len())?.to_le_bytes());
    parcel.extend(short(signature.len())?.to_le_bytes());
    parcel.extend(
        u32::try_from(sealed.len())
            .map_err(|_| unfit("too long"))?
            .to_le_bytes(),
    );
    for part in [head.as_slice(), signature.as_bytes(), &sealed] {
        parcel.extend_from_slice(part);
    }
    if parcel.len() > MAX_PARCEL_BYTES {
        return Err(unfit("too long"));
    }
    Ok(parcel)
}

/// A parcel that was framed right; nothing in it is believed yet.
#[derive(Debug)]
pub struct Parcel<'a> {
    pub head: Head,
    head_bytes: &'a [u8],
    signature: Signature,
    sealed: &'a [u8],
    /// All of its bytes.
    pub bytes: &'a [u8],
}

/// An opened parcel.
#[derive(Debug)]
pub struct Unsealed {
    pub contents: Contents,
    /// Each with the hash and size that `contents` names.
    pub photos: Vec<(SealedPhoto, Vec<u8>)>,
}

impl<'a> Parcel<'a> {
    /// Reads the first parcel of `bytes`; answers it and what follows it.
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
    /// Reads bytes that are one parcel and nothing else.
    pub fn read(bytes: &'a [u8]) -> Result<Self, BadParcel> {
        match Self::first(bytes)? {
            (parcel, []) => Ok(parcel),
            _ => Err(BadParcel::Length),
        }
    }
    pub fn signature(&self) -> &Signature {
        &self.signature
    }
    /// Whether the stream's key signed exactly this.
    pub fn verify(&self, key: &PublicKey) -> Result<(), SignError> {
        key.verify(&parcel_message(self.head_bytes, self.sealed), &self.signature)
    }
    /// Opens it with the secret half of the key that its head names.
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

fn unpack(plain: &[u8]) -> Result<Unsealed, BadParcel> {
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

/// Randomness that was drawn before, as the simulator wants it: one key's worth, stretched if asked for more.
struct Drawn([u8; 32]);

impl hpke::rand_core::TryRng for Drawn {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Infallible> {
        for chunk in into.chunks_mut(32) {
            chunk.iter_mut().zip(self.0).for_each(|(to, from)| *to = from);
            self.0 = Sha256::of(&self.0).0;
        }
        Ok(())
    }
}
impl hpke::rand_core::TryCryptoRng for Drawn {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::SoftwareKey;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn secret(seed: u8) -> ParcelSecret {
        ParcelSecret::from_secret(&[seed; 32]).unwrap()
    }
    fn contents(photos: &[Vec<u8>]) -> Contents {
        Contents {
            v: 1,
            clock: ClockReading {
                wall: Millis(5),
                boot: "b".into(),
                monotonic_ms: 7,
                offset_ms: None,
            },
            sealed_for: SealedFor::Revoked.into(),
            left: 3,
            entries: vec![RawValue::from_string(r#"{"n": 1,  "text":"井盖"}"#.into()).unwrap()],
            drafts: Vec::new(),
            photos: photos
                .iter()
                .map(|bytes| SealedPhoto {
                    sha256: Sha256::of(bytes),
                    size: bytes.len() as u64,
                })
                .collect(),
            missing: Vec::new(),
        }
    }
    fn sealed(key: &SoftwareKey, to: &ParcelKey, photos: &[Vec<u8>]) -> Vec<u8> {
        let certificate = SignedCertificate {
            certificate: "{}".into(),
            signature: key.sign(b"{}").unwrap(),
        };
        let sender = Sender {
            stream: StreamId(Uuid::from_u128(9)),
            certificate: &certificate,
            signer: key,
        };
        seal(&sender, to, &contents(photos), photos, [5; 32]).unwrap()
    }

    #[test]
    fn a_parcel_brings_exactly_what_was_sealed_and_only_to_its_key() {
        let key = SoftwareKey::from_secret(&[7; 32]);
        let photos = vec![vec![1; 1000], Vec::new(), vec![2; 3]];
        let bytes = sealed(&key, &secret(1).public(), &photos);
        let parcel = Parcel::read(&bytes).unwrap();
        assert_eq!(parcel.head.key, secret(1).public().id());
        parcel.verify(&key.public_key()).unwrap();
        assert!(
            parcel
                .verify(&SoftwareKey::from_secret(&[8; 32]).public_key())
                .is_err()
        );
        let opened = parcel.open(&secret(1)).unwrap();
        assert_eq!(opened.contents.entries[0].get(), r#"{"n": 1,  "text":"井盖"}"#);
        let got: Vec<Vec<u8>> = opened.photos.into_iter().map(|(_, bytes)| bytes).collect();
        assert_eq!(got, photos);
        assert_eq!(parcel.open(&secret(2)).unwrap_err(), BadParcel::Sealed);
        assert!(
            !bytes.windows(6).any(|w| w == "井盖".as_bytes()),
            "nothing of it is in clear"
        );
    }

    #[test]
    fn parcels_stand_one_after_the_other_in_a_file() {
        let key = SoftwareKey::from_secret(&[7; 32]);
        let (one, two) = (
            sealed(&key, &secret(1).public(), &[]),
            sealed(&key, &secret(1).public(), &[vec![3; 70]]),
        );
        let file = [one.clone(), two.clone()].concat();
        let (first, rest) = Parcel::first(&file).unwrap();
        let (second, rest) = Parcel::first(rest).unwrap_or_else(|_| panic!("{}", first.bytes.len()));
        assert_eq!((first.bytes, second.bytes, rest), (&one[..], &two[..], &[][..]));
        assert_eq!(Parcel::read(&file).unwrap_err(), BadParcel::Length);
    }

    #[test]
    fn a_parcel_key_travels_as_text() {
        let key = secret(1).public();
        assert_eq!(key.to_string().parse::<ParcelKey>().unwrap().id(), key.id());
        for bad in ["", "x25519:", "x25519:AAAA", "ed25519:AAAA"] {
            assert!(bad.parse::<ParcelKey>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_changed_or_cut_is_noticed(at in 0usize..1600, bit in 0u8..8, cut in any::<bool>()) {
            let key = SoftwareKey::from_secret(&[7; 32]);
            let mut bytes = sealed(&key, &secret(1).public(), &[vec![9; 600]]);
            let at = at % bytes.len();
            if cut { bytes.truncate(at) } else { bytes[at] ^= 1 << bit }
            let taken = Parcel::read(&bytes)
                .and_then(|parcel| { parcel.verify(&key.public_key())?; parcel.open(&secret(1)) });
            prop_assert!(taken.is_err());
        }
        #[test]
        fn hostile_bytes_are_an_error_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Parcel::read(&bytes).is_err());
            prop_assert!(unpack(&bytes).is_err());
            let framed = [MAGIC.as_slice(), &[VERSION, 0], &bytes].concat();
            let _ = Parcel::first(&framed);
        }
    }
}
