//! The events of one day, drawn from one seed before the day is run. Each event has its own random number, so
//! that one event can be removed and the others stay the same; this makes a failing plan reducible.

use serde::{Deserialize, Serialize};

/// Length of the working day, in milliseconds.
pub const DAY: i64 = 8 * 3_600_000;
/// Minimum work of one terminal on a fault-day.
pub const ENTRIES: usize = 40;
pub const PHOTOS: usize = 60;

/// One day of one simulated world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayPlan {
    pub seed: u64,
    pub terminals: usize,
    /// The handsets' databases are encrypted.
    pub keyed: bool,
    /// The last handset is a second user of the first handset's machine.
    #[serde(default)]
    pub shared: bool,
    pub events: Vec<PlannedEvent>,
}

/// One event of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedEvent {
    /// Milliseconds since the start of the day.
    pub at: i64,
    /// Random number of this event.
    pub r: u64,
    pub act: EventKind,
}

/// A machine of the simulated world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MachineId {
    Server,
    Terminal(usize),
}

/// What happens to unsynced writes in a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnsyncedLoss {
    All,
    Prefix,
    Scatter,
}

/// A network fault of one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExchangeFault {
    /// The request never arrives.
    RequestLost,
    /// The server handles the request; its response never arrives.
    AnswerLost,
    /// The request is cut in its body.
    CutRequest,
    /// The response is cut in its body.
    CutAnswer,
    /// The request arrives, and again much later.
    Duplicate,
    /// The request arrives long after the handset's timeout.
    Late,
    /// Request and response take minutes.
    Slow,
    /// A captive portal answers 200 with an HTML page.
    Portal,
    /// A proxy answers 502 with an HTML page after the server has handled the request.
    HtmlError,
    /// A proxy answers 413 with an HTML page.
    TooLarge,
    /// 429 with Retry-After.
    TooMany,
    /// 503 with Retry-After.
    Unavailable,
    /// The response contains fields, rows and values of a newer version.
    NewerPeer,
    /// Another peer answers with receipts for other bytes; the request never arrives.
    Strange,
    /// A cache answers with the response to an earlier push; the request never arrives.
    OldAnswer,
    /// A proxy changes a photo's bytes and removes the checksum.
    Garbled,
    /// The server's disk fails while it handles the request.
    DiskFails,
    /// The server's machine loses power while it handles the request.
    PowerGoes,
}

impl ExchangeFault {
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

/// The kind of exchange that a network fault applies to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultTarget {
    #[default]
    Any,
    Push,
    Pull,
    Photo,
    Parcel,
}

/// What a person does, or what happens to a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
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
    /// A person at the centre moves a case to another state.
    Case,
    Task,
    CancelTask,
    Review,
    ActivityReview,
    /// A citizen calls.
    Register,
    /// `Relieve` takes the post from its holder; `GiveBack` assigns it again.
    Relieve(usize),
    GiveBack(usize),
    /// The holder gets another post instead of this one, or another holder gets this post.
    Move(usize),
    Revoke(usize),
    Wipe(usize),
    /// The operator changes the key that seals parcels.
    RenewKey,
    /// Unsent entries are exported to a memory card, which is brought to the centre.
    Export(usize),
    /// The other user takes the shared handset.
    Switch(usize),
    /// The server's background jobs run.
    Sweep,
    /// A handset of a newer version sends what this version does not know.
    NewerHandset,

    Net {
        t: usize,
        fault: ExchangeFault,
        #[serde(default)]
        on: FaultTarget,
    },
    Offline {
        t: usize,
        minutes: i64,
    },
    /// The machine loses power at the k-th disk operation from now.
    Power {
        on: MachineId,
        k: u64,
        loss: UnsyncedLoss,
    },
    Kill(MachineId),
    /// The app is closed in an orderly way, and opened again.
    Close(usize),
    IoError {
        on: MachineId,
        k: u64,
    },
    DiskFull {
        on: MachineId,
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
    /// `Copy` copies all files of the handset; `PutBack` replaces its files with that copy.
    Copy(usize),
    PutBack(usize),
}

impl EventKind {
    /// Name of the fault, for counting; `None` if the event is no fault.
    pub fn fault(&self) -> Option<&'static str> {
        Some(match self {
            Self::Net { .. } => return None,
            Self::Offline { .. } => "no network",
            Self::Power {
                on: MachineId::Server,
                ..
            } => "server power cut",
            Self::Power { .. } => "handset power cut",
            Self::Kill(MachineId::Server) => "server killed",
            Self::Kill(_) => "app killed",
            Self::Close(_) => "app closed",
            Self::IoError {
                on: MachineId::Server,
                ..
            } => "server I/O error",
            Self::IoError { .. } => "handset I/O error",
            Self::DiskFull {
                on: MachineId::Server,
                ..
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
            Self::NewerHandset => "newer handset",
            _ => return None,
        })
    }
}

/// Name of a network fault, for counting.
pub fn fault_name(fault: ExchangeFault) -> &'static str {
    match fault {
        ExchangeFault::RequestLost => "request lost",
        ExchangeFault::AnswerLost => "answer lost",
        ExchangeFault::CutRequest => "cut in a request's body",
        ExchangeFault::CutAnswer => "cut in an answer's body",
        ExchangeFault::Duplicate => "duplicated request",
        ExchangeFault::Late => "late request",
        ExchangeFault::Slow => "slow network",
        ExchangeFault::Portal => "captive portal",
        ExchangeFault::HtmlError => "HTML error page",
        ExchangeFault::TooLarge => "413",
        ExchangeFault::TooMany => "429",
        ExchangeFault::Unavailable => "503 with Retry-After",
        ExchangeFault::NewerPeer => "newer peer",
        ExchangeFault::Strange => "receipts for other bytes",
        ExchangeFault::OldAnswer => "old answer from a cache",
        ExchangeFault::Garbled => "photo garbled by a proxy",
        ExchangeFault::DiskFails => "server I/O error in a request",
        ExchangeFault::PowerGoes => "server power cut in a request",
    }
}

/// All names of faults. A run that is long enough must have had each of them.
pub const KINDS: &[&str] = &[
    "no network",
    "server power cut",
    "handset power cut",
    "server killed",
    "app killed",
    "app closed",
    "app closed in a sync",
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
