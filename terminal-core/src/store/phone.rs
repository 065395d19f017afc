//! Files in the handset's folder for what belongs to the phone and not to one of its users. Every user's store reads
//! them without the other users' keys; they contain nothing personal and are not encrypted.

use crate::{
    Error, Result,
    platform::home::{CARD, CURRENT_USER, DATABASE, NOTE, PHONE_DATA_USE, PHONE_LOCK, PHONE_SETTINGS, USERS},
    store::database::HandsetStore,
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    ffi::OsStr,
    io::Read as _,
    path::{Path, PathBuf},
};

/// The handset's folder of a home `users/N`; `None` for any other path.
fn above(home: &Path) -> Option<&Path> {
    let number = home.file_name()?.to_str()?.parse::<u32>();
    let users = home.parent().filter(|_| number.is_ok())?;
    (users.file_name() == Some(OsStr::new(USERS))).then(|| users.parent())?
}

impl HandsetStore {
    /// The handset's folder. A home that is called `users/N` by chance, without a handset above it, is a handset of
    /// its own.
    fn phone_folder(&self) -> PathBuf {
        let marks = [DATABASE, CURRENT_USER, NOTE, CARD, PHONE_SETTINGS, PHONE_DATA_USE];
        let is_handset = |folder: &&Path| marks.iter().any(|name| self.disk().exists(&folder.join(name)));
        above(self.home())
            .filter(is_handset)
            .unwrap_or_else(|| self.home())
            .to_owned()
    }
    /// Returns true if the phone has or had several users.
    pub(super) fn has_other_users(&self) -> bool {
        let folder = self.phone_folder();
        folder != self.home() || self.disk().exists(&folder.join(USERS))
    }
    /// The homes of the phone's other users.
    pub(super) fn homes_of_others(&self) -> Result<Vec<PathBuf>> {
        if !self.has_other_users() {
            return Ok(Vec::new());
        }
        let folder = self.phone_folder();
        let users = folder.join(USERS);
        let mut homes = vec![folder];
        if self.disk().exists(&users) {
            let names = self.disk().names(&users).map_err(Error::io(&users))?;
            homes.extend(names.iter().map(|name| users.join(name)));
        }
        homes.retain(|home| home != self.home());
        Ok(homes)
    }
    /// Reads a file of the phone; `None` if it is missing. A malformed file counts as missing, so that it cannot stop
    /// all users' syncs; the next change replaces it.
    pub(super) fn phone_file<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let path = self.phone_folder().join(name);
        if !self.disk().exists(&path) {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        self.disk()
            .open(&path)
            .and_then(|mut file| file.read_to_end(&mut bytes))
            .map_err(Error::io(&path))?;
        let parsed = serde_json::from_slice(&bytes);
        if parsed.is_err() {
            tracing::warn!(name: "phone.file_malformed", bytes = bytes.len());
        }
        Ok(parsed.ok())
    }
    /// Replaces a file of the phone durably, unless `change` returns `None`. One process or thread at a time.
    pub(super) fn change_phone_file<T: DeserializeOwned + Serialize>(
        &self,
        name: &str,
        change: impl FnOnce(Option<T>) -> Option<T>,
    ) -> Result<()> {
        let (folder, disk) = (self.phone_folder(), self.disk());
        let lock = folder.join(PHONE_LOCK);
        let _turn = disk.lock(&lock).map_err(Error::io(&lock))?;
        let Some(changed) = change(self.phone_file(name)?) else {
            return Ok(());
        };
        let (part, path) = (folder.join(format!(".{name}")), folder.join(name));
        if disk.exists(&part) {
            disk.remove(&part).map_err(Error::io(&part))?;
        }
        disk.create_synced(&part, &serde_json::to_vec(&changed)?)
            .map_err(Error::io(&part))?;
        disk.rename(&part, &path).map_err(Error::io(&path))?;
        disk.sync_folder(&folder).map_err(Error::io(&folder))
    }
}
