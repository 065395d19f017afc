//! Wipe of a home after the hand-over: a durable note first, then the keys, without which the data cannot be
//! decrypted, then the data. An interrupted wipe is finished at the next start, because the note exists.

use crate::{
    Error, Result,
    platform::{
        disk::Disk,
        home::{
            DATABASE, KEY_FILE, NOTE, PHOTOS, RESERVE, RESERVE_PART, SALVAGE_FOLDER, WIPING, is_app_file,
            is_grid_file,
        },
        keystore::Keystore,
    },
    store::{card::predecessor, handed_over::HandedOver},
    terminal::Terminal,
};
use std::path::Path;

/// Deletes keys, databases and photos of a home that was handed over.
pub(crate) fn wipe(home: &Path, disk: &dyn Disk, keystore: &dyn Keystore, done: &HandedOver) -> Result<()> {
    let (part, wiping) = (home.join(format!(".{NOTE}")), home.join(WIPING));
    if disk.exists(&part) {
        disk.remove(&part).map_err(Error::io(&part))?;
    }
    disk.create_synced(&part, &serde_json::to_vec(done)?)
        .map_err(Error::io(&part))?;
    disk.rename(&part, &wiping).map_err(Error::io(&wiping))?;
    disk.sync_folder(home).map_err(Error::io(home))?;
    keystore.forget()?;
    finish(home, disk).map(|_| ())
}

/// Finishes an interrupted wipe. Returns the note of a wiped home.
pub(crate) fn finish(home: &Path, disk: &dyn Disk) -> Result<Option<HandedOver>> {
    use std::io::Read as _;
    let (wiping, note) = (home.join(WIPING), home.join(NOTE));
    if disk.exists(&wiping) {
        remove(home, disk)?;
        disk.rename(&wiping, &note).map_err(Error::io(&note))?;
        disk.sync_folder(home).map_err(Error::io(home))?;
    }
    if !disk.exists(&note) {
        return Ok(None);
    }
    let mut text = String::new();
    disk.open(&note)
        .and_then(|mut file| file.read_to_string(&mut text))
        .map_err(Error::io(&note))?;
    Ok(Some(serde_json::from_str(&text).unwrap_or_default()))
}

/// Removes the hand-over note before a new enrolment.
pub(crate) fn begin_anew(home: &Path, disk: &dyn Disk) -> Result<()> {
    if finish(home, disk)?.is_some() {
        let note = home.join(NOTE);
        disk.remove(&note).map_err(Error::io(&note))?;
        disk.sync_folder(home).map_err(Error::io(home))?;
    }
    Ok(())
}

/// Deletes the keys first, then the data.
fn remove(home: &Path, disk: &dyn Disk) -> Result<()> {
    remove_where(home, disk, &|name| name.starts_with(KEY_FILE))?;
    remove_where(home, disk, &|name| {
        name.starts_with(DATABASE)
            || name.ends_with("stream.json")
            || is_grid_file(name)
            || is_app_file(name)
            || name == RESERVE
            || name == RESERVE_PART
    })?;
    for folder in [PHOTOS, SALVAGE_FOLDER] {
        let folder = home.join(folder);
        if disk.exists(&folder) {
            remove_where(&folder, disk, &|_| true)?;
        }
    }
    Ok(())
}

fn remove_where(folder: &Path, disk: &dyn Disk, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
    let names = disk.names(folder).map_err(Error::io(folder))?;
    for name in names.iter().filter(|name| wanted(name)) {
        let path = folder.join(name);
        disk.remove(&path).map_err(Error::io(&path))?;
    }
    disk.sync_folder(folder).map_err(Error::io(folder))
}

impl Terminal {
    /// Wipes the home after a hand-over. Returns false and does nothing while a quarantined database was not
    /// handed over, or if another stream was enrolled in this home since: a process with an old handle must
    /// not delete a later enrolment.
    pub(crate) fn wipe(&self, done: &HandedOver) -> Result<bool> {
        let _turn = self.turn()?;
        let lives_here = predecessor(self.store().home(), self.disk());
        if lives_here.is_some_and(|stream| stream != self.account().stream)
            || self.store().has_quarantined_databases()?
        {
            return Ok(false);
        }
        wipe(
            self.store().home(),
            self.disk(),
            self.platform().keystore.as_ref(),
            done,
        )?;
        Ok(true)
    }
    /// The last step of [`Terminal::sync_over`], for tests that step a sync themselves.
    ///
    /// # Errors
    /// Errors of disk and keys.
    #[cfg(feature = "testing")]
    pub fn forget_everything(&self, done: &HandedOver) -> Result<bool> {
        self.wipe(done)
    }
}
