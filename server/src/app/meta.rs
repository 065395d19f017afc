//! The table `meta`: one text for each key of this deployment (epoch, keys, id of the object store, own certificate).
//! The only place that writes the table.

use crate::{
    params,
    store::{error::StoreError, tx::Tx},
};

/// The text under `key`; `None` when the key has no row.
pub fn read(tx: &mut Tx<'_>, key: &str) -> Result<Option<String>, StoreError> {
    tx.opt("SELECT value FROM meta WHERE key = ?1", params![key], |row| {
        row.get("value")
    })
}

/// Stores `value` under `key` unless the key has a row, and returns what is stored then.
pub fn keep(tx: &mut Tx<'_>, key: &str, value: &str) -> Result<String, StoreError> {
    tx.execute(
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING",
        params![key, value],
    )?;
    read(tx, key)?.ok_or(StoreError::NotFound)
}

/// Stores `value` under `key`; an error of the store when the key has a row.
pub fn insert(tx: &mut Tx<'_>, key: &str, value: &str) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO meta (key, value) VALUES (?1, ?2)",
        params![key, value],
    )?;
    Ok(())
}

/// Stores `value` under `key`, whether the key has a row or not.
pub fn set(tx: &mut Tx<'_>, key: &str, value: &str) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        params![key, value],
    )?;
    Ok(())
}

/// Deletes the row of `key`, if there is one.
pub fn delete(tx: &mut Tx<'_>, key: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM meta WHERE key = ?1", params![key])?;
    Ok(())
}

/// The texts of all keys that begin with `prefix`, in the order of the keys.
pub fn under(tx: &mut Tx<'_>, prefix: &str) -> Result<Vec<String>, StoreError> {
    tx.all(
        "SELECT value FROM meta WHERE substr(key, 1, ?2) = ?1 ORDER BY key",
        params![prefix, i64::try_from(prefix.len()).unwrap_or(i64::MAX)],
        |row| row.get("value"),
    )
}

/// Replaces the text under `key`, which must have a row.
pub fn replace(tx: &mut Tx<'_>, key: &str, value: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE meta SET value = ?2 WHERE key = ?1", params![key, value])?;
    Ok(())
}
