//! What happens on a day, decided beforehand out of one seed. Every event carries its own chance, so that one of
//! them can be left out and the others stay what they were: that is what makes a failing plan shrinkable.

use serde::{Deserialize, Serialize};
use simdisk::Rng;

/// Length of the working day, milliseconds.
pub const DAY: i64 = 8 * 3_600_000;
/// What a fault-day has at least, of one terminal.
pub const ENTRIES: usize = 40;
pub const PHOTOS: usize = 60;

/// One day of one world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub seed: u64,
    pub terminals: usize,
    /// Handsets' databases are encrypted.
    pub keyed: bool,
    pub events: Vec<Event>,
}

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Milliseconds after the start of the day.
    pub at: i64,
    /// The event's own chance.
    pub r: u64,
    pub act: Act,
}

/// A machine of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Machine {
    Server,
    Terminal(usize),
}

/// What unsynced writes come to when the power goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Loss {
    All,
    Prefix,
    Scatter,
}

/// What the network does to one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// The request never arrives.
    RequestLost,
    /// The server has done it, its answer never arrives.
    AnswerLost,
    /// The request breaks off in its body.
    CutRequest,
    /// The answer breaks off in its body.
    CutAnswer,
    /// It arrives, and much later once more.
    Duplicate,
    /// The handset has given up long before it arrives.
    Late,
    /// Everything takes minutes.
    Slow,
    /// A captive portal answers 200 with its page.
    Portal,
    /// A proxy answers 502 with a page, after the server has done the work.
    HtmlError,
    /// A proxy answers 413 with a page.
    TooLarge,
    /// 429 with Retry-After.
    TooMany,
    /// 503 with Retry-After.
    Unavailable,
    /// The answer holds fields, rows and values that nobody knows yet.
    NewerPeer,
    /// Somebody answers whose receipts are for other bytes; the request never arrives.
    Strange,
    /// A cache gives the answer to an earlier push; the request never arrives.
    OldAnswer,
    /// A proxy changes a photo's bytes and drops the checksum.
    Garbled,
}

impl Fate {
    pub const ALL: [Self; 16] = [
        Self::RequestLost,
        Self::AnswerLost,
        Self::CutRequest,
        Self::CutAnswer,
        Self::Duplicate,
        Self::Late,
        Self::Slow,
        Self::Portal,
        Self::HtmlError,
        Self::TooLarge,
        Self::TooMany,
        Self::Unavailable,
        Self::NewerPeer,
        Self::Strange,
        Self::OldAnswer,
        Self::Garbled,
    ];
}

/// What somebody does, or what befalls a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    CheckIn(usize),
    CheckOut(usize),
    Report {
        t: usize,
        photos: usize,
        twice: bool,
    },
    Activity {
        t: usize,
        photos: usize,
    },
    Answer(usize),
    Withdraw(usize),
    Mend(usize),
    Draft(usize),
    Look(usize),
    Sync(usize),
    /// A person at the centre moves a case on.
    Case,
    Task,
    CancelTask,
    Review,
    ActivityReview,
    /// A citizen calls.
    Register,
    /// The holder leaves his post, and is given it back by the second of these.
    Relieve(usize),
    GiveBack(usize),
    Revoke(usize),
    /// The server's background jobs.
    Sweep,
    /// A handset of a newer version sends what nobody knows yet.
    Newcomer,

    Net {
        t: usize,
        fate: Fate,
    },
    Offline {
        t: usize,
        minutes: i64,
    },
    /// The power goes at the k-th operation of the disk from now.
    Power {
        on: Machine,
        k: u64,
        loss: Loss,
    },
    Kill(Machine),
    IoError {
        on: Machine,
        k: u64,
    },
    DiskFull {
        on: Machine,
        minutes: i64,
    },
    Clock {
        t: usize,
        ms: i64,
    },
    Reboot(usize),
    TokenExpired(usize),
    UploadsExpired,
    Backup,
    Restore,
    Damage(usize),
}

impl Act {
    /// The kind of fault, for counting; `None` for honest work.
    pub fn fault(&self) -> Option<&'static str> {
        Some(match self {
            Self::Net { .. } => return None,
            Self::Offline { .. } => "no network",
            Self::Power {
                on: Machine::Server, ..
            } => "server power cut",
            Self::Power { .. } => "handset power cut",
            Self::Kill(Machine::Server) => "server killed",
            Self::Kill(_) => "app killed",
            Self::IoError {
                on: Machine::Server, ..
            } => "server I/O error",
            Self::IoError { .. } => "handset I/O error",
            Self::DiskFull {
                on: Machine::Server, ..
            } => "server disk full",
            Self::DiskFull { .. } => "handset disk full",
            Self::Clock { ms, .. } if *ms < 0 => "clock set back",
            Self::Clock { .. } => "clock years ahead",
            Self::Reboot(_) => "reboot",
            Self::TokenExpired(_) => "token expired",
            Self::UploadsExpired => "upload expired",
            Self::Restore => "server restored from its backup",
            Self::Damage(_) => "database damaged",
            Self::Relieve(_) => "relieved of the post",
            Self::Revoke(_) => "terminal revoked",
            Self::Newcomer => "newer handset",
            _ => return None,
        })
    }
}

