//! The grid pack in force is a file beside the database, `grid-SHA256.pack`, not a blob inside it: the pack is public,
//! and a file is read once, without the copies that SQLite makes (`docs/adr/0015-grid-pack-as-a-file.md`).
//!
//! The record in the database names the hash, so a file and its record cannot disagree unnoticed. Every change of these
//! files is made inside a write transaction, which excludes other processes:
//! 1. the file is written and synced under its own name, then the folder is synced;
//! 2. the record is committed;
//! 3. files that no record names are deleted.
//!
//! After a crash between two steps the file is there and unused, or the old one is there too; both are deleted later.

use crate::{
    Error, Result,
    platform::home::{grid_file_name, is_app_file, is_grid_file},
    store::{
        database::HandsetStore,
        files::{COLUMNS, ReferenceFile, file},
        pack_file::{put_pack, read_pack},
        sql::{int, run},
    },
};
use protocol::{manifest::FileName, photo::Sha256};
use rusqlite::{Connection, OptionalExtension, params};
use std::io::{self, Seek as _, SeekFrom};

/// How often the record is read again because another process replaced the file meanwhile.
const TRIES: usize = 4;

/// The record of the grid in force, and the pack if it is still in the database, as older versions kept it.
fn record(connection: &Connection) -> Result<Option<(ReferenceFile, Option<Vec<u8>>)>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, (SELECT bytes FROM blob b WHERE b.sha256 = file.sha256) FROM file WHERE name = ?1"
    ))?;
    let mut rows = statement.query([FileName::Grid.as_str()])?;
    match rows.next()? {
        Some(row) => Ok(Some((file(row)?, row.get(4)?))),
        None => Ok(None),
    }
}

/// The hash of the grid in force.
fn in_force(connection: &Connection) -> Result<Option<String>> {
    Ok(connection
        .prepare_cached("SELECT sha256 FROM file WHERE name = ?1")?
        .query_row([FileName::Grid.as_str()], |row| row.get(0))
        .optional()?)
}

/// Returns true if the hash's content is in the database and belongs to the grid alone.
fn has_blob(connection: &Connection) -> Result<bool> {
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM blob JOIN file ON file.sha256 = blob.sha256 WHERE file.name = ?1)
                AND NOT EXISTS (SELECT 1 FROM file other JOIN file ON file.sha256 = other.sha256
                                WHERE file.name = ?1 AND other.name <> ?1)",
        )?
        .query_row([FileName::Grid.as_str()], |row| row.get(0))?)
}

impl HandsetStore {
    /// The grid pack in force. `None` without one, and if its file is missing, torn or altered: then it is no longer in
    /// force, and the next sync fetches it again.
    pub(super) fn grid_pack(&self) -> Result<Option<(ReferenceFile, Vec<u8>)>> {
        for _ in 0..TRIES {
            let Some((file, blob)) = self.read(record)? else {
                return Ok(None);
            };
            let bytes = match blob {
                Some(bytes) => Some(bytes),
                None => read_pack(self.disk(), self.home(), file.sha256, file.size)?,
            };
            match bytes {
                Some(bytes) => return Ok(Some((file, bytes))),
                None => self.drop_lost_grid()?,
            }
        }
        Ok(None)
    }

    /// Takes the grid out of force if its file is still missing, torn or altered, and asks for it again. Changes
    /// nothing if another process has replaced the record or the file meanwhile.
    fn drop_lost_grid(&self) -> Result<()> {
        let lost = self.write(|tx| {
            let Some((file, None)) = record(tx)? else {
                return Ok(None);
            };
            if read_pack(self.disk(), self.home(), file.sha256, file.size)?.is_some() {
                return Ok(None);
            }
            let path = self.home().join(grid_file_name(file.sha256));
            if self.disk().exists(&path) {
                self.disk().remove(&path).map_err(Error::io(&path))?;
            }
            run(tx, "DELETE FROM file WHERE name = ?1", [file.name.as_str()])?;
            run(
                tx,
                "INSERT INTO wanted_file (name, version, sha256, size) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (name) DO NOTHING",
                params![
                    file.name.as_str(),
                    file.version,
                    file.sha256.to_string(),
                    int(file.size)?
                ],
            )?;
            Ok(Some(file.size))
        })?;
        if let Some(size) = lost {
            tracing::warn!(name: "grid.file_lost", size);
        }
        Ok(())
    }

