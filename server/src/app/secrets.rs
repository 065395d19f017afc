//! The secrets of a deployment in the table `meta`, each sealed ([`super::seal`]): signing keys, keys of challenges, parcels
//! and of the own certificate. `terminals` keeps retired keys of parcels in a table of its own, sealed in the same way.

use super::{
    meta,
    seal::{SealError, SealKey, is_sealed},
};
use crate::{
    kernel::{failure::Failure, ids::Ids},
    store::{error::StoreError, tx::Tx},
};

/// Signs certificates and manifests.
pub const SIGNING: &str = "signing_key";
/// The signing key of the next rotation; handsets know its public half already.
pub const NEXT_SIGNING: &str = "next_signing_key";
/// Authenticates challenges.
pub const MAC: &str = "mac_key";
/// Opens parcels; of retired keys, too.
pub const PARCEL: &str = "parcel_key";
/// The key of the own certificate, and of its successor.
pub const TLS: &str = "tls/key.pem";
pub const NEXT_TLS: &str = "tls/next-key.pem";

const ALL: [&str; 6] = [SIGNING, NEXT_SIGNING, MAC, PARCEL, TLS, NEXT_TLS];

/// Why a key of the server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The row holds no key of its kind.
    #[error("{0} 不是有效的密钥 / {0} holds no key")]
    NoKey(&'static str),
}

impl From<KeyError> for Failure {
    /// The server opened all keys at its start, so that a key that cannot be opened later is an internal error.
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Store(error) => error.into(),
            KeyError::Seal(_) | KeyError::NoKey(_) => Self::internal(error),
        }
    }
}

/// The secret `name`; `None` when there is none.
pub fn read(tx: &mut Tx<'_>, seal: &SealKey, name: &str) -> Result<Option<String>, KeyError> {
    let text = meta::read(tx, name)?;
    Ok(text.map(|text| seal.open(name, &text)).transpose()?)
}

/// Stores `secret` under `name`, whether there was one or not.
pub fn set(tx: &mut Tx<'_>, seal: &SealKey, name: &str, secret: &str, ids: &mut Ids) -> Result<(), KeyError> {
    let sealed = seal.seal(name, secret, &ids.bytes())?;
    Ok(meta::set(tx, name, &sealed)?)
}

/// The 32 bytes under `name`, after storing new ones if there are none.
pub fn kept(
    tx: &mut Tx<'_>,
    seal: &SealKey,
    name: &'static str,
    ids: &mut Ids,
) -> Result<[u8; 32], KeyError> {
    let fresh = hex::encode(ids.bytes());
    let text = match read(tx, seal, name)? {
        Some(text) => text,
        None => {
            set(tx, seal, name, &fresh, ids)?;
            fresh
        }
    };
    bytes(name, &text)
}

/// The 32 bytes that a secret is.
pub fn bytes(name: &'static str, text: &str) -> Result<[u8; 32], KeyError> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| KeyError::NoKey(name))?;
    Ok(bytes)
}

/// Seals again whatever `old` opens: texts that an older version stored unsealed, and with another `new` key all of them.
/// Returns how many were changed.
///
/// # Errors
/// [`SealError`] if a text cannot be opened; nothing is changed then.
pub fn reseal(tx: &mut Tx<'_>, old: &SealKey, new: &SealKey, ids: &mut Ids) -> Result<u64, KeyError> {
    let mut changed = 0;
    for name in ALL {
        let Some(text) = meta::read(tx, name)? else {
            continue;
        };
        if let Some(sealed) = sealed_again(name, &text, old, new, ids)? {
            meta::set(tx, name, &sealed)?;
            changed += 1;
        }
    }
    Ok(changed)
}

/// What `old` opens, sealed by `new`; `None` if it is so already.
///
/// # Errors
/// [`SealError`] if `old` does not open it.
pub fn sealed_again(
    name: &str,
    text: &str,
    old: &SealKey,
    new: &SealKey,
    ids: &mut Ids,
) -> Result<Option<String>, KeyError> {
    let secret = old.open(name, text)?;
    if is_sealed(text) && old == new {
        return Ok(None);
    }
    Ok(Some(new.seal(name, &secret, &ids.bytes())?))
}

/// True if a key of the database is sealed, so that it can be opened with one key for sealing alone.
pub fn any_sealed(tx: &mut Tx<'_>) -> Result<bool, StoreError> {
    for name in ALL {
        if meta::read(tx, name)?.is_some_and(|text| is_sealed(&text)) {
            return Ok(true);
        }
    }
    Ok(false)
}
