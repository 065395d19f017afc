//! One handset of a world: the real core on a simulated machine. It runs no threads; the world calls each
//! step.

use super::{
    clock::{HandsetClock, SeededBytes, SimTime},
    disk::HandsetDisk,
    observer::Observer,
    plan::{ExchangeFault, FaultTarget},
};
use protocol::{
    field::Device,
    ids::{StreamId, TerminalId},
    photo::Sha256,
    sign::{Signer, SoftwareKey},
    time::Millis,
};
use simdisk::{Cut, Host};
use std::{collections::VecDeque, path::Path, sync::Arc};
use terminal_core::{
    Error, Result, lifecycle,
    platform::{Clock as _, ClockRaw, Disk, Keystore, Platform, PlatformOf},
    store::SyncGuard,
    sync::{Policy, Sync},
    terminal::Terminal,
    transport::{CancelToken, Transport},
};

/// Home folder of the first user on the handset's disk, and of a second user.
pub const HOME: &str = "t";
pub const SECOND: &str = "t/users/2";

/// A keystore with seeded keys: it holds what a phone's keystore would hold, and survives power cuts.
struct SeededKeystore {
    seed: u64,
}

impl SeededKeystore {
    fn key(&self, of: &[u8]) -> [u8; 32] {
        Sha256::of(&[&self.seed.to_le_bytes(), of].concat()).0
    }
}

impl Keystore for SeededKeystore {
    fn database_key(&self) -> Result<[u8; 32]> {
        Ok(self.key(b"database"))
    }
    fn photo_key(&self) -> Result<[u8; 32]> {
        Ok(self.key(b"photos"))
    }
    fn signer(&self, stream: StreamId) -> Result<Arc<dyn Signer>> {
        Ok(Arc::new(SoftwareKey::from_secret(&self.key(stream.0.as_bytes()))))
    }
}

/// The platform of one user, for all homes: the simulator opens each home as its own user.
struct OneUser(Platform);

impl PlatformOf for OneUser {
    fn platform(&self, _: &Path) -> Result<Platform> {
        Ok(self.0.clone())
    }
    fn disk(&self) -> Arc<dyn Disk> {
        Arc::clone(&self.0.disk)
    }
}

/// A sync in progress.
pub struct SyncRun {
    pub sync: Sync,
    pub number: u64,
    pub steps: u32,
    /// The server was restored from its backup while this sync was running.
    pub is_of_before: bool,
    _guard: SyncGuard,
}

/// What was done to a database file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseDamage {
    /// Its first bytes or its first page are overwritten: no rows are on that page.
    Head,
    /// Pages with rows are overwritten or cut off.
    Rows,
}

/// A simulated handset: machine, terminal, and what the world knows about it.
pub struct SimHandset {
    pub host: Host,
    pub clock: Arc<HandsetClock>,
    pub terminal: Option<Terminal>,
    /// Subscribed when the app started; gone with its process.
    pub observer: Option<Observer>,
    /// The disk as the running app sees it, with its locks.
    pub disk: Option<Arc<HandsetDisk>>,
    pub run: Option<SyncRun>,
    /// Network faults of the next exchanges.
    pub faults: VecDeque<(ExchangeFault, FaultTarget)>,
    pub offline_until: Millis,
    /// What the next crash of its machine discards.
    pub cut: Cut,
    /// True while the handset cannot know that a restored server lost what it had acknowledged.
    pub excused: bool,
    /// Crash count of the world at the last full check of this handset.
    pub checked: Option<u64>,
    pub runs: u64,
    pub home: &'static str,
    pub invitation: String,
    /// The invitation was used or is invalid.
    pub needs_invitation: bool,
    /// Number of failed enrolments in a row.
    pub refusals: u32,
    /// Its stream, once it is enrolled.
    pub enrolled: Option<StreamId>,
    /// Its terminal id in the administrator's list.
    pub known_as: Option<TerminalId>,
    /// Its database was damaged and is not in quarantine yet; says whether rows may be lost.
    pub damaged: Option<DatabaseDamage>,
    /// A quarantined database may exist.
    pub was_damaged: bool,
    /// Its files were replaced by an older copy.
    pub put_back: bool,
    /// It must sync before it may file, because its numbers may be used already.
    pub must_sync: bool,
    random: Arc<SeededBytes>,
    keys: Arc<SeededKeystore>,
    keyed: bool,
}