    /// Takes the wanted grid from another user of the phone who has it, so that the phone fetches it once. Returns true if
    /// it is in force now. The hash decides as for a download; a home that cannot be read is skipped.
    ///
    /// # Errors
    /// Errors of the disk and of the database.
    pub(crate) fn take_grid_of_phone(&self) -> Result<bool> {
        let wanted = self.wanted_files()?.into_iter();
        let Some(wanted) = wanted
            .into_iter()
            .find(|wanted| wanted.file.name == FileName::Grid)
        else {
            return Ok(false);
        };
        let file = &wanted.file;
        for home in self.homes_of_others()? {
            let pack = read_pack(self.disk(), &home, file.sha256, file.size).unwrap_or(None);
            let have = usize::try_from(wanted.have).unwrap_or(usize::MAX);
            if let Some(rest) = pack.as_deref().and_then(|bytes| bytes.get(have..)) {
                return self.add_file_part(file, wanted.have, rest);
            }
        }
        Ok(false)
    }

    /// Moves a pack that an older version left in the database to its file, and deletes files of other versions.
    /// Called when the home is opened; what fails is tried again at the next open.
    ///
    /// # Errors
    /// Errors of the disk and of the database.
    pub(crate) fn settle_grid(&self) -> Result<()> {
        if self.read(has_blob)? {
            self.write(|tx| {
                let Some((file, Some(bytes))) = record(tx)? else {
                    return Ok(());
                };
                if !has_blob(tx)? || Sha256::of(&bytes) != file.sha256 {
                    return Ok(());
                }
                put_pack(self.disk(), self.home(), file.sha256, &bytes)?;
                run(
                    tx,
                    "DELETE FROM blob WHERE sha256 = ?1",
                    [file.sha256.to_string()],
                )?;
                Ok(())
            })?;
        }
        self.sweep_grid_files()
    }

    /// Deletes the files of grids that are not in force. Without a grid in force they stay: after a damaged database
    /// was replaced, the next manifest may name one of them.
    pub(super) fn sweep_grid_files(&self) -> Result<()> {
        let others = |in_force: Option<String>| -> Result<Vec<String>> {
            let Some(sha256) = in_force else {
                return Ok(Vec::new());
            };
            let keep = format!("grid-{sha256}.pack");
            let mut names = self.disk().names(self.home()).map_err(Error::io(self.home()))?;
            names.retain(|name| is_grid_file(name) && *name != keep);
            Ok(names)
        };
        if others(self.read(in_force)?)?.is_empty() {
            return Ok(());
        }
        self.write(|tx| {
            for name in others(in_force(tx)?)? {
                let path = self.home().join(name);
                self.disk().remove(&path).map_err(Error::io(&path))?;
            }
            Ok(())
        })
    }

    /// The bytes of all grid files, and of a newer app's package, on the disk.
    pub(super) fn own_files_size(&self) -> Result<u64> {
        let names = self.disk().names(self.home()).map_err(Error::io(self.home()))?;
        let mut sum: u64 = 0;
        for name in names
            .iter()
            .filter(|name| is_grid_file(name) || is_app_file(name))
        {
            let path = self.home().join(name);
            let size = self
                .disk()
                .open(&path)
                .and_then(|mut file| file.seek(SeekFrom::End(0)));
            match size {
                Ok(size) => sum = sum.saturating_add(size),
                // Deleted by another process meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io(&path)(error)),
            }
        }
        Ok(sum)
    }
}

#[cfg(test)]
mod tests;
