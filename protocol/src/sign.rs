//! Keys and signatures with their algorithm: Ed25519 in software, ES256 where the platform's hardware stores the key.
//! Every signed text begins with its purpose, so that a signature for one purpose is never valid for another.

use crate::{ids::StreamId, photo::Sha256};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{fmt, str::FromStr};

crate::text_enum! {
    /// The signature algorithm.
    pub enum Algorithm {
        Ed25519 = "ed25519",
        /// ECDSA P-256 with SHA-256
        Es256 = "es256",
    }
}

/// Bytes with their algorithm, `ed25519:BASE64` on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Tagged {
    algorithm: Algorithm,
    bytes: Vec<u8>,
}

/// The key or signature was not accepted. Problem code `auth.signature`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    #[error("not of the form algorithm:base64")]
    Malformed,
    #[error("not a key of its algorithm")]
    Key,
    #[error("the signature does not match")]
    Mismatch,
}

impl FromStr for Tagged {
    type Err = SignError;
    fn from_str(text: &str) -> Result<Self, SignError> {
        let (algorithm, bytes) = text.split_once(':').ok_or(SignError::Malformed)?;
        let algorithm = algorithm.parse().map_err(|_| SignError::Malformed)?;
        let bytes = BASE64.decode(bytes).map_err(|_| SignError::Malformed)?;
        Ok(Self { algorithm, bytes })
    }
}
impl fmt::Display for Tagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, BASE64.encode(&self.bytes))
    }
}

macro_rules! tagged {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $name(Tagged);
        impl $name {
            pub fn new(algorithm: Algorithm, bytes: Vec<u8>) -> Self {
                Self(Tagged { algorithm, bytes })
            }
            pub fn algorithm(&self) -> Algorithm {
                self.0.algorithm
            }
            pub fn bytes(&self) -> &[u8] {
                &self.0.bytes
            }
        }
        impl FromStr for $name {
            type Err = SignError;
            fn from_str(text: &str) -> Result<Self, SignError> {
                text.parse().map(Self)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(D::Error::custom)
            }
        }
        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some("^(ed25519|es256):[A-Za-z0-9+/]+$"))
                    .into()
            }
        }
        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    };
}
tagged! {
    /// A public key: 32 bytes (Ed25519) or a SEC1 point (ES256).
    PublicKey
}
tagged! {
    /// A signature of 64 bytes.
    Signature
}

impl PublicKey {
    /// An ES256 key as Android's keystore gives it (X.509 SubjectPublicKeyInfo in DER) or as iOS does (SEC1 point).
    ///
    /// # Errors
    /// [`SignError::Key`]: neither of these, or another curve.
    pub fn es256(encoded: &[u8]) -> Result<Self, SignError> {
        use p256::pkcs8::DecodePublicKey as _;
        let key = p256::PublicKey::from_public_key_der(encoded)
            .ok()
            .or_else(|| p256::PublicKey::from_sec1_bytes(encoded).ok())
            .ok_or(SignError::Key)?;
        Ok(Self::new(Algorithm::Es256, key.to_sec1_bytes().into_vec()))
    }
    /// Returns an error if the bytes are not a valid key; called at enrolment.
    pub fn check(&self) -> Result<(), SignError> {
        match self.algorithm() {
            Algorithm::Ed25519 => ed25519(self.bytes()).map(|_| ()),
            Algorithm::Es256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(self.bytes())
                .map(|_| ())
                .map_err(|_| SignError::Key),
        }
    }
    /// Verifies strictly: weak keys and malleable encodings are rejected.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), SignError> {
        if self.algorithm() != signature.algorithm() {
            return Err(SignError::Mismatch);
        }
        match self.algorithm() {
            Algorithm::Ed25519 => {
                let signature = ed25519_dalek::Signature::from_slice(signature.bytes())
                    .map_err(|_| SignError::Mismatch)?;
                ed25519(self.bytes())?
                    .verify_strict(message, &signature)
                    .map_err(|_| SignError::Mismatch)
            }
            Algorithm::Es256 => {
                use p256::ecdsa::signature::Verifier;
                let key =
                    p256::ecdsa::VerifyingKey::from_sec1_bytes(self.bytes()).map_err(|_| SignError::Key)?;
                let signature =
                    p256::ecdsa::Signature::from_slice(signature.bytes()).map_err(|_| SignError::Mismatch)?;
                key.verify(message, &signature).map_err(|_| SignError::Mismatch)
            }
        }
    }
}

