//! The card beside the database: whose it is, without secrets. Read when the database cannot be read.

use crate::{
    Error, Result,
    platform::{
        disk::Disk,
        home::{CARD, DATABASE},
    },
    store::account::Account,
};
use protocol::ids::StreamId;
use serde::{Deserialize, Serialize};
use std::{
    io::{ErrorKind, Read as _},
    path::Path,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Card {
    pub(crate) account: Account,
    /// The first [`SALT`] bytes of the database file, hexadecimal.
    pub(crate) salt: String,
}

/// Size in bytes of the cipher's salt at the beginning of an encrypted database.
pub const SALT: usize = 16;

/// The salt of the database in `home`; `None` if there is no database.
pub fn salt_of(disk: &dyn Disk, home: &Path) -> Option<[u8; SALT]> {
    let mut salt = [0; SALT];
    let mut file = disk.open(&home.join(DATABASE)).ok()?;
    file.read_exact(&mut salt).ok()?;
    Some(salt)
}

/// Writes the card if it is missing or differs.
pub(crate) fn keep_card(home: &Path, disk: &dyn Disk, account: &Account) -> Result<()> {
    let Some(salt) = salt_of(disk, home) else {
        return Ok(());
    };
    let mut account = account.clone();
    // The card is not encrypted, so it must not contain a person's name.
    account.holder_name.clear();
    let card = Card {
        account,
        salt: hex::encode(salt),
    };
    if read_card(home, disk).as_ref() == Some(&card) {
        return Ok(());
    }
    let (part, path) = (home.join(format!(".{CARD}")), home.join(CARD));
    let card = serde_json::to_vec(&card)?;
    let written = (|| {
        if disk.exists(&part) {
            disk.remove(&part)?;
        }
        disk.create_synced(&part, &card)?;
        disk.rename(&part, &path)?;
        disk.sync_folder(home)
    })();
    match written {
        // Another process opens the same home and writes the same card.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::AlreadyExists) => Ok(()),
        // A full disk lets everything be read. The next start writes the card; until then the former one is good enough.
        Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            tracing::warn!(name: "card.disk_full", written = false);
            Ok(())
        }
        other => other.map_err(Error::io(&path)),
    }
}

pub(crate) fn read_card(home: &Path, disk: &dyn Disk) -> Option<Card> {
    card_at(&home.join(CARD), disk)
}

pub(crate) fn card_at(path: &Path, disk: &dyn Disk) -> Option<Card> {
    let mut text = String::new();
    disk.open(path).ok()?.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// The previous stream of this home.
pub(crate) fn predecessor(home: &Path, disk: &dyn Disk) -> Option<StreamId> {
    read_card(home, disk).map(|card| card.account.stream)
}
