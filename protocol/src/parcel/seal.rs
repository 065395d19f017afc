//! Makes a parcel.

use super::{
    contents::{Contents, Head},
    error::NotSealed,
    format::{INFO, MAGIC, MAX_PARCEL_BYTES, VERSION},
    key::ParcelKey,
};
use crate::{
    WIRE_VERSION,
    field::SignedCertificate,
    ids::StreamId,
    photo::Sha256,
    sign::{Signer, parcel_message},
};
use hpke::{
    Deserializable as _, OpModeS, Serializable as _, aead::ChaCha20Poly1305, kdf::HkdfSha256,
    kem::X25519HkdfSha256,
};
use std::convert::Infallible;

type PublicHalf = <X25519HkdfSha256 as hpke::Kem>::PublicKey;

/// The sender of a parcel: a stream, its certificate and its key.
pub struct ParcelSender<'a> {
    pub stream: StreamId,
    pub certificate: &'a SignedCertificate,
    pub signer: &'a dyn Signer,
}

/// Seals `contents` and the photos that it names. `random` must be fresh for each parcel.
pub fn seal(
    sender: &ParcelSender<'_>,
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
    let length = u32::try_from(json.len()).map_err(|_| unfit("too long"))?;
    // At its full size from the beginning: a vector that grows holds the content twice.
    let mut plain = Vec::with_capacity(4 + json.len() + photos.iter().map(Vec::len).sum::<usize>());
    plain.extend(length.to_le_bytes());
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

/// Random bytes given by the caller, so that a simulation is reproducible: enough for one key, repeated if HPKE asks
/// for more.
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
