//! Seals the server's keys in the database, so that who reads a copy of the database or of the data folder alone cannot act
//! as the server (finding A3, TJ-06). The key that seals them is never in either.
//!
//! A sealed text is `sealed:1:KEYID:BASE64(nonce ‖ ciphertext)`: XChaCha20-Poly1305 with the name of the row as associated
//! data, so that a text cannot stand in another row.

use crate::store::error::StoreError;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use sha2::{Digest as _, Sha256};
use std::{fmt, str::FromStr};

const PREFIX: &str = "sealed:1:";
const NONCE: usize = 24;

/// The key that seals the others: 32 bytes, written as 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct SealKey([u8; 32]);

/// The text is not a key for sealing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("封存密钥应为 64 位十六进制数字 / a seal key is 64 hexadecimal digits")]
pub struct NotASealKey;

/// Why a sealed text cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error(
        "服务器密钥用封存密钥 {kept} 封存，现在给出的是 {given}：请换回原来的封存密钥 / the server's keys are sealed by the \
         seal key {kept}, and {given} was given: start with the former one"
    )]
    OtherKey { kept: String, given: String },
    /// Changed, cut off, or moved to another row.
    #[error(
        "{0} 的封存内容已损坏，请从备份恢复 / the sealed text of {0} is damaged; restore it from a backup"
    )]
    Damaged(String),
}

impl SealKey {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Names the key without giving it away.
    pub fn id(&self) -> String {
        let hash = Sha256::new()
            .chain_update(b"xunge seal key id")
            .chain_update(self.0)
            .finalize();
        hex::encode(hash.get(..4).unwrap_or_default())
    }

    /// The text for the file of the key.
    pub fn expose(&self) -> String {
        hex::encode(self.0)
    }

    /// Seals the `secret` of the row `name`; `fresh` are random bytes that were used for nothing else.
    ///
    /// # Errors
    /// None in practice: the cipher refuses only texts of 256 GB.
    pub fn seal(&self, name: &str, secret: &str, fresh: &[u8; 32]) -> Result<String, StoreError> {
        let nonce = fresh.first_chunk::<NONCE>().copied().unwrap_or([0; NONCE]);
        let sealed = XChaCha20Poly1305::new(&self.0.into())
            .encrypt(&XNonce::from(nonce), payload(name, secret.as_bytes()))
            .map_err(|_| StoreError::decode("value", "a text that can be sealed", name))?;
        let bytes = [&nonce[..], &sealed].concat();
        Ok(format!("{PREFIX}{}:{}", self.id(), BASE64.encode(bytes)))
    }

    /// The secret of the row `name`. A text that was stored before keys were sealed is the secret itself.
    pub fn open(&self, name: &str, text: &str) -> Result<String, SealError> {
        let Some(rest) = text.strip_prefix(PREFIX) else {
            return Ok(text.to_owned());
        };
        let damaged = || SealError::Damaged(name.to_owned());
        let (kept, body) = rest.split_once(':').ok_or_else(damaged)?;
        if kept != self.id() {
            return Err(SealError::OtherKey {
                kept: kept.to_owned(),
                given: self.id(),
            });
        }
        let bytes = BASE64.decode(body).map_err(|_| damaged())?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>().ok_or_else(damaged)?;
        let opened = XChaCha20Poly1305::new(&self.0.into())
            .decrypt(&XNonce::from(*nonce), payload(name, sealed))
            .map_err(|_| damaged())?;
        String::from_utf8(opened).map_err(|_| damaged())
    }
}

fn payload<'a>(name: &'a str, msg: &'a [u8]) -> Payload<'a, 'a> {
    Payload {
        msg,
        aad: name.as_bytes(),
    }
}

/// True for a text that [`SealKey::seal`] made.
pub fn is_sealed(text: &str) -> bool {
    text.starts_with(PREFIX)
}

impl FromStr for SealKey {
    type Err = NotASealKey;
    fn from_str(text: &str) -> Result<Self, NotASealKey> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| NotASealKey)?;
        Ok(Self(bytes))
    }
}

/// Without the key: it must not get into a log.
impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealKey({})", self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> SealKey {
        SealKey::new([n; 32])
    }

    #[test]
    fn sec_a03_sealed_text_opens_only_with_its_key_in_its_row() {
        let sealed = key(1).seal("signing_key", "secret", &[9; 32]).unwrap();
        assert!(is_sealed(&sealed) && !sealed.contains("secret"));
        assert_eq!(key(1).open("signing_key", &sealed).unwrap(), "secret");
        assert!(matches!(
            key(2).open("signing_key", &sealed),
            Err(SealError::OtherKey { .. })
        ));
        assert!(matches!(
            key(1).open("mac_key", &sealed),
            Err(SealError::Damaged(_))
        ));
        for end in 0..sealed.len() {
            assert_ne!(
                key(1).open("signing_key", &sealed[..end]).ok().as_deref(),
                Some("secret")
            );
        }
    }

    #[test]
    fn text_of_an_older_version_is_read_as_it_is() {
        assert_eq!(key(1).open("signing_key", "0101").unwrap(), "0101");
    }

    #[test]
    fn key_is_not_printed() {
        let text = format!("{:?}", key(7));
        assert!(!text.contains("0707"), "{text}");
        assert_eq!(key(7).expose().parse::<SealKey>().unwrap(), key(7));
        assert_eq!("07".parse::<SealKey>(), Err(NotASealKey));
    }
}
