//! Reads and writes the file of one grid pack, durably and checked by its hash.

use crate::{
    Error, Result,
    platform::{
        disk::Disk,
        home::{GRID_PART, grid_file_name},
    },
};
use protocol::photo::Sha256;
use std::{
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
};

/// Reads the pack of this hash, in one allocation of its size. `None` if the file is missing, torn or altered.
pub(super) fn read_pack(disk: &dyn Disk, home: &Path, sha256: Sha256, size: u64) -> Result<Option<Vec<u8>>> {
    let path = home.join(grid_file_name(sha256));
    let read = || -> io::Result<Option<Vec<u8>>> {
        let mut file = disk.open(&path)?;
        let Ok(length) = usize::try_from(size) else {
            return Ok(None);
        };
        // Before the allocation, so that a wrong record cannot ask for more than the file has.
        if file.seek(SeekFrom::End(0))? != size {
            return Ok(None);
        }
        file.rewind()?;
        let mut bytes = vec![0; length];
        file.read_exact(&mut bytes)?;
        Ok((Sha256::of(&bytes) == sha256).then_some(bytes))
    };
    match read() {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof
            ) =>
        {
            Ok(None)
        }
        other => other.map_err(Error::io(&path)),
    }
}

/// Makes the pack durable under its name. A file that is there already and intact is kept.
pub(super) fn put_pack(disk: &dyn Disk, home: &Path, sha256: Sha256, bytes: &[u8]) -> Result<()> {
    let (part, path) = (home.join(GRID_PART), home.join(grid_file_name(sha256)));
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if read_pack(disk, home, sha256, size).unwrap_or(None).is_none() {
        if disk.exists(&part) {
            disk.remove(&part).map_err(Error::io(&part))?;
        }
        disk.create_synced(&part, bytes).map_err(Error::io(&part))?;
        disk.rename(&part, &path).map_err(Error::io(&path))?;
    }
    // Also for a file that was there: the process that renamed it may have been killed before this.
    disk.sync_folder(home).map_err(Error::io(home))
}
