//! The newest app (应用更新), fetched in parts and kept as a file beside the database until it is installed.
//!
//! The parts are rows, as those of reference files, so that a fetch goes on after a restart. The whole package is
//! checked by its signed hash before the file gets its name; a file of that name is therefore complete.

use crate::{
    Error, Result,
    platform::home::{APP_PART, app_file_name, is_app_file},
    store::{
        database::HandsetStore,
        retry::SyncStep,
        settings::{get, keys, set},
        sql::{from_json, int, parse, run, to_json},
    },
};
use protocol::{
    manifest::{AppRelease, MAX_APP_BYTES},
    photo::Sha256,
};
use rusqlite::{Connection, params};
use std::{
    io::{Seek as _, SeekFrom},
    path::PathBuf,
};

/// A release that this handset may fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedApp {
    pub release: AppRelease,
    /// Bytes stored so far.
    pub have: u64,
}

pub(super) fn release(connection: &Connection) -> Result<Option<AppRelease>> {
    get(connection, keys::APP_RELEASE)?
        .map(|text| from_json(&text))
        .transpose()
}

fn build(connection: &Connection) -> Result<Option<u32>> {
    get(connection, keys::APP_BUILD)?
        .map(|text| parse(&text))
        .transpose()
}

fn have(connection: &Connection) -> Result<u64> {
    get(connection, keys::APP_HAVE)?.map_or(Ok(0), |text| parse(&text))
}

/// The release, if it is newer than the app that runs here and of a size that a handset can hold.
fn newer(connection: &Connection) -> Result<Option<AppRelease>> {
    let own = build(connection)?;
    let fits = |release: &AppRelease| (1..=MAX_APP_BYTES).contains(&release.size);
    let is_newer = |release: &AppRelease| own.is_some_and(|own| release.build > own);
    Ok(release(connection)?.filter(|release| is_newer(release) && fits(release)))
}

fn drop_parts(connection: &Connection, sha256: Sha256) -> Result<()> {
    run(
        connection,
        "DELETE FROM blob_part WHERE sha256 = ?1",
        [sha256.to_string()],
    )?;
    set(connection, keys::APP_HAVE, "0")
}

fn forget_failures(connection: &Connection) -> Result<()> {
    run(
        connection,
        "DELETE FROM step WHERE name = ?1",
        [SyncStep::App.as_str()],
    )
    .map(drop)
}

/// Stores the release that a manifest names. The parts of another one are deleted.
pub(super) fn save_release(connection: &Connection, named: Option<&AppRelease>) -> Result<()> {
    let before = release(connection)?;
    if before.as_ref() == named {
        return Ok(());
    }
    forget_failures(connection)?;
    if let Some(before) = before.filter(|before| named.is_none_or(|named| named.sha256 != before.sha256)) {
        drop_parts(connection, before.sha256)?;
    }
    match named {
        Some(named) => set(connection, keys::APP_RELEASE, &to_json(named)?),
        None => run(
            connection,
            "DELETE FROM setting WHERE key = ?1",
            [keys::APP_RELEASE],
        )
        .map(drop),
    }
}

impl HandsetStore {
    /// Stores which build of the app runs here; before it is known, nothing is fetched. After an update the package that
    /// was installed is deleted.
    pub fn set_app_build(&self, own: u32) -> Result<()> {
        if self.read(build)? == Some(own) {
            return Ok(());
        }
        self.write(|tx| {
            forget_failures(tx)?;
            set(tx, keys::APP_BUILD, &own.to_string())?;
            match release(tx)? {
                Some(release) if release.build <= own => drop_parts(tx, release.sha256),
                _ => Ok(()),
            }
        })?;
        self.sweep_apps()
    }

    /// The release that the server names, whichever build runs here.
    pub fn app_release(&self) -> Result<Option<AppRelease>> {
        self.read(release)
    }

