//! The key pairs that handsets seal parcels to (X25519). An invitation names the current one. A handset keeps the key it
//! was enrolled with, possibly for years, so retired keys are never deleted.

use crate::{
    app::{
        ctx::Ctx,
        seal::SealKey,
        secrets::{self, KeyError},
    },
    kernel::{
        clock::{MachineClock, ServerClock as _},
        failure::Failure,
        ids::Ids,
    },
    params,
    store::{database::Store, error::StoreError, tx::Tx},
};
use protocol::parcel::{ParcelKey, ParcelSecret};

fn secret(text: &str) -> Result<ParcelSecret, KeyError> {
    let bytes = secrets::bytes(secrets::PARCEL, text)?;
    ParcelSecret::from_secret(&bytes).ok_or(KeyError::NoKey(secrets::PARCEL))
}

/// The key that new invitations name.
pub fn current(tx: &mut Tx<'_>, seal: &SealKey) -> Result<ParcelSecret, KeyError> {
    let text = secrets::read(tx, seal, secrets::PARCEL)?.ok_or(StoreError::NotFound)?;
    secret(&text)
}

/// The key with this id, retired ones included; `None` if there is none.
pub fn named(tx: &mut Tx<'_>, seal: &SealKey, id: &str) -> Result<Option<ParcelSecret>, KeyError> {
    let mut keys = vec![current(tx, seal)?];
    for text in retired(tx)? {
        keys.push(secret(&seal.open(secrets::PARCEL, &text)?)?);
    }
    Ok(keys.into_iter().find(|key| key.public().id() == id))
}

/// Seals the retired keys again, as [`secrets::reseal`] does with the others. Returns how many were changed.
///
/// # Errors
/// [`KeyError::Seal`] if `old` does not open one.
pub fn reseal(tx: &mut Tx<'_>, old: &SealKey, new: &SealKey, ids: &mut Ids) -> Result<u64, KeyError> {
    let mut changed = 0;
    for text in retired(tx)? {
        if let Some(sealed) = secrets::sealed_again(secrets::PARCEL, &text, old, new, ids)? {
            tx.execute(
                "UPDATE parcel_key SET secret = ?2 WHERE secret = ?1",
                params![text, sealed],
            )?;
            changed += 1;
        }
    }
    Ok(changed)
}

/// The retired keys as they are stored, the newest first.
fn retired(tx: &mut Tx<'_>) -> Result<Vec<String>, StoreError> {
    tx.all(
        "SELECT secret FROM parcel_key ORDER BY retired DESC",
        params![],
        |row| row.get("secret"),
    )
}

/// Retires the current key, creates a new one from `fresh` (32 random bytes), and returns its public half.
pub async fn renew(store: &Store, seal: &SealKey, fresh: [u8; 32]) -> Result<ParcelKey, Failure> {
    let made = ParcelSecret::from_secret(&fresh).ok_or_else(|| Failure::internal("no key"))?;
    let seal = seal.clone();
    store
        .write(move |tx| {
            let mut ctx = Ctx::new(MachineClock.now(), fresh);
            tx.execute(
                "INSERT INTO parcel_key (secret, retired) SELECT value, ?1 FROM meta WHERE key = 'parcel_key'",
                params![ctx.now.0],
            )?;
            let mut ids = Ids::new(ctx.ids.bytes());
            secrets::set(tx, &seal, secrets::PARCEL, &hex::encode(fresh), &mut ids)?;
            let key = made.public();
            crate::app::audit::note_machine(tx, &mut ctx, "server.renew_parcel_key", "server", &key.id())?;
            Ok(key)
        })
        .await
}
