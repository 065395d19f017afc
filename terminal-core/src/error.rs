//! Errors of the handset: each has a stable dotted code and words in both languages that say what to do.

use protocol::{
    entry::Reason,
    problem::{ErrorCode, HandsetCode, ProblemClass},
};
use std::{collections::BTreeMap, path::PathBuf};

/// Result of everything in this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong on the handset itself. Problems of the server reach the worker as [`Reason`]s instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `store.failed`: the database refused a statement.
    #[error("database: {0}")]
    Store(rusqlite::Error),
    /// `store.full`: no space left on the handset; nothing was lost, nothing was written.
    #[error("this handset has no storage space left; free some space and try again; saved items are safe")]
    Full,
    /// `store.read_only`: the home folder cannot be written.
    #[error("the data folder of this handset is not writable; check its permissions; saved items are safe")]
    ReadOnly,
    /// `store.busy`: another process holds the database for longer than the time limit.
    #[error("another program is using the data on this handset; wait a moment and try again")]
    Busy,
    /// `store.outcome_unknown`: a disk error occurred during COMMIT. The change may or may not be stored; a
    /// second try could not decide it.
    #[error(
        "storage failed and the item may or may not have been saved; restart the app and look in the queue"
    )]
    OutcomeUnknown,
    /// `store.newer`: the database was written by a newer program.
    #[error("the database has schema {found}, this program knows {known}")]
    Newer {
        /// What the file says.
        found: i64,
        /// What this program can read.
        known: i64,
    },
    /// `store.moved_aside`: the database could not be read (damaged, or encrypted with another key). The file
    /// was moved to quarantine, not deleted.
    #[error("the database could not be read ({detail}); it was kept as {}", moved_to.display())]
    Quarantined {
        /// Where the unreadable file is now.
        moved_to: PathBuf,
        /// What the database engine said.
        detail: String,
    },
    /// `disk.failed`: a file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// `vault.failed`: keys are missing, damaged or locked.
    #[error("keys: {0}")]
    Keystore(String),
    /// `vault.missing`, `vault.exposed`, `vault.damaged`: what is wrong with the key file of the command line.
    #[error("keys: {detail}")]
    KeyFile { code: HandsetCode, detail: String },
    /// `data.malformed`: stored or received data does not have the expected form.
    #[error("malformed data: {0}")]
    Data(String),
    /// `enrol.none`: the store has no account yet.
    #[error("this terminal is not enrolled yet; enrol it with an enrolment code first")]
    NotEnrolled,
    /// `enrol.already`: the store has an account; another account needs another home folder.
    #[error("this handset is already enrolled")]
    AlreadyEnrolled {
        /// The name of the person who is enrolled.
        holder: String,
    },
    /// `item.unknown`: no item has this id.
    #[error("there is no such item")]
    NoSuchItem,
    /// `sync.running`: another thread or process syncs this store.
    #[error("a sync is already running; wait until it has finished")]
    SyncRunning,
    /// `terminal.closed`: [`crate::terminal::Terminal::close`] was called; open the home again.
    #[error("this handset was closed, open it again")]
    Closed,
    /// `call.cancelled`: the caller cancelled the call.
    #[error("cancelled")]
    Cancelled,
    /// Bad input, or a refusal by the server, with its own code and words.
    #[error("{}: {}", .0.code, .0.en)]
    Input(Reason),
}

