//! The identity of a deployment: its epoch, renewed by a restore, and its keys. Both are in the database and so the same
//! for all replicas. The keys are read at the start and never change. The epoch may change while a replica runs, and an
//! old epoch with numbers of the new one would be wrong, so every answer states the epoch of its transaction ([`epoch`]).

use super::{ctx::Ctx, meta};
use crate::{
    kernel::failure::Failure,
    store::{database::Store, error::StoreError, tx::Tx},
};
use protocol::{parcel::ParcelSecret, planted, sign::SoftwareKey, time::Millis};
use std::sync::Arc;

/// Epoch and keys.
#[derive(Clone)]
pub struct Identity {
    /// The epoch at the start of this replica; answers state [`epoch`].
    pub epoch: String,
    /// Public key of the server, which signs certificates and manifests.
    pub signer: Arc<SoftwareKey>,
    /// Authenticates challenges, so that they need no row in the database.
    pub mac_key: [u8; 32],
    /// Public half of the parcel key, `x25519:BASE64`.
    pub parcel_key: String,
}

impl Identity {
    /// Reads the identity from the database, or creates it from `seed` (32 random bytes). Two replicas that start at the
    /// same time on a new database get the same identity.
    pub async fn load_or_create(store: &Store, seed: [u8; 32]) -> Result<Self, Failure> {
        store.write(move |tx| load_or_create(tx, seed)).await
    }
    /// Replaces the epoch by one made from `fresh` (32 random bytes), at `now`, and returns it. The keys stay, so that
    /// handsets and their pins remain valid. Running servers use the new epoch from their next answer on.
    pub async fn renew_epoch(store: &Store, fresh: [u8; 32], now: Millis) -> Result<String, Failure> {
        store
            .write(move |tx| {
                planted!(EpochKept => return Ok(epoch(tx)?));
                meta::replace(tx, "epoch", &hex::encode(fresh))?;
                let mut ctx = Ctx::new(now, fresh);
                let epoch = epoch_of(&fresh);
                crate::app::audit::note(tx, &mut ctx, None, "server.renew_epoch", "server", &epoch)?;
                Ok(epoch)
            })
            .await
    }
}

/// The epoch in the snapshot of this transaction.
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

/// Returns the 32 bytes stored under `key`, after storing `fresh` if there are none.
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
