//! Several users of one handset (failure story 17). Each account has its own home with its own stream, keys,
//! database and photos. Switching only changes who files from now on; pending work of the former user is
//! still sent under that user's identity, because a sync covers every home.
//!
//! The first home is the handset's folder itself; further ones are `users/N`.

use crate::{
    Error, Result,
    platform::{
        bundle::Platform,
        disk::Disk,
        home::{CURRENT_USER, DATABASE, USERS},
    },
    store::quarantine::quarantined_databases,
    terminal::Terminal,
};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    path::{Path, PathBuf},
};

/// The homes in a handset's folder.
#[derive(Clone)]
pub struct Users<'a> {
    folder: PathBuf,
    disk: &'a dyn Disk,
}

impl<'a> Users<'a> {
    /// The homes in this folder.
    pub fn at(folder: &Path, disk: &'a dyn Disk) -> Self {
        Self {
            folder: folder.to_owned(),
            disk,
        }
    }
    /// All homes that have a database or a quarantined one that was not handed over; the first home first.
    ///
    /// # Errors
    /// Errors of the disk.
    pub fn all(&self) -> Result<Vec<PathBuf>> {
        let users = self.folder.join(USERS);
        let mut numbers = Vec::new();
        if self.disk.exists(&users) {
            let names = self.disk.names(&users).map_err(Error::io(&users))?;
            numbers.extend(names.iter().filter_map(|name| name.parse::<u32>().ok()));
        }
        numbers.sort_unstable();
        let homes = std::iter::once(self.folder.clone()).chain(numbers.iter().map(|n| self.numbered(*n)));
        Ok(homes
            .filter(|home| self.disk.exists(&home.join(DATABASE)) || self.waits_for_salvage(home))
            .collect())
    }
    /// Returns true if a quarantined database of this home was not handed over yet.
    pub(crate) fn waits_for_salvage(&self, home: &Path) -> bool {
        // A home that cannot be examined is included.
        !quarantined_databases(home, self.disk).is_ok_and(|files| files.is_empty()) && self.disk.exists(home)
    }
    /// The current home.
    ///
    /// # Errors
    /// Errors of the disk.
    pub fn current(&self) -> Result<PathBuf> {
        use std::io::Read as _;
        let path = self.folder.join(CURRENT_USER);
        if !self.disk.exists(&path) {
            return Ok(self.folder.clone());
        }
        let mut text = String::new();
        self.disk
            .open(&path)
            .and_then(|mut file| file.read_to_string(&mut text))
            .map_err(Error::io(&path))?;
        Ok(text
            .trim()
            .parse()
            .map_or_else(|_| self.folder.clone(), |n| self.numbered(n)))
    }
    /// Makes this home the current one, durably.
    ///
    /// # Errors
    /// Errors of the disk.
    pub fn switch(&self, home: &Path) -> Result<()> {
        if self.current()? == home {
            return Ok(());
        }
        let name = home
            .strip_prefix(self.folder.join(USERS))
            .unwrap_or(Path::new(""));
        let (part, path) = (
            self.folder.join(format!(".{CURRENT_USER}")),
            self.folder.join(CURRENT_USER),
        );
        if self.disk.exists(&part) {
            self.disk.remove(&part).map_err(Error::io(&part))?;
        }
        self.disk
            .create_synced(&part, name.to_string_lossy().as_bytes())
            .map_err(Error::io(&part))?;
        self.disk.rename(&part, &path).map_err(Error::io(&path))?;
        self.disk
            .sync_folder(&self.folder)
            .map_err(Error::io(&self.folder))
    }
    /// A home for another user: one whose enrolment was not completed, else a new one.
    ///
    /// # Errors
    /// Errors of the disk and the stores.
    pub fn fresh(&self) -> Result<PathBuf> {
        let all = self.all()?;
        for home in all.iter().filter(|home| !self.waits_for_salvage(home)) {
            if matches!(
                Platform::command_line(home).and_then(|platform| Terminal::open(home, platform)),
                Err(Error::NotEnrolled)
            ) {
                return Ok(home.clone());
            }
        }
        if !all.contains(&self.folder) {
            return Ok(self.folder.clone());
        }
        (2..=u32::MAX)
            .map(|n| self.numbered(n))
            .find(|home| !self.disk.exists(home))
            .ok_or_else(|| Error::Data("too many users".into()))
    }
    fn numbered(&self, n: u32) -> PathBuf {
        self.folder.join(USERS).join(n.to_string())
    }
}

/// The handsets of all users but one. Each is opened once and kept; users who are added later are included.
pub struct OtherUsers<'a> {
    homes: Users<'a>,
    but: PathBuf,
    open: BTreeMap<PathBuf, Terminal>,
}

impl<'a> OtherUsers<'a> {
    /// All users but the one whose home is `but`.
    pub fn of(homes: Users<'a>, but: &Path) -> Self {
        Self {
            homes,
            but: but.to_owned(),
            open: BTreeMap::new(),
        }
    }
    /// All other users' terminals that open; failures are logged and skipped.
    pub fn terminals(&mut self, open: &dyn Fn(&Path) -> Result<Terminal>) -> Vec<Terminal> {
        let all = self.homes.all().unwrap_or_default();
        self.open.retain(|home, _| all.contains(home));
        for home in all.into_iter().filter(|home| *home != self.but) {
            if let Entry::Vacant(place) = self.open.entry(home) {
                match open(place.key()) {
                    Ok(terminal) => {
                        place.insert(terminal);
                    }
                    Err(error) => tracing::info!(code = %error.code(), "another user's home does not open"),
                }
            }
        }
        self.open.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::system_disk::SystemDisk;

    #[test]
    fn the_current_home_is_remembered_and_the_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let homes = Users::at(folder.path(), &SystemDisk);
        assert_eq!(homes.current().unwrap(), folder.path());
        assert_eq!(
            homes.fresh().unwrap(),
            folder.path(),
            "the first user needs no folder of its own"
        );
        std::fs::write(folder.path().join(DATABASE), b"").unwrap();
        let second = folder.path().join("users/2");
        std::fs::create_dir_all(&second).unwrap();
        std::fs::write(second.join(DATABASE), b"").unwrap();
        homes.switch(&second).unwrap();
        assert_eq!(homes.current().unwrap(), second);
        homes.switch(folder.path()).unwrap();
        assert_eq!(homes.current().unwrap(), folder.path());
        assert_eq!(homes.all().unwrap(), [folder.path().to_owned(), second]);
    }

    #[test]
    fn a_home_with_a_quarantined_database_is_listed_and_not_reused() {
        let folder = tempfile::tempdir().unwrap();
        let homes = Users::at(folder.path(), &SystemDisk);
        std::fs::write(folder.path().join(format!("{DATABASE}.aside-1")), b"sealed").unwrap();
        assert_eq!(homes.all().unwrap(), [folder.path().to_owned()]);
        assert!(homes.waits_for_salvage(folder.path()));
        assert_eq!(homes.fresh().unwrap(), folder.path().join("users/2"));
    }
}
