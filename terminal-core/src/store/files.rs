//! Reference files (grid pack, catalogue, calendar): fetched in parts, checked against the signed hash, put
//! in force in one transaction. The old version stays in force until the new one is complete.
//!
//! They are stored in the encrypted database, so that a file and its record cannot disagree; the grid's content alone
//! is a file of its own, see [`super::grid_file`].

use crate::{
    Result,
    store::{
        account, app_file, asked,
        database::HandsetStore,
        pack_file::{put_pack, read_pack},
        retry::{self, Retry},
        sql::{int, parse, run, uint},
    },
};
use protocol::{
    manifest::{FileName, Manifest},
    photo::Sha256,
    time::Millis,
};
use rusqlite::{Connection, OptionalExtension, params};

/// A file in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceFile {
    /// The file's name.
    pub name: FileName,
    /// The version, as named by the server.
    pub version: String,
    /// Hash of the content.
    pub sha256: Sha256,
    /// Size in bytes.
    pub size: u64,
}

/// A file of the manifest that is not complete yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedFile {
    /// The file as the manifest describes it.
    pub file: ReferenceFile,
    /// Bytes stored so far.
    pub have: u64,
    /// Next try and last problem.
    pub retry: Retry,
}

pub(super) const COLUMNS: &str = "name, version, sha256, size";

pub(super) fn file(row: &rusqlite::Row<'_>) -> Result<ReferenceFile> {
    Ok(ReferenceFile {
        name: parse(&row.get::<_, String>(0)?)?,
        version: row.get(1)?,
        sha256: parse(&row.get::<_, String>(2)?)?,
        size: uint(row.get(3)?)?,
    })
}

pub(super) fn have(connection: &Connection, sha256: Sha256) -> Result<u64> {
    let bytes: i64 = connection
        .prepare_cached("SELECT coalesce(sum(length(bytes)), 0) FROM blob_part WHERE sha256 = ?1")?
        .query_row([sha256.to_string()], |row| row.get(0))?;
    uint(bytes)
}

/// Deletes contents that no file in force and no wanted file refers to.
fn sweep(connection: &Connection) -> Result<()> {
    run(
        connection,
        "DELETE FROM blob WHERE sha256 NOT IN (SELECT sha256 FROM file UNION SELECT sha256 FROM wanted_file)",
        [],
    )?;
    run(
        connection,
        "DELETE FROM blob_part WHERE sha256 NOT IN (SELECT sha256 FROM wanted_file) AND sha256 IS NOT ?1",
        [app_file::release(connection)?.map(|release| release.sha256.to_string())],
    )?;
    Ok(())
}

/// Puts the wanted files of this hash in force, whose content is stored. Grids and other files store it in different
/// places.
fn put_in_force(connection: &Connection, sha256: Sha256, is_grid: bool) -> Result<()> {
    let chosen = "sha256 = ?1 AND (name = 'grid') = ?2";
    run(
        connection,
        &format!(
            "INSERT INTO file (name, version, sha256, size)
                 SELECT name, version, sha256, size FROM wanted_file WHERE {chosen}
             ON CONFLICT (name) DO UPDATE SET version = excluded.version, sha256 = excluded.sha256,
                 size = excluded.size"
        ),
        params![sha256.to_string(), is_grid],
    )?;
    run(
        connection,
        &format!("DELETE FROM wanted_file WHERE {chosen}"),
        params![sha256.to_string(), is_grid],
    )?;
    sweep(connection)
}

