//! One handset of a world: the real core on a simulated machine. The world steps it; nothing here runs by itself.

use super::{
    clock::{HandsetClock, Seeded, Time},
    disk::HandsetDisk,
    plan::{Fate, On},
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
    Error, Result,
    platform::{Clock as _, ClockRaw, Keystore, Platform},
    store::SyncGuard,
    sync::{Policy, Sync},
    terminal::Terminal,
    transport::Transport,
};

/// Folder of the handset's data on its disk, and that of a second user.
pub const HOME: &str = "t";
pub const SECOND: &str = "t/users/2";

/// Keys out of a seed: what a phone's keystore would hold, which no power cut takes.
struct Keys {
    seed: u64,
}

impl Keys {
    fn key(&self, of: &[u8]) -> [u8; 32] {
        Sha256::of(&[&self.seed.to_le_bytes(), of].concat()).0
    }
}

impl Keystore for Keys {
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

/// A sync under way.
pub struct Run {
    pub sync: Sync,
    pub number: u64,
    pub steps: u32,
    /// The server was put back to a backup while it ran.
    pub is_of_before: bool,
    _guard: SyncGuard,
}

/// What was done to a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// Its first bytes or its first page: no row was there.
    Head,
    /// Pages with rows.
    Rows,
}

/// See the module.
pub struct Handset {
    pub host: Host,
    pub clock: Arc<HandsetClock>,
    pub terminal: Option<Terminal>,
    pub run: Option<Run>,
    /// What the network will do to the next exchanges.
    pub fates: VecDeque<(Fate, On)>,
    pub offline_until: Millis,
    /// What is lost when its machine dies next.
    pub cut: Cut,
    /// Set while it cannot know yet that the server lost what it once receipted.
    pub excused: bool,
    /// How many deaths there had been when it was last held to the truth.
    pub judged: Option<u64>,
    pub runs: u64,
    pub home: &'static str,
    pub invitation: String,
    /// The invitation has served or is void.
    pub needs_invitation: bool,
    /// Enrolments that failed in a row.
    pub refusals: u32,
    /// Its stream, once it is enrolled.
    pub enrolled: Option<StreamId>,
    /// As the administrator knows it.
    pub known_as: Option<TerminalId>,
    /// Its database was damaged and is not set aside yet; whether rows may be gone for good.
    pub damaged: Option<Damage>,
    /// A database of its may lie aside.
    pub was_damaged: bool,
    /// It was put back to an older copy; what is filed waits until it has spoken with the server.
    pub put_back: bool,
    pub must_speak: bool,
    random: Arc<Seeded>,
    keys: Arc<Keys>,
    keyed: bool,
}

impl Handset {
    pub fn new(index: usize, seed: u64, time: &Time, keyed: bool, invitation: &str) -> Self {
        let own = simdisk::Rng(seed ^ (index as u64 + 1).wrapping_mul(0xA076_1D64_78BD_642F)).next();
        let booted = time.now().plus(-3_600_000);
        Self {
            host: Host::new(&format!("t{index}"), own),
            clock: Arc::new(HandsetClock::new(time.clone(), booted)),
            terminal: None,
            run: None,
            fates: VecDeque::new(),
            offline_until: Millis(0),
            cut: Cut::Process,
            excused: false,
            judged: None,
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
            must_speak: false,
            random: Arc::new(Seeded::new(own ^ 1)),
            keys: Arc::new(Keys { seed: own ^ 2 }),
            keyed,
        }
    }
    /// The same machine in another user's hands.
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
        }
    }
    pub fn now(&self) -> ClockRaw {
        self.clock.read()
    }
    /// Starts the app on what is on the disk.
    pub fn boot(&mut self) -> Result<()> {
        let terminal = Terminal::open(Path::new(self.home), self.platform())?;
        self.runs_as(terminal);
        Ok(())
    }
    /// A machine that died while it was enrolled learns only from its disk that it was.
    fn runs_as(&mut self, terminal: Terminal) {
        self.enrolled = Some(terminal.account().stream);
        self.known_as = Some(terminal.account().terminal);
        self.terminal = Some(terminal);
    }
    pub fn enrol(&mut self, line: &dyn Transport) -> Result<()> {
        let device = Device {
            model: "sim".into(),
            os: "sim".into(),
            app: env!("CARGO_PKG_VERSION").into(),
        };
        let home = Path::new(self.home);
        let terminal = Terminal::enrol_over(line, home, self.platform(), &self.invitation, device)?;
        self.runs_as(terminal);
        Ok(())
    }
    /// The process is gone with all that was in memory.
    pub fn die(&mut self) {
        self.run = None;
        self.terminal = None;
    }
    /// Begins a sync unless one is under way.
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
        self.run = Some(Run {
            sync,
            number: self.runs,
            steps: 0,
            is_of_before: false,
            _guard: guard,
        });
        Ok(true)
    }
}