impl Error {
    /// The stable dotted code.
    pub fn code(&self) -> ErrorCode {
        match self.own() {
            Ok(code) => code.into(),
            Err(reason) => reason.code.clone(),
        }
    }
    /// How a program reacts: the class of the code.
    pub fn kind(&self) -> ProblemClass {
        self.code().class()
    }
    /// What belongs to the error besides its words, by stable names: `moved_to` and `detail` of a database that was
    /// moved to quarantine, `found` and `known` schema versions, the `path` of a file, the system's `detail`. They may
    /// contain paths and must not be shown or logged as they are.
    pub fn details(&self) -> BTreeMap<&'static str, String> {
        let pairs: Vec<(&'static str, String)> = match self {
            Self::Newer { found, known } => {
                vec![("found", found.to_string()), ("known", known.to_string())]
            }
            Self::Quarantined { moved_to, detail } => vec![
                ("moved_to", moved_to.display().to_string()),
                ("detail", detail.clone()),
            ],
            Self::Io { path, source } => vec![
                ("path", path.display().to_string()),
                ("detail", source.to_string()),
            ],
            Self::Store(error) => vec![("detail", error.to_string())],
            Self::Keystore(detail) | Self::KeyFile { detail, .. } | Self::Data(detail) => {
                vec![("detail", detail.clone())]
            }
            Self::Full
            | Self::ReadOnly
            | Self::Busy
            | Self::OutcomeUnknown
            | Self::NotEnrolled
            | Self::AlreadyEnrolled { .. }
            | Self::NoSuchItem
            | Self::SyncRunning
            | Self::Closed
            | Self::Cancelled
            | Self::Input(_) => Vec::new(),
        };
        pairs.into_iter().collect()
    }
    /// Code and words for the worker, in both languages. Without the details: they name files and persons.
    pub fn reason(&self) -> Reason {
        match self.own() {
            Ok(code) => match self {
                Self::AlreadyEnrolled { holder } => Reason::new(
                    code,
                    format!("本机已登记给{holder}；给另一位用户登记，请添加用户"),
                    format!("this handset is enrolled for {holder}; to enrol another person, add a user"),
                ),
                _ => Reason::new(code, code.zh(), code.en()),
            },
            Err(reason) => reason.clone(),
        }
    }
    /// The registry's code of this error, or the reason that came with it.
    fn own(&self) -> std::result::Result<HandsetCode, &Reason> {
        Ok(match self {
            Self::Store(_) => HandsetCode::StoreFailed,
            Self::Full => HandsetCode::StoreFull,
            Self::ReadOnly => HandsetCode::StoreReadOnly,
            Self::Busy => HandsetCode::StoreBusy,
            Self::OutcomeUnknown => HandsetCode::StoreOutcomeUnknown,
            Self::Newer { .. } => HandsetCode::StoreNewer,
            Self::Quarantined { .. } => HandsetCode::StoreMovedAside,
            Self::Io { .. } => HandsetCode::DiskFailed,
            Self::Keystore(_) => HandsetCode::KeysFailed,
            Self::KeyFile { code, .. } => *code,
            Self::Data(_) => HandsetCode::DataMalformed,
            Self::NotEnrolled => HandsetCode::NotEnrolled,
            Self::AlreadyEnrolled { .. } => HandsetCode::AlreadyEnrolled,
            Self::NoSuchItem => HandsetCode::ItemUnknown,
            Self::SyncRunning => HandsetCode::SyncRunning,
            Self::Closed => HandsetCode::TerminalClosed,
            Self::Cancelled => HandsetCode::Cancelled,
            Self::Input(reason) => return Err(reason),
        })
    }
    /// Makes an error for bad input with its own code and words.
    pub fn input(code: impl Into<ErrorCode>, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::Input(Reason::new(code, zh, en))
    }
    /// Makes an error for a file operation; disk-full and read-only errors get their own variants.
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full,
            std::io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            _ => Self::Io { path, source },
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::{
            ErrorCode::{CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, ReadOnly},
            ffi::SQLITE_IOERR_SHMSIZE,
        };
        // SQLite reports a full disk in this form when it cannot enlarge the shared-memory file of the WAL.
        let is_shm_full = error
            .sqlite_error()
            .is_some_and(|error| error.extended_code == SQLITE_IOERR_SHMSIZE);
        match error.sqlite_error_code() {
            Some(DiskFull) => Self::Full,
            _ if is_shm_full => Self::Full,
            Some(ReadOnly | CannotOpen) => Self::ReadOnly,
            Some(DatabaseBusy | DatabaseLocked) => Self::Busy,
            _ => Self::Store(error),
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Data(error.to_string())
    }
}

impl From<protocol::sign::KeystoreError> for Error {
    fn from(error: protocol::sign::KeystoreError) -> Self {
        Self::Keystore(error.0)
    }
}

impl From<Reason> for Error {
    fn from(reason: Reason) -> Self {
        Self::Input(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w16_an_error_has_a_kind_and_details_by_stable_names() {
        let moved = Error::Quarantined {
            moved_to: "/home/x/outbox.db.aside-1".into(),
            detail: "file is not a database".into(),
        };
        assert_eq!(moved.kind(), ProblemClass::Device);
        let details = moved.details();
        assert_eq!(
            details.get("moved_to").map(String::as_str),
            Some("/home/x/outbox.db.aside-1")
        );
        assert_eq!(Error::SyncRunning.kind(), ProblemClass::HeldBack);
        assert!(Error::NotEnrolled.details().is_empty());
    }

    #[test]
    fn w21_the_words_of_an_error_name_no_file_and_no_detail() {
        let secret = "/home/x/刘某.db";
        for error in [
            Error::Keystore(secret.into()),
            Error::Data(secret.into()),
            Error::io(secret)(std::io::ErrorKind::NotFound.into()),
            Error::Quarantined {
                moved_to: secret.into(),
                detail: secret.into(),
            },
        ] {
            let why = error.reason();
            assert!(!why.zh.contains("home") && !why.en.contains("home"), "{why:?}");
            assert!(!why.zh.is_empty() && !why.en.is_empty(), "{why:?}");
        }
    }

    #[test]
    fn full_disk_and_read_only_folder_have_their_own_codes() {
        let code = |code| {
            let failure = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
            Error::from(failure).code()
        };
        assert_eq!(code(rusqlite::ffi::SQLITE_FULL), "store.full");
        assert_eq!(code(rusqlite::ffi::SQLITE_IOERR_SHMSIZE), "store.full");
        assert_eq!(code(rusqlite::ffi::SQLITE_READONLY), "store.read_only");
        assert_eq!(code(rusqlite::ffi::SQLITE_READONLY_DBMOVED), "store.read_only");
        assert_eq!(code(rusqlite::ffi::SQLITE_CANTOPEN), "store.read_only");
        assert_eq!(code(rusqlite::ffi::SQLITE_IOERR), "store.failed");
        let io = Error::io("keys.json")(std::io::ErrorKind::ReadOnlyFilesystem.into());
        assert_eq!(io.code(), "store.read_only");
    }
}
