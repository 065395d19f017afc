//! A parcel: its framing as given, and its contents after opening. The target seals the contents itself, because
//! random input never contains a valid key: the input is the contents' JSON, and the following bytes are the photos.
#![no_main]
use protocol::{
    field::SignedCertificate,
    ids::StreamId,
    parcel::{Contents, Parcel, ParcelSecret, ParcelSender, seal},
    sign::{Signer as _, SoftwareKey},
};

fn framed(bytes: &[u8], secret: &ParcelSecret) {
    let mut rest = bytes;
    while let Ok((parcel, after)) = Parcel::first(rest) {
        assert!(after.len() < rest.len(), "a parcel takes bytes");
        let _ = parcel.open(secret).is_ok();
        rest = after;
    }
}

fn sealed(input: &[u8], secret: &ParcelSecret) {
    let mut reader = serde_json::Deserializer::from_slice(input).into_iter::<Contents>();
    let Some(Ok(contents)) = reader.next() else {
        return;
    };
    let photos = input[reader.byte_offset()..].to_vec();
    let key = SoftwareKey::from_secret(&[7; 32]);
    let certificate = SignedCertificate {
        certificate: "{}".into(),
        signature: key.sign(b"{}").expect("a software key signs"),
    };
    let sender = ParcelSender {
        stream: StreamId::from_parts(1, [1; 10]),
        certificate: &certificate,
        signer: &key,
    };
    let bytes = seal(&sender, &secret.public(), &contents, &[photos], [9; 32]).expect("small contents are sealed");
    let parcel = Parcel::read(&bytes).expect("a sealed parcel parses");
    parcel.verify(&key.public_key()).expect("the signature is valid");
    if let Ok(opened) = parcel.open(secret) {
        assert_eq!(opened.photos.len(), contents.photos.len());
    }
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let secret = ParcelSecret::from_secret(&[3; 32]).expect("a secret");
    framed(input, &secret);
    sealed(input, &secret);
});
