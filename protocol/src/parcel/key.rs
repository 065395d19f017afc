//! The server's key pair for parcels (X25519).

use super::error::NotSealed;
use crate::photo::Sha256;
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use hpke::{
    Deserializable as _, Serializable as _,
    kem::{Kem as _, X25519HkdfSha256},
};
use std::{fmt, str::FromStr};

type SecretHalf = <X25519HkdfSha256 as hpke::Kem>::PrivateKey;

/// The server's public key to which parcels are sealed, `x25519:BASE64` in invitations.
#[derive(Clone, PartialEq, Eq)]
pub struct ParcelKey(pub(super) [u8; 32]);

impl ParcelKey {
    /// Returns the short name of the key: the beginning of its hash.
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
pub struct ParcelSecret(pub(super) SecretHalf);

impl ParcelSecret {
    /// Builds the key from 32 secret bytes; `None` if they are not a valid key. Random bytes are always valid.
    pub fn from_secret(secret: &[u8; 32]) -> Option<Self> {
        SecretHalf::from_bytes(secret).ok().map(Self)
    }
    pub fn public(&self) -> ParcelKey {
        ParcelKey(X25519HkdfSha256::sk_to_pk(&self.0).to_bytes().into())
    }
}