impl Signature {
    /// An ES256 signature as the keystores of Android and iOS give it: two integers in DER.
    ///
    /// # Errors
    /// [`SignError::Malformed`]
    pub fn es256_of_der(der: &[u8]) -> Result<Self, SignError> {
        let signature = p256::ecdsa::Signature::from_der(der).map_err(|_| SignError::Malformed)?;
        Ok(Self::new(Algorithm::Es256, signature.to_bytes().to_vec()))
    }
}

fn ed25519(bytes: &[u8]) -> Result<ed25519_dalek::VerifyingKey, SignError> {
    let bytes: &[u8; 32] = bytes.try_into().map_err(|_| SignError::Key)?;
    ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| SignError::Key)
}

/// Signs for a stream. A trait, because on phones the key is in the platform's keystore.
pub trait Signer: Send + Sync {
    fn public_key(&self) -> PublicKey;
    /// Returns an error only when the keystore fails.
    fn sign(&self, message: &[u8]) -> Result<Signature, KeystoreError>;
}

/// The keystore did not answer, is locked, or lost the key.
#[derive(Debug, Clone, thiserror::Error)]
#[error("keystore: {0}")]
pub struct KeystoreError(pub String);

/// An Ed25519 key in memory, from 32 secret bytes.
pub struct SoftwareKey(ed25519_dalek::SigningKey);

impl SoftwareKey {
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(secret))
    }
}
impl Signer for SoftwareKey {
    fn public_key(&self) -> PublicKey {
        PublicKey::new(Algorithm::Ed25519, self.0.verifying_key().to_bytes().to_vec())
    }
    fn sign(&self, message: &[u8]) -> Result<Signature, KeystoreError> {
        use ed25519_dalek::Signer;
        Ok(Signature::new(
            Algorithm::Ed25519,
            self.0.sign(message).to_bytes().to_vec(),
        ))
    }
}

/// HTTP header with the signature of a push body.
pub const SIGNATURE_HEADER: &str = "xunge-signature";

fn labelled(label: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut message = Vec::with_capacity(96);
    message.extend_from_slice(label.as_bytes());
    for part in parts {
        message.push(0);
        message.extend_from_slice(part);
    }
    message
}