impl HandsetStore {
    /// Stores a manifest whose signature was verified: the release it names, and files that differ from those in force,
    /// which become wanted.
    /// Unknown file names are ignored.
    pub(crate) fn save_manifest(&self, manifest: &Manifest) -> Result<()> {
        self.write(|tx| {
            app_file::save_release(tx, manifest.app.as_ref())?;
            account::save_contact(tx, manifest.contact.as_ref())?;
            asked::save(tx, manifest.asked)?;
            let mut names = Vec::new();
            for new in self.files_to_keep(tx, manifest)? {
                let name = new.name;
                names.push(name);
                let sha256 = new.sha256.to_string();
                let in_force: Option<(String, String)> = tx
                    .prepare_cached("SELECT sha256, version FROM file WHERE name = ?1")?
                    .query_row([name.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()?;
                let named = (sha256.clone(), new.version.clone());
                if in_force.as_ref() == Some(&named) {
                    run(tx, "DELETE FROM wanted_file WHERE name = ?1", [name.as_str()])?;
                    continue;
                }
                run(
                    tx,
                    "INSERT INTO wanted_file (name, version, sha256, size) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (name) DO UPDATE SET version = excluded.version, sha256 = excluded.sha256,
                         size = excluded.size, attempts = 0, not_before = 0, asked = 0, problem_json = NULL
                     WHERE sha256 <> excluded.sha256 OR version <> excluded.version",
                    params![name.as_str(), new.version, sha256, int(new.size)?],
                )?;
                let is_grid = name == FileName::Grid;
                let is_here = if is_grid {
                    // Another version of the same content, or a file that a replaced database left.
                    in_force.is_some_and(|(hash, _)| hash == sha256)
                        || read_pack(self.disk(), self.home(), new.sha256, new.size)
                            .unwrap_or(None)
                            .is_some()
                } else {
                    tx.prepare_cached("SELECT EXISTS (SELECT 1 FROM blob WHERE sha256 = ?1)")?
                        .query_row([&sha256], |row| row.get(0))?
                };
                if is_here {
                    put_in_force(tx, new.sha256, is_grid)?;
                }
            }
            for name in FileName::ALL.iter().filter(|name| !names.contains(name)) {
                run(tx, "DELETE FROM wanted_file WHERE name = ?1", [name.as_str()])?;
            }
            sweep(tx)
        })?;
        // A package that stays only wastes space until the next manifest.
        if let Err(error) = self.sweep_apps() {
            tracing::info!(name: "app.not_swept", cause = error.code().as_str());
        }
        Ok(())
    }

    /// The next file to fetch, smallest first, so that catalogue and calendar do not wait for the grid. With
    /// `only_missing`, only files without a version in force, because a handset without a grid is of little
    /// use.
    pub(crate) fn next_file(&self, now: Millis, only_missing: bool) -> Result<Option<WantedFile>> {
        let in_force = if only_missing { self.files()? } else { Vec::new() };
        Ok(self.wanted_files()?.into_iter().find(|wanted| {
            wanted.retry.wait_until(now).is_none()
                && !in_force.iter().any(|file| file.name == wanted.file.name)
        }))
    }

    /// Wanted files, smallest first.
    pub fn wanted_files(&self) -> Result<Vec<WantedFile>> {
        self.read(|c| {
            let mut statement = c.prepare_cached(&format!(
                "SELECT {COLUMNS}, attempts, not_before, asked, problem_json FROM wanted_file ORDER BY size, name"
            ))?;
            let mut rows = statement.query([])?;
            let mut wanted = Vec::new();
            while let Some(row) = rows.next()? {
                let file = file(row)?;
                wanted.push(WantedFile {
                    have: have(c, file.sha256)?,
                    retry: retry::read(row, 4)?,
                    file,
                });
            }
            Ok(wanted)
        })
    }

    /// Stores bytes that begin at the end of the stored ones; otherwise returns false and changes nothing.
    ///
    /// The last byte triggers the hash check: if it succeeds, the file comes into force in the same
    /// transaction; if not, all parts are deleted ([`WantedFile::have`] is 0 again), the old version stays,
    /// and the result is false.
    pub(crate) fn add_file_part(&self, wanted: &ReferenceFile, start: u64, bytes: &[u8]) -> Result<bool> {
        let is_grid = wanted.name == FileName::Grid;
        let is_taken = self.write(|tx| {
            let here = have(tx, wanted.sha256)?;
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            if here != start || start.saturating_add(length) > wanted.size {
                return Ok(false);
            }
            let sha256 = wanted.sha256.to_string();
            if !bytes.is_empty() {
                run(
                    tx,
                    "INSERT INTO blob_part (sha256, start, bytes) VALUES (?1, ?2, ?3)",
                    params![sha256, int(start)?, bytes],
                )?;
            }
            if start.saturating_add(length) < wanted.size {
                return Ok(true);
            }
            let mut whole = Vec::new();
            {
                let mut statement =
                    tx.prepare_cached("SELECT bytes FROM blob_part WHERE sha256 = ?1 ORDER BY start")?;
                let mut rows = statement.query([&sha256])?;
                while let Some(row) = rows.next()? {
                    whole.extend_from_slice(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?);
                }
            }
            run(tx, "DELETE FROM blob_part WHERE sha256 = ?1", [&sha256])?;
            if Sha256::of(&whole) != wanted.sha256 {
                return Ok(false);
            }
            if is_grid {
                put_pack(self.disk(), self.home(), wanted.sha256, &whole)?;
            } else {
                run(
                    tx,
                    "INSERT INTO blob (sha256, bytes) VALUES (?1, ?2) ON CONFLICT (sha256) DO NOTHING",
                    params![sha256, whole],
                )?;
            }
            put_in_force(tx, wanted.sha256, is_grid)?;
            Ok(true)
        })?;
        // A file that is not deleted only wastes space until the next open.
        if is_grid && let Err(error) = self.sweep_grid_files() {
            tracing::info!(name: "grid.not_swept", cause = error.code().as_str());
        }
        Ok(is_taken)
    }

    /// Records a failed try for a file.
    pub(crate) fn fail_file(&self, name: FileName, retry: &Retry) -> Result<()> {
        self.write(|tx| {
            run(
                tx,
                "UPDATE wanted_file SET attempts = ?2, not_before = ?3, asked = ?4, problem_json = ?5
                 WHERE name = ?1",
                params![
                    name.as_str(),
                    retry.attempts,
                    retry.not_before.0,
                    retry.asked,
                    retry::problem_json(retry)?
                ],
            )?;
            Ok(())
        })
    }

    /// The files in force.
    pub fn files(&self) -> Result<Vec<ReferenceFile>> {
        self.read(|c| {
            let mut statement = c.prepare_cached(&format!("SELECT {COLUMNS} FROM file ORDER BY name"))?;
            let mut rows = statement.query([])?;
            let mut files = Vec::new();
            while let Some(row) = rows.next()? {
                files.push(file(row)?);
            }
            Ok(files)
        })
    }

    /// The content of a file in force, with its description. A grid whose file is damaged is no longer in force.
    pub fn file(&self, name: FileName) -> Result<Option<(ReferenceFile, Vec<u8>)>> {
        if name == FileName::Grid {
            return self.grid_pack();
        }
        self.read(|c| {
            let mut statement = c.prepare_cached(&format!(
                "SELECT {COLUMNS}, (SELECT bytes FROM blob b WHERE b.sha256 = file.sha256) FROM file WHERE name = ?1"
            ))?;
            let mut rows = statement.query([name.as_str()])?;
            match rows.next()? {
                Some(row) => Ok(Some((file(row)?, row.get(4)?))),
                None => Ok(None),
            }
        })
    }
}