/// The words for a fate, for counting.
pub fn fate_words(fate: Fate) -> &'static str {
    match fate {
        Fate::RequestLost => "request lost",
        Fate::AnswerLost => "answer lost",
        Fate::CutRequest => "cut in a request's body",
        Fate::CutAnswer => "cut in an answer's body",
        Fate::Duplicate => "duplicated request",
        Fate::Late => "late request",
        Fate::Slow => "slow network",
        Fate::Portal => "captive portal",
        Fate::HtmlError => "HTML error page",
        Fate::TooLarge => "413",
        Fate::TooMany => "429",
        Fate::Unavailable => "503 with Retry-After",
        Fate::NewerPeer => "newer peer",
        Fate::Strange => "receipts for other bytes",
        Fate::OldAnswer => "old answer from a cache",
        Fate::Garbled => "photo garbled by a proxy",
    }
}

/// Every kind of fault: each must have happened in a run that is long enough.
pub const KINDS: &[&str] = &[
    "no network",
    "server power cut",
    "handset power cut",
    "server killed",
    "app killed",
    "server I/O error",
    "handset I/O error",
    "server disk full",
    "handset disk full",
    "clock set back",
    "clock years ahead",
    "reboot",
    "token expired",
    "upload expired",
    "server restored from its backup",
    "relieved of the post",
    "terminal revoked",
    "request lost",
    "answer lost",
    "cut in a request's body",
    "cut in an answer's body",
    "duplicated request",
    "late request",
    "slow network",
    "captive portal",
    "HTML error page",
    "413",
    "429",
    "503 with Retry-After",
    "newer peer",
    "receipts for other bytes",
    "old answer from a cache",
    "photo garbled by a proxy",
    "newer handset",
];

struct Maker {
    rng: Rng,
    events: Vec<Event>,
}

impl Maker {
    fn put(&mut self, at: i64, act: Act) {
        let r = self.rng.next();
        self.events.push(Event { at, r, act });
    }
    fn below(&mut self, n: u64) -> u64 {
        self.rng.below(n)
    }
    fn index(&mut self, n: usize) -> usize {
        usize::try_from(self.rng.below(n as u64)).unwrap_or(0)
    }
    fn time(&mut self) -> i64 {
        i64::try_from(self.rng.below(DAY.unsigned_abs())).unwrap_or(0)
    }
    fn machine(&mut self, terminals: usize) -> Machine {
        // The server is one among many, and everything hangs on it.
        if self.rng.chance(300) {
            Machine::Server
        } else {
            Machine::Terminal(self.index(terminals))
        }
    }
    fn loss(&mut self) -> Loss {
        match self.rng.below(3) {
            0 => Loss::All,
            1 => Loss::Prefix,
            _ => Loss::Scatter,
        }
    }
}

impl Plan {
    /// The day of a seed; every tenth seed has encrypted handsets.
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng(seed ^ 0x5EED_0F_DA7);
        let terminals = 3 + usize::try_from(rng.below(6)).unwrap_or(0);
        let mut maker = Maker {
            rng,
            events: Vec::new(),
        };
        for t in 0..terminals {
            maker.work(t);
        }
        maker.centre(terminals);
        maker.faults(terminals);
        maker.events.sort_by_key(|event| event.at);
        Self {
            seed,
            terminals,
            keyed: seed % 10 == 9,
            events: maker.events,
        }
    }
}