/// Returns the text that is signed for a push: its token and its body. Because of the token, a recorded push cannot
/// be replayed under a later token.
pub fn push_message(token: &str, body: &[u8]) -> Vec<u8> {
    labelled(
        "xunge-push-v1",
        &[&Sha256::of(token.as_bytes()).0, &Sha256::of(body).0],
    )
}
/// Returns the text that is signed to get a token.
pub fn challenge_message(stream: StreamId, challenge: &str) -> Vec<u8> {
    labelled("xunge-challenge-v1", &[stream.0.as_bytes(), challenge.as_bytes()])
}
/// Returns the text that is signed at enrolment, to prove possession of the key.
pub fn enrol_message(code: &str, stream: StreamId) -> Vec<u8> {
    labelled("xunge-enrol-v1", &[stream.0.as_bytes(), code.as_bytes()])
}
/// Returns the text that a stream signs for a parcel: its head and its sealed part.
pub fn parcel_message(head: &[u8], sealed: &[u8]) -> Vec<u8> {
    labelled("xunge-parcel-v1", &[&Sha256::of(head).0, &Sha256::of(sealed).0])
}
/// Returns the text that the server signs for an enrolment.
pub fn certificate_message(certificate: &str) -> Vec<u8> {
    labelled("xunge-certificate-v1", &[certificate.as_bytes()])
}
/// Returns the text that the server signs for a manifest.
pub fn manifest_message(manifest: &str) -> Vec<u8> {
    labelled("xunge-manifest-v1", &[manifest.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_valid_for_one_message_one_key_and_one_purpose() {
        let key = SoftwareKey::from_secret(&[7; 32]);
        let other = SoftwareKey::from_secret(&[8; 32]);
        let message = push_message("token", b"body");
        let signature = key.sign(&message).unwrap();
        assert_eq!(key.public_key().verify(&message, &signature), Ok(()));
        assert_eq!(
            other.public_key().verify(&message, &signature),
            Err(SignError::Mismatch)
        );
        for not in [
            push_message("token", b"bodY"),
            push_message("token of today", b"body"),
            manifest_message("body"),
        ] {
            assert_eq!(
                key.public_key().verify(&not, &signature),
                Err(SignError::Mismatch)
            );
        }
    }

    #[test]
    fn es256_signatures_of_hardware_keys_verify() {
        use p256::ecdsa::signature::Signer as _;
        let key = p256::ecdsa::SigningKey::from_slice(&[9; 32]).unwrap();
        let public = PublicKey::new(
            Algorithm::Es256,
            key.verifying_key().to_sec1_point(true).as_bytes().to_vec(),
        );
        let signature: p256::ecdsa::Signature = key.sign(b"message");
        let signature = Signature::new(Algorithm::Es256, signature.to_bytes().to_vec());
        assert_eq!(public.check(), Ok(()));
        assert_eq!(public.verify(b"message", &signature), Ok(()));
        assert_eq!(public.verify(b"massage", &signature), Err(SignError::Mismatch));
    }

    #[test]
    fn keys_and_signatures_in_the_forms_of_phone_keystores_verify() {
        use p256::{ecdsa::signature::Signer as _, pkcs8::EncodePublicKey as _};
        let message = challenge_message(StreamId(uuid::Uuid::nil()), "nonce");
        // Many keys, because an integer in DER is 31 to 33 bytes long.
        for secret in 1..=64_u8 {
            let key = p256::ecdsa::SigningKey::from_slice(&[secret; 32]).unwrap();
            let verifying = key.verifying_key();
            let der: p256::ecdsa::Signature = key.sign(&message);
            let signature = Signature::es256_of_der(der.to_der().as_bytes()).unwrap();
            for encoded in [
                verifying.to_public_key_der().unwrap().as_bytes(),
                verifying.to_sec1_point(true).as_bytes(),
                verifying.to_sec1_point(false).as_bytes(),
            ] {
                let public = PublicKey::es256(encoded).unwrap();
                assert_eq!(public.check(), Ok(()));
                assert_eq!(public.verify(&message, &signature), Ok(()));
            }
        }
    }

    #[test]
    fn cut_or_foreign_encodings_of_phone_keystores_are_rejected() {
        use p256::{ecdsa::signature::Signer as _, pkcs8::EncodePublicKey as _};
        let key = p256::ecdsa::SigningKey::from_slice(&[9; 32]).unwrap();
        let public = key.verifying_key().to_public_key_der().unwrap();
        let signature: p256::ecdsa::Signature = key.sign(b"message");
        let der = signature.to_der();
        for end in 0..public.as_bytes().len() {
            assert_eq!(PublicKey::es256(&public.as_bytes()[..end]), Err(SignError::Key));
        }
        for end in 0..der.as_bytes().len() {
            assert_eq!(
                Signature::es256_of_der(&der.as_bytes()[..end]),
                Err(SignError::Malformed)
            );
        }
        assert_eq!(
            Signature::es256_of_der(&signature.to_bytes()),
            Err(SignError::Malformed)
        );
    }

    #[test]
    fn keys_survive_their_text_form_and_bad_text_is_rejected() {
        let key = SoftwareKey::from_secret(&[7; 32]).public_key();
        assert_eq!(key.to_string().parse(), Ok(key));
        for bad in ["", "ed25519", "rsa:AAAA", "ed25519:!!"] {
            assert_eq!(bad.parse::<PublicKey>(), Err(SignError::Malformed), "{bad}");
        }
        assert_eq!(
            "ed25519:AAAA".parse::<PublicKey>().unwrap().check(),
            Err(SignError::Key)
        );
    }
}
