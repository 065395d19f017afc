//! What happens on a day, decided beforehand out of one seed. Every event carries its own chance, so that one of
//! them can be left out and the others stay what they were: that is what makes a failing plan shrinkable.

use serde::{Deserialize, Serialize};

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
    /// The last handset is a second user on the machine of the first.
    #[serde(default)]
    pub shared: bool,
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
    /// The server's disk fails while it does this.
    DiskFails,
    /// The server's power goes while it does this.
    PowerGoes,
}

impl Fate {
    pub const ALL: [Self; 18] = [
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
        Self::DiskFails,
        Self::PowerGoes,
    ];
}

/// Which exchange a fate waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum On {
    #[default]
    Any,
    Push,
    Pull,
    Photo,
    Parcel,
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
    /// The holder gets another's post instead of his own, or another gets his.
    Move(usize),
    Revoke(usize),
    Wipe(usize),
    /// The operator changes the key that parcels are sealed to.
    RenewKey,
    /// What waits is written on a memory card, and carried to the centre.
    Export(usize),
    /// The other user takes the handset.
    Switch(usize),
    /// The server's background jobs.
    Sweep,
    /// A handset of a newer version sends what nobody knows yet.
    Newcomer,

    Net {
        t: usize,
        fate: Fate,
        #[serde(default)]
        on: On,
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
    /// Pages of the database are overwritten or cut off while the app is not running.
    Damage(usize),
    /// Everything on the handset is copied away, and put in the place of what is there by the second of these.
    Copy(usize),
    PutBack(usize),
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
            Self::Move(_) => "moved to another post",
            Self::Revoke(_) => "terminal revoked",
            Self::Wipe(_) => "wipe ordered",
            Self::RenewKey => "parcel key renewed",
            Self::Export(_) => "parcel carried by hand",
            Self::Switch(_) => "user switched",
            Self::PutBack(_) => "handset put back to its copy",
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
        Fate::DiskFails => "server I/O error in a request",
        Fate::PowerGoes => "server power cut in a request",
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
    "moved to another post",
    "terminal revoked",
    "wipe ordered",
    "parcel key renewed",
    "parcel carried by hand",
    "user switched",
    "database damaged",
    "handset put back to its copy",
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
    "server I/O error in a request",
    "server power cut in a request",
    "newer handset",
];
