//! Several users of one handset (failure story 17). Each account has its own home with its own stream, keys,
//! database and photos. Switching only changes who files from now on; pending work of the former user is
//! still sent under that user's identity, because a sync covers every home.
//!
//! The first home is the handset's folder itself (number 1); further ones are `users/N`. Settings for the network and
//! the data budget belong to the phone, see [`crate::store::NetworkSettings`].

use crate::{
    Error, Result,
    lifecycle::{
        enrol,
        salvage::{self, SalvageReport},
        wipe,
    },
    platform::{
        bundle::{Platform, PlatformOf},
        disk::Disk,
        home::{CURRENT_USER, DATABASE, USERS},
    },
    store::{
        card::read_card,
        database::HandsetStore,
        quarantine::{is_lost, or_quarantined, quarantined_databases},
    },
    terminal::Terminal,
    transport::{cancel::CancelToken, exchange::Transport, https::Https},
};
use protocol::{
    entry::Reason,
    field::{Contact, Device},
    problem::HandsetCode,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// A phone or computer with the homes of its users. Cheap to clone; holds nothing open.
#[derive(Clone)]
pub struct Handset {
    folder: PathBuf,
    platforms: Arc<dyn PlatformOf>,
    disk: Arc<dyn Disk>,
}

/// The number of the first user, whose home is the handset's folder.
const FIRST: u32 = 1;

impl Handset {
    /// The handset in this folder. Creates nothing.
    pub fn at(folder: &Path, platforms: Arc<dyn PlatformOf>) -> Self {
        Self {
            folder: folder.to_owned(),
            disk: platforms.disk(),
            platforms,
        }
    }
    pub(crate) fn disk(&self) -> &dyn Disk {
        self.disk.as_ref()
    }
    pub(super) fn platform(&self, home: &Path) -> Result<Platform> {
        self.platforms.platform(home)
    }
    /// The home of this number; it need not exist.
    pub fn home(&self, number: u32) -> PathBuf {
        match number {
            FIRST => self.folder.clone(),
            n => self.folder.join(USERS).join(n.to_string()),
        }
    }
    /// The number of this home; that of the first user for a foreign folder.
    pub(super) fn number(&self, home: &Path) -> u32 {
        let below = home.strip_prefix(self.folder.join(USERS)).ok();
        below
            .and_then(|name| name.to_str()?.parse().ok())
            .unwrap_or(FIRST)
    }
    /// All homes that may exist, the first home first.
    pub(super) fn places(&self) -> Result<Vec<PathBuf>> {
        let users = self.folder.join(USERS);
        let mut numbers = vec![FIRST];
        if self.disk.exists(&users) {
            let names = self.disk.names(&users).map_err(Error::io(&users))?;
            let further = names.iter().filter_map(|name| name.parse::<u32>().ok());
            numbers.extend(further.filter(|n| *n > FIRST));
        }
        numbers.sort_unstable();
        Ok(numbers.into_iter().map(|n| self.home(n)).collect())
    }
    /// The homes with work: all that have a database, have lost it, or have a quarantined one that was not handed over;
    /// the first home first.
    ///
    /// # Errors
    /// Errors of the disk.
    pub fn homes(&self) -> Result<Vec<PathBuf>> {
        let mut homes = self.places()?;
        homes.retain(|home| self.has_database(home) || self.waits_for_salvage(home));
        Ok(homes)
    }
    /// True if the home has a database, or has lost it without a trace: opening it says so.
    fn has_database(&self, home: &Path) -> bool {
        // A home that cannot be examined is included.
        self.disk.exists(&home.join(DATABASE))
            || (self.disk.exists(home) && is_lost(self.disk(), home).unwrap_or(true))
    }
    /// Returns true if a quarantined database of this home was not handed over yet.
    pub(crate) fn waits_for_salvage(&self, home: &Path) -> bool {
        // A home that cannot be examined is included.
        !quarantined_databases(home, self.disk()).is_ok_and(|files| files.is_empty())
            && self.disk.exists(home)
    }
    /// The current home.
    ///
    /// # Errors
    /// Errors of the disk.
    pub fn current_home(&self) -> Result<PathBuf> {
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
        Ok(self.home(text.trim().parse().unwrap_or(FIRST)))
    }
    /// Whom the current user calls when the app cannot help, also when the home does not open.
    ///
    /// # Errors
    /// Errors of the disk.
    pub fn contact(&self) -> Result<Option<Contact>> {
        let card = read_card(&self.current_home()?, self.disk());
        Ok(card.and_then(|card| card.account.contact))
    }
    /// Makes the user with this number the current one, durably. Open terminals are not affected.
    ///
    /// # Errors
    /// `user.unknown` if there is no such home; errors of the disk.
    pub fn switch(&self, number: u32) -> Result<()> {
        let home = self.home(number);
        if !self.homes()?.contains(&home) {
            return Err(unknown_user());
        }
        self.switch_to(&home)
    }
    fn switch_to(&self, home: &Path) -> Result<()> {
        if self.current_home()? == home {
            return Ok(());
        }
        let name = match self.number(home) {
            FIRST => String::new(),
            number => number.to_string(),
        };
        let (part, path) = (
            self.folder.join(format!(".{CURRENT_USER}")),
            self.folder.join(CURRENT_USER),
        );
        if self.disk.exists(&part) {
            self.disk.remove(&part).map_err(Error::io(&part))?;
        }
        self.disk
            .create_synced(&part, name.as_bytes())
            .map_err(Error::io(&part))?;
        self.disk.rename(&part, &path).map_err(Error::io(&path))?;
        self.disk
            .sync_folder(&self.folder)
            .map_err(Error::io(&self.folder))
    }
    /// Opens the current user's home.
    ///
    /// # Errors
    /// As [`Handset::open`].
    pub fn open_current(&self) -> Result<Terminal> {
        self.open_home(&self.current_home()?)
    }
    /// Opens the home of the user with this number, current or not. Creates nothing, not even keys, in a folder
    /// without an enrolment.
    ///
    /// # Errors
    /// As [`Terminal::open`], and errors of the platform.
    pub fn open(&self, number: u32) -> Result<Terminal> {
        self.open_home(&self.home(number))
    }
    pub(crate) fn open_home(&self, home: &Path) -> Result<Terminal> {
        if let Some(done) = wipe::finish(home, self.disk())? {
            return Err(Error::Input(done.reason()));
        }
        if !self.has_database(home) {
            return Err(or_quarantined(home, self.disk(), Error::NotEnrolled));
        }
        Terminal::open(home, self.platform(home)?)
    }
    /// Enrols the current home, which must not be enrolled yet.
    ///
    /// # Errors
    /// As [`Terminal::enrol`].
    pub fn enrol(&self, invitation: &str, device: Device, cancel: &CancelToken) -> Result<Terminal> {
        let https = https(invitation)?;
        self.enrol_over(&https, invitation, device, cancel)
    }
    /// As [`Handset::enrol`], over the caller's transport.
    ///
    /// # Errors
    /// As [`Terminal::enrol`].
    pub fn enrol_over(
        &self,
        transport: &dyn Transport,
        invitation: &str,
        device: Device,
        cancel: &CancelToken,
    ) -> Result<Terminal> {
        let home = self.current_home()?;
        self.enrol_home(transport, &home, invitation, device, cancel)
    }
    /// Enrols another user beside those that exist, and makes that user the current one. After a failure or a cancel
    /// the current user stays; a repetition with the same invitation uses the same home and sends the same request.
    ///
    /// # Errors
    /// As [`Terminal::enrol`].
    pub fn enrol_another(&self, invitation: &str, device: Device, cancel: &CancelToken) -> Result<Terminal> {
        let https = https(invitation)?;
        self.enrol_another_over(&https, invitation, device, cancel)
    }
    /// As [`Handset::enrol_another`], over the caller's transport.
    ///
    /// # Errors
    /// As [`Terminal::enrol`].
    pub fn enrol_another_over(
        &self,
        transport: &dyn Transport,
        invitation: &str,
        device: Device,
        cancel: &CancelToken,
    ) -> Result<Terminal> {
        let code = enrol::invitation(invitation)?.code;
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let home = self.home_for_another(&code)?;
        let terminal = self.enrol_home(transport, &home, invitation, device, cancel)?;
        // Opening the others shares their data use, which was nobody's concern while there was one user.
        for other in self.homes()?.iter().filter(|other| **other != home) {
            if let Err(error) = self.open_home(other) {
                tracing::info!(name: "users.not_opened", cause = error.code().as_str());
            }
        }
        Ok(terminal)
    }
    fn enrol_home(
        &self,
        transport: &dyn Transport,
        home: &Path,
        invitation: &str,
        device: Device,
        cancel: &CancelToken,
    ) -> Result<Terminal> {
        // Before the platform creates keys.
        enrol::invitation(invitation)?;
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let platform = self.platform(home)?;
        let terminal = Terminal::enrol_over(transport, home, platform, invitation, device, cancel)?;
        self.switch_to(home)?;
        Ok(terminal)
    }
    /// A home for another user: one whose enrolment was not completed, preferably with this code, else a new one.
    fn home_for_another(&self, code: &str) -> Result<PathBuf> {
        let all = self.homes()?;
        let mut unused = None;
        for home in all.iter().filter(|home| !self.waits_for_salvage(home)) {
            if !matches!(self.open_home(home), Err(Error::NotEnrolled)) {
                continue;
            }
            let platform = self.platform(home)?;
            let store = HandsetStore::open_on(
                Arc::clone(&platform.disk),
                home,
                platform.keystore.database_key()?,
            )?;
            if enrol::is_pending_with(&store, code)? {
                return Ok(home.clone());
            }
            unused.get_or_insert(home);
        }
        if let Some(home) = unused {
            return Ok(home.clone());
        }
        if !all.contains(&self.folder) {
            return Ok(self.folder.clone());
        }
        (FIRST + 1..=u32::MAX)
            .map(|n| self.home(n))
            .find(|home| !self.disk.exists(home))
            .ok_or_else(|| Error::Data("too many users".into()))
    }
    /// Reads the quarantined databases of the user with this number, and hands them over to their server or writes
    /// them to the sealed file `export`. Damage that was not noticed yet is looked for first.
    ///
    /// # Errors
    /// `salvage.*`, and errors of disk and keys. A failed hand-over is no error, see [`SalvageOutcome::Waits`].
    pub fn salvage(&self, number: u32, export: Option<&Path>) -> Result<SalvagedHome> {
        self.salvage_home(&self.home(number), export)
    }
    pub(crate) fn salvage_home(&self, home: &Path, export: Option<&Path>) -> Result<SalvagedHome> {
        let platform = self.platform(home)?;
        match Terminal::open(home, platform.clone()) {
            Ok(terminal) if terminal.store().is_sound()? => {}
            Ok(terminal) => {
                drop(terminal);
                // Damage that was found only now leads to quarantine at this open.
                if let Err(error) = Terminal::open(home, platform.clone()) {
                    tracing::info!(name: "store.quarantined", cause = error.code().as_str());
                }
            }
            Err(Error::Quarantined { .. } | Error::NotEnrolled) => {}
            Err(error) => return Err(error),
        }
        let mut databases = Vec::new();
        for file in quarantined_databases(home, self.disk())? {
            let saved = salvage::read(home, &platform, &file)?;
            let report = saved.report.clone();
            let outcome = match export {
                Some(target) => {
                    saved.export(home, &platform, target)?;
                    SalvageOutcome::Exported(target.to_owned())
                }
                None => match deliver(saved, home, &platform) {
                    // The report is among the unread reports below.
                    Ok(_) => continue,
                    Err(error) => SalvageOutcome::Waits(error.reason()),
                },
            };
            databases.push((report, outcome));
        }
        let unread = salvage::unread(home, self.disk())?;
        databases.extend(
            unread
                .iter()
                .map(|(_, report)| (report.clone(), SalvageOutcome::HandedOver)),
        );
        Ok(SalvagedHome {
            home: home.to_owned(),
            databases,
            unread,
        })
    }
    /// Salvages the homes of all users but `but` that have a quarantined database. Failures are logged and tried
    /// again at the next call.
    pub fn salvage_others(&self, but: &Path) -> Vec<SalvagedHome> {
        let homes = self.homes().unwrap_or_default();
        let others = homes
            .iter()
            .filter(|home| *home != but && self.waits_for_salvage(home));
        others
            .filter_map(|home| match self.salvage_home(home, None) {
                Ok(done) => Some(done),
                Err(error) => {
                    tracing::info!(name: "users.salvage_failed", cause = error.code().as_str());
                    None
                }
            })
            .collect()
    }
    /// Returns true if a report of a completed salvage of this home was not read yet.
    ///
    /// # Errors
    /// Errors of the disk.
    pub fn has_unread_reports(&self, home: &Path) -> Result<bool> {
        Ok(!salvage::unread(home, self.disk())?.is_empty())
    }
    /// Forgets the reports of completed salvages, after they were shown.
    ///
    /// # Errors
    /// Errors of the disk.
    pub fn mark_salvage_read(&self, done: &SalvagedHome) -> Result<()> {
        salvage::mark_read(self.disk(), &done.unread)
    }
}

/// The result of the salvage of one home.
#[derive(Debug, Clone)]
pub struct SalvagedHome {
    pub home: PathBuf,
    /// Every database in quarantine, and every one that was handed over and not reported yet.
    pub databases: Vec<(SalvageReport, SalvageOutcome)>,
    unread: Vec<(PathBuf, SalvageReport)>,
}

impl SalvagedHome {
    /// Returns true if a database is still in quarantine.
    pub fn waits(&self) -> bool {
        self.databases
            .iter()
            .any(|(_, outcome)| !matches!(outcome, SalvageOutcome::HandedOver))
    }
    /// Returns true if a database was handed over.
    pub fn is_handed_over(&self) -> bool {
        !self.unread.is_empty()
    }
}

/// The result of the salvage of a damaged database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SalvageOutcome {
    /// The server holds everything that could be read.
    HandedOver,
    /// Everything that could be read is in this sealed file, and also still on the handset.
    Exported(PathBuf),
    /// The hand-over failed, and why; everything is still on the handset.
    Waits(Reason),
}

