//! Opens homes and enrols them.

use crate::{
    Error, Result,
    lifecycle::{enrol, wipe},
    photos::folder::PhotoFolder,
    platform::{
        bundle::{Platform, PlatformOf},
        clock::SystemClock,
        file_keystore::FileKeystore,
        home::{DATABASE, PHOTOS},
        random::SystemRandom,
        system_disk::SystemDisk,
    },
    store::{card::keep_card, data_use::PlanMonth, database::HandsetStore, quarantine::is_lost},
    terminal::Terminal,
    transport::{cancel::CancelToken, exchange::Transport, https::Https},
    words,
};
use protocol::field::Device;
use std::{path::Path, sync::Arc};

impl Platform {
    /// The platform of the command line: clocks and randomness of Linux, keys in a file of mode 600 in
    /// `home`.
    ///
    /// # Errors
    /// Errors of the key file.
    pub fn command_line(home: &Path) -> Result<Self> {
        let random = SystemRandom;
        wipe::finish(home, &SystemDisk)?;
        Ok(Self {
            clock: Arc::new(SystemClock::new(&random)?),
            keystore: Arc::new(FileKeystore::open_or_create(home, &random)?),
            random: Arc::new(random),
            disk: Arc::new(SystemDisk),
            spare_font: None,
        })
    }
}

impl Terminal {
    /// Opens the enrolled handset in `home`. Creates nothing in a folder without one.
    ///
    /// # Errors
    /// `enrol.none`, `terminal.handed_over` after a wipe, and errors of store and keys.
    pub fn open(home: &Path, platform: Platform) -> Result<Self> {
        if let Some(done) = wipe::finish(home, platform.disk.as_ref())? {
            return Err(Error::Input(done.reason()));
        }
        let disk = platform.disk.as_ref();
        if !disk.exists(&home.join(DATABASE)) && !is_lost(disk, home)? {
            return Err(Error::NotEnrolled);
        }
        let store = HandsetStore::open_on(
            Arc::clone(&platform.disk),
            home,
            platform.keystore.database_key()?,
        )?;
        let account = store.account()?;
        let disk = Arc::clone(&platform.disk);
        let photos = PhotoFolder::open_on(disk, &home.join(PHOTOS), platform.keystore.photo_key()?)
            .map_err(|error| Error::Input(words::photo_error(&error)))?;
        let terminal = Self::new(store, photos, platform, account);
        if let Some(done) = terminal.store().handed_over()?
            && terminal.wipe(&done)?
        {
            return Err(Error::Input(done.reason()));
        }
        keep_card(home, terminal.disk(), terminal.account())?;
        // Shared again at the next open; until then this user's own settings and bytes hold for this user.
        if let Err(error) = terminal.share_with_the_phone() {
            tracing::info!(name: "phone.not_shared", cause = error.code().as_str());
        }
        // A failed sweep only wastes disk space, so it does not prevent opening.
        if let Err(error) = terminal.sweep_photos() {
            tracing::info!(name: "photos.not_swept", cause = error.code().as_str());
        }
        // Until the next open the pack is read where it is.
        if let Err(error) = terminal.store().settle_grid() {
            tracing::info!(name: "grid.not_settled", cause = error.code().as_str());
        }
        Ok(terminal)
    }
    /// Makes settings and data use of this user known to the other users of the phone.
    fn share_with_the_phone(&self) -> Result<()> {
        self.store().share_network_settings()?;
        self.store().share_data_use(&PlanMonth::of(self.now()?))
    }
    /// Enrols this folder with the administrator's string and opens it. Can be repeated after any failure and after a
    /// cancel; the repeated request is identical.
    ///
    /// # Errors
    /// `enrol.*` with the server's words, `network.*`, `call.cancelled`, and errors of store and keys.
    pub fn enrol(
        home: &Path,
        platform: Platform,
        invitation: &str,
        device: Device,
        cancel: &CancelToken,
    ) -> Result<Self> {
        let server = enrol::invitation(invitation)?;
        let https = Https::new(&server.server, &server.pins).map_err(|error| error.reason())?;
        Self::enrol_over(&https, home, platform, invitation, device, cancel)
    }
    /// As [`Terminal::enrol`], over the caller's transport.
    ///
    /// # Errors
    /// As [`Terminal::enrol`].
    pub fn enrol_over(
        transport: &dyn Transport,
        home: &Path,
        platform: Platform,
        invitation: &str,
        device: Device,
        cancel: &CancelToken,
    ) -> Result<Self> {
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        wipe::begin_anew(home, platform.disk.as_ref())?;
        let store = HandsetStore::open_on(
            Arc::clone(&platform.disk),
            home,
            platform.keystore.database_key()?,
        )?;
        enrol(
            &store,
            platform.keystore.as_ref(),
            platform.clock.as_ref(),
            platform.random.as_ref(),
            transport,
            invitation,
            device,
            cancel,
        )?;
        drop(store);
        Self::open(home, platform)
    }
}

/// The platforms of the command line: each home has its key file, see [`Platform::command_line`].
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyFiles;

impl PlatformOf for KeyFiles {
    fn platform(&self, home: &Path) -> Result<Platform> {
        Platform::command_line(home)
    }
}
