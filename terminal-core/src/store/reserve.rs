//! The reserve: space on the disk that only a sync uses. On a full disk a sync could not store a receipt, and what
//! follows from receipts is what frees space. The reserve is given up for that sync and taken again when there is space.

use crate::{
    Error, Result,
    platform::{
        disk::Disk,
        home::{RESERVE, RESERVE_PART},
    },
    store::database::HandsetStore,
};

/// Size of the reserve: what the log of the database needs for the receipts of a day.
const SIZE: usize = 1024 * 1024;

impl HandsetStore {
    /// Takes the reserve if it is not there. Returns false if the disk has no space for it.
    ///
    /// # Errors
    /// Errors of the disk.
    pub(crate) fn keep_reserve(&self) -> Result<bool> {
        let (disk, path) = (self.disk(), self.home().join(RESERVE));
        if disk.exists(&path) {
            return Ok(true);
        }
        let part = self.home().join(RESERVE_PART);
        if disk.exists(&part) {
            disk.remove(&part).map_err(Error::io(&part))?;
        }
        let written = disk
            .create_synced(&part, &vec![0; SIZE])
            .map_err(Error::io(&part))
            .and_then(|()| disk.rename(&part, &path).map_err(Error::io(&path)));
        match written {
            Ok(()) => Ok(true),
            Err(error) => {
                // What fitted must not fill the rest of the disk.
                if disk.exists(&part) {
                    disk.remove(&part).map_err(Error::io(&part))?;
                }
                match error {
                    Error::Full => Ok(false),
                    other => Err(other),
                }
            }
        }
    }

    /// Gives the reserve up. Returns false if it was not there.
    ///
    /// # Errors
    /// Errors of the disk.
    pub(crate) fn release_reserve(&self) -> Result<bool> {
        let (disk, path): (&dyn Disk, _) = (self.disk(), self.home().join(RESERVE));
        if !disk.exists(&path) {
            return Ok(false);
        }
        disk.remove(&path).map_err(Error::io(&path))?;
        Ok(true)
    }

    /// Returns true if the disk had no space for the reserve when it was last tried.
    pub(crate) fn is_short_of_space(&self) -> bool {
        !self.disk().exists(&self.home().join(RESERVE))
    }
}
