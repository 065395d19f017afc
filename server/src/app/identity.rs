//! Who this deployment is: its epoch, renewed by a restore, and its keys. All of it lies in the database, so
//! that every replica speaks with one voice. The keys are read at the start and never change; the epoch may, and a
//! replica that did not notice would give numbers of the new world under the name of the old one. So every answer
//! states the epoch of its own transaction ([`epoch`]).

use super::{ctx::Ctx, meta};
use crate::{
    kernel::failure::Failure,
    store::{database::Store, error::StoreError, tx::Tx},
};
use protocol::{
    parcel::ParcelSecret,
    sabotage::{self, Defect},
    sign::SoftwareKey,
    time::Millis,
};
use std::sync::Arc;

/// Epoch and keys.
#[derive(Clone)]
pub struct Identity {
    /// As it was at the start; answers state [`epoch`].
    pub epoch: String,
    /// Signs certificates and manifests.
    pub signer: Arc<SoftwareKey>,
    /// Authenticates challenges, so that they need no row.
    pub mac_key: [u8; 32],
    /// Public half of the parcel key, `x25519:BASE64`.
    pub parcel_key: String,
}

impl Identity {
    /// Reads the identity of the database, or makes one out of `seed` (32 random bytes) where there is none.
    /// Two replicas that start at once on a new database end up with the same one.
    pub async fn load_or_create(store: &Store, seed: [u8; 32]) -> Result<Self, Failure> {
        store.write(move |tx| load_or_create(tx, seed)).await
    }
    /// Gives the database another epoch, made out of `fresh` (32 random bytes), at `now`, and answers it. What stays: the
    /// keys, so that every handset and its pins remain valid. Servers that run take it up with their next answer.
    pub async fn renew_epoch(store: &Store, fresh: [u8; 32], now: Millis) -> Result<String, Failure> {
        store
            .write(move |tx| {
                if sabotage::is(Defect::EpochKept) {
                    return Ok(epoch(tx)?);
                }
                meta::replace(tx, "epoch", &hex::encode(fresh))?;
                let mut ctx = Ctx::new(now, fresh);
                let epoch = epoch_of(&fresh);
                crate::app::audit::note(tx, &mut ctx, None, "server.renew_epoch", "server", &epoch)?;
                Ok(epoch)
            })
            .await
    }
}

/// The epoch of what this transaction sees.
pub fn epoch(tx: &mut Tx<'_>) -> Result<String, StoreError> {
    let text = meta::read(tx, "epoch")?.ok_or(StoreError::NotFound)?;
    secret_of(&text, "epoch").map(|bytes| epoch_of(&bytes))
}

/// Replaces the secret that parcels are sealed to; `terminals` keeps the old one.
pub(crate) fn replace_parcel_key(tx: &mut Tx<'_>, fresh: &[u8; 32]) -> Result<(), StoreError> {
    meta::replace(tx, "parcel_key", &hex::encode(fresh))
}

/// The epoch as the wire carries it.
fn epoch_of(bytes: &[u8; 32]) -> String {
    hex::encode(bytes.get(..8).unwrap_or_default())
}

fn load_or_create(tx: &mut Tx<'_>, seed: [u8; 32]) -> Result<Identity, Failure> {
    let mut made = crate::kernel::ids::Ids::new(seed);
    let mut secret = |key| kept(tx, key, made.bytes());
    let epoch = secret("epoch")?;
    let signing = secret("signing_key")?;
    let mac_key = secret("mac_key")?;
    let parcel_secret = secret("parcel_key")?;
    let parcel = ParcelSecret::from_secret(&parcel_secret).ok_or_else(|| Failure::internal("parcel key"))?;
    Ok(Identity {
        epoch: epoch_of(&epoch),
        signer: Arc::new(SoftwareKey::from_secret(&signing)),
        mac_key,
        parcel_key: parcel.public().to_string(),
    })
}

/// The 32 bytes under `key`; stores `fresh` first when there is no row.
fn kept(tx: &mut Tx<'_>, key: &str, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
    let text = meta::keep(tx, key, &hex::encode(fresh))?;
    secret_of(&text, key)
}

fn secret_of(text: &str, key: &str) -> Result<[u8; 32], StoreError> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes)
        .map_err(|_| StoreError::decode("value", "32 bytes in hexadecimal", key))?;
    Ok(bytes)
}