impl SimHandset {
    pub fn new(index: usize, seed: u64, time: &SimTime, keyed: bool, invitation: &str) -> Self {
        let own = simdisk::Rng(seed ^ (index as u64 + 1).wrapping_mul(0xA076_1D64_78BD_642F)).next();
        let booted = time.now().plus(-3_600_000);
        Self {
            host: Host::new(&format!("t{index}"), own),
            clock: Arc::new(HandsetClock::new(time.clone(), booted)),
            terminal: None,
            observer: None,
            disk: None,
            run: None,
            faults: VecDeque::new(),
            offline_until: Millis(0),
            cut: Cut::Process,
            excused: false,
            checked: None,
            runs: 0,
            home: HOME,
            invitation: invitation.to_owned(),
            needs_invitation: false,
            refusals: 0,
            enrolled: None,
            known_as: None,
            damaged: None,
            was_damaged: false,
            put_back: false,
            must_sync: false,
            random: Arc::new(SeededBytes::new(own ^ 1)),
            keys: Arc::new(SeededKeystore { seed: own ^ 2 }),
            keyed,
        }
    }
    /// This handset as a second user of the machine of `first`.
    pub fn second(mut self, first: &Self) -> Self {
        self.host = first.host.clone();
        self.clock = Arc::clone(&first.clock);
        self.home = SECOND;
        self
    }
    pub fn is_same_machine(&self, other: &Self) -> bool {
        self.host.vfs() == other.host.vfs()
    }
    pub fn platform(&self) -> Platform {
        Platform {
            clock: self.clock.clone(),
            random: self.random.clone(),
            keystore: self.keys.clone(),
            disk: Arc::new(HandsetDisk::new(&self.host, self.keyed)),
            spare_font: None,
        }
    }
    /// The platform of the app that starts now.
    fn platform_of_app(&mut self) -> Platform {
        let disk = Arc::new(HandsetDisk::new(&self.host, self.keyed));
        self.disk = Some(Arc::clone(&disk));
        Platform {
            disk,
            ..self.platform()
        }
    }
    /// The whole machine with its users, as this user's process sees it.
    pub fn machine(&self) -> lifecycle::Handset {
        lifecycle::Handset::at(Path::new(HOME), Arc::new(OneUser(self.platform())))
    }
    pub fn now(&self) -> ClockRaw {
        self.clock.read()
    }
    /// Starts the app on the files of its disk.
    pub fn boot(&mut self) -> Result<()> {
        let platform = self.platform_of_app();
        let terminal = Terminal::open(Path::new(self.home), platform)?;
        self.runs_as(terminal);
        Ok(())
    }
    /// Reads the stream from the store: a machine that died during enrolment finds only there whether it is
    /// enrolled.
    fn runs_as(&mut self, terminal: Terminal) {
        self.enrolled = Some(terminal.account().stream);
        self.known_as = Some(terminal.account().terminal);
        self.observer = Observer::of(&terminal).ok();
        self.terminal = Some(terminal);
    }
    pub fn enrol(&mut self, line: &dyn Transport) -> Result<()> {
        let device = Device {
            model: "sim".into(),
            os: "sim".into(),
            app: env!("CARGO_PKG_VERSION").into(),
        };
        let home = Path::new(self.home);
        let cancel = CancelToken::default();
        let platform = self.platform_of_app();
        let terminal = Terminal::enrol_over(line, home, platform, &self.invitation, device, &cancel)?;
        self.runs_as(terminal);
        Ok(())
    }
    /// Ends the process and drops everything in memory.
    pub fn die(&mut self) {
        self.run = None;
        self.observer = None;
        self.terminal = None;
    }
    /// Begins a sync unless one is running.
    pub fn begin_sync(&mut self, manual: bool) -> Result<bool> {
        let Some(terminal) = &self.terminal else {
            return Ok(false);
        };
        if self.run.is_some() {
            return Ok(false);
        }
        let store = terminal.store();
        let guard = store.sync_guard()?.ok_or(Error::SyncRunning)?;
        let signer = self.keys.signer(terminal.account().stream)?;
        let policy = Policy {
            manual,
            ..Policy::MANUAL
        };
        let sync = Sync::new(store, signer, self.random.clone(), policy)?;
        self.runs += 1;
        self.run = Some(SyncRun {
            sync,
            number: self.runs,
            steps: 0,
            is_of_before: false,
            _guard: guard,
        });
        Ok(true)
    }
}
