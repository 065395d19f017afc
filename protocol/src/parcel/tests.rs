//! A parcel returns exactly the sealed items, only to the right key, and any other bytes are rejected.

use super::{
    format::{MAGIC, VERSION},
    open::unpack,
    *,
};
use crate::{
    evidence::ClockReading,
    field::SignedCertificate,
    ids::StreamId,
    photo::Sha256,
    sign::{Signer as _, SoftwareKey},
    time::Millis,
};
use proptest::prelude::*;
use serde_json::value::RawValue;
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
    let sender = ParcelSender {
        stream: StreamId(Uuid::from_u128(9)),
        certificate: &certificate,
        signer: key,
    };
    seal(&sender, to, &contents(photos), photos, [5; 32]).unwrap()
}

#[test]
fn a_parcel_returns_exactly_the_sealed_items_and_only_to_its_key() {
    let key = SoftwareKey::from_secret(&[7; 32]);
    let photos = vec![vec![1; 1000], vec![2; 3]];
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
fn a_file_of_concatenated_parcels_is_read_one_by_one() {
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
fn a_parcel_key_survives_its_text_form() {
    let key = secret(1).public();
    assert_eq!(key.to_string().parse::<ParcelKey>().unwrap().id(), key.id());
    for bad in ["", "x25519:", "x25519:AAAA", "ed25519:AAAA"] {
        assert!(bad.parse::<ParcelKey>().is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn any_changed_bit_or_truncation_is_detected(at in 0usize..1600, bit in 0u8..8, cut in any::<bool>()) {
        let key = SoftwareKey::from_secret(&[7; 32]);
        let mut bytes = sealed(&key, &secret(1).public(), &[vec![9; 600]]);
        let at = at % bytes.len();
        if cut { bytes.truncate(at) } else { bytes[at] ^= 1 << bit }
        let taken = Parcel::read(&bytes)
            .and_then(|parcel| { parcel.verify(&key.public_key())?; parcel.open(&secret(1)) });
        prop_assert!(taken.is_err());
    }
    #[test]
    fn hostile_bytes_give_an_error_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Parcel::read(&bytes).is_err());
        prop_assert!(unpack(&bytes).is_err());
        let framed = [MAGIC.as_slice(), &[VERSION, 0], &bytes].concat();
        let _ = Parcel::first(&framed);
    }
}