    /// The release to fetch: newer than the app that runs here, and not on the disk.
    pub fn wanted_app(&self) -> Result<Option<WantedApp>> {
        let Some((release, have)) = self.read(|c| Ok(newer(c)?.map(|release| (release, have(c)))))? else {
            return Ok(None);
        };
        let is_here = self.app_file(&release)?.is_some();
        Ok(if is_here {
            None
        } else {
            Some(WantedApp { release, have: have? })
        })
    }

    /// The package on the disk.
    pub fn app_file(&self, release: &AppRelease) -> Result<Option<PathBuf>> {
        let path = self.home().join(app_file_name(release.sha256));
        if !self.disk().exists(&path) {
            return Ok(None);
        }
        let mut file = self.disk().open(&path).map_err(Error::io(&path))?;
        let size = file.seek(SeekFrom::End(0)).map_err(Error::io(&path))?;
        Ok((size == release.size).then_some(path))
    }

    /// Stores bytes that begin at the end of the stored ones. With the last one the package is checked and written.
    /// False, and nothing is stored any more, if it is not what the manifest names.
    pub(crate) fn add_app_part(&self, wanted: &WantedApp, bytes: &[u8]) -> Result<bool> {
        let sha256 = wanted.release.sha256;
        self.write(|tx| {
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            let end = wanted.have.saturating_add(length);
            // Another process may have stored this part, or a manifest named another release.
            if have(tx)? != wanted.have || newer(tx)?.as_ref() != Some(&wanted.release) {
                return Ok(true);
            }
            if end > wanted.release.size {
                drop_parts(tx, sha256)?;
                return Ok(false);
            }
            run(
                tx,
                "INSERT INTO blob_part (sha256, start, bytes) VALUES (?1, ?2, ?3)",
                params![sha256.to_string(), int(wanted.have)?, bytes],
            )?;
            if end < wanted.release.size {
                set(tx, keys::APP_HAVE, &end.to_string())?;
                return Ok(true);
            }
            let whole = whole(tx, &wanted.release)?;
            drop_parts(tx, sha256)?;
            if Sha256::of(&whole) != sha256 {
                return Ok(false);
            }
            self.put_app(sha256, &whole)?;
            Ok(true)
        })
    }

    /// The package of an older release goes first: two would take the space twice.
    fn put_app(&self, sha256: Sha256, bytes: &[u8]) -> Result<()> {
        let (part, path) = (
            self.home().join(APP_PART),
            self.home().join(app_file_name(sha256)),
        );
        let disk = self.disk();
        self.sweep_apps()?;
        disk.create_synced(&part, bytes).map_err(Error::io(&part))?;
        disk.rename(&part, &path).map_err(Error::io(&path))?;
        disk.sync_folder(self.home()).map_err(Error::io(self.home()))
    }

    /// Deletes packages that are not to be installed: of other releases, and of the one that runs here now.
    pub(super) fn sweep_apps(&self) -> Result<()> {
        let keep = self.read(newer)?.map(|release| app_file_name(release.sha256));
        let names = self.disk().names(self.home()).map_err(Error::io(self.home()))?;
        for name in names {
            if is_app_file(&name) && keep.as_ref() != Some(&name) {
                let path = self.home().join(name);
                self.disk().remove(&path).map_err(Error::io(&path))?;
            }
        }
        Ok(())
    }
}

/// All parts, in one allocation of the package's size.
fn whole(connection: &Connection, release: &AppRelease) -> Result<Vec<u8>> {
    let mut whole = Vec::with_capacity(usize::try_from(release.size).unwrap_or(0));
    let mut statement =
        connection.prepare_cached("SELECT bytes FROM blob_part WHERE sha256 = ?1 ORDER BY start")?;
    let mut rows = statement.query([release.sha256.to_string()])?;
    while let Some(row) = rows.next()? {
        whole.extend_from_slice(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?);
    }
    Ok(whole)
}
