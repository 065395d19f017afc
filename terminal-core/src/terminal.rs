//! The handle of one enrolled account: its store, photos, keys and clocks. It contains no feature; the rooms
//! above add their own `impl Terminal` blocks.

mod calls;

use crate::{
    Error, Result,
    grid::place::HandsetGrid,
    photos::folder::PhotoFolder,
    platform::{
        bundle::Platform,
        disk::{Disk, DiskLock},
        home::WORK_LOCK,
        random::Random,
    },
    store::{account::Account, database::HandsetStore, last_fix::LastFix},
    sync::network::Network,
    terminal::calls::{Call, Calls},
    transport::{cancel::CancelToken, nudge::NudgeReason},
};
use protocol::{
    evidence::{ClockReading, Position},
    photo::Sha256,
    time::Millis,
};
use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// An enrolled handset (终端). Cheap to clone; all clones are the same handset.
#[derive(Clone)]
pub struct Terminal(Arc<TerminalParts>);

struct TerminalParts {
    store: HandsetStore,
    photos: Arc<PhotoFolder>,
    platform: Platform,
    account: Account,
    grid: Mutex<Option<(Sha256, Arc<HandsetGrid>)>>,
    network: Network,
    calls: Calls,
    /// The app asked for its own update: this is the home of the current user, who fetches it for all.
    fetches_app: AtomicBool,
}

/// The lock for deciding and filing, see [`Terminal::turn`].
pub(crate) struct FilingTurn {
    _lock: DiskLock,
    // Dropped after the lock: closing waits for the call.
    _call: Call,
}

impl Terminal {
    /// Makes the handle of an opened home.
    pub(crate) fn new(
        store: HandsetStore,
        photos: PhotoFolder,
        platform: Platform,
        account: Account,
    ) -> Self {
        Self(Arc::new(TerminalParts {
            store,
            photos: Arc::new(photos),
            platform,
            account,
            grid: Mutex::new(None),
            network: Network::default(),
            calls: Calls::default(),
            fetches_app: AtomicBool::new(false),
        }))
    }
    /// The account of this handset.
    pub fn account(&self) -> &Account {
        &self.0.account
    }
    /// The database of this account.
    pub fn store(&self) -> &HandsetStore {
        &self.0.store
    }
    /// The sealed photos.
    pub fn photo_folder(&self) -> &Arc<PhotoFolder> {
        &self.0.photos
    }
    pub(crate) fn disk(&self) -> &dyn Disk {
        self.0.platform.disk.as_ref()
    }
    pub(crate) fn platform(&self) -> &Platform {
        &self.0.platform
    }
    pub(crate) fn network(&self) -> &Network {
        &self.0.network
    }
    /// Ends the wait of a running watch, or the next one. Call it when the platform reports a change of network
    /// or battery, when the app comes to the foreground or leaves it, and after a change of settings.
    pub fn nudge(&self, reason: NudgeReason) {
        self.network().nudge.nudge(reason);
    }
    /// From now on, syncs of this process fetch a newer app into this home.
    pub(crate) fn fetch_app(&self) {
        self.0.fetches_app.store(true, Ordering::Relaxed);
    }
    pub(crate) fn fetches_app(&self) -> bool {
        self.0.fetches_app.load(Ordering::Relaxed)
    }
    pub(crate) fn random(&self) -> &dyn Random {
        self.0.platform.random.as_ref()
    }
    /// Reads all clocks and adds the estimated offset to the server.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn clock_reading(&self) -> Result<ClockReading> {
        self.store().clock_reading(self.0.platform.clock.read())
    }
    /// The id of this boot.
    pub(crate) fn boot(&self) -> String {
        self.0.platform.clock.read().boot
    }
    /// Learns the time from satellite fixes, two that agree, while no server time is known, and keeps the fix as the last
    /// one.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn saw_fix(&self, fix: &Position) -> Result<()> {
        let now = self.0.platform.clock.read();
        self.store().learn_satellite_time(&now, fix)?;
        self.store().keep_fix(&now, fix)
    }
    /// The last fix that was used on this handset, with its age; `None` if there never was one.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn last_fix(&self) -> Result<Option<LastFix>> {
        self.store().last_fix(&self.0.platform.clock.read())
    }
    /// The best estimate of the time.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn now(&self) -> Result<Millis> {
        Ok(self.clock_reading()?.estimate())
    }
    /// The cached grid, with the hash of its file.
    pub(crate) fn opened_grid(&self) -> MutexGuard<'_, Option<(Sha256, Arc<HandsetGrid>)>> {
        self.0.grid.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Waits for the lock for deciding and filing; one holder over all processes of this home. It ends with
    /// the guard or the process.
    pub(crate) fn turn(&self) -> Result<FilingTurn> {
        let call = self.begin(&CancelToken::default())?;
        let path = self.turn_path();
        let lock = self.disk().lock(&path).map_err(Error::io(&path))?;
        Ok(FilingTurn {
            _lock: lock,
            _call: call,
        })
    }
    /// Takes that lock, or returns `None` if it is held.
    pub(crate) fn free_turn(&self) -> Result<Option<FilingTurn>> {
        let call = self.begin(&CancelToken::default())?;
        let path = self.turn_path();
        let lock = self.disk().try_lock(&path).map_err(Error::io(&path))?;
        Ok(lock.map(|lock| FilingTurn {
            _lock: lock,
            _call: call,
        }))
    }
    /// Begins a call that may take long or holds a lock; [`Terminal::close`] cancels it and waits for it.
    pub(crate) fn begin(&self, cancel: &CancelToken) -> Result<Call> {
        self.0.calls.begin(cancel)
    }
    pub(crate) fn calls(&self) -> &Calls {
        &self.0.calls
    }
    /// Drops the grid, and the network connections with their thread.
    pub(crate) fn forget_connections(&self) {
        *self.opened_grid() = None;
        *self
            .0
            .network
            .https
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }
    fn turn_path(&self) -> PathBuf {
        self.store().home().join(WORK_LOCK)
    }
}
