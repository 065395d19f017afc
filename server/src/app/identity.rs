//! The identity of a deployment: its epoch, renewed by a restore, and its keys. Both are in the database and so the same
//! for all replicas. The keys are read at the start and change only while the servers are stopped
//! ([`Identity::rotate_signing`]). The epoch may change while a replica runs, and an old epoch with numbers of the new one
//! would be wrong, so every answer states the epoch of its transaction ([`epoch`]).

use super::{
    audit,
    ctx::Ctx,
    meta,
    seal::SealKey,
    secrets::{self, KeyError},
};
use crate::{
    kernel::{failure::Failure, ids::Ids},
    store::{database::Store, error::StoreError, tx::Tx},
};
use protocol::{
    parcel::ParcelSecret,
    planted,
    sign::{PublicKey, Signer as _, SoftwareKey},
    time::Millis,
};
use std::sync::Arc;

/// The rows of the public keys that signed before a rotation.
const RETIRED: &str = "retired_signer/";

/// Epoch and keys.
#[derive(Clone)]
pub struct Identity {
    /// The epoch at the start of this replica; answers state [`epoch`].
    pub epoch: String,
    /// Public key of the server, which signs certificates and manifests.
    pub signer: Arc<SoftwareKey>,
    /// Public half of the key that signs after the next rotation.
    pub next_signer: PublicKey,
    /// Keys that signed before. Certificates that they signed stay valid: a handset has one for its life.
    pub retired_signers: Vec<PublicKey>,
    /// Authenticates challenges, so that they need no row in the database.
    pub mac_key: [u8; 32],
    /// Public half of the parcel key, `x25519:BASE64`.
    pub parcel_key: String,
    /// Seals the secrets in the database.
    pub seal: SealKey,
}

impl Identity {
    /// Reads the identity from the database, or creates it from `seed` (32 random bytes). Two replicas that start at the
    /// same time on a new database get the same identity. Secrets that an older version stored unsealed are sealed.
    ///
    /// # Errors
    /// [`KeyError`] if `seal` is not the key that sealed them, or one is damaged.
    pub async fn load_or_create(store: &Store, seal: SealKey, seed: [u8; 32]) -> Result<Self, KeyError> {
        let (identity, sealed) = store
            .write(move |tx| load_or_create(tx, &seal, Ids::new(seed)))
            .await?;
        if sealed > 0 {
            tracing::warn!(
                sealed,
                "服务器密钥原来未加密，现已封存；旧备份里仍是明文，请按指南更换密钥 / the server's keys were stored unsealed and are \
                 sealed now; older backups still hold them in clear: rotate them as the guide says"
            );
        }
        Ok(identity)
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
                audit::note_machine(tx, &mut ctx, "server.renew_epoch", "server", &epoch)?;
                Ok(epoch)
            })
            .await
    }

    /// Lets the announced key sign from the next start on, and announces a new one from `fresh` (32 random bytes). Returns
    /// the public half of the key that signs then.
    ///
    /// `forget`: the former keys may be in strange hands, so certificates that they signed readmit nobody any more. A handset
    /// that was enrolled before works on, and has to be enrolled again only if its stream is lost by a restore.
    pub async fn rotate_signing(
        &self,
        store: &Store,
        forget: bool,
        fresh: [u8; 32],
        now: Millis,
    ) -> Result<PublicKey, Failure> {
        let (seal, old) = (self.seal.clone(), self.signer.public_key().to_string());
        store
            .write(move |tx| {
                let mut ids = Ids::new(fresh);
                let next = secrets::kept(tx, &seal, secrets::NEXT_SIGNING, &mut ids)?;
                secrets::set(tx, &seal, secrets::SIGNING, &hex::encode(next), &mut ids)?;
                let after_next = hex::encode(ids.bytes());
                secrets::set(tx, &seal, secrets::NEXT_SIGNING, &after_next, &mut ids)?;
                meta::set(tx, &format!("{RETIRED}{old}"), &old)?;
                if forget {
                    for key in meta::under(tx, RETIRED)? {
                        meta::delete(tx, &format!("{RETIRED}{key}"))?;
                    }
                }
                let signs = SoftwareKey::from_secret(&next).public_key();
                let mut ctx = Ctx::new(now, ids.bytes());
                let detail = format!("{signs} forget:{forget}");
                audit::note_machine(tx, &mut ctx, "server.rotate_signing", "server", &detail)?;
                Ok(signs)
            })
            .await
    }

    /// Replaces the key of challenges from the next start on. Tokens stay valid; a challenge that is under way is asked
    /// again.
    pub async fn rotate_mac(&self, store: &Store, fresh: [u8; 32], now: Millis) -> Result<(), Failure> {
        let seal = self.seal.clone();
        store
            .write(move |tx| {
                let mut ids = Ids::new(fresh);
                let secret = hex::encode(ids.bytes());
                secrets::set(tx, &seal, secrets::MAC, &secret, &mut ids)?;
                let mut ctx = Ctx::new(now, ids.bytes());
                audit::note_machine(tx, &mut ctx, "server.rotate_challenge", "server", "mac_key")?;
                Ok(())
            })
            .await
    }

    /// The keys a handset may see: the one that signs now and the one after the next rotation.
    pub fn signers(&self) -> Vec<PublicKey> {
        vec![self.signer.public_key(), self.next_signer.clone()]
    }

    /// Every key that may have signed a certificate.
    pub fn certifiers(&self) -> impl Iterator<Item = PublicKey> + '_ {
        std::iter::once(self.signer.public_key()).chain(self.retired_signers.iter().cloned())
    }
}

/// The epoch in the snapshot of this transaction.
pub fn epoch(tx: &mut Tx<'_>) -> Result<String, StoreError> {
    let text = meta::read(tx, "epoch")?.ok_or(StoreError::NotFound)?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes)
        .map_err(|_| StoreError::decode("value", "32 bytes in hexadecimal", "epoch"))?;
    Ok(epoch_of(&bytes))
}

/// The epoch as the wire carries it.
fn epoch_of(bytes: &[u8; 32]) -> String {
    hex::encode(bytes.get(..8).unwrap_or_default())
}

fn load_or_create(tx: &mut Tx<'_>, seal: &SealKey, mut ids: Ids) -> Result<(Identity, u64), KeyError> {
    meta::keep(tx, "epoch", &hex::encode(ids.bytes()))?;
    let sealed = secrets::reseal(tx, seal, seal, &mut ids)?;
    let mut secret = |name| secrets::kept(tx, seal, name, &mut ids);
    let signing = secret(secrets::SIGNING)?;
    let next_signing = secret(secrets::NEXT_SIGNING)?;
    let mac_key = secret(secrets::MAC)?;
    let parcel = secret(secrets::PARCEL)?;
    let parcel = ParcelSecret::from_secret(&parcel).ok_or(KeyError::NoKey(secrets::PARCEL))?;
    let mut retired = Vec::new();
    for text in meta::under(tx, RETIRED)? {
        retired.push(text.parse().map_err(|_| KeyError::NoKey(RETIRED))?);
    }
    let identity = Identity {
        epoch: epoch(tx)?,
        signer: Arc::new(SoftwareKey::from_secret(&signing)),
        next_signer: SoftwareKey::from_secret(&next_signing).public_key(),
        retired_signers: retired,
        mac_key,
        parcel_key: parcel.public().to_string(),
        seal: seal.clone(),
    };
    Ok((identity, sealed))
}