impl Maker {
    fn work(&mut self, t: usize) {
        let minute = 60_000;
        let first = i64::try_from(self.below(600_000)).unwrap_or(0);
        self.put(first, Act::CheckIn(t));
        self.put(DAY / 2 - 20 * minute, Act::CheckOut(t));
        self.put(DAY / 2 + 20 * minute, Act::CheckIn(t));
        self.put(DAY - minute, Act::CheckOut(t));
        for k in 0..36 {
            let at = self.time();
            let twice = self.rng.chance(200);
            // 30 reports with two photos, 6 without: 60 photos, and the activities' besides.
            let photos = if k % 6 == 5 {
                0
            } else if self.rng.chance(300) {
                3
            } else {
                2
            };
            self.put(at, Act::Report { t, photos, twice });
        }
        for _ in 0..4 {
            let at = self.time();
            let photos = self.index(3);
            self.put(at, Act::Activity { t, photos });
        }
        for _ in 0..4 {
            let at = self.time();
            self.put(at, Act::Answer(t));
        }
        for _ in 0..3 {
            let at = self.time();
            self.put(at, Act::Withdraw(t));
            let at = self.time();
            self.put(at, Act::Mend(t));
        }
        let at = self.time();
        self.put(at, Act::Draft(t));
        for _ in 0..10 {
            let at = self.time();
            self.put(at, Act::Look(t));
        }
        for _ in 0..24 {
            let at = self.time();
            self.put(at, Act::Sync(t));
        }
    }
    fn centre(&mut self, terminals: usize) {
        for _ in 0..terminals {
            for (count, act) in [
                (16, Act::Case),
                (3, Act::Task),
                (1, Act::CancelTask),
                (2, Act::Review),
                (2, Act::ActivityReview),
                (1, Act::Register),
            ] {
                for _ in 0..count {
                    let at = self.time();
                    self.put(at, act.clone());
                }
            }
        }
        for k in 0..16 {
            self.put(k * DAY / 16 + 1, Act::Sweep);
        }
    }
    fn faults(&mut self, terminals: usize) {
        for t in 0..terminals {
            for _ in 0..8 {
                let at = self.time();
                let fate = Fate::ALL[self.index(Fate::ALL.len())];
                for _ in 0..=self.below(2) {
                    self.put(at, Act::Net { t, fate });
                }
            }
            let at = self.time();
            let minutes = 5 + i64::try_from(self.below(60)).unwrap_or(0);
            self.put(at, Act::Offline { t, minutes });
        }
        for _ in 0..terminals * 5 {
            let at = self.time();
            let (on, k, loss) = (self.machine(terminals), self.below(120), self.loss());
            self.put(at, Act::Power { on, k, loss });
        }
        for _ in 0..terminals {
            let at = self.time();
            let on = self.machine(terminals);
            self.put(at, Act::Kill(on));
            let at = self.time();
            let (on, k) = (self.machine(terminals), self.below(60));
            self.put(at, Act::IoError { on, k });
            let at = self.time();
            let t = self.index(terminals);
            self.put(at, Act::TokenExpired(t));
        }
        for _ in 0..3 {
            let at = self.time();
            self.put(at, Act::Newcomer);
        }
        self.rare(terminals);
    }
    /// What befalls some worlds and not others.
    fn rare(&mut self, terminals: usize) {
        if self.rng.chance(500) {
            let (at, on) = (self.time(), self.machine(terminals));
            let minutes = 1 + i64::try_from(self.below(20)).unwrap_or(0);
            self.put(at, Act::DiskFull { on, minutes });
        }
        if self.rng.chance(400) {
            let (at, t) = (self.time(), self.index(terminals));
            let years = 365 * 86_400_000;
            let ms = [-years * 30, -3_600_000, 3 * years, 40 * years][self.index(4)];
            // The server has just asked it to wait.
            let fate = Fate::TooMany;
            self.put(at - 2_000, Act::Net { t, fate });
            self.put(at - 1_500, Act::Sync(t));
            self.put(at, Act::Clock { t, ms });
        }
        if self.rng.chance(400) {
            let (at, t) = (self.time(), self.index(terminals));
            self.put(at, Act::Reboot(t));
        }
        if self.rng.chance(300) {
            let at = self.time();
            self.put(at, Act::UploadsExpired);
        }
        if self.rng.chance(250) {
            let at = self.time();
            let later = at + 60_000 * (1 + i64::try_from(self.below(30)).unwrap_or(0));
            self.put(at, Act::Backup);
            self.put(later, Act::Restore);
        }
        if self.rng.chance(250) {
            let (at, t) = (self.time(), self.index(terminals));
            let back = at + i64::try_from(self.below(7_200_000)).unwrap_or(0);
            self.put(at, Act::Relieve(t));
            self.put(back, Act::GiveBack(t));
        }
        if self.rng.chance(200) {
            // The first exchange of all is the enrolment.
            let (t, fate) = (self.index(terminals), Fate::AnswerLost);
            self.put(0, Act::Net { t, fate });
        }
        if self.rng.chance(100) {
            let (at, t) = (self.time(), self.index(terminals));
            self.put(at, Act::Revoke(t));
        }
    }
}