fn https(invitation: &str) -> Result<Https> {
    let server = enrol::invitation(invitation)?;
    Ok(Https::new(&server.server, &server.pins).map_err(|error| error.reason())?)
}

fn deliver(saved: salvage::Salvage, home: &Path, platform: &Platform) -> Result<SalvageReport> {
    let account = saved.account()?;
    let https = Https::new(&account.server, &account.pins).map_err(|error| error.reason())?;
    saved.deliver(home, platform, &https)
}

/// `user.unknown`.
pub(crate) fn unknown_user() -> Error {
    Error::input(
        HandsetCode::UserUnknown,
        HandsetCode::UserUnknown.zh(),
        HandsetCode::UserUnknown.en(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::open::KeyFiles;

    fn handset(folder: &Path) -> Handset {
        Handset::at(folder, Arc::new(KeyFiles))
    }

    #[test]
    fn w09_the_current_home_is_remembered_and_the_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let handset = handset(folder.path());
        assert_eq!(handset.current_home().unwrap(), folder.path());
        assert_eq!(
            handset.home_for_another("A").unwrap(),
            folder.path(),
            "the first user needs no folder of its own"
        );
        std::fs::write(folder.path().join(DATABASE), b"").unwrap();
        let second = folder.path().join("users/2");
        std::fs::create_dir_all(&second).unwrap();
        std::fs::write(second.join(DATABASE), b"").unwrap();
        handset.switch(2).unwrap();
        assert_eq!(handset.current_home().unwrap(), second);
        handset.switch(1).unwrap();
        assert_eq!(handset.current_home().unwrap(), folder.path());
        assert_eq!(handset.homes().unwrap(), [folder.path().to_owned(), second]);
        assert_eq!(handset.switch(3).unwrap_err().code(), "user.unknown");
    }

    #[test]
    fn w09_a_home_with_a_quarantined_database_is_listed_and_not_reused() {
        let folder = tempfile::tempdir().unwrap();
        let handset = handset(folder.path());
        std::fs::write(folder.path().join(format!("{DATABASE}.aside-1")), b"sealed").unwrap();
        assert_eq!(handset.homes().unwrap(), [folder.path().to_owned()]);
        assert!(handset.waits_for_salvage(folder.path()));
        assert_eq!(
            handset.home_for_another("A").unwrap(),
            folder.path().join("users/2")
        );
    }
}
