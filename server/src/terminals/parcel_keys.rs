//! The key pairs that handsets seal parcels to (X25519). An invitation names the current one. A handset keeps the key it
//! was enrolled with, possibly for years, so retired keys are never deleted.

use crate::{
    app::{ctx::Ctx, identity},
    kernel::{
        clock::{MachineClock, ServerClock as _},
        failure::Failure,
    },
    params,
    store::{database::Store, error::StoreError, tx::Tx, value::Row},
};
use protocol::parcel::{ParcelKey, ParcelSecret};

fn secret(row: &Row, column: &'static str) -> Result<ParcelSecret, StoreError> {
    let text: String = row.get(column)?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(&text, &mut bytes)
        .ok()
        .and_then(|()| ParcelSecret::from_secret(&bytes))
        .ok_or_else(|| StoreError::decode(column, "32 bytes in hexadecimal", "parcel key"))
}

/// The key that new invitations name.
pub fn current(tx: &mut Tx<'_>) -> Result<ParcelSecret, StoreError> {
    tx.one(
        "SELECT value FROM meta WHERE key = 'parcel_key'",
        params![],
        |row| secret(row, "value"),
    )
}

/// The key with this id, retired ones included; `None` if there is none.
pub fn named(tx: &mut Tx<'_>, id: &str) -> Result<Option<ParcelSecret>, StoreError> {
    let mut keys = tx.all(
        "SELECT secret FROM parcel_key ORDER BY retired DESC",
        params![],
        |row| secret(row, "secret"),
    )?;
    keys.push(current(tx)?);
    Ok(keys.into_iter().find(|key| key.public().id() == id))
}

/// Retires the current key, creates a new one from `fresh` (32 random bytes), and returns its public half.
pub async fn renew(store: &Store, fresh: [u8; 32]) -> Result<ParcelKey, Failure> {
    let made = ParcelSecret::from_secret(&fresh).ok_or_else(|| Failure::internal("no key"))?;
    store
        .write(move |tx| {
            let mut ctx = Ctx::new(MachineClock.now(), fresh);
            tx.execute(
                "INSERT INTO parcel_key (secret, retired) SELECT value, ?1 FROM meta WHERE key = 'parcel_key'",
                params![ctx.now.0],
            )?;
            identity::replace_parcel_key(tx, &fresh)?;
            let key = made.public();
            crate::app::audit::note(tx, &mut ctx, None, "server.renew_parcel_key", "server", &key.id())?;
            Ok(key)
        })
        .await
}
